"""Queues in the admin."""

from typing import Any

import pytest

from reviews.models import AuditEvent, Queue, QueueItem
from tests import factories
from tests.admin.people import page, site_staff

pytestmark = pytest.mark.django_db


def posted(**changed: Any) -> dict[str, Any]:
    """What the browser posts for a queue that is open to everyone."""
    inline = {"queue_reviewers-TOTAL_FORMS": "1", "queue_reviewers-INITIAL_FORMS": "0", "queue_reviewers-0-user": ""}
    columns = {"is_open": "on", "everyone": "on", "blind": "on", "claim_minutes": 15, "reviews_per_completion": 1}
    return {**inline, **columns, "order": "oldest", **changed}


def save(queue: Queue, **changed: Any) -> int:
    status = site_staff().post(f"/admin/reviews/queue/{queue.pk}/change/", posted(**changed)).status_code
    queue.refresh_from_db()
    return status


def test_it_changes_a_queue_and_says_what() -> None:
    queue = factories.feedback_task(factories.organization()).queue
    assert save(queue, reviews_per_completion=3, order="newest") == 302
    assert (queue.reviews_per_completion, queue.order) == (3, "newest")
    said = AuditEvent.objects.get(action="queue.change").details
    assert said == "reviews_per_completion 1 → 3, order oldest → newest"


def test_open_items_follow_as_on_the_page_of_the_leads() -> None:
    queue = factories.feedback_task(factories.organization()).queue
    factories.completion(queue.organization)
    assert save(queue, reviews_per_completion=3) == 302
    assert QueueItem.objects.get().reviews_needed == 3


def test_it_refuses_more_reviews_than_there_may_be() -> None:
    queue = factories.feedback_task(factories.organization()).queue
    assert save(queue, reviews_per_completion=11) == 200
    assert queue.reviews_per_completion == 1


def test_it_assigns_a_reviewer() -> None:
    queue = factories.feedback_task(factories.organization()).queue
    user = factories.member(queue.organization, username="mira").user
    assert save(queue, **{"queue_reviewers-0-user": user.pk}) == 302
    assert list(queue.reviewers.all()) == [user]
    assert AuditEvent.objects.get(action="queue.reviewers").details == "mira"


def test_it_offers_members_of_its_organization_alone() -> None:
    queue = factories.feedback_task(factories.organization()).queue
    stranger = factories.member(factories.organization(), username="stranger").user
    assert "stranger" not in page(site_staff(), f"reviews/queue/{queue.pk}/change/")
    assert save(queue, **{"queue_reviewers-0-user": stranger.pk}) == 200
    assert not queue.reviewers.exists()
