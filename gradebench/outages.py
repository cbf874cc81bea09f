"""When the database fails a request: what happened, in words that stay true, and how long a request waits for it."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from traceback import walk_tb
from typing import Any

from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from gradebench import measures

WRITING = ("INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True)
class Outage:
    """An answer to a request that the database failed. `retry_after` is in seconds.

    503 says that nothing was written, and a GradeBench that pushes here relies on it. What may have been written is
    a 500.
    """

    title: str
    words: str
    status: int = 503
    retry_after: int = 5
    kind: str = "other"


AWAY = Outage(
    "The database does not answer",
    "GradeBench cannot reach its database just now. Nothing of this request was written. Try again in a few seconds.",
    kind="away",
)
BUSY = Outage(
    "The database is busy",
    "Something else kept the database for longer than GradeBench waits for it. Nothing of this request was written. "
    "Try again in a few seconds.",
    kind="busy",
)
FULL = Outage(
    "There is no room to write",
    "The disk that GradeBench keeps its data on is full or refuses to write. Nothing of this request was written; "
    "what is there can still be read. Try again once there is room.",
    retry_after=30,
    kind="full",
)
DOUBT = Outage(
    "The database went away in the middle",
    "The database failed before GradeBench had finished, so this request may have been written in part or whole. "
    "Look first, and send it again only if it is not there.",
    status=500,
    kind="doubt",
)

# The rest of what SQLite calls an operational error speaks of the program: no such table, a wrong statement.
_SQLITE = {
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: FULL,
    sqlite3.SQLITE_READONLY: FULL,
    sqlite3.SQLITE_CANTOPEN: AWAY,
    sqlite3.SQLITE_PERM: AWAY,
}
_POSTGRESQL = {
    "40001": BUSY,  # serialization failure
    "40P01": BUSY,  # deadlock
    "55P03": BUSY,  # lock not available
    "57014": BUSY,  # statement timeout
    "53300": BUSY,  # too many connections
    "53100": FULL,  # disk full
    "25006": AWAY,  # read-only: a replica answers where the primary stood
}
# Connection, read-only, resources, locks, intervention: classes that speak of the server, none of a row.
_OF_ALL = ("08", "25", "53", "55", "57")


def outage_of(error: BaseException | None) -> Outage | None:
    """What to answer when `error` ended a request; None when it is a fault of the program's, not an outage."""
    if not isinstance(error, Error):
        return None
    outage = _kind(error)
    if outage is None:
        return None
    watch = _watch.get()
    written = watch is not None and watch.may_have_written
    found = DOUBT if written or (outage is AWAY and _was_committing(error)) else outage
    measures.OUTAGES.labels(found.kind).inc()
    return found


def befalls_all(error: BaseException) -> bool:
    """Whether the database failed, and not what was written: any other statement would have met the same just then."""
    if isinstance(error.__cause__, sqlite3.Error):
        return isinstance(error, Error) and _kind(error) is not None
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, OperationalError | InterfaceError) and (state is None or state[:2] in _OF_ALL)


def _kind(error: Error) -> Outage | None:
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        # The lowest byte is the kind of error, the others its detail; errors of the binding have no code at all.
        return _SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    known = _POSTGRESQL.get(getattr(cause, "sqlstate", None) or "")
    return known or (AWAY if isinstance(error, OperationalError | InterfaceError) else None)


def _was_committing(error: Error) -> bool:
    """A connection that is cut during COMMIT leaves open whether the transaction is there."""
    return any(frame.f_code.co_name == "_commit" for frame, _ in walk_tb(error.__traceback__))


# A request under watch --------------------------------------------------------------------------------------------


@dataclass
class _Watch:
    """Until when (time.monotonic) a request waits for the database, and whether it may have written."""

    until: float
    may_have_written: bool = False

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Mapping[str, Any]
    ) -> Any:
        """Run one statement, and note when what it writes is committed."""
        if not sql.startswith(WRITING):
            return execute(sql, params, many, context)
        try:
            done = execute(sql, params, many, context)
        except Error as error:
            # Outside of a transaction a statement is its own COMMIT.
            if not context["connection"].in_atomic_block and _kind(error) is AWAY:
                self.may_have_written = True
            raise
        context["connection"].on_commit(self._note)
        return done

    def _note(self) -> None:
        self.may_have_written = True


_watch: ContextVar[_Watch | None] = ContextVar("watch", default=None)


def note_written() -> None:
    """Something of the request that runs was committed for it by another thread."""
    watch = _watch.get()
    if watch is not None:
        watch.may_have_written = True


def seconds_left() -> float | None:
    """How long the request that runs may still wait for the database; None outside of requests, which wait for ever.

    PostgreSQL is asked to keep to it, see gradebench.postgresql; SQLite has a time limit of its own per statement.
    """
    watch = _watch.get()
    return None if watch is None else max(0.0, watch.until - time.monotonic())


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Within this the database is waited for no longer than that, in all."""
    watch = _Watch(time.monotonic() + seconds)
    token = _watch.set(watch)
    try:
        with connection.execute_wrapper(watch):
            yield
    finally:
        _watch.reset(token)


def middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Watch every request: a thread that waits for a database for ever is lost to all others."""

    def watched(request: HttpRequest) -> HttpResponseBase:
        with waiting_at_most(settings.DATABASE_SECONDS):
            return get_response(request)

    return watched
