"""What pulls set aside, in the admin."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from reviews.models import PullRefusal
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
