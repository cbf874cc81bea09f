"""What the database refuses of revisions."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F

from tests.models import rows

pytestmark = pytest.mark.django_db

BREAKS: dict[str, Callable[[], Any]] = {
    "revision_number": lambda: rows.again(rows.revision()),
    "revision_from_one": lambda: rows.change(rows.revision(), number=0),
    "revision_origin": lambda: rows.change(rows.revision(), origin="dream"),
    "revision_changes_something": lambda: rows.change(rows.revision(), result=F("base")),
    "revision_edit_has_author": lambda: rows.change(rows.revision(), author=None),
}


@pytest.mark.parametrize("name", BREAKS)
def test_it_is_refused_by_the_database(name: str) -> None:
    with rows.refused(name):
        BREAKS[name]()
