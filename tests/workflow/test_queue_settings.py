"""Setting a queue: what changes, what follows, who is told."""

from dataclasses import replace
from typing import Any

import pytest

from reviews.models import AuditEvent, Completion, FeedbackTask, ItemState, Order, Queue, QueueItem, User
from reviews.workflow import queue_items, queue_settings, queues
from reviews.workflow.audit import SYSTEM, Actor
from reviews.workflow.queue_settings import Changed, Overtaken, SettingsRefused, settings_of
from tests import factories

pytestmark = pytest.mark.django_db


def _filled(items: int = 3, **queue: Any) -> FeedbackTask:
    wanted = factories.feedback_task(factories.organization(), **queue)
    for _ in range(items):
        factories.completion(wanted.organization)
    return wanted


def _set(queue: Queue, actor: Actor = SYSTEM, **changed: Any) -> Changed:
    queue.refresh_from_db()
    return queue_settings.change(queue, replace(settings_of(queue), **changed), actor=actor)


def _needed() -> list[int]:
    return list(QueueItem.objects.order_by("pk").values_list("reviews_needed", flat=True))


# What is set -----------------------------------------------------------------------------------------------------


def test_it_sets_everything_and_says_so_in_the_audit() -> None:
    queue = _filled().queue
    lead, mira = factories.member(queue.organization, role="lead").user, factories.reviewer(queue.organization)
    done = _set(
        queue,
        Actor(user=lead),
        name="Tone of voice",
        is_open=False,
        everyone=False,
        reviewer_ids=frozenset({mira.pk}),
        blind=False,
        claim_minutes=30,
    )
    assert done.names == ("name", "is_open", "everyone", "blind", "claim_minutes", "reviewers")
    queue.refresh_from_db()
    assert (queue.name, queue.is_open, queue.everyone, queue.blind, queue.claim_minutes) == (
        "Tone of voice",
        False,
        False,
        False,
        30,
    )
    assert list(queue.reviewers.all()) == [mira]
    event = AuditEvent.objects.get(action="queue.change")
    assert event.user == lead
    assert "is_open True → False" in event.details
    assert AuditEvent.objects.get(action="queue.reviewers").details == mira.username


def test_nothing_is_written_when_nothing_changes() -> None:
    queue = _filled().queue
    assert _set(queue) == Changed()
    assert not AuditEvent.objects.filter(action__startswith="queue.").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("name", "x" * 256),
        ("name", "a\x00"),
        ("reviews_per_completion", 0),
        ("reviews_per_completion", 11),
        ("claim_minutes", 0),
        ("claim_minutes", 1_441),
        ("order", "random"),
    ],
)
def test_it_refuses_what_cannot_be(name: str, value: Any) -> None:
    queue = _filled().queue
    with pytest.raises(SettingsRefused) as refused:
        _set(queue, **{name: value})
    assert refused.value.name == name


def test_only_members_are_chosen() -> None:
    queue = _filled().queue
    stranger = factories.reviewer(factories.organization())
    with pytest.raises(SettingsRefused, match="Only members"):
        _set(queue, reviewer_ids=frozenset({stranger.pk}))


def test_the_second_of_two_leads_is_told() -> None:
    queue = _filled().queue
    seen = settings_of(queue)
    _set(queue, claim_minutes=30)
    with pytest.raises(Overtaken) as overtaken:
        queue_settings.change(queue, replace(seen, order="newest"), seen=seen, actor=SYSTEM)
    assert overtaken.value.now == replace(seen, claim_minutes=30)
    queue.refresh_from_db()
    assert queue.order == "oldest"


# Reviews per completion ------------------------------------------------------------------------------------------


def test_open_items_follow_when_it_is_raised_and_done_ones_stay() -> None:
    wanted = _filled(3)
    factories.submit(factories.assignment(wanted))
    done = _set(wanted.queue, reviews_per_completion=2)
    assert (done.followed, done.closed) == (2, 0)
    assert _needed() == [1, 2, 2]
    assert QueueItem.objects.filter(state=ItemState.DONE).count() == 1


def test_lowering_never_takes_a_place_that_somebody_has() -> None:
    wanted = _filled(1, reviews_per_completion=1)
    _set(wanted.queue, reviews_per_completion=3)
    holders = [factories.assignment(wanted) for _ in range(2)]
    _set(wanted.queue, reviews_per_completion=1)
    assert _needed() == [2]
    assert queues.claim_next(wanted.queue, reviewer=factories.reviewer(wanted.organization)) is None
    for claim in holders:
        factories.submit(claim)
    item = QueueItem.objects.get()
    assert (item.state, item.reviews_done) == (ItemState.DONE, 2)


def test_lowering_closes_what_has_all_its_reviews() -> None:
    wanted = _filled(1, reviews_per_completion=2)
    factories.submit(factories.assignment(wanted))
    done = _set(wanted.queue, reviews_per_completion=1)
    assert (done.followed, done.closed) == (1, 1)
    assert QueueItem.objects.get().state == ItemState.DONE


def test_what_was_reopened_keeps_its_one_more_review() -> None:
    wanted = _filled(1, reviews_per_completion=2)
    for _ in range(2):
        factories.submit(factories.assignment(wanted))
    queue_items.reopen(QueueItem.objects.select_related("queue__organization").get(), actor=SYSTEM)
    assert _set(wanted.queue, reviews_per_completion=1).closed == 0
    assert _needed() == [3]


def test_what_no_longer_counts_is_not_counted() -> None:
    wanted = _filled(1)
    claim = factories.assignment(wanted)
    factories.submit(claim)
    queues.review_again(claim.pk)
    _set(wanted.queue, reviews_per_completion=2)
    assert _needed() == [3]


# Order -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", Order.values)
def test_open_items_are_put_into_another_order(order: str) -> None:
    wanted = _filled(4)
    for number, completion in enumerate(Completion.objects.order_by("pk")[:3]):
        low = 0.9 - number / 10
        Completion.objects.filter(pk=completion.pk).update(confidence_low=low, confidence_mean=0.95, uncertain_tokens=0)
    Queue.objects.update(order=next(name for name in Order.values if name != order))
    assert _set(wanted.queue, order=order).sorted == 4
    for item in QueueItem.objects.select_related("queue", "completion"):
        assert item.sort_key == pytest.approx(queues.sort_key(item.queue, item.completion), abs=0.001)


# Pause, and who reviews ------------------------------------------------------------------------------------------


def test_nothing_is_offered_of_a_paused_queue_and_who_holds_an_item_finishes() -> None:
    wanted = _filled(2)
    claim = factories.assignment(wanted)
    _set(wanted.queue, is_open=False)
    assert queues.claim_next(wanted.queue, reviewer=factories.reviewer(wanted.organization)) is None
    factories.submit(claim)
    assert queues.claim_next(wanted.queue, reviewer=claim.reviewer) is None
    _set(wanted.queue, is_open=True)
    assert queues.claim_next(wanted.queue, reviewer=claim.reviewer) is not None


def test_nothing_is_offered_to_who_is_not_chosen() -> None:
    wanted = _filled(2)
    mira, noor = (factories.reviewer(wanted.organization) for _ in range(2))
    _set(wanted.queue, everyone=False, reviewer_ids=frozenset({mira.pk}))
    assert _claims(wanted.queue, noor) is False
    assert _claims(wanted.queue, mira) is True


def _claims(queue: Queue, reviewer: User) -> bool:
    return queues.claim_next(queue, reviewer=reviewer) is not None
