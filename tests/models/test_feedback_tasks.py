"""What the database refuses of feedback tasks."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.models import rows

pytestmark = pytest.mark.django_db


def _same_over_there() -> None:
    rows.again(rows.pulled_feedback_task(), uid="another")


BREAKS: dict[str, Callable[[], Any]] = {
    "feedback_task_uid": lambda: rows.again(rows.feedback_task()),
    "feedback_task_upstream_uid": _same_over_there,
    "feedback_task_link_whole": lambda: rows.change(rows.pulled_feedback_task(), upstream_uid=""),
    "feedback_task_named": lambda: rows.change(rows.feedback_task(), name=""),
    "feedback_task_tag_once": lambda: rows.again(rows.feedback_task_tag()),
    "feedback_task_revision_number": lambda: rows.again(rows.feedback_task_revision()),
    "feedback_task_revision_from_one": lambda: rows.change(rows.feedback_task_revision(), number=0),
}


@pytest.mark.parametrize("name", BREAKS)
def test_it_is_refused_by_the_database(name: str) -> None:
    with rows.refused(name):
        BREAKS[name]()


def test_it_is_pulled_only_from_an_upstream() -> None:
    with rows.refused("feedback_task_link_whole"):
        rows.change(rows.feedback_task(), pulled=True)


def test_it_is_linked_when_its_feedback_can_be_pushed() -> None:
    assert rows.pulled_feedback_task().linked
    assert not rows.feedback_task().linked
