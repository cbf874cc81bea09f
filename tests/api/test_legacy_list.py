"""GET /api/completions: the table of `log10 completions list`, and the ids that download and benchmark_models take."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from pytest_django import DjangoAssertNumQueries

from reviews.api import legacy_completions
from reviews.models import Completion, Document, Encoding, Tag
from tests.api.conftest import Api
from tests.api.log10io import HEADERS, logged
from tests.api.samples import CORPUS, document

PATH = "/api/completions"
AS_THE_CLIENT = "organization_id=acme&offset=0&limit=25&tagFilter=&createdFilter={}&sort=created_at&desc=true&ids="


def rows(api: Api, query: str = AS_THE_CLIENT) -> list[dict[str, Any]]:
    """The list as log10-io asks for it."""
    answer = api.get(f"{PATH}?{quote(query, safe='=&,')}", headers=HEADERS)
    assert answer.status == 200, answer.raw
    assert list(answer.json) == ["data"]
    found: list[dict[str, Any]] = answer.json["data"]
    return found


def only(api: Api, **members: Any) -> dict[str, Any]:
    """The row of the one completion that there is."""
    api.create(document(**members))
    (row,) = rows(api)
    return row


def test_it_works(api: Api) -> None:
    uid = api.create(document(session_id="s-1"))
    came_at = Completion.objects.get().received_at
    assert rows(api) == [
        {
            "id": uid,
            "organization_id": "acme",
            "kind": "chat",
            "status": "finished",
            "session_id": "s-1",
            "duration": 1250,
            "created_at": came_at.isoformat(),
            "tagResolved": [{"id": Tag.objects.get().uid, "name": "support"}],
            "request": {"model": "gpt-4o", "messages": [{"role": "system", "content": "Answer in one sentence."}]},
            "response": {
                "model": "gpt-4o-2024-08-06",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "At nine, on weekdays."}}],
            },
        }
    ]


def test_it_is_empty_at_first(api: Api) -> None:
    assert rows(api) == []
    assert rows(api, "") == []


def test_it_gives_the_table_what_it_reads(api: Api) -> None:
    """Quirk 8: a moment without a zone, a null response or a first message of parts each end the client."""
    for sample in CORPUS.values():
        api.create(sample)
    found = rows(api, "limit=1000")
    assert len(found) == len(CORPUS)
    for row in found:
        check_row(row)


def check_row(row: dict[str, Any]) -> None:
    """What the client reads of a row without looking at its type."""
    assert datetime.fromisoformat(row["created_at"]).utcoffset() is not None
    assert row["kind"] in ("chat", "completion")
    assert row["status"] in ("started", "finished", "failed", "other")
    assert all(isinstance(tag["name"], str) and isinstance(tag["id"], str) for tag in row["tagResolved"])
    assert None not in row.values()
    request, response = row.get("request", {}), row.get("response", {})
    for choice in response.get("choices", []):
        assert isinstance(choice["message"]["content"] if row["kind"] == "chat" else choice["text"], str)
    asked = request.get("messages", []) if row["kind"] == "chat" else [{"content": request.get("prompt", "")}]
    assert all(isinstance(message["content"], str) for message in asked)


def test_it_flattens_a_first_message_of_parts(api: Api) -> None:
    parts = [
        {"type": "text", "text": "What is"},
        {"type": "image_url", "image_url": {}},
        {"type": "text", "text": "it?"},
    ]
    row = only(api, request={"messages": [{"role": "user", "content": parts}]})
    assert row["request"]["messages"] == [{"role": "user", "content": "What is\nit?"}]


def test_it_cuts_long_texts(api: Api) -> None:
    row = only(api, request={"messages": [{"role": "user", "content": "x" * 50_000}]})
    assert row["request"]["messages"][0]["content"] == "x" * 1_000


def test_it_names_a_prompt_as_log10_io_does(api: Api) -> None:
    api.create(CORPUS["prompt"])
    (row,) = rows(api)
    assert (row["kind"], row["request"]["prompt"]) == ("completion", "Say hi.")
    assert row["response"]["choices"] == [{"index": 0, "text": "Hi."}]


@pytest.mark.parametrize(
    "choice",
    [
        {"message": {"content": None, "tool_calls": [{}, {"function": {"name": "find", "arguments": '{"a":1}'}}]}},
        {"message": {"content": "", "tool_calls": [{"function": {"name": "find", "arguments": {"a": 1}}}]}},
        {"function_call": {"name": "find", "arguments": '{"a":1}'}},
    ],
)
def test_it_shows_a_call_where_nothing_was_said(api: Api, choice: dict[str, Any]) -> None:
    row = only(api, response={"choices": [choice]})
    (call,) = row["response"]["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "find", "arguments": '{"a":1}'}


def test_it_pages_newest_first(api: Api) -> None:
    made = [api.create(document()) for _ in range(27)][::-1]
    assert [row["id"] for row in rows(api)] == made[:25]
    assert [row["id"] for row in rows(api, "offset=20&limit=10")] == made[20:]
    assert rows(api, "offset=27") == []
    assert [row["id"] for row in rows(api, "limit=2&desc=false")] == made[::-1][:2]


def test_it_finds_by_tags(api: Api) -> None:
    api.create(document(tags=["a"]))
    both = api.create(document(tags=["b", "a"]))
    a, b = (tag.uid for tag in Tag.objects.order_by("name"))
    assert [row["id"] for row in rows(api, f"tagFilter={b}")] == [both]
    assert [row["id"] for row in rows(api, f"tagFilter={a},{b}")] == [both]
    assert len(rows(api, f"tagFilter={a}")) == 2
    assert rows(api, f"tagFilter={a},unknown") == []


def test_it_finds_by_ids(api: Api) -> None:
    first, second, _ = (api.create(document()) for _ in range(3))
    assert [row["id"] for row in rows(api, f"ids={first},unknown,{second}")] == [second, first]


def test_it_finds_by_when_it_came(api: Api) -> None:
    uid = api.create(document())
    now = datetime(2026, 3, 5, 12, tzinfo=UTC)
    Completion.objects.update(received_at=now)
    day = timedelta(days=1)

    def ids(start: datetime, end: datetime) -> list[str]:
        spelled = {"from": f"{start:%Y-%m-%dT%H:%M:%S}.000Z", "to": f"{end:%Y-%m-%dT%H:%M:%S}.000Z"}
        return [row["id"] for row in rows(api, f"createdFilter={orjson.dumps(spelled).decode()}")]

    assert ids(now - day, now + day) == ids(now, now) == [uid]
    assert ids(now + day, now + 2 * day) == ids(now - 2 * day, now - day) == []
    assert rows(api, 'createdFilter={"from":"2026-03-06T00:00:00"}') == []
    assert len(rows(api, 'createdFilter={"to":"2026-03-05T13:00:00+01:00","x":1}')) == 1


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "offset=x",
        "sort=duration",
        "desc=yes",
        "createdFilter=x",
        "createdFilter=[]",
        "createdFilter=NaN",
        'createdFilter={"from":7}',
        'createdFilter={"from":"yesterday"}',
        'createdFilter={"to":"0001-01-01T00:00:00+14:00"}',
        'createdFilter={"to":[[[[]]]]}',
        "ids=" + ",".join(map(str, range(1_001))),
    ],
)
def test_it_validates(api: Api, query: str) -> None:
    api.get(f"{PATH}?{quote(query, safe='=&,')}").refusal(400)


def test_it_finds_nothing_by_what_no_database_holds(api: Api) -> None:
    api.create(document())
    assert rows(api, "ids=\x00x") == rows(api, "tagFilter=\x00x") == []


def test_it_never_shows_another_organizations(api: Api, beta: Api) -> None:
    theirs = beta.create(document(organization_id="beta", tags=["theirs"]))
    assert rows(api) == rows(api, f"ids={theirs}") == rows(api, f"tagFilter={Tag.objects.get().uid}") == []
    api.get(f"{PATH}?organization_id=beta").refusal(403)


def test_it_reads_no_more_than_so_many_bytes_of_documents(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page never comes short of rows, which the client would take for the end of the list."""
    small = [api.create(document()) for _ in range(2)]
    big = api.create(document(x="y" * 10_000))
    size = max(Document.objects.values_list("size", flat=True).order_by("size")[:2])
    monkeypatch.setattr(legacy_completions, "MOST_READ_BYTES", 2 * size)
    shown = {row["id"]: "request" in row for row in rows(api)}
    assert shown == {big: False, small[0]: True, small[1]: True}


def test_it_lists_what_was_emptied(api: Api) -> None:
    uid = api.create(document(kind="prompt"))
    Document._base_manager.update(encoding=Encoding.PURGED, data=b"")
    (row,) = rows(api)
    assert (row["id"], row["kind"], "request" in row) == (uid, "completion", False)


def test_it_asks_the_database_as_often_for_many_as_for_few(
    api: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        api.create(document())
    for limit in (1, 5):
        with django_assert_num_queries(4):
            api.get(f"{PATH}?limit={limit}")


def test_it_answers_a_head_and_says_what_it_takes(api: Api) -> None:
    api.create(document())
    head = api.call("HEAD", PATH)
    assert (head.status, head.raw) == (200, b"")
    assert api.call("OPTIONS", PATH).status == 200


def test_it_lists_what_log10_io_logged(api: Api) -> None:
    uid = api.post(PATH).json["completionID"]
    api.post(f"{PATH}/{uid}", logged(document()))
    api.post(f"{PATH}/{uid}", {"status": "started"})
    (row,) = rows(api)
    assert (row["id"], row["status"], row["duration"]) == (uid, "finished", 1250)
