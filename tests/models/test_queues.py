"""What the database refuses of queues, items and claims."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from reviews.models import Queue
from tests import factories
from tests.models import rows

pytestmark = pytest.mark.django_db


def _place_of_another() -> None:
    claim = rows.assignment()
    rows.again(claim, reviewer_id=factories.reviewer(claim.item.queue.organization).pk)


def _same_reviewer() -> None:
    rows.again(rows.assignment(), place=1, prefetched=True)


def _two_on_screen() -> None:
    claim = rows.assignment()
    queue = claim.item.queue
    factories.completion(queue.organization)
    rows.again(claim, item_id=queue.items.exclude(pk=claim.item_id).get().pk)


BREAKS: dict[str, Callable[[], Any]] = {
    "queue_reviews_per_completion": lambda: rows.change(rows.feedback_task().queue, reviews_per_completion=11),
    "queue_order": lambda: rows.change(rows.feedback_task().queue, order="random"),
    "queue_claim_minutes": lambda: rows.change(rows.feedback_task().queue, claim_minutes=0),
    "queue_reviewer_once": lambda: rows.again(rows.queue_reviewer()),
    "queue_item_once": lambda: rows.again(rows.item()),
    "queue_item_state": lambda: rows.change(rows.item(), state="lost", closed_at=timezone.now()),
    "queue_item_places": lambda: rows.change(rows.item(), places_taken=2),
    "queue_item_reviews": lambda: rows.change(rows.item(), reviews_done=2),
    "queue_item_closed_whole": lambda: rows.change(rows.item(), state="done"),
    "queue_item_flag_whole": lambda: rows.change(rows.item(), flagged_at=timezone.now()),
    "assignment_state": lambda: rows.change(rows.assignment(), state="lost", ended_at=timezone.now()),
    "assignment_place_once": _place_of_another,
    "assignment_reviewer_once": _same_reviewer,
    "assignment_one_on_screen": _two_on_screen,
    "assignment_ended_whole": lambda: rows.change(rows.assignment(), state="done"),
    "assignment_claim_has_time": lambda: rows.change(rows.assignment(), held_until=F("claimed_at")),
    "assignment_only_ended_requeued": lambda: rows.change(rows.assignment(), requeued_at=timezone.now()),
    "claim_event_change": lambda: rows.change(rows.claim_event(), change="lost"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_it_is_refused_by_the_database(name: str) -> None:
    with rows.refused(name):
        BREAKS[name]()


def test_it_is_not_closed_while_open() -> None:
    item = rows.item()
    with rows.refused("queue_item_closed_whole"):
        rows.change(item, closed_at=timezone.now())


def test_it_lets_a_place_be_taken_again_when_a_claim_has_ended() -> None:
    claim = rows.assignment()
    rows.change(claim, state="expired", ended_at=timezone.now())
    rows.again(claim, reviewer_id=factories.reviewer(claim.item.queue.organization).pk)
    assert claim.item.assignments.count() == 2


def test_a_queue_for_everyone_is_seen_by_members_alone() -> None:
    queue = rows.feedback_task().queue
    stranger = factories.reviewer(factories.organization())
    assert queue in Queue.objects.visible_to(factories.reviewer(queue.organization))
    assert queue not in Queue.objects.visible_to(stranger)


def test_a_queue_with_reviewers_is_seen_by_them_alone() -> None:
    assigned = rows.queue_reviewer()
    rows.change(assigned.queue, everyone=False)
    colleague = factories.reviewer(assigned.queue.organization)
    assert assigned.queue in Queue.objects.visible_to(assigned.user)
    assert assigned.queue not in Queue.objects.visible_to(colleague)


def test_a_closed_queue_is_seen_by_nobody() -> None:
    queue = factories.feedback_task(factories.organization(), is_open=False).queue
    assert not Queue.objects.visible_to(factories.reviewer(queue.organization)).exists()
