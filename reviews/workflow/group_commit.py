"""Group commit: rows that come while another one is being written are written together, in one transaction.

Whoever comes while nobody writes leads: it writes its own row at once, alone. Those that come meanwhile wait; when the
leader is through, the first of them leads, and writes what is waiting by then on its own connection. So nobody waits
for a group to form, a row that comes alone takes no longer than without any of this, and the more come at once, the
fewer transactions there are for each.

A row is answered for only after the commit that it is in. A group that fails leaves nothing behind; then each of its
rows is for its own thread to write (`WriteApart`), so that what is wrong with one is the matter of that one. When the
database itself failed all of them are told, each by an error of its own: to try again apart would have all of them wait
once more.
"""

import copy
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Generic, TypeVar

from django.db import connection

from gradebench import outages

# Of one transaction: others wait for it, and who leads is answered no sooner than those that it writes for.
MOST_ROWS = 32
MOST_BYTES = 1024 * 1024

Row = TypeVar("Row")


class WriteApart(Exception):
    """The group was not written, for a reason that may be that of one row: write yours in a transaction of its own."""


@dataclass(eq=False)
class _Place(Generic[Row]):
    """A row that is written or waits, and what became of it."""

    row: Row
    size: int
    woken: Event = field(default_factory=Event)
    leads: bool = False
    failure: BaseException | None = None


class GroupCommit(Generic[Row]):
    """Writes rows by `write`, which is given one or some and has committed them when it returns."""

    def __init__(self, write: Callable[[Sequence[Row]], None]) -> None:
        self._write = write
        self._lock = Lock()
        self._waiting: deque[_Place[Row]] = deque()
        self._is_led = False

    def write(self, row: Row, size: int) -> None:
        """Write the row, of so many bytes. It is committed when this returns, unless a transaction of the caller's is
        open, which then has it.

        Raises WriteApart, and whatever `write` raises for the row alone.
        """
        if size > MOST_BYTES or connection.in_atomic_block:
            self._write([row])
            return
        mine = _Place(row, size)
        with self._lock:
            if self._is_led:
                self._waiting.append(mine)
            else:
                self._is_led = mine.leads = True
        if not mine.leads:
            self._wait(mine)
        if mine.leads:
            self._lead(mine)
        elif mine.failure is not None:
            raise mine.failure
        else:
            outages.note_written()

    def _wait(self, mine: _Place[Row]) -> None:
        """Until it is written, or leads. Raises WriteApart when its request may wait no longer: then the database says
        so in its own words.
        """
        try:
            if not mine.woken.wait(outages.seconds_left()) and not self._leave(mine):
                mine.woken.wait()
        except BaseException:
            if not self._leave(mine) and mine.leads:
                self._hand_over()
            raise
        if not mine.woken.is_set():
            raise WriteApart

    def _leave(self, mine: _Place[Row]) -> bool:
        """Take it out of those that wait; False when it is being written already, or leads."""
        with self._lock:
            if mine not in self._waiting:
                return False
            self._waiting.remove(mine)
            return True

    def _lead(self, mine: _Place[Row]) -> None:
        others: list[_Place[Row]] = []
        # What they are told when nobody comes to know how it ended.
        failure: BaseException | None = WriteApart()
        try:
            others = self._take(mine.size)
            self._write([mine.row, *(one.row for one in others)])
            failure = None
        except Exception as error:
            if not others:
                raise
            if outages.befalls_all(error):
                failure = error
                raise
            raise WriteApart from error
        finally:
            self._hand_over()
            for one in others:
                one.failure = failure and _copy(failure)
                one.woken.set()

    def _take(self, size: int) -> list[_Place[Row]]:
        """Those that wait, in their order, as many as go into a group with one of this size."""
        taken: list[_Place[Row]] = []
        with self._lock:
            while self._waiting and len(taken) + 1 < MOST_ROWS:
                size += self._waiting[0].size
                if size > MOST_BYTES:
                    break
                taken.append(self._waiting.popleft())
        return taken

    def _hand_over(self) -> None:
        """Let the first that waits lead."""
        with self._lock:
            self._is_led = bool(self._waiting)
            if self._is_led:
                following = self._waiting.popleft()
                following.leads = True
                following.woken.set()


def _copy(error: BaseException) -> BaseException:
    """The same error for another thread: raising it writes into it where it was raised."""
    mine = copy.copy(error)
    mine.__cause__ = error.__cause__
    return mine.with_traceback(error.__traceback__)
