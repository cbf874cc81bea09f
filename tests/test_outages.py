"""Outages: what the database did to a request, in words that are true."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.db import Error, IntegrityError, OperationalError, ProgrammingError, connection, transaction
from django.test import Client
from django.urls import reverse

from gradebench import outages
from gradebench.outages import AWAY, BUSY, DOUBT, FULL, Outage, outage_of
from reviews.models import Organization, User

ORGANIZATION = {"slug": "acme", "external_id": "acme", "name": "Acme"}


def caused(error: Error, cause: BaseException) -> Error:
    """An error of Django's with the one of the database's library behind it, as Django raises them."""
    error.__cause__ = cause
    return error


class FromPostgres(Exception):
    """What psycopg raises, as far as it matters here."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("no words")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "outage"),
    [
        (None, AWAY),
        ("57P01", AWAY),
        ("57P03", AWAY),
        ("57014", BUSY),
        ("40P01", BUSY),
        ("53300", BUSY),
        ("53100", FULL),
    ],
)
def test_it_knows_what_postgresql_says(sqlstate: str | None, outage: Outage) -> None:
    assert outage_of(caused(OperationalError(), FromPostgres(sqlstate))) is outage


@contextmanager
def file(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of Python's own to a SQLite file with one table, waiting for nobody."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE IF NOT EXISTS t (x)")
        yield made


def test_it_knows_what_sqlite_says(tmp_path: Path) -> None:
    with file(tmp_path / "a.sqlite3") as one, file(tmp_path / "a.sqlite3") as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as busy:
            one.execute("INSERT INTO t VALUES (1)")
        other.execute("ROLLBACK")
        one.execute("PRAGMA max_page_count=3")
        with pytest.raises(sqlite3.OperationalError) as full:
            one.execute("INSERT INTO t VALUES (zeroblob(100000))")
        with pytest.raises(sqlite3.OperationalError) as unknown:
            one.execute("SELECT * FROM nothing")
    assert outage_of(caused(OperationalError(), busy.value)) is BUSY
    assert outage_of(caused(OperationalError(), full.value)) is FULL
    assert outage_of(caused(OperationalError(), unknown.value)) is None


def test_a_fault_of_the_program_is_no_outage() -> None:
    assert outage_of(None) is None
    assert outage_of(ValueError()) is None
    assert outage_of(caused(IntegrityError(), FromPostgres("23505"))) is None
    assert outage_of(caused(ProgrammingError(), FromPostgres("42601"))) is None


def cut() -> Error:
    """The connection is gone."""
    return caused(OperationalError("server closed the connection"), FromPostgres(None))


@pytest.mark.django_db(transaction=True)
def test_what_was_committed_before_is_in_doubt() -> None:
    with outages.waiting_at_most(20):
        with transaction.atomic():
            Organization.objects.create(**ORGANIZATION)
            assert outage_of(cut()) is AWAY
        assert outage_of(cut()) is DOUBT
    assert outage_of(cut()) is AWAY


@pytest.mark.django_db(transaction=True)
def test_what_was_taken_back_is_not_in_doubt() -> None:
    with outages.waiting_at_most(20):
        with transaction.atomic():
            Organization.objects.create(**ORGANIZATION)
            transaction.set_rollback(True)
        assert Organization.objects.count() == 0
        assert outage_of(cut()) is AWAY


@pytest.mark.django_db(transaction=True)
def test_a_commit_that_is_cut_off_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    def _commit() -> None:
        raise cut()

    @transaction.atomic
    def create() -> None:
        Organization.objects.create(**ORGANIZATION)
        monkeypatch.setattr(connection, "_commit", _commit)

    with outages.waiting_at_most(20):
        with pytest.raises(OperationalError) as raised:
            create()
        monkeypatch.undo()
        assert outage_of(raised.value) is DOUBT


@pytest.mark.django_db
@pytest.mark.postgres
def test_postgresql_is_waited_for_no_longer_than_the_request_may() -> None:
    with outages.waiting_at_most(0.3):
        with pytest.raises(OperationalError) as raised, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(2)")
        assert outage_of(raised.value) is AWAY


@pytest.mark.django_db(transaction=True)
def test_outside_of_requests_it_is_waited_for_as_long_as_it_takes() -> None:
    assert outages.seconds_left() is None
    with outages.waiting_at_most(20):
        left = outages.seconds_left()
        assert left is not None
        assert 0 < left <= 20
    assert outages.seconds_left() is None


class Cut:
    """Every statement finds the connection cut."""

    def __call__(self, *_: object) -> None:
        raise cut()


@pytest.mark.django_db
def test_a_page_says_so_with_the_way_back() -> None:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_user("alice"))
    with connection.execute_wrapper(Cut()):
        shown = client.get("/?queue=1")
        sent = client.post(reverse("sign_out"))
        swapped = client.post(reverse("sign_out"), headers={"HX-Request": "true"})
    assert [answer.status_code for answer in (shown, sent, swapped)] == [503] * 3
    assert [answer.headers["Retry-After"] for answer in (shown, sent, swapped)] == ["5"] * 3
    assert AWAY.words in shown.content.decode()
    assert 'href="/?queue=1">Try again</a>' in shown.content.decode()
    assert "your words are still in the form" in sent.content.decode()
    assert (swapped.content.decode(), swapped.headers["Content-Type"]) == (AWAY.words, "text/plain; charset=utf-8")


@pytest.mark.django_db
def test_a_client_is_told_the_same_in_json() -> None:
    client = Client(raise_request_exception=False)
    with connection.execute_wrapper(Cut()):
        answer = client.get("/api/v1/feedback", headers={"X-Log10-Token": "gb_some"})
        elsewhere = client.get("/readyz")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json() == {"error": AWAY.words}
    assert (elsewhere.status_code, elsewhere.json()["database"]) == (503, "not reachable")
