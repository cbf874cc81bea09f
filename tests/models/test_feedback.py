"""What the database refuses of feedback."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F

from tests.models import rows

pytestmark = pytest.mark.django_db

BREAKS: dict[str, Callable[[], Any]] = {
    "feedback_uid": lambda: rows.again(rows.feedback(), assignment_id=None, reviewer_id=None, origin="api"),
    "feedback_once_per_assignment": lambda: rows.again(rows.feedback(), uid="another"),
    "feedback_given_by": lambda: rows.change(rows.feedback(), reviewer=None),
    "feedback_not_its_own_correction": lambda: rows.change(rows.feedback(), supersedes=F("id")),
    "feedback_completion_once": lambda: rows.again(rows.feedback_completion()),
}


@pytest.mark.parametrize("name", BREAKS)
def test_it_is_refused_by_the_database(name: str) -> None:
    with rows.refused(name):
        BREAKS[name]()


def test_it_has_no_reviewer_when_it_came_by_api() -> None:
    feedback = rows.feedback()
    with rows.refused("feedback_given_by"):
        rows.change(feedback, origin="api")


def test_it_may_be_corrected_for_the_same_assignment() -> None:
    feedback = rows.feedback()
    rows.again(feedback, uid="correction", supersedes_id=feedback.pk)
    assert feedback.superseded_by.uid == "correction"
