"""Audit events to seal, and the way past what protects them: that of whoever owns the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from reviews.models import AuditEvent, AuditSeal
from reviews.workflow import audit_chain

LONG_AGO = timedelta(days=1)


def events(count: int, *, at: datetime | None = None, **columns: Any) -> list[AuditEvent]:
    """So many, a day old unless told, in the order of their ids."""
    began = at or timezone.now() - LONG_AGO
    said = {"action": "queue.change", "target_type": "queue", "details": "is_open True → False", **columns}
    made = [
        AuditEvent(at=began + timedelta(milliseconds=number), target_id=str(number), **said) for number in range(count)
    ]
    return AuditEvent.objects.bulk_create(made, batch_size=5_000)


def many_events(count: int) -> None:
    """So many, a day old, made by the database itself: a tenth of the time that `events` takes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reviews_auditevent"
            " (at, action, target_type, target_id, before_hash, after_hash, details)"
            " WITH RECURSIVE numbers(number) AS"
            " (SELECT 0 UNION ALL SELECT number + 1 FROM numbers WHERE number < %s)"
            " SELECT %s, 'queue.change', 'queue', CAST(number AS varchar), '', '', 'is_open True' FROM numbers",
            [count - 1, timezone.now() - LONG_AGO],
        )


def seal_all() -> list[AuditSeal]:
    """Seal what is due, as ticks do."""
    made = []
    while (seal := audit_chain.seal(timezone.now())) is not None:
        made.append(seal)
    return made


@contextmanager
def as_owner() -> Iterator[Any]:
    """A cursor that no trigger stops."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        try:
            yield cursor
        finally:
            if connection.vendor == "postgresql":
                cursor.execute("SET session_replication_role = DEFAULT")


def tamper(statement: str, *values: object) -> None:
    """Carry a statement out as the database's owner."""
    with as_owner() as cursor:
        cursor.execute(statement, values)
