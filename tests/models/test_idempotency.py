"""What the database refuses of keyed requests."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.models import rows

pytestmark = pytest.mark.django_db

BREAKS: dict[str, Callable[[], Any]] = {
    "keyed_request_once": lambda: rows.again(rows.keyed_request()),
    "keyed_request_key_given": lambda: rows.change(rows.keyed_request(), key=""),
    "keyed_request_answered_whole": lambda: rows.change(rows.keyed_request(), answer=b"x"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_it_is_refused_by_the_database(name: str) -> None:
    with rows.refused(name):
        BREAKS[name]()


@pytest.mark.parametrize("answered", [{"status": 200}, {"status": 404, "answer": b"x"}])
def test_it_keeps_whole_successes_alone(answered: dict[str, Any]) -> None:
    with rows.refused("keyed_request_answered_whole"):
        rows.change(rows.keyed_request(), **answered)
