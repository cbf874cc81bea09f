"""What the database refuses of saved views."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.models import rows

pytestmark = pytest.mark.django_db

BREAKS: dict[str, Callable[[], Any]] = {
    "saved_view_once": lambda: rows.again(rows.saved_view()),
    "saved_view_named": lambda: rows.change(rows.saved_view(), name=""),
}


@pytest.mark.parametrize("name", BREAKS)
def test_it_is_refused_by_the_database(name: str) -> None:
    with rows.refused(name):
        BREAKS[name]()
