"""The backend that settings.py puts in the place of django.db.backends.postgresql."""

import math
from typing import Any, TypeVar

import psycopg
from django.db.backends.postgresql import base, operations
from django.db.backends.utils import CursorWrapper
from psycopg.abc import PQGen

from gradebench import outages

T = TypeVar("T")
# Statements whose plan the server keeps for a connection; the hot paths have some sixty.
MOST_KEPT = 200


class Connection(psycopg.Connection[Any]):
    """One that is given up when a request has waited for its answers as long as it may.

    A server that was stopped, or a network that swallows packets, keeps connections open and says nothing; the time
    limits that PostgreSQL has are the server's own to keep.
    """

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """As psycopg's, within the request's time. Raises psycopg.OperationalError."""
        left = outages.seconds_left()
        if left is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, left)
        except psycopg.OperationalError:
            # What the server may still say on it would be taken for the answer to the next question.
            if outages.seconds_left() == 0:
                self.pgconn.finish()
            raise


class DatabaseOperations(operations.DatabaseOperations):
    """Django's, which would not know what a statement said whose values were sent apart from it."""

    def last_executed_query(self, cursor: Any, sql: str, params: Any) -> str:
        """The statement with its values, for whoever lists what was asked."""
        if isinstance(cursor, psycopg.ClientCursor):
            return super().last_executed_query(cursor, sql, params)
        return str(self.compose_sql(sql, params))


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, but for the class of its connections, and cursors for what is asked again and again."""

    ops_class = DatabaseOperations

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that keeps to the request's time, as does the making of it."""
        left = outages.seconds_left()
        if left is not None:
            conn_params = {**conn_params, "connect_timeout": _seconds(conn_params["connect_timeout"], left)}
        connection: Any = super().get_new_connection(conn_params)
        connection.__class__ = Connection
        connection.prepared_max = MOST_KEPT
        return connection

    def repeating_cursor(self) -> CursorWrapper:
        """A cursor for statements that come again and again: the server is sent each once, and keeps its plan."""
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            cursor: CursorWrapper = self._prepare_cursor(base.ServerBindingCursor(self.connection))  # type: ignore[call-arg, attr-defined]
            return cursor


def _seconds(allowed: float | str, left: float) -> int:
    """The shorter of two times as PostgreSQL wants it: in whole seconds, of which 0 would be for ever."""
    return max(1, math.ceil(min(float(allowed) or left, left)))
