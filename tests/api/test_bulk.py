"""POST /api/gradebench/v1/completions/bulk."""

import gzip
import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import orjson
import pytest
from django.db import IntegrityError, OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from reviews.models import Completion, CompletionTag, QueueItem, Revision
from reviews.workflow import bulk, ingest
from reviews.workflow.ingest import Outcome
from tests.api.conftest import Answer, Api
from tests.api.samples import CORPUS, UID, document

PATH = "/api/gradebench/v1/completions/bulk"
NDJSON = "application/x-ndjson"
Unchanged = Callable[[], AbstractContextManager[None]]
Row = dict[str, Any]
Bulk = Callable[..., tuple[list[Row], Row]]


def lines(*rows: object) -> bytes:
    """Rows as a body: bytes are lines as they are, all else goes as JSON."""
    return b"".join((row if isinstance(row, bytes) else orjson.dumps(row)) + b"\n" for row in rows)


def send(api: Api, body: bytes, *, content_type: str = NDJSON, **headers: str) -> Any:
    """The raw response to a body."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    headers = {**api.headers, "Content-Type": content_type, **given}
    return Client().generic("POST", PATH, body, content_type=content_type, headers=headers)


def take(api: Api, body: bytes, **options: Any) -> tuple[list[Row], Row]:
    """The answers to the lines of a body, and the line that sums up."""
    response = send(api, body, **options)
    assert response.status_code == 200, response.content
    assert response.headers["Content-Type"] == NDJSON
    *answers, summary = [orjson.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert "complete" in summary
    return answers, summary


@pytest.fixture
def post(api: Api) -> Bulk:
    """Posts rows in bulk to acme: the answers and the summary."""
    return lambda *rows, **options: take(api, lines(*rows), **options)


def outcomes(answers: list[Row]) -> list[str]:
    """The outcome of each line, or the beginning of its error."""
    return [answer.get("outcome", "refused") for answer in answers]


def uid(number: int) -> str:
    """An id of its own."""
    return f"00000000-0000-4000-8000-{number:012}"


def test_it_answers_each_line_in_order_and_sums_up(api: Api, post: Bulk) -> None:
    api.create(document(id=uid(1)))
    answers, summary = post(
        document(id=uid(0)), document(id=uid(1)), b"{", document(id=uid(1), tags=["other"]), document()
    )
    assert [answer["line"] for answer in answers] == [1, 2, 3, 4, 5]
    assert outcomes(answers) == ["created", "unchanged", "refused", "changed", "created"]
    assert [answer.get("id") for answer in answers[:4]] == [uid(0), uid(1), None, uid(1)]
    assert list(answers[2]) == ["line", "error"]
    assert summary == {"complete": True, "lines": 5, "created": 2, "changed": 1, "unchanged": 1, "refused": 1}
    assert Completion.objects.filter(uid=answers[4]["id"]).exists()


def _stored(api: Api) -> list[tuple[Any, ...]]:
    """All that is stored of the organization's completions, in their order, without keys, times and made ids."""
    mine = Completion.objects.filter(organization=api.organization).order_by("pk")
    own = ("id", "uid", "organization_id", "received_at", "received_id", "current_id")
    stored = []
    for completion, row in zip(mine.select_related("received"), mine.values(), strict=True):
        document = completion.received
        items = QueueItem.objects.filter(completion=completion, received_at=completion.received_at)
        columns = ("queue__name", "state", "reviews_needed", "places_taken", "priority", "closed_because", "graded_at")
        stored.append(
            (
                {name: value for name, value in row.items() if name not in own},
                (bytes(document.data), document.hash, document.size, document.encoding),
                completion.received_id == completion.current_id,
                sorted(CompletionTag.objects.filter(completion=completion).values_list("tag__name", flat=True)),
                sorted(items.values_list(*columns)),
            )
        )
    return stored


def test_it_stores_what_single_creates_store(api: Api, beta: Api) -> None:
    for of in (api, beta):
        of.feedback_task("support", name="one tag")
        of.feedback_task("support", "urgent", name="two tags")
        of.feedback_task("elsewhere", name="no match")
    given = [
        {name: value for name, value in one.items() if name not in ("id", "organization_id")}
        for one in (
            *CORPUS.values(),
            document(tags=["urgent", "support", "support"]),
            document(tags=["support"], status="started"),
            document(tags=["new", "\x00"]),
        )
    ]
    assert set(outcomes(take(api, lines(*given))[0])) == {"created"}
    for one in given:
        beta.create(one)
    assert _stored(api) == _stored(beta)
    assert sum(bool(items) for *_, items in _stored(api)) > 10


def test_it_gives_back_each_document_as_it_came(api: Api, post: Bulk) -> None:
    answers, _ = post(*CORPUS.values())
    for answer, sent in zip(answers, CORPUS.values(), strict=True):
        came = api.get(f"/api/completions/{answer['id']}").json["data"]
        for given in (came, sent := dict(sent)):
            given.pop("id", None)
            given.pop("organization_id", None)
        assert orjson.dumps(came) == orjson.dumps(sent)


def test_it_writes_nothing_the_second_time(api: Api, post: Bulk, unchanged: Unchanged) -> None:
    rows = [document(id=uid(number), x=number) for number in range(250)]
    assert post(*rows)[1]["created"] == 250
    with unchanged(), CaptureQueriesContext(connection) as queries:
        answers, summary = post(*rows)
    assert set(outcomes(answers)) == {"unchanged"}
    assert summary["unchanged"] == summary["lines"] == 250
    # Two for the token, one for each hundred of lines.
    assert len(queries) <= 6


def test_it_asks_the_database_a_few_things_for_a_hundred_lines(api: Api, post: Bulk) -> None:
    api.feedback_task("support")
    post(document())
    with CaptureQueriesContext(connection) as queries:
        post(*(document(tags=["support", f"tag {number}"]) for number in range(100)))
    assert len(queries) <= 25
    assert QueueItem.objects.count() == 101


def test_it_takes_lines_of_one_id_one_after_the_other(api: Api, post: Bulk) -> None:
    started = document(id=UID, status="started", response=None, duration=None)
    answers, _ = post(started, document(id=UID), document(id=UID), started, document(id=UID, duration=2))
    assert outcomes(answers) == ["created", "changed", "unchanged", "unchanged", "changed"]
    answers, _ = post(document(id=UID, duration=2), document(id=UID, duration=3), document(id=UID, duration=2))
    assert outcomes(answers) == ["unchanged", "changed", "changed"]
    assert api.get(f"/api/completions/{UID}").json["data"]["duration"] == 2
    assert Revision.objects.filter(api_token=api.token).count() == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"[]", "must be a JSON object"),
        (b"nonsense", "valid JSON"),
        (b'{"a":1,"a":2}', "two members"),
        (b'{"a":NaN}', "valid JSON"),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "deeper than 64"),
        (b"\xff", "valid JSON"),
        (b'{"tags":"support"}', "“tags”"),
        (b'{"id":""}', "“id”"),
        (b'{"id":"a\\u0000b"}', "NUL"),
        (b'{"id":".."}', "no address"),
        (b'{"organization_id":"beta"}', "another organization"),
        (b'{"organization_id":7}', "another organization"),
        (b'{"id":"of-beta"}', "There is no completion of-beta here."),
    ],
)
def test_it_refuses_a_line_for_its_own_fault_alone(api: Api, beta: Api, post: Bulk, line: bytes, said: str) -> None:
    beta.create(document(id="of-beta", organization_id="beta"))
    answers, summary = post(document(), line, document())
    assert outcomes(answers) == ["created", "refused", "created"]
    assert said in answers[1]["error"]
    assert (summary["complete"], summary["refused"]) == (True, 1)
    assert Completion.objects.filter(organization=api.organization).count() == 2


def test_it_says_of_a_line_what_a_single_create_says(api: Api, post: Bulk) -> None:
    for line in (b"{", b"[]", b'{"tags":[1]}', b'{"organization_id":"beta"}', b'{"id":"."}', b'{"a":1,"a":1}'):
        assert post(line)[0][0]["error"] == api.post("/api/v1/completions", line).json["error"]


def test_it_counts_blank_lines_and_does_not_answer_them(api: Api) -> None:
    one = orjson.dumps(document())
    answers, summary = take(api, b"\n  \r\n" + one + b"\r\n\n\t" + one)
    assert [answer["line"] for answer in answers] == [3, 5]
    assert (summary["lines"], summary["created"]) == (5, 2)


@pytest.mark.parametrize("body", [b"", b"\n", b" \n\n"])
def test_it_takes_nothing_at_all(api: Api, unchanged: Unchanged, body: bytes) -> None:
    with unchanged():
        answers, summary = take(api, body)
    assert (answers, summary["complete"]) == ([], True)


@pytest.mark.parametrize(
    "content_type", [NDJSON, "application/jsonl", "application/json-lines", "Application/X-NDJSON; charset=utf-8"]
)
def test_it_takes_lines_by_any_of_their_names(api: Api, content_type: str) -> None:
    assert take(api, lines(document()), content_type=content_type)[1]["created"] == 1


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [("application/json", ""), ("text/plain", ""), ("", ""), (NDJSON, "br"), (NDJSON, "gzip, gzip")],
)
def test_it_takes_nothing_else(api: Api, unchanged: Unchanged, content_type: str, encoding: str) -> None:
    with unchanged():
        answer = Answer(send(api, lines(document()), content_type=content_type, Content_Encoding=encoding))
    assert NDJSON in answer.refusal(415)


# Gzip ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
def test_it_takes_gzip(api: Api, encoding: str) -> None:
    assert take(api, gzip.compress(lines(document(), document())), Content_Encoding=encoding)[1]["created"] == 2


def test_it_takes_several_gzips_behind_each_other(api: Api) -> None:
    body = lines(*(document(x=number) for number in range(3)))
    whole = gzip.compress(body[:700]) + gzip.compress(body[700:])
    assert take(api, whole, Content_Encoding="gzip")[1]["created"] == 3


@pytest.mark.parametrize("harm", ["cut", "checksum", "tail", "none"])
def test_it_keeps_what_came_before_the_damage(api: Api, harm: str) -> None:
    whole = gzip.compress(b"".join(orjson.dumps(document(id=uid(n), x="é" * n)) + b"\n" for n in range(150)))
    bodies = {
        "cut": whole[: len(whole) * 2 // 3],
        "checksum": whole[:-8] + b"\x00" * 8,
        "tail": whole + b"nonsense",
        "none": b"no gzip at all",
    }
    answers, summary = take(api, bodies[harm], Content_Encoding="gzip")
    assert summary["complete"] is False
    assert "gzip data is damaged" in summary["error"]
    assert len(answers) == summary["created"] == summary["lines"] == Completion.objects.count()
    assert summary["created"] == {"checksum": 150, "tail": 150, "none": 0}.get(harm, summary["created"])
    assert 0 < summary["created"] < 150 or harm != "cut"


def test_it_keeps_what_came_before_the_connection_broke(api: Api) -> None:
    body = lines(*(document(id=uid(number)) for number in range(3)))
    cut: Row = {"wsgi.input": io.BytesIO(body[:-20])}
    response: Any = Client().generic("POST", PATH, body, content_type=NDJSON, headers=api.headers, **cut)
    *answers, summary = [orjson.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert outcomes(answers) == ["created", "created"]
    assert summary["complete"] is False
    assert "connection broke" in summary["error"]


# Limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_it_bounds_a_line(api: Api, settings: Settings, ending: bytes) -> None:
    settings.API_MAX_BODY_BYTES = 1_000
    sizes = (1_000, 1_001, 100_000, 5)
    body = b"".join(b'{"x":"' + b"x" * (size - 8) + b'"}' + ending for size in sizes[:3]) + b'{"x":1}'
    answers, _ = take(api, body)
    assert outcomes(answers) == ["created", "refused", "refused", "created"]
    assert answers[1]["error"] == "The line is larger than 1,000 bytes."


def test_it_bounds_the_body(api: Api, settings: Settings, unchanged: Unchanged) -> None:
    body = lines(document(), document())
    settings.API_BULK_MAX_BYTES = len(body)
    assert take(api, body)[1]["created"] == 2
    with unchanged():
        assert "several requests" in Answer(send(api, body + b"\n")).refusal(413)


def test_it_bounds_what_gzip_unpacks_to(api: Api, settings: Settings) -> None:
    settings.API_BULK_MAX_BYTES = 100_000
    body = gzip.compress(lines(document(), document()) + b" " * 5_000_000 + lines(document()))
    answers, summary = take(api, body, Content_Encoding="gzip")
    assert outcomes(answers) == ["created", "created"]
    assert "more than 100,000 bytes; send those after line 2" in summary["error"]


def test_it_bounds_the_number_of_lines(api: Api, settings: Settings) -> None:
    settings.API_BULK_MAX_LINES = 3
    answers, summary = take(api, lines(document(), b"", document(), document()))
    assert (outcomes(answers), summary["lines"]) == (["created", "created"], 3)
    assert "3 lines" in summary["error"]


def test_it_holds_no_more_than_a_batch_of_large_lines(api: Api, post: Bulk, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def note(_: Any, given: list[Any], **named: Any) -> list[Outcome]:
        sizes.append(len(given))
        return [Outcome.CREATED] * len(given)

    monkeypatch.setattr(bulk, "receive_many", note)
    post(*(b'{"x":"' + b"x" * 1_500_000 + b'"}' for _ in range(7)), *(b"{}" for _ in range(150)))
    assert sizes == [3, 3, 100, 51]


# Others ----------------------------------------------------------------------------------------------------------


def test_it_takes_them_one_by_one_when_somebody_else_made_one(
    api: Api, post: Bulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = ingest.store_new

    def late(fresh: Any) -> None:
        create(fresh)
        if len(fresh) > 1:
            raise IntegrityError("another request was faster")

    monkeypatch.setattr(ingest, "store_new", late)
    answers, _ = post(document(id=uid(1)), document(id=uid(2)), document(id=uid(1), x=1), b"{")
    assert outcomes(answers) == ["created", "created", "changed", "refused"]
    assert Completion.objects.count() == 2


def test_it_stops_when_the_database_fails_and_says_from_where(
    api: Api, post: Bulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive, calls = bulk.receive_many, []

    def fails_the_second_time(*given: Any, **named: Any) -> Any:
        calls.append(given)
        if len(calls) == 2:
            raise OperationalError("gone") from None
        return receive(*given, **named)

    monkeypatch.setattr(bulk, "receive_many", fails_the_second_time)
    answers, summary = post(*(document(id=uid(number)) for number in range(350)))
    assert outcomes(answers) == ["created"] * 100 + ["refused"] * 100
    assert answers[100]["error"] == summary["error"]
    assert (summary["complete"], summary["created"], summary["refused"]) == (False, 100, 100)
    assert Completion.objects.count() == 100


def test_it_needs_a_token_that_may_ingest(api: Api, unchanged: Unchanged) -> None:
    api.token.can_ingest = False
    api.token.save()
    body = lines(document())
    with unchanged():
        assert "not allowed" in Answer(send(api, body)).refusal(403)
        assert "token" in Answer(send(api, body, X_Log10_Token="nonsense")).refusal(401)


def test_it_refuses_another_organization_in_the_header(api: Api, unchanged: Unchanged) -> None:
    with unchanged():
        Answer(send(api, lines(document()), X_Log10_Organization="beta")).refusal(403)


def test_it_reads_chunks_where_the_server_ends_them(api: Api) -> None:
    headers = {**api.headers, "Transfer-Encoding": "chunked"}
    body = lines(document())
    extra: Row = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True, "wsgi.input": io.BytesIO(body)}
    response: Any = Client().generic("POST", PATH, body, content_type=NDJSON, headers=headers, **extra)
    assert b'"created":1' in b"".join(response.streaming_content)
    del extra["wsgi.input_terminated"]
    response = Client().generic("POST", PATH, body, content_type=NDJSON, headers=headers, **extra)
    assert "Content-Length" in Answer(response).refusal(411)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_it_takes_no_other_method(api: Api, method: str) -> None:
    assert "method" in api.call(method, PATH).refusal(405).lower()
