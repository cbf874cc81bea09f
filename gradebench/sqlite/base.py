"""The backend that settings.py puts in the place of django.db.backends.sqlite3."""

import os
import sqlite3
import threading
from collections import defaultdict

from django.db.backends.sqlite3 import base

# One for each file; a child process that was forked shares none with its parent.
_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
os.register_at_fork(after_in_child=_turns.clear)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, whose transactions take turns among the threads of the process.

    SQLite has one writer at a time. Who finds it at work sleeps and looks again, for longer and longer, up to a tenth
    of a second: with eight writers the file is free most of the time, and the unlucky wait for seconds. A lock wakes
    the next one as soon as the one before has committed. Other processes still find the file held, and wait as SQLite
    does.
    """

    _turn: "threading.Lock | None" = None

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._pass_turn()
            raise

    def _set_autocommit(self, autocommit: bool) -> None:
        # What Django does last of all with a transaction, whether it was committed or rolled back.
        try:
            super()._set_autocommit(autocommit)  # type: ignore[misc]
        finally:
            if autocommit:
                self._pass_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._pass_turn()

    def _take_turn(self) -> None:
        """Wait for it as long as for the file. Raises OperationalError, SQLite's own for a file that is held."""
        if self._turn is not None:
            return
        turn = _turns[str(self.settings_dict["NAME"])]
        if not turn.acquire(timeout=self.settings_dict["OPTIONS"].get("timeout", 5.0)):
            held = sqlite3.OperationalError("database is locked")
            held.sqlite_errorcode, held.sqlite_errorname = sqlite3.SQLITE_BUSY, "SQLITE_BUSY"
            with self.wrap_database_errors:
                raise held
        self._turn = turn

    def _pass_turn(self) -> None:
        turn = self._turn
        self._turn = None
        if turn is not None:
            turn.release()
