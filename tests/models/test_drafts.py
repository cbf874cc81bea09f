"""What the database refuses of drafts."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.models import rows

pytestmark = pytest.mark.django_db

BREAKS: dict[str, Callable[[], Any]] = {"draft_once": lambda: rows.again(rows.draft())}


@pytest.mark.parametrize("name", BREAKS)
def test_it_is_refused_by_the_database(name: str) -> None:
    with rows.refused(name):
        BREAKS[name]()
