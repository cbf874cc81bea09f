"""Turns: on SQLite one thread of the process writes at a time, and nobody waits for ever."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from reviews.workflow import turns

SECONDS = 30


@pytest.fixture
def taken() -> Iterator[Event]:
    """Another thread has its turn until this is set."""
    has, over = Event(), Event()

    def take() -> None:
        with turns.turn(pause=False):
            has.set()
            assert over.wait(SECONDS)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(take)
        assert has.wait(SECONDS)
        yield over
        over.set()


def _wait_for_it(order: list[str]) -> None:
    with turns.turn(pause=False):
        order.append("had its turn")


@pytest.mark.django_db(transaction=True)
def test_a_thread_waits_for_its_turn_on_sqlite_alone(taken: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    asked = Event()
    take = turns._one_at_a_time

    class Told:
        def acquire(self, timeout: float) -> bool:
            asked.set()
            return take.acquire(timeout=timeout)

        def release(self) -> None:
            take.release()

    if connection.vendor == "sqlite":
        monkeypatch.setattr(turns, "_one_at_a_time", Told())
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(_wait_for_it, order)
        if connection.vendor == "sqlite":
            assert asked.wait(SECONDS)
        else:
            waits.result(SECONDS)
        order.append("was let go")
        taken.set()
        waits.result(SECONDS)
    assert order[-1] == ("had its turn" if connection.vendor == "sqlite" else "was let go")


@pytest.mark.django_db(transaction=True)
def test_who_has_waited_as_long_as_may_be_goes_on(taken: Event, settings: Settings) -> None:
    settings.DATABASE_SECONDS = 0
    order: list[str] = []
    _wait_for_it(order)
    assert order
    taken.set()


@pytest.mark.django_db(transaction=True)
def test_within_a_transaction_nobody_waits(taken: Event) -> None:
    order: list[str] = []
    with transaction.atomic():
        _wait_for_it(order)
    assert order
