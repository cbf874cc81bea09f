"""GET /api/completions/{id}."""

import pytest

from reviews.models import ApiToken
from tests.api.conftest import LOG10PY, Api
from tests.api.samples import CORPUS, UID, document

PATH = f"/api/completions/{UID}"


@pytest.mark.parametrize("name", CORPUS)
def test_it_works(api: Api, name: str) -> None:
    uid = api.create(CORPUS[name])
    answer = api.get(f"/api/completions/{uid}")
    assert answer.status == 200
    assert answer.json["data"] == {**CORPUS[name], "id": uid, "organization_id": "acme"}


def test_it_takes_the_organization_in_the_query(api: Api) -> None:
    api.create(document(id=UID))
    assert api.get(f"{PATH}?organization_id=acme").status == 200


def test_it_shows_the_document_after_an_update(api: Api) -> None:
    api.create(document(id=UID))
    api.post(f"/api/v1/completions/{UID}", {"x": 1})
    assert api.get(PATH).json["data"]["x"] == 1


def test_it_answers_log10py_with_what_it_can_parse(api: Api) -> None:
    api.create(document(id=UID))
    assert "seed" in api.get(PATH, headers={"User-Agent": LOG10PY}).json["data"]["request"]


def test_it_answers_a_head(api: Api) -> None:
    api.create(document(id=UID))
    answer = api.call("HEAD", PATH)
    assert (answer.status, answer.raw) == (200, b"")
    ApiToken.objects.update(can_read=False)
    assert api.call("HEAD", PATH).status == 403


@pytest.mark.parametrize("uid", [UID, "unknown", "%00", "a%00b", "%ff", "x" * 500, f"{UID}/"])
def test_it_does_not_find_what_is_not_there(api: Api, uid: str) -> None:
    api.get(f"/api/completions/{uid}").refusal(404)


def test_it_does_not_find_another_organizations(api: Api, beta: Api) -> None:
    unknown = api.get(PATH).refusal(404)
    beta.create(document(id=UID, organization_id="beta"))
    assert api.get(PATH).refusal(404) == unknown


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_it_takes_no_other_method(api: Api, method: str) -> None:
    api.call(method, PATH).refusal(405)
