"""POST /api/v1/completions/{id}."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from reviews.models import Completion, Revision, RevisionOrigin
from tests.api.conftest import LOG10PY, Api
from tests.api.samples import UID, document

PATH = f"/api/v1/completions/{UID}"
Unchanged = Callable[[], AbstractContextManager[None]]


def test_it_works(api: Api) -> None:
    api.create(document(id=UID))
    edited = document(tags=["support", "fixed"])
    answer = api.post(PATH, edited)
    assert answer.status == 200
    assert answer.json == {**edited, "id": UID}
    revision = Revision.objects.get()
    assert (revision.origin, revision.api_token, revision.author) == (RevisionOrigin.API, api.token, None)
    assert {tag.name for tag in Completion.objects.get().tags.all()} == {"support", "fixed"}


def test_it_merges_top_level_members_alone(api: Api) -> None:
    api.create(document(id=UID))
    answer = api.post(PATH, {"response": {"choices": []}, "extra": None})
    assert answer.json["response"] == {"choices": []}
    assert answer.json["request"] == document()["request"]
    assert answer.json["extra"] is None


def test_it_keeps_the_order_of_members(api: Api) -> None:
    api.create(document(id=UID))
    before = list(api.get(f"/api/completions/{UID}").json["data"])
    assert list(api.post(PATH, {"x": 1, "response": {}, "kind": "chat"}).json) == [*before, "x"]


def test_it_creates_what_a_client_made_the_id_of(api: Api) -> None:
    answer = api.post(PATH, document())
    assert answer.status == 200
    assert answer.json["id"] == UID
    assert Completion.objects.get().uid == UID


def test_it_writes_nothing_when_nothing_is_new(api: Api, unchanged: Unchanged) -> None:
    api.create(document(id=UID))
    with unchanged():
        assert api.post(PATH, document(id=UID)).status == 200


def test_it_sees_that_a_number_is_spelled_anew(api: Api) -> None:
    api.create(document(id=UID, duration=1))
    assert b'"duration":1.0' in api.post(PATH, b'{"duration":1.0}').raw


def test_it_answers_log10py_with_what_it_can_parse(api: Api) -> None:
    answer = api.post(PATH, document(), headers={"User-Agent": LOG10PY})
    assert answer.json["request"]["logit_bias"] is None


@pytest.mark.parametrize("uid", ["unknown", "5b6d1f0e8a524b7e9d0c3f1f6f0f7a11", f"{UID}/", f"{UID}%00", "x" * 300, "é"])
def test_it_does_not_create_what_has_another_kind_of_id(api: Api, unchanged: Unchanged, uid: str) -> None:
    with unchanged():
        api.post(f"/api/v1/completions/{uid}", document()).refusal(404)


@pytest.mark.parametrize("uid", ["unknown", "a/b", "a%3Fb", "x" * 255])
def test_it_updates_what_has_another_kind_of_id(api: Api, uid: str) -> None:
    api.create(document(id=uid.replace("%3F", "?")))
    assert api.post(f"/api/v1/completions/{uid}", {"x": 1}).status == 200


def test_it_refuses_another_id_in_the_body(api: Api, unchanged: Unchanged) -> None:
    with unchanged():
        assert "“id”" in api.post(PATH, document(id="another")).refusal(400)


def test_it_does_not_touch_another_organizations(api: Api, beta: Api, unchanged: Unchanged) -> None:
    beta.create(document(id=UID, organization_id="beta"))
    with unchanged():
        assert api.post(PATH, document()).refusal(404) == f"There is no completion {UID} here."
    assert beta.get(f"/api/completions/{UID}").json["data"]["organization_id"] == "beta"


@pytest.mark.parametrize("body", [None, b"[]", b"{", b'{"request":1}', b'{"a":1,"a":1}'])
def test_it_validates(api: Api, unchanged: Unchanged, body: bytes | None) -> None:
    with unchanged():
        api.post(PATH, body).refusal(400)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_it_takes_no_other_method(api: Api, unchanged: Unchanged, method: str) -> None:
    with unchanged():
        api.call(method, PATH).refusal(405)
