"""The log at DEBUG: no secret and no text of a completion in it, whatever is done, and no line that somebody forged."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from celery import signals
from django.conf import settings
from django.db import IntegrityError, connection
from django.test import Client
from pytest_django.fixtures import Settings

from gradebench.logs import JsonFormatter, LineFormatter, redact
from reviews.log10 import sync
from reviews.models import Completion, Organization, Push, Upstream
from reviews.web import queues as queue_pages
from reviews.workflow import accounts
from tests import factories
from tests.fake_upstream import ORGANIZATION, TOKEN, Answer, FakeUpstream

TEXT = "kestrel-under-the-eaves"
PASSWORD = "marsh-harrier-in-the-reeds"
FORGED = "\r\n2026-11-28 12:00:00,000 ERROR forged"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that is logged while a test runs, at DEBUG, in either of the forms that the settings know."""
    stream = io.StringIO()
    handlers = [logging.StreamHandler(stream), logging.StreamHandler(stream)]
    handlers[0].setFormatter(LineFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handlers[1].setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    for handler in handlers:
        root.removeHandler(handler)
    root.setLevel(level)


def written(message: str, *args: object, error: BaseException | None = None) -> str:
    """What the formatter makes of one record."""
    traceback = (type(error), error, None) if error is not None else None
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, message, args, traceback)
    return LineFormatter("%(levelname)s %(name)s %(message)s").format(record)


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("token gb_abcdefgh0123456789-_ABCDEFG was used", "0123456789-_ABCDEFG"),
        ("{'X-Log10-Token': 'abc.def', 'Accept': 'x'}", "abc.def"),
        ('"X-Log10-Token": "abcdef"', "abcdef"),
        ("[('X-Log10-Token', 'abcdef')]", "abcdef"),
        ("Authorization: Bearer abcdef", "abcdef"),
        ("Cookie: sessionid=abcdef; csrftoken=ghijkl", "abcdef"),
        ("POST /sign-in?username=a&password=hunter2&x=1", "hunter2"),
        ("<QueryDict: {'password': ['hunter2']}>", "hunter2"),
        ("postgres://gradebench:hunter2@db/x", "hunter2"),
        ("redis://:hunter2@broker:6379/0", "hunter2"),
        ("Not Found: /welcome/Zk3v9tq-0aX_7wqLmN2bV8cR4yT6uI1oP5sD-abcdef", "9tq-0aX_7wqLmN2bV8cR4yT6uI1oP5sD-abcdef"),
        ("SECRET_KEY=abcdef", "abcdef"),
    ],
)
def test_the_shape_of_a_secret_is_left_out(said: str, secret: str) -> None:
    assert secret in said
    assert secret not in redact(said)


@pytest.mark.parametrize(
    "said",
    [
        "Not Found: /completions/12",
        "GET /api/completions/5b6d1f0e-8a52-4b7e-9d0c-3f1f6f0f7a11 404",
        "The token of this upstream is refused.",
        "reviews.workflow.purging.test_it_is_a_long_name_of_a_function_and_no_secret",
        "https://log10.example:8443/api/v1/completions/ungraded",
    ],
)
def test_the_rest_stays(said: str) -> None:
    assert redact(said) == said


def test_a_forged_line_does_not_start_a_line() -> None:
    for said in (
        written("Not Found: %s", f"/x{FORGED}"),
        written("It failed.", error=ValueError(f"x{FORGED}\u2028{FORGED}")),
        written(f"{FORGED}\x1b[2J\u202e"),
    ):
        assert [line for line in said.splitlines() if line.startswith("2026")] == []
        assert not {"\x1b", "\u202e", "\r"} & set(said)


def test_all_that_is_logged_goes_through_the_formatter() -> None:
    logging_settings: Any = settings.LOGGING
    assert [handler["formatter"] for handler in logging_settings["handlers"].values()] == [settings.LOG_FORMAT]
    made_by = {name: formatter["()"] for name, formatter in logging_settings["formatters"].items()}
    assert made_by == {"line": "gradebench.logs.LineFormatter", "json": "gradebench.logs.JsonFormatter"}
    assert all(not logger.get("handlers") for logger in logging_settings["loggers"].values())
    # Were nobody to hear this, Celery would make handlers of its own.
    assert signals.setup_logging.receivers


def test_a_record_with_the_wrong_arguments_is_written_all_the_same() -> None:
    assert "%d and %d" in written("%d and %d", 1)


def test_what_a_database_quotes_of_a_row_is_left_out() -> None:
    error = IntegrityError(f"violates check\nDETAIL:  Failing row contains (1, {TEXT}\n{TEXT},\n2).\n{TEXT}")
    said = written("It failed: %r", error, error=error)
    assert "violates check" in said
    assert TEXT not in said


@pytest.mark.django_db
def test_nothing_that_people_and_applications_do_leaves_a_secret_or_a_text(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    team = factories.organization()
    token, secret = factories.token(team)
    api = Client(headers={"X-Log10-Token": secret}, raise_request_exception=False)
    for path in ("/api/v1/completions", "/api/nowhere", f"/api/v1/completions/{token.pk}"):
        api.post(path, factories.document(answer=TEXT), content_type="application/json")
    api.post("/api/v1/completions", f'{{"broken": "{TEXT}', content_type="application/json")
    accounts.add_member("mira", organization=team, role="lead", password=PASSWORD)
    person = Client(raise_request_exception=False)
    for password in (f"{PASSWORD}-wrong", PASSWORD):
        person.post("/sign-in", {"username": "mira", "password": password})
    link = accounts.create_sign_in_link(factories.reviewer(team))
    Client().get(f"/welcome/{link}")
    Client().get(f"/welcome/{link}x")
    person.get(f"/completions/{Completion.objects.get().pk}")
    person.get(f"/nowhere{FORGED}")
    person.get(f"/completions/999999?q={TEXT}&password={PASSWORD}")
    monkeypatch.setattr(queue_pages, "render", _fail)
    assert person.get("/").status_code == 500
    _loop(team)
    assert "django.request" in log.getvalue()
    assert "urllib3" in log.getvalue()
    session = person.cookies[settings.SESSION_COOKIE_NAME].value
    for canary in (TEXT, PASSWORD, secret, TOKEN, session, link):
        assert canary not in log.getvalue(), canary
    assert not [line for line in log.getvalue().splitlines() if "forged" in line and line.startswith("2026-11-28 12")]


def _fail(*_: object, **__: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    raise IntegrityError(f"refused\nDETAIL:  Failing row contains ({TEXT}).")


def _loop(team: Organization) -> None:
    """A pull, an edit with a grade, a push that fails and one that arrives."""
    with FakeUpstream() as fake:
        upstream = factories.upstream(team, url=fake.url, token=TOKEN)
        Upstream.objects.update(upstream_organization=ORGANIZATION)
        fake.add(factories.document(id="one", answer=TEXT, tags=("pulled",), organization_id=ORGANIZATION))
        task = factories.feedback_task(team, selector=("pulled",))
        upstream.refresh_from_db()
        sync.pull(upstream)
        factories.submit(factories.assignment(task), answer=f"Not {TEXT}", comment=TEXT)
        Push.objects.update(not_before="2020-01-01T00:00:00Z")
        fake.answer_once("POST /api/v1/completions/", Answer(500, body=TEXT.encode()))
        for _ in range(2):
            Upstream.objects.update(quiet_until=None)
            upstream.refresh_from_db()
            sync.push(upstream)
            Push.objects.filter(state="waiting").update(not_before="2020-01-01T00:00:00Z")
        assert Push.objects.get(kind="update").state == "delivered"
