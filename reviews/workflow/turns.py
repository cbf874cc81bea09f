"""Turns: on SQLite the threads of a process that take in completions write one after another.

Whoever waits for SQLite's lock looks now and then whether it is free, at last ten times a second, and finds it taken
again. A thread that waits for its turn is woken when it comes. Others, in this process and beside it, go on looking:
for them there is a pause after whoever took long.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from django.conf import settings
from django.db import connection

# For others, as a part of the time that a transaction took: among writers who take the lock again at once somebody
# would wait for longer than the database is waited for.
PAUSE = 0.1

_one_at_a_time = Lock()


@contextmanager
def turn(*, pause: bool) -> Iterator[None]:
    """Within this no other thread has its turn. Meant to be around a transaction; with a `pause` where it is one of
    many rows.
    """
    # Within a transaction of the caller's the lock is held already: to wait for a turn then would never end.
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    # Who has waited for as long as SQLite would be waited for lets that decide.
    is_mine = _one_at_a_time.acquire(timeout=settings.DATABASE_SECONDS)
    try:
        began = time.monotonic()
        yield
        if pause:
            time.sleep((time.monotonic() - began) * PAUSE)
    finally:
        if is_mine:
            _one_at_a_time.release()
