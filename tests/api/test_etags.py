"""A completion that one has already is not sent again: ETag and If-None-Match at GET /api/completions/{id}."""

import pytest
from django.test import Client

from reviews.models import ApiToken, Completion, Organization, Tag
from reviews.workflow import documents, purging
from tests.api.conftest import LOG10PY, Api
from tests.api.log10io import HEADERS
from tests.api.samples import UID, document

PATH = f"/api/completions/{UID}"
FORMS: dict[str, dict[str, str]] = {"stored": {}, "log10py": {"User-Agent": LOG10PY}, "log10-io": HEADERS}
VARY = {"X-Log10-Token", "X-Log10-Organization", "X-Log10-Organization-Id", "User-Agent"}


@pytest.fixture
def made(api: Api) -> Api:
    """The client, with one completion there."""
    api.create(document(id=UID))
    return api


def tag(api: Api, **headers: str) -> str:
    """The tag that the completion has now."""
    answer = api.get(PATH, headers=headers)
    assert answer.status == 200
    return str(answer.headers["ETag"])


def asked(api: Api, held: str, method: str = "GET", **headers: str) -> int:
    """The status for a client that holds this; 304 has the headers that belong to it and nothing else."""
    given = {**api.headers, "If-None-Match": held, **headers}
    response = Client().generic(method, PATH, headers=given)
    assert response["Cache-Control"] == "private, no-cache"
    assert set(response["Vary"].split(", ")) >= VARY
    if response.status_code == 304:
        assert response.content == b""
        assert response["ETag"] == tag(api, **headers)
        assert not {"Content-Length", "Content-Type"} & set(response.headers)
    return response.status_code


@pytest.mark.parametrize("form", FORMS)
def test_it_is_not_sent_again(made: Api, form: str) -> None:
    held = tag(made, **FORMS[form])
    assert held.startswith('W/"')
    assert asked(made, held, **FORMS[form]) == 304
    assert asked(made, held, "HEAD", **FORMS[form]) == 304


def test_each_form_has_its_own_tag(made: Api) -> None:
    tags = {form: tag(made, **headers) for form, headers in FORMS.items()}
    assert len(set(tags.values())) == 3
    assert asked(made, tags["stored"], **FORMS["log10py"]) == 200


def test_a_list_matches_weakly(made: Api) -> None:
    held = tag(made)
    strong = held.removeprefix("W/")
    for matching in ("*", f'"x", {held}', f'{strong},W/"y"', strong):
        assert asked(made, matching) == 304, matching
    for other in ('"x", W/"y"', held.strip('W/"'), '"*"', "", ",", "\xff"):
        assert asked(made, other) == 200, other


def test_it_is_sent_after_a_change(made: Api) -> None:
    held = tag(made)
    made.post(f"/api/v1/completions/{UID}", {"x": 1})
    assert asked(made, held) == 200
    assert asked(made, tag(made)) == 304
    Organization.objects.update(external_id="renamed")
    assert asked(made, held) == 200


def test_log10_io_is_shown_new_tags(made: Api) -> None:
    held = tag(made, **HEADERS)
    Tag.objects.update(name="renamed")
    assert asked(made, held, **HEADERS) == 200


def test_a_document_that_is_not_sent_is_not_read(made: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    held = tag(made)
    monkeypatch.delattr(documents, "read")
    response = Client().get(PATH, headers={**made.headers, "If-None-Match": held})
    assert response.status_code == 304


@pytest.mark.parametrize("held", ["*", "its tag"])
def test_access_is_checked_first(made: Api, beta: Api, held: str) -> None:
    given = {"If-None-Match": tag(made) if held != "*" else held}
    beta.get(PATH, headers=given).refusal(404)
    made.get(f"{PATH}?organization_id=beta", headers=given).refusal(403)
    made.get(PATH, headers={**given, "X-Log10-Token": "nobody's"}).refusal(401)
    ApiToken.objects.update(can_read=False)
    made.get(PATH, headers=given).refusal(403)


def test_what_was_purged_is_gone_for_whoever_has_it(made: Api) -> None:
    held = tag(made)
    purging.purge(Completion.objects.get().pk, reason="asked for")
    answer = made.get(PATH, headers={"If-None-Match": held})
    answer.refusal(410)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "ETag" not in answer.headers


def test_a_refusal_is_not_kept(api: Api) -> None:
    answer = api.get(PATH, headers={"If-None-Match": "*"})
    answer.refusal(404)
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_a_post_is_what_it_was(made: Api) -> None:
    answer = made.post(PATH, {}, headers={"If-None-Match": "*"})
    assert answer.status == 200
    assert not {"ETag", "Cache-Control"} & set(answer.headers)
