"""`migrate` on PostgreSQL beside those who work: one at a time, and no lock is waited for that holds up the others."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import Index

from gradebench import migrating

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
READING = "SELECT count(*) FROM reviews_savedview"


@pytest.fixture
def other() -> Iterator["psycopg.Connection[Any]"]:
    """Somebody else at work in the same database."""
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as held:
        yield held


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "LOCK_SECONDS", 0.05)


def change() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE reviews_savedview IN ACCESS EXCLUSIVE MODE")


def test_it_gives_up_a_lock_that_is_not_to_be_had_and_tries_again(other: "psycopg.Connection[Any]") -> None:
    other.execute(READING)
    said: list[str] = []
    migrating.migrate(connection, change, say=said.append, sleep=lambda _: other.rollback())
    assert said == ["A table is in use; its lock is left to those who wait behind. Trying again."]


def test_it_fails_with_the_databases_words_when_no_try_gets_the_lock(
    other: "psycopg.Connection[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "TRIES", 2)
    other.execute(READING)
    said: list[str] = []
    with pytest.raises(OperationalError, match="lock timeout"):
        migrating.migrate(connection, change, say=said.append, sleep=lambda _: None)
    assert len(said) == 1


def test_it_waits_for_another_that_migrates_and_finds_nothing_left_to_do(
    other: "psycopg.Connection[Any]", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other.execute(f"SELECT pg_advisory_lock({migrating.ADVISORY_LOCK})")
    monkeypatch.setattr(migrating, "PAUSE_SECONDS", 0)
    asked = migrating._ask

    def ask_and_end(connected: Any, function: str) -> bool:
        was_free = asked(connected, function)
        if not was_free:
            other.execute("SELECT pg_advisory_unlock_all()")
        return was_free

    monkeypatch.setattr(migrating, "_ask", ask_and_end)
    call_command("migrate", verbosity=1)
    out, errors = capsys.readouterr()
    assert errors.strip() == "Another process is migrating this database; waiting for it."
    assert "No migrations to apply." in out


def test_an_index_is_made_anew_where_a_run_was_broken_off() -> None:
    state = MigrationLoader(connection).project_state()
    operation = migrating.AddIndexConcurrently("savedview", Index(fields=["query"], name="broken_off"))
    after = state.clone()
    operation.state_forwards("reviews", after)
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX broken_off ON reviews_savedview (name)")
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("reviews", editor, state, after)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'broken_off'")
        assert cursor.fetchone()[0].endswith("(query)")
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards("reviews", editor, after, state)
