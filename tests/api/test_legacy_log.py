"""POST /api/completions and POST /api/completions/{id}: what the log10-io wrapper and its hooks do."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import orjson
import pytest

from reviews.models import Completion
from tests.api.conftest import LOG10PY, Api
from tests.api.log10io import HEADERS, logged
from tests.api.samples import CORPUS, UID, document

Unchanged = Callable[[], AbstractContextManager[None]]

PATH = "/api/completions"
STACK = [{"file": "app.py", "line": "ask()", "lineno": 7, "name": "main"}]


def stored(api: Api, uid: str) -> dict[str, Any]:
    """The document of a completion as a raw client reads it."""
    value: dict[str, Any] = api.get(f"{PATH}/{uid}").json["data"]
    return value


@pytest.mark.parametrize("body", [None, {}, {"organization_id": "acme"}, {"organization_id": "acme-slug"}])
def test_it_reserves_an_id_and_writes_nothing(api: Api, unchanged: Unchanged, body: object) -> None:
    with unchanged():
        answer = api.post(PATH, body)
    assert answer.status == 200
    assert list(answer.json) == ["completionID", "organizationSlug"]
    assert answer.json["organizationSlug"] == "acme-slug"
    uid = answer.json["completionID"]
    assert str(uuid.UUID(uid, version=4)) == uid
    assert api.post(PATH, body).json["completionID"] != uid
    api.get(f"{PATH}/{uid}").refusal(404)


def test_it_logs_like_the_sync_wrapper(api: Api) -> None:
    uid = api.post(PATH, {"organization_id": "acme"}).json["completionID"]
    whole = document(stacktrace=STACK, session_id="s-1", orig_module="openai", orig_qualname="create")
    row = logged(whole)
    started = {name: value for name, value in row.items() if name not in ("response", "duration")}
    assert api.post(f"{PATH}/{uid}", {**started, "status": "started"}).status == 200
    assert stored(api, uid)["status"] == "started"
    answer = api.post(f"{PATH}/{uid}", row)
    assert (answer.status, answer.json) == (200, {"completionID": uid})
    came = stored(api, uid)
    assert came == {**whole, "id": uid}
    assert isinstance(came["request"]["max_tokens"], int)


def test_it_stores_milliseconds_as_seconds(api: Api) -> None:
    api.post(f"{PATH}/{UID}", {"duration": 1284})
    assert stored(api, UID)["duration"] == 1.284
    assert Completion.objects.get().duration == 1.284


def test_it_stores_the_kind_completion_as_prompt(api: Api) -> None:
    api.post(f"{PATH}/{UID}", {"kind": "completion"})
    assert stored(api, UID)["kind"] == "prompt"
    assert Completion.objects.get().kind == "prompt"


def test_it_makes_a_completion_of_the_first_post_to_an_id_that_a_client_made(api: Api) -> None:
    """Quirk 7 and 15: hooks make uuids, and their posts may come in any order."""
    row = logged(document())
    row.pop("tags")
    started = {"status": "started", "request": row["request"], "kind": "chat", "session_id": "s-1"}
    assert api.post(f"{PATH}/{UID}", row, headers=HEADERS).status == 200
    assert api.post(f"{PATH}/{UID}", started, headers=HEADERS).status == 200
    came = stored(api, UID)
    assert (came["status"], came["session_id"], "tags" in came) == ("finished", "s-1", False)
    assert came["response"] == document()["response"]


def test_it_merges_parts_of_which_only_some_name_the_organization(api: Api) -> None:
    row = logged(document(stacktrace=STACK))
    api.post(f"{PATH}/{UID}", {name: row[name] for name in ("kind", "organization_id", "request", "tags")})
    end = {"organization_id": "acme", "response": row["response"], "status": "finished", "duration": 1250}
    api.post(f"{PATH}/{UID}", end)
    assert stored(api, UID) == {**document(), "id": UID}
    api.post(f"{PATH}/{UID}", {"status": "failed", "failure_kind": "E", "failure_reason": "late"})
    assert stored(api, UID)["status"] == "finished"


def test_it_takes_the_same_post_again_and_again(api: Api) -> None:
    for _ in range(3):
        assert api.post(f"{PATH}/{UID}", logged(document())).status == 200
    assert Completion.objects.get().revision_count == 0


def test_it_does_not_undo_an_edit_when_a_row_is_posted_again(api: Api) -> None:
    api.post(f"{PATH}/{UID}", logged(document()))
    api.post(f"/api/v1/completions/{UID}", {"response": {**document()["response"], "model": "corrected"}})
    api.post(f"{PATH}/{UID}", logged(document()))
    assert stored(api, UID)["response"]["model"] == "corrected"


def test_it_stores_each_of_our_own_as_v1_does(api: Api) -> None:
    for sample in CORPUS.values():
        uid = api.post(PATH).json["completionID"]
        assert api.post(f"{PATH}/{uid}", logged(sample)).status == 200
        assert stored(api, uid) == {**sample, "id": uid, "organization_id": "acme"}


def test_it_takes_and_shows_each_of_the_external_samples(api: Api, corpus_folder: Path | None) -> None:
    """Those of v1 as log10-io would log them, and the one in the older form as it is."""
    files = sorted((corpus_folder / "log10-samples").glob("*.json")) if corpus_folder else []
    assert len(files) == (9 if corpus_folder else 0)
    for file in files:
        sample = {**orjson.loads(file.read_bytes()), "organization_id": "acme"}
        uid = sample.setdefault("id", UID)
        is_older = isinstance(sample["request"], str)
        assert api.post(f"{PATH}/{uid}", sample if is_older else logged(sample)).status == 200
        expected = sample
        if is_older:
            texts = {name: orjson.loads(sample[name]) for name in ("request", "response", "stacktrace")}
            expected = {**sample, **texts, "duration": 1.284}
        assert orjson.dumps(stored(api, uid)) == orjson.dumps(expected)
        for headers in (HEADERS, {"User-Agent": LOG10PY}):
            assert api.get(f"{PATH}/{uid}", headers=headers).status == 200
    assert len(api.get(PATH, headers=HEADERS).json["data"]) == len(files)


def test_it_reads_a_text_and_keeps_an_object(api: Api) -> None:
    body: dict[str, Any] = {
        "request": {"messages": []},
        "response": '{"choices": []}',
        "stacktrace": "null",
        "tags": None,
    }
    assert api.post(f"{PATH}/{UID}", body).status == 200
    assert stored(api, UID)["request"] == {"messages": []}
    assert stored(api, UID)["response"] == {"choices": []}
    assert stored(api, UID)["stacktrace"] is None


def test_it_takes_what_a_client_has_no_answer_for(api: Api) -> None:
    """The hooks post the text `null` where they could not read a stream."""
    assert api.post(f"{PATH}/{UID}", {"status": "finished", "response": "null"}).status == 200
    assert stored(api, UID)["response"] is None


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("request", ""),
        ("request", "{"),
        ("request", "[]"),
        ("request", '"text"'),
        ("response", "7"),
        ("response", '{"a":NaN}'),
        ("response", '{"a":1,"a":2}'),
        ("response", '{"a":"\\ud800"}'),
        ("response", '{"a":18446744073709551616}'),
        ("stacktrace", "[" * 100 + "]" * 100),
        ("request", '{"a":' + "[" * 63 + "]" * 63 + "}"),
        ("request", 7),
        ("tags", "support"),
        ("kind", 1),
        ("id", "another"),
    ],
)
def test_it_validates(api: Api, unchanged: Unchanged, member: str, value: object) -> None:
    with unchanged():
        sentence = api.post(f"{PATH}/{UID}", {member: value}).refusal(400)
    assert f"“{member}”" in sentence
    assert "The body" not in sentence or member == "id"


def test_it_takes_as_deep_a_text_as_a_body(api: Api, settings: Any) -> None:
    levels = settings.API_MAX_DEPTH - 2
    deep = '{"a":' + "[" * levels + "]" * levels + "}"
    assert api.post(f"{PATH}/{UID}", {"request": deep}).status == 200
    assert api.post("/api/v1/completions", orjson.dumps(stored(api, UID))).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'"x"', b"null"])
def test_it_takes_objects_alone(api: Api, unchanged: Unchanged, body: bytes) -> None:
    with unchanged():
        api.post(f"{PATH}/{UID}", body).refusal(400)


def test_it_makes_no_completion_under_an_id_that_is_no_uuid(api: Api, unchanged: Unchanged) -> None:
    with unchanged():
        api.post(f"{PATH}/seven", logged(document())).refusal(404)
    api.create(document(id="seven"))
    assert api.post(f"{PATH}/seven", {"x": 1}).status == 200
    assert stored(api, "seven")["x"] == 1


def test_it_refuses_an_id_of_another_organization_as_an_unknown_one(api: Api, beta: Api, unchanged: Unchanged) -> None:
    beta.create(document(id=UID, organization_id="beta"))
    with unchanged():
        assert "beta" not in api.post(f"{PATH}/{UID}", logged(document())).refusal(404)
        api.post(f"{PATH}/{UID}", {"organization_id": "beta"}).refusal(403)
        api.post(f"{PATH}/{UID}", {}, headers={**HEADERS, "X-Log10-Organization-Id": "beta"}).refusal(403)
        api.post(PATH, {"organization_id": "beta"}).refusal(403)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_it_takes_no_other_method(api: Api, unchanged: Unchanged, method: str) -> None:
    with unchanged():
        api.call(method, PATH, {}).refusal(405)
        api.call(method, f"{PATH}/{UID}", {}).refusal(405)
