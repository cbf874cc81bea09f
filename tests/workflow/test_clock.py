"""The clock that all processes share."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from reviews.workflow import clock

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_measured_at", None)
    monkeypatch.setattr(clock, "_difference", timedelta(0))


def test_it_is_about_now_and_aware() -> None:
    assert clock.now().tzinfo is not None
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.postgres
@pytest.mark.parametrize("hours", [-1, 1])
def test_it_is_the_databases_when_ours_is_wrong(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(hours=hours))
    assert abs(clock.now() - right()) < timedelta(seconds=5)


@pytest.mark.postgres
def test_it_asks_the_database_once_in_a_while() -> None:
    clock.now()
    with connection.execute_wrapper(_refuse):
        assert clock.now() <= clock.now()


def _refuse(*_: object) -> None:
    raise AssertionError("The database was asked again.")
