"""Transactions of one process take turns at the SQLite file, and whoever ends one in any way passes the turn."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.backends.sqlite3 import base

from gradebench import outages
from gradebench.sqlite.base import DatabaseWrapper, _turns
from reviews.models import Organization
from tests import factories

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

WRITERS, ROUNDS = 8, 5


def closing(work: Callable[[], Any]) -> Callable[[], Any]:
    """The same for a thread of its own, which leaves no connection behind."""

    def closed() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return closed


def is_held() -> bool:
    """Whether anybody has the turn."""
    return _turns[str(connection.settings_dict["NAME"])].locked()


def test_the_next_one_asks_for_the_file_when_the_one_before_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    begin = base.DatabaseWrapper._start_transaction_under_autocommit  # type: ignore[attr-defined]

    def noted(self: DatabaseWrapper) -> None:
        begun.append(threading.get_ident())
        begin(self)

    monkeypatch.setattr(base.DatabaseWrapper, "_start_transaction_under_autocommit", noted)
    waits = threading.Event()
    take = DatabaseWrapper._take_turn

    def told(self: DatabaseWrapper) -> None:
        waits.set()
        take(self)

    def write() -> int:
        with transaction.atomic():
            factories.organization("second")
        return threading.get_ident()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        monkeypatch.setattr(DatabaseWrapper, "_take_turn", told)
        second: Future[int] = pool.submit(closing(write))
        assert waits.wait(10)
        # Without the lock it would be at SQLite's door by now.
        time.sleep(0.05)
        assert begun == [threading.get_ident()]
    assert begun == [threading.get_ident(), second.result(10)]
    assert Organization.objects.filter(slug="second").exists()


def test_nothing_is_lost_when_many_write() -> None:
    team = factories.organization("team")
    together = threading.Barrier(WRITERS, timeout=10)

    def write() -> None:
        together.wait()
        for _ in range(ROUNDS):
            with transaction.atomic():
                row = Organization.objects.get(pk=team.pk)
                Organization.objects.filter(pk=team.pk).update(name=f"{row.name}+")

    before = team.name
    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(closing(write)) for _ in range(WRITERS)]:
            done.result(30)
    team.refresh_from_db()
    assert team.name == before + "+" * WRITERS * ROUNDS
    assert not is_held()


def commits() -> None:
    with transaction.atomic(), transaction.atomic():
        assert is_held()


def fails() -> None:
    with transaction.atomic():
        raise ValueError


def is_interrupted() -> None:
    with transaction.atomic():
        raise KeyboardInterrupt


def cannot_commit() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("PRAGMA defer_foreign_keys = ON")
        cursor.execute("INSERT INTO auth_group_permissions (group_id, permission_id) VALUES (4711, 4711)")


def is_cut_off() -> None:
    with transaction.atomic():
        connection.close()


def cannot_begin() -> None:
    with connection.execute_wrapper(_refuse), transaction.atomic():
        pass


def _refuse(*_: object) -> None:
    raise OperationalError


@pytest.mark.parametrize(
    ("ends", "error"),
    [
        (commits, None),
        (fails, ValueError),
        (is_interrupted, KeyboardInterrupt),
        (cannot_commit, IntegrityError),
        (is_cut_off, None),
        (cannot_begin, OperationalError),
    ],
)
def test_the_turn_is_passed_however_a_transaction_ends(
    ends: Callable[[], None], error: type[BaseException] | None
) -> None:
    if error is None:
        ends()
    else:
        with pytest.raises(error):
            ends()
    assert not is_held()
    factories.organization("afterwards")


def test_who_waits_too_long_is_told_what_sqlite_says_of_a_file_that_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)

    def write() -> outages.Outage | None:
        with pytest.raises(OperationalError, match="database is locked") as refused, transaction.atomic():
            pass
        return outages.outage_of(refused.value)

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        assert pool.submit(closing(write)).result(10) == outages.BUSY
    assert not is_held()
