"""What the database refuses of jobs and their parts."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.models import rows

pytestmark = pytest.mark.django_db

BREAKS: dict[str, Callable[[], Any]] = {
    "job_kind": lambda: rows.change(rows.job(), kind="dance"),
    "job_state": lambda: rows.change(rows.job(), state="asleep"),
    "job_ended_whole": lambda: rows.change(rows.job(), state="done"),
    "job_failed_because": lambda: rows.change(rows.job(), error="The disk is full."),
    "job_no_more_than_all": lambda: rows.change(rows.job(), total=3, done=4),
    "job_part_once": lambda: rows.again(rows.job_part()),
}


@pytest.mark.parametrize("name", BREAKS)
def test_it_is_refused_by_the_database(name: str) -> None:
    with rows.refused(name):
        BREAKS[name]()
