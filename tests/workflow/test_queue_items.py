"""What a lead does with single items: flags, requeue, reopen, close, take back."""

from datetime import datetime

import pytest

from reviews.models import (
    Assignment,
    AssignmentState,
    AuditEvent,
    ClaimEvent,
    Feedback,
    ItemState,
    QueueItem,
    User,
)
from reviews.workflow import claim_news, ingest, queue_items, queues, stats
from reviews.workflow.audit import Actor
from reviews.workflow.claim_news import Kind
from reviews.workflow.queue_items import NotSo
from reviews.workflow.queues import ClaimLost
from tests import factories

pytestmark = pytest.mark.django_db


def _flagged() -> tuple[QueueItem, Assignment, User]:
    """An item that a reviewer flagged, her claim, and a lead."""
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    claim = factories.assignment(wanted)
    queues.flag(claim, reason="Names a customer.", actor=Actor(user=claim.reviewer))
    lead = factories.member(wanted.organization, role="lead").user
    return QueueItem.objects.select_related("queue__organization", "completion").get(), claim, lead


def _audited(action: str, by: User) -> bool:
    return AuditEvent.objects.get(action=action).user == by


# Flags -----------------------------------------------------------------------------------------------------------


def test_a_flagged_item_waits_for_a_lead() -> None:
    item, _, _ = _flagged()
    other = factories.reviewer(item.queue.organization)
    assert queues.claim_next(item.queue, reviewer=other) is None
    counts = stats.count_items([item.queue])[item.queue_id]
    assert (counts.free, counts.flagged, counts.total) == (0, 1, 1)


def test_it_goes_back_to_the_queue_and_to_who_skipped_it() -> None:
    item, claim, lead = _flagged()
    queue_items.unflag(item, actor=Actor(user=lead))
    item.refresh_from_db()
    assert (item.flagged_at, item.flagged_by, item.flag_reason) == (None, None, "")
    again = queues.claim_next(item.queue, reviewer=claim.reviewer)
    assert again is not None
    assert again.item_id == item.pk
    assert _audited("item.unflag", lead)


def test_a_flag_is_dealt_with_once() -> None:
    item, _, lead = _flagged()
    queue_items.unflag(item, actor=Actor(user=lead))
    with pytest.raises(NotSo):
        queue_items.unflag(item, actor=Actor(user=lead))
    assert AuditEvent.objects.filter(action="item.unflag").count() == 1


def test_it_is_closed_with_a_reason() -> None:
    item, _, lead = _flagged()
    queue_items.close(item, reason="x" * 500, actor=Actor(user=lead))
    item.refresh_from_db()
    assert (item.state, item.flagged_at, item.closed_because[:18]) == (ItemState.WITHDRAWN, None, "closed by a lead: ")
    assert _audited("item.close", lead)
    with pytest.raises(NotSo):
        queue_items.close(item, reason="Again.", actor=Actor(user=lead))


def test_what_a_lead_closed_stays_closed_when_the_completion_comes_again() -> None:
    item, _, lead = _flagged()
    queue_items.close(item, reason="A test.", actor=Actor(user=lead))
    ingest.receive(item.queue.organization, item.completion.uid, factories.document(answer="Other."))
    item.refresh_from_db()
    assert item.state == ItemState.WITHDRAWN


def test_who_holds_it_is_told_that_it_was_closed() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    claim = factories.assignment(wanted)
    lead = factories.member(wanted.organization, role="lead").user
    queue_items.close(claim.item, reason="A test.", actor=Actor(user=lead))
    claim = Assignment.objects.select_related("item__completion").get(pk=claim.pk)
    news = claim_news.news_of(claim, seen_id=claim.item.completion.current_id)
    assert (claim.state, claim.item.places_taken) == (AssignmentState.RELEASED, 0)
    assert news is not None
    assert (news.kind, news.why) == (Kind.GONE, "closed by a lead: A test.")
    with pytest.raises(ClaimLost, match=r"left the queue: closed by a lead: A test\.$"):
        factories.submit(claim)


def test_a_lead_grades_it_herself_and_that_answers_the_flag() -> None:
    item, _, lead = _flagged()
    claim = queue_items.take(item, reviewer=lead, actor=Actor(user=lead))
    assert claim.item_id == item.pk
    assert QueueItem.objects.flagged().exists()
    factories.submit(claim)
    item.refresh_from_db()
    assert (item.state, item.flagged_at) == (ItemState.DONE, None)
    assert _audited("item.take", lead)


def test_a_lead_grades_what_she_flagged_herself() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    lead = factories.member(wanted.organization, role="lead").user
    first = factories.assignment(wanted, reviewer=lead)
    queues.flag(first, reason="Later.", actor=Actor(user=lead))
    again = queue_items.take(QueueItem.objects.get(), reviewer=lead, actor=Actor(user=lead))
    assert again.state == AssignmentState.HELD


def test_it_is_not_taken_from_those_who_hold_all_of_it() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    claim = factories.assignment(wanted)
    lead = factories.member(wanted.organization, role="lead").user
    with pytest.raises(ClaimLost, match="Others hold"):
        queue_items.take(claim.item, reviewer=lead, actor=Actor(user=lead))
    assert not AuditEvent.objects.filter(action="item.take").exists()


def test_a_second_reviewer_does_not_answer_a_flag() -> None:
    wanted = factories.feedback_task(factories.organization(), reviews_per_completion=2)
    factories.completion(wanted.organization)
    first, second = factories.assignment(wanted), factories.assignment(wanted)
    queues.flag(first, reason="Odd.", actor=Actor(user=first.reviewer))
    factories.submit(second)
    assert QueueItem.objects.get().flag_reason == "Odd."


def test_flags_are_paged_the_oldest_first() -> None:
    wanted = factories.feedback_task(factories.organization())
    for _ in range(5):
        factories.completion(wanted.organization)
    for _ in range(5):
        claim = factories.assignment(wanted)
        queues.flag(claim, reason="Odd.", actor=Actor(user=claim.reviewer))
    # Two of one moment: the id decides.
    moment = QueueItem.objects.order_by("flagged_at").values_list("flagged_at", flat=True)[1]
    QueueItem.objects.filter(pk__in=QueueItem.objects.order_by("flagged_at")[1:3].values("pk")).update(
        flagged_at=moment
    )
    seen: list[int] = []
    after: tuple[datetime, int] | None = None
    while True:
        found = queue_items.flagged([wanted.queue.pk], most=2, after=after)
        seen += [item.pk for item in found.items]
        if not found.more:
            break
        last = found.items[-1]
        assert last.flagged_at is not None
        after = (last.flagged_at, last.pk)
    assert seen == list(QueueItem.objects.order_by("flagged_at", "pk").values_list("pk", flat=True))
    assert queue_items.count_flagged([wanted.organization_id], most=3) == 4
    assert queue_items.count_flagged([], most=3) == 0


# Requeue and reopen ----------------------------------------------------------------------------------------------


def test_it_is_offered_again_to_who_skipped_it() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    claim = factories.assignment(wanted)
    queues.skip(claim)
    assert queues.claim_next(wanted.queue, reviewer=claim.reviewer) is None
    lead = factories.member(wanted.organization, role="lead").user
    queue_items.requeue(claim.item, actor=Actor(user=lead))
    assert queues.claim_next(wanted.queue, reviewer=claim.reviewer) is not None
    assert _audited("item.requeue", lead)
    with pytest.raises(NotSo):
        queue_items.requeue(claim.item, actor=Actor(user=lead))


def test_what_is_done_is_offered_for_one_more_review_by_somebody_else() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    claim = factories.assignment(wanted)
    factories.submit(claim)
    lead = factories.member(wanted.organization, role="lead").user
    queue_items.reopen(claim.item, actor=Actor(user=lead))
    assert queues.claim_next(wanted.queue, reviewer=claim.reviewer) is None
    factories.submit(factories.assignment(wanted))
    item = QueueItem.objects.get()
    assert (item.state, item.reviews_done, item.reviews_needed) == (ItemState.DONE, 2, 2)
    assert Feedback.objects.count() == 2
    assert _audited("item.reopen", lead)


def test_what_was_closed_is_opened_again() -> None:
    item, _, lead = _flagged()
    queue_items.close(item, reason="A test.", actor=Actor(user=lead))
    queue_items.reopen(item, actor=Actor(user=lead))
    item.refresh_from_db()
    assert (item.state, item.closed_because, item.reviews_needed) == (ItemState.OPEN, "", 1)
    with pytest.raises(NotSo):
        queue_items.reopen(item, actor=Actor(user=lead))


def test_a_claim_is_taken_back_and_its_place_is_free() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    claim = factories.assignment(wanted)
    lead = factories.member(wanted.organization, role="lead").user
    queue_items.release(claim, actor=Actor(user=lead))
    claim = Assignment.objects.select_related("item__completion").get(pk=claim.pk)
    news = claim_news.news_of(claim, seen_id=claim.item.completion.current_id)
    assert news is not None
    assert (news.kind, news.by_others) == (Kind.RELEASED, True)
    assert ClaimEvent.objects.filter(by=lead, change="released").count() == 1
    assert _audited("claim.release", lead)
    assert queues.claim_next(wanted.queue, reviewer=lead) is not None
    with pytest.raises(NotSo):
        queue_items.release(claim, actor=Actor(user=lead))


# Lists -----------------------------------------------------------------------------------------------------------


def test_each_item_stands_in_the_list_that_says_what_it_is() -> None:
    wanted = factories.feedback_task(factories.organization())
    for _ in range(5):
        factories.completion(wanted.organization)
    done, skipped, held, closed = (factories.assignment(wanted) for _ in range(4))
    factories.submit(done)
    queues.skip(skipped)
    lead = factories.member(wanted.organization, role="lead").user
    queue_items.close(closed.item, reason="A test.", actor=Actor(user=lead))
    free = QueueItem.objects.exclude(assignments__isnull=False).get()
    lists = {name: queue_items.listed(wanted.queue.pk, name, most=50) for name in queue_items.LISTS}
    found = {name: {item.pk for item in items.rows} for name, items in lists.items()}
    assert found == {
        "waiting": {free.pk, skipped.item_id},
        "held": {held.item_id},
        "skipped": {skipped.item_id},
        "done": {done.item_id},
        "withdrawn": {closed.item_id},
    }
