"""The log as JSON, and the ids by which one thing is followed through requests, tasks and the log of an upstream."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from celery import shared_task
from django.db import IntegrityError
from django.http import HttpRequest, StreamingHttpResponse
from django.test import Client, RequestFactory

from gradebench import access, context, request_ids
from gradebench.access import AccessLog
from gradebench.celery import app
from gradebench.logs import LEFT_OUT, JsonFormatter
from reviews.log10.client import Client as UpstreamClient
from tests import factories
from tests.fake_upstream import ORGANIZATION, TOKEN, FakeUpstream
from tests.web.scene import scene

ID = "a1b2c3d4-given"


class Log:
    """What was logged, line by line."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.stream.getvalue().splitlines()]

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["logger"] == logger]


@pytest.fixture
def log() -> Iterator[Log]:
    """All that is logged at INFO and above."""
    log = Log()
    handler = logging.StreamHandler(log.stream)
    handler.setFormatter(JsonFormatter())
    root, requests = logging.getLogger(), logging.getLogger("gradebench.access")
    levels = root.level, requests.level
    root.addHandler(handler)
    for logger in (root, requests):
        logger.setLevel(logging.INFO)
    yield log
    root.removeHandler(handler)
    root.setLevel(levels[0])
    requests.setLevel(levels[1])


def written(message: str = "said", error: BaseException | None = None, **fields: object) -> dict[str, Any]:
    """What the formatter makes of one record."""
    traceback = (type(error), error, None) if error is not None else None
    record = logging.LogRecord("x", logging.WARNING, __file__, 1, message, (), traceback)
    record.fields = fields
    line: dict[str, Any] = orjson.loads(JsonFormatter().format(record))
    return line


def test_a_line_has_what_every_line_has() -> None:
    line = written()
    assert line.pop("at").endswith("+00:00")
    assert line == {"level": "WARNING", "logger": "x", "message": "said"}


def test_numbers_stay_numbers_and_what_is_not_known_is_left_out() -> None:
    assert written(status=200, task_id=None).items() >= {"status": 200}.items()
    assert "task_id" not in written(task_id=None)


def test_no_field_holds_a_secret() -> None:
    line = written("Bearer x", path="/x?token=abcdef", password="hunter2", other="gb_abcdefgh0123456789-_ABCDEFG")
    assert (line["path"], line["password"]) == (f"/x?token={LEFT_OUT}", LEFT_OUT)
    assert line["other"] == f"gb_abcdefgh{LEFT_OUT}"


def test_an_exception_is_a_field_without_what_the_database_quotes() -> None:
    error = IntegrityError("violates check\nDETAIL:  Failing row contains (1, a text).\nhunter2")
    line = written("It failed.", error)
    assert "violates check" in line["exception"]
    assert "a text" not in str(line)
    assert "hunter2" not in str(line)


def test_what_libraries_hang_on_a_record_is_left_out() -> None:
    record = logging.LogRecord("x", logging.WARNING, __file__, 1, "said", (), None)
    record.request = "GET /a-text"
    assert "a-text" not in JsonFormatter().format(record)


# Requests --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_request_makes_one_line_with_ids_and_without_its_query_string(log: Log) -> None:
    made = scene(role="lead")
    made.client.get(f"/completions/{made.completions[0].pk}?q=a-text", headers={"X-Request-ID": ID})
    [line] = log.of("gradebench.access")
    assert line.pop("duration_ms") > 0
    assert line.pop("at")
    path = f"/completions/{made.completions[0].pk}"
    assert line.pop("message").startswith(f"GET {path} 200 in ")
    assert line == {
        "level": "INFO",
        "logger": "gradebench.access",
        "request_id": ID,
        "method": "GET",
        "route": "completion",
        "user_id": made.user.pk,
        "organization_id": made.organization.pk,
        "completion_id": made.completions[0].pk,
        "path": path,
        "status": 200,
    }
    assert context.about() == {}


@pytest.mark.django_db
def test_a_request_of_the_api_names_organization_and_token(log: Log) -> None:
    team = factories.organization()
    token, secret = factories.token(team)
    Client(headers={"X-Log10-Token": secret}).get("/api/v1/feedback")
    [line] = log.of("gradebench.access")
    assert (line["organization_id"], line["api_token_id"], line["route"]) == (team.pk, token.pk, "api_feedback")


@pytest.mark.django_db
def test_what_an_address_lets_in_by_is_left_out(log: Log) -> None:
    Client().get("/welcome/abcdef")
    assert log.of("gradebench.access")[0]["path"] == f"/welcome/{LEFT_OUT}"


def test_a_probe_is_no_news(log: Log) -> None:
    Client().get("/healthz")
    assert log.lines == []


@pytest.mark.parametrize("given", ["", "short", "x" * 37, "a b c d e f g h", "a1b2c3d4\tx", "-a1b2c3d4", "ä1b2c3d4e5"])
def test_an_id_that_is_none_is_not_taken(given: str) -> None:
    answered = Client().get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"]
    assert answered != given
    assert len(answered) == 32


def test_an_id_that_is_one_comes_back() -> None:
    for given in (ID, "4f0c1f6e-8a52-4b7e-9d0c-3f1f6f0f7a11", "0123456789abcdef0123456789abcdef"):
        assert Client().get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"] == given


def test_a_streamed_answer_makes_its_line_at_its_end(log: Log) -> None:
    def pieces() -> Iterator[bytes]:
        logging.getLogger("x").warning("in the middle")
        yield b"a"

    def view(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(pieces())

    request = RequestFactory().get("/static/x", headers={"X-Request-ID": ID})
    response = AccessLog(view)(request)
    assert log.lines == []
    assert isinstance(response, StreamingHttpResponse)
    assert response.getvalue() == b"a"
    # What Django does when the server closes the answer.
    access._sent()
    assert [(line["logger"], line["request_id"]) for line in log.lines] == [("x", ID), ("gradebench.access", ID)]


def test_a_method_of_somebody_elses_making_is_no_label() -> None:
    assert access.method_of(RequestFactory().generic("GB_SECRET", "/")) == "other"


# Tasks and upstreams ---------------------------------------------------------------------------------------------


@shared_task(name="tests.inner")
def inner() -> None:
    logging.getLogger("inner").warning("inner")


@shared_task(name="tests.outer")
def outer() -> None:
    logging.getLogger("outer").warning("outer")
    inner.apply_async(task_id="of-inner", headers=_as_sent(inner))


def _as_sent(task: Any) -> dict[str, Any]:
    """What a message of the task would carry: here nobody sends one, tasks are called on the spot."""
    sent: dict[str, Any] = {}
    request_ids._hand_on(sent)
    return sent


@pytest.mark.usefixtures("eager")
def test_a_task_has_the_id_of_the_request_that_woke_it_and_so_have_those_that_it_wakes(log: Log) -> None:
    begun = context.begin(request_id=ID)
    outer.apply_async(task_id="of-outer", headers=_as_sent(outer))
    context.end(begun)
    assert [(line["message"], line["request_id"], line["task_id"], line["task_name"]) for line in log.lines[:2]] == [
        ("outer", ID, "of-outer", "tests.outer"),
        ("inner", ID, "of-inner", "tests.inner"),
    ]


@pytest.mark.usefixtures("eager")
def test_a_task_that_nobody_asked_for_is_found_by_its_own_id(log: Log) -> None:
    outer.apply_async(task_id="of-outer")
    assert {line["request_id"] for line in log.lines[:2]} == {"of-outer"}
    assert context.about() == {}


@pytest.fixture
def eager(settings: Any) -> Iterator[None]:
    """Tasks run where they are called."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def test_a_message_carries_the_id() -> None:
    begun = context.begin(request_id=ID)
    with app.connection_for_write(), pytest.MonkeyPatch.context() as patch:
        sent: list[dict[str, Any]] = []
        patch.setattr("kombu.Producer.publish", lambda *_, headers, **__: sent.append(headers))
        inner.delay()
    context.end(begun)
    assert [headers["request_id"] for headers in sent] == [ID]


def test_an_upstream_is_told_the_id() -> None:
    begun = context.begin(request_id=ID)
    with FakeUpstream() as fake:
        fake_client = UpstreamClient(fake.url, token=TOKEN, organization=ORGANIZATION, allow=["127.0.0.0/8"])
        with fake_client as client:
            client.feedback_tasks()
        assert fake.seen[0].headers["x-request-id"] == ID
    context.end(begun)
