"""The small paths of log10-io: sessions, tags, and the prompt analyzer that GradeBench does not have."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from reviews.models import ApiToken, Session, Tag
from tests.api.conftest import Api
from tests.api.log10io import HEADERS
from tests.api.samples import document

Unchanged = Callable[[], AbstractContextManager[None]]

SESSIONS = "/api/sessions"
TAGS = "/api/tags/search"
AUTOPROMPT = [f"/api/experimental/autoprompt/{step}" for step in ("convert", "suggestions", "report")]


def found(api: Api, query: str) -> list[str]:
    """The names that log10-io gets for a name that it writes into the address as it is."""
    data = api.get(f"{TAGS}?organization_id=acme&query={query}", headers=HEADERS).json["data"]
    assert all(list(row) == ["id", "name"] and row["id"] == Tag.objects.get(name=row["name"]).uid for row in data)
    return [row["name"] for row in data]


@pytest.mark.parametrize("body", [None, {}, {"organization_id": "acme"}])
def test_it_opens_a_session(api: Api, body: object) -> None:
    answer = api.post(SESSIONS, body)
    assert answer.status == 200
    assert answer.json == {"sessionID": Session.objects.get(organization=api.organization).uid}
    uuid.UUID(answer.json["sessionID"])


def test_it_opens_no_session_for_another_organization(api: Api, beta: Api, unchanged: Unchanged) -> None:
    with unchanged():
        api.post(SESSIONS, {"organization_id": "beta"}).refusal(403)
        api.call("GET", SESSIONS).refusal(405)


def test_it_finds_a_tag_by_its_whole_name_alone(api: Api) -> None:
    """Quirk 11: the client takes a single hit without comparing its name."""
    api.create(document(tags=["support", "support-triage", "Support"]))
    assert found(api, "support") == ["support"]
    assert found(api, "supp") == found(api, "SUPPORT") == found(api, "") == found(api, "x" * 500) == []


@pytest.mark.parametrize(
    ("tag", "query"),
    [
        ("two words", "two%20words"),
        ("c++", "c++"),
        ("a&b=c", "a&b=c"),
        ("100%", "100%25"),
        ("prüfen", "pr%C3%BCfen"),
        ("query=x", "query=x"),
        ("\ufffd", "%00"),
    ],
)
def test_it_reads_the_name_as_the_client_writes_it(api: Api, tag: str, query: str) -> None:
    api.create(document(tags=[tag, tag[0]]))
    assert found(api, query) == [tag]


def test_it_reads_the_name_as_others_write_it(api: Api) -> None:
    api.create(document(tags=["two words"]))
    assert api.get(f"{TAGS}?query=two+words&organization_id=acme").json["data"][0]["name"] == "two words"
    assert api.get(TAGS).json == {"data": []}


def test_it_finds_no_tag_of_another_organization(api: Api, beta: Api) -> None:
    beta.create(document(organization_id="beta", tags=["theirs"]))
    assert found(api, "theirs") == []
    api.get(f"{TAGS}?organization_id=beta&query=theirs").refusal(403)
    api.post(TAGS, {}).refusal(405)


@pytest.mark.parametrize("path", AUTOPROMPT)
def test_it_says_that_it_analyzes_no_prompts(api: Api, unchanged: Unchanged, path: str) -> None:
    with unchanged():
        assert "prompt analyzer" in api.post(path, {"prompt": "x", "organization_id": "acme"}).refusal(501)
        api.post(path, {"organization_id": "beta"}).refusal(403)
        api.get(path).refusal(405)
        api.post(f"{path}/", {}).refusal(404)
        ApiToken.objects.update(can_read=False)
        api.post(path, {}).refusal(403)
    api.headers = {}
    api.post(path, {}).refusal(401)
