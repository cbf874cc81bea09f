"""Migrations that run while the version before them does: nothing here keeps a writer waiting for long.

On PostgreSQL an index is made beside the writing. A table is changed under a lock that is waited for only a moment: who
waits for it holds up everybody behind him, long before he has it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.postgres import operations
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddIndex, RemoveIndex
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

LOCK_SECONDS = 2
TRIES = 30
PAUSE_SECONDS = 2.0
# Of PostgreSQL's advisory locks, the one that says: I migrate.
ADVISORY_LOCK = 7_026_105
# What ends a try and not the whole: the lock was not to be had, or two waited for each other.
PASSING = ("55P03", "40P01")


class _Beside(Operation):
    """An operation on an index, made beside the writing on PostgreSQL, and as ever on SQLite, which has one writer.

    The migration says `atomic = False`.
    """

    beside: type[Operation]
    plain: type[Operation]

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Forwards, waiting for those who write as long as need be: they do not wait for it."""
        self._run("database_forwards", app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Backwards likewise."""
        self._run("database_backwards", app_label, schema_editor, from_state, to_state)

    def _run(self, way: str, app_label: str, schema_editor: BaseDatabaseSchemaEditor, *states: ProjectState) -> None:
        if schema_editor.connection.vendor == "postgresql":
            with _patient(schema_editor.connection):
                getattr(self.beside, way)(self, app_label, schema_editor, *states)
        else:
            getattr(self.plain, way)(self, app_label, schema_editor, *states)


class AddIndexConcurrently(_Beside, operations.AddIndexConcurrently):
    """An index for a table that has rows. What a run that was broken off left of it is removed first."""

    beside = operations.AddIndexConcurrently
    plain = AddIndex

    def _run(self, way: str, app_label: str, schema_editor: BaseDatabaseSchemaEditor, *states: ProjectState) -> None:
        if way == "database_forwards" and schema_editor.connection.vendor == "postgresql":
            with _patient(schema_editor.connection):
                schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
        super()._run(way, app_label, schema_editor, *states)


class RemoveIndexConcurrently(_Beside, operations.RemoveIndexConcurrently):
    """An index that a table with rows needs no more."""

    beside = operations.RemoveIndexConcurrently
    plain = RemoveIndex


@contextmanager
def _patient(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Within this a lock is waited for without a limit: for what holds up nobody meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        [before] = cursor.fetchone()
        cursor.execute("SET lock_timeout = 0")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [before])


def migrate(
    connection: BaseDatabaseWrapper,
    run: Callable[[], Any],
    *,
    say: Callable[[str], object],
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Run the migrations, alone, giving up each lock that is not to be had within two seconds and trying again.

    What was migrated before the lock stays migrated. Raises OperationalError after the last try.
    """
    if connection.vendor != "postgresql":
        run()
        return
    with _alone(connection, say=say, sleep=sleep):
        for tries_left in reversed(range(TRIES)):
            with connection.cursor() as cursor:
                cursor.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
            try:
                run()
                break
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", None) not in PASSING or not tries_left:
                    raise
                say("A table is in use; its lock is left to those who wait behind. Trying again.")
                sleep(PAUSE_SECONDS)
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


@contextmanager
def _alone(
    connection: BaseDatabaseWrapper, *, say: Callable[[str], object], sleep: Callable[[float], object]
) -> Iterator[None]:
    """Within this no other process migrates this database; the lock goes with the connection."""
    is_waiting = False
    while not _ask(connection, "pg_try_advisory_lock"):
        # Asked again and again: who stood in line would be a transaction that an index made beside it waits for.
        if not is_waiting:
            say("Another process is migrating this database; waiting for it.")
        is_waiting = True
        sleep(PAUSE_SECONDS)
    try:
        yield
    finally:
        if connection.connection is not None:
            _ask(connection, "pg_advisory_unlock")


def _ask(connection: BaseDatabaseWrapper, function: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({ADVISORY_LOCK})")
        return bool(cursor.fetchone()[0])
