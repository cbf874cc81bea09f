"""The time by which leases and claims are given and end: the database's, so that a host whose own clock is wrong agrees
with all others.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

# How long a measured difference is believed. Clocks drift by milliseconds in that time; a step is noticed after it.
MEASURE_EVERY = 30.0

_lock = threading.Lock()
_difference = timedelta(0)
_measured_at: float | None = None


def now() -> datetime:
    """This moment, aware, by the clock of the database server. On SQLite that is the machine's own."""
    if connection.vendor == "sqlite":
        return timezone.now()
    return timezone.now() + _believed()


def _believed() -> timedelta:
    global _difference, _measured_at  # noqa: PLW0603 - one measurement serves all threads of the process
    with _lock:
        # Monotonic: a clock that is set while we run must not decide when it is checked.
        if _measured_at is None or time.monotonic() - _measured_at > MEASURE_EVERY:
            _difference = _measure()
            _measured_at = time.monotonic()
        return _difference


def _measure() -> timedelta:
    """How far the database's clock is ahead of ours, taken in the middle of the question."""
    with connection.cursor() as cursor:
        before = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        (theirs,) = cursor.fetchone()
        after = timezone.now()
    difference: timedelta = theirs.astimezone(UTC) - (before + (after - before) / 2)
    # Below what the question itself takes, a difference says nothing.
    return difference if abs(difference) > after - before else timedelta(0)
