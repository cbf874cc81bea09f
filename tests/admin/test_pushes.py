"""Pushes in the admin."""

import pytest
from django.utils import timezone

from reviews.models import AuditEvent, Push, PushState
from tests import factories
from tests.admin.people import page, site_staff

pytestmark = pytest.mark.django_db


def push_again(push: Push) -> str:
    posted = {"action": "push_again", "_selected_action": [push.pk]}
    response = site_staff().post("/admin/reviews/push/", posted, follow=True)
    push.refresh_from_db()
    return response.content.decode()


def a_push() -> Push:
    """The push of an edit, waiting."""
    organization = factories.organization()
    upstream = factories.upstream(organization)
    feedback_task = factories.feedback_task(organization, upstream=upstream)
    factories.completion(organization, upstream=upstream)
    factories.submit(factories.assignment(feedback_task), answer="It is 43.")
    return Push.objects.get(kind="update")


def test_it_pushes_again_what_needs_attention() -> None:
    push = a_push()
    Push.objects.filter(pk=push.pk).update(state=PushState.ATTENTION, attempts=30)
    assert "On the way again: 1." in push_again(push)
    assert (push.state, push.attempts) == (PushState.WAITING, 0)
    assert AuditEvent.objects.get(action="push.retry").user is not None


def test_it_leaves_others_as_they_are() -> None:
    push = a_push()
    assert "Left as they are: 1." in push_again(push)
    assert not AuditEvent.objects.filter(action="push.retry").exists()


def test_it_pushes_again_what_could_not_be_compared() -> None:
    push = a_push()
    Push.objects.filter(pk=push.pk).update(state=PushState.ABSENT)
    assert "On the way again: 1." in push_again(push)
    assert (push.state, push.unchecked) == (PushState.WAITING, True)


def test_it_says_why_a_grade_that_arrived_is_left() -> None:
    a_push()
    grade = Push.objects.get(kind="feedback")
    Push.objects.filter(pk=grade.pk).update(state=PushState.DELIVERED, delivered_at=timezone.now())
    assert "the upstream would have it twice" in push_again(grade)
    assert grade.state == PushState.DELIVERED


def test_it_shows_what_is_sent() -> None:
    edit = a_push()
    html = page(site_staff(), f"reviews/push/{edit.pk}/change/")
    assert "It is 43." in html
    grade = Push.objects.get(kind="feedback")
    html = page(site_staff(), f"reviews/push/{grade.pk}/change/")
    assert "&quot;score&quot;: 4" in html
    assert edit.completion.uid in html
