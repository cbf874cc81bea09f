"""What pulls set aside, in the admin."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from reviews.models import AuditEvent, PullRefusal
from reviews.workflow import documents
from tests.admin.people import page, site_staff
from tests.models import rows

pytestmark = pytest.mark.django_db


def a_refusal(uid: str = "c-1", **columns: datetime | None) -> PullRefusal:
    """An item that was set aside a while ago."""
    made = rows.pull_refusal()
    rows.change(made, uid=uid, data=documents.pack(b'{"id":"c-1","kind":7}'), **columns)
    made.refresh_from_db()
    return made


def shown(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S")


def test_it_says_when_one_was_asked_for_again_and_when_taken() -> None:
    asked, taken = timezone.now() - timedelta(hours=2), timezone.now() - timedelta(hours=1)
    a_refusal("c-asked", retry_asked_at=asked)
    a_refusal("c-taken", taken_at=taken)
    html = page(site_staff(), "reviews/pullrefusal/")
    assert shown(asked) in html
    assert shown(taken) in html


def test_it_lists_those_still_set_aside() -> None:
    a_refusal("c-open")
    a_refusal("c-taken", taken_at=timezone.now())
    html = page(site_staff(), "reviews/pullrefusal/?taken_at=0")
    assert "c-open" in html
    assert "c-taken" not in html


def test_it_shows_the_item() -> None:
    made = a_refusal(taken_at=timezone.now())
    html = page(site_staff(), f"reviews/pullrefusal/{made.pk}/change/")
    assert "&quot;kind&quot;: 7" in html
    assert made.taken_at is not None
    assert shown(made.taken_at) in html


def try_again(refusal: PullRefusal) -> str:
    posted = {"action": "try_again", "_selected_action": [refusal.pk]}
    response = site_staff().post("/admin/reviews/pullrefusal/", posted, follow=True)
    refusal.refresh_from_db()
    return response.content.decode()


def test_it_has_one_tried_again_with_the_next_pull() -> None:
    made = a_refusal()
    rows.change(made.upstream, next_pull_at=timezone.now() + timedelta(hours=1))
    assert "Tried again with the next pull: 1." in try_again(made)
    assert made.retry_asked_at is not None
    made.upstream.refresh_from_db()
    assert made.upstream.next_pull_at <= timezone.now()
    assert AuditEvent.objects.get(action="refusal.retry").user is not None


def test_it_leaves_one_that_was_taken_since() -> None:
    made = a_refusal(taken_at=timezone.now())
    assert "These were taken since" in try_again(made)
    assert made.retry_asked_at is None
    assert not AuditEvent.objects.filter(action="refusal.retry").exists()
