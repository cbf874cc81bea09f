"""Claims: who holds which item, and for how long."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from reviews.models import (
    Assignment,
    AssignmentState,
    AuditEvent,
    ClaimEvent,
    FeedbackTask,
    ItemState,
    Queue,
    QueueItem,
)
from reviews.workflow import queues
from reviews.workflow.audit import Actor
from reviews.workflow.queues import ClaimLost
from tests import factories

pytestmark = pytest.mark.django_db


def _filled(completions: int = 1, **queue: Any) -> FeedbackTask:
    """A feedback task with this many completions in its queue."""
    wanted = factories.feedback_task(factories.organization(), **queue)
    for _ in range(completions):
        factories.completion(wanted.organization)
    return wanted


def _run_out(claim: Assignment) -> None:
    """Let the time of a claim be over."""
    past = timezone.now() - timedelta(hours=2)
    Assignment.objects.filter(pk=claim.pk).update(claimed_at=past, held_until=past + timedelta(minutes=15))


def _ledger(claim: Assignment) -> list[str]:
    return list(ClaimEvent.objects.filter(assignment=claim).values_list("change", flat=True))


def test_it_claims_for_the_time_of_the_queue() -> None:
    claim = factories.assignment(_filled(claim_minutes=7))
    assert claim.held_until - claim.claimed_at == timedelta(minutes=7)
    assert (claim.state, claim.item.places_taken, _ledger(claim)) == ("held", 1, ["claimed"])


def test_it_returns_what_she_holds_renewed() -> None:
    claim = factories.assignment(_filled(2))
    Assignment.objects.update(held_until=timezone.now() + timedelta(seconds=5))
    again = factories.assignment(claim.item.queue.feedback_task, reviewer=claim.reviewer)
    assert again == claim
    assert again.held_until > timezone.now() + timedelta(minutes=14)
    assert again.fence == claim.fence + 1


def test_it_releases_what_she_holds_in_another_queue() -> None:
    here = _filled()
    there = factories.feedback_task(here.organization)
    claim = factories.assignment(here)
    other = factories.assignment(there, reviewer=claim.reviewer)
    claim.refresh_from_db()
    assert (claim.state, claim.item.places_taken) == (AssignmentState.RELEASED, 0)
    assert other.item.queue == there.queue
    assert factories.assignment(here).item == claim.item


def test_it_has_nothing_when_all_is_taken() -> None:
    wanted = _filled()
    factories.assignment(wanted)
    assert queues.claim_next(wanted.queue, reviewer=factories.reviewer(wanted.organization)) is None


def test_it_gives_each_reviewer_another_item() -> None:
    wanted = _filled(30)
    claims = [factories.assignment(wanted) for _ in range(30)]
    assert len({claim.item_id for claim in claims}) == 30


def test_it_offers_the_next_twenty_when_the_first_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "CANDIDATES", 2)
    wanted = _filled(5)
    claims = [factories.assignment(wanted) for _ in range(5)]
    assert len({claim.item_id for claim in claims}) == 5


def test_it_takes_the_next_when_somebody_was_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, candidates = _filled(2), queues._candidates

    def somebody_else_first(queue: Queue, reviewer: Any) -> list[int]:
        found = candidates(queue, reviewer)
        monkeypatch.undo()
        factories.assignment(wanted)
        return found

    monkeypatch.setattr(queues, "_candidates", somebody_else_first)
    claim = factories.assignment(wanted)
    assert Assignment.objects.held().exclude(pk=claim.pk).get().item_id != claim.item_id


def test_it_claims_once_in_two_tabs_at_one_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, candidates = _filled(2), queues._candidates
    reviewer = factories.reviewer(wanted.organization)

    def the_other_tab_first(queue: Queue, reviewer: Any) -> list[int]:
        found = candidates(queue, reviewer)
        monkeypatch.undo()
        factories.assignment(wanted, reviewer=reviewer)
        return found

    monkeypatch.setattr(queues, "_candidates", the_other_tab_first)
    queues.claim_next(wanted.queue, reviewer=reviewer)
    assert Assignment.objects.count() == 1
    assert sum(QueueItem.objects.values_list("places_taken", flat=True)) == 1


# Several reviews per completion ----------------------------------------------------------------------------------


def test_it_has_as_many_places_as_reviews_are_wanted() -> None:
    wanted = _filled(reviews_per_completion=1)
    Queue.objects.update(reviews_per_completion=2)
    wanted.queue.refresh_from_db()
    factories.completion(wanted.organization, uid="two")
    item = QueueItem.objects.get(completion__uid="two")
    claims = [factories.assignment(wanted) for _ in range(3)]
    assert sorted(claim.place for claim in claims if claim.item_id == item.pk) == [0, 1]
    assert queues.claim_next(wanted.queue, reviewer=factories.reviewer(wanted.organization)) is None


def test_it_is_done_with_the_last_review() -> None:
    wanted = _filled(reviews_per_completion=2)
    Queue.objects.update(reviews_per_completion=2)
    QueueItem.objects.update(reviews_needed=2)
    first, second = factories.assignment(wanted), factories.assignment(wanted)
    factories.submit(first)
    item = QueueItem.objects.get()
    assert (item.state, item.reviews_done) == (ItemState.OPEN, 1)
    factories.submit(second)
    item.refresh_from_db()
    assert (item.state, item.reviews_done, item.places_taken) == (ItemState.DONE, 2, 2)


def test_it_asks_each_reviewer_once() -> None:
    wanted = _filled()
    QueueItem.objects.update(reviews_needed=2)
    claim = factories.assignment(wanted)
    factories.submit(claim)
    assert queues.claim_next(wanted.queue, reviewer=claim.reviewer) is None
    assert factories.assignment(wanted).item == claim.item


# Skipping and flagging -------------------------------------------------------------------------------------------


def test_it_offers_a_skipped_item_to_others_alone() -> None:
    wanted = _filled()
    claim = factories.assignment(wanted)
    queues.skip(claim, reason="not my field")
    assert queues.claim_next(wanted.queue, reviewer=claim.reviewer) is None
    assert factories.assignment(wanted).item == claim.item
    assert ClaimEvent.objects.get(change="skipped").reason == "not my field"


def test_it_offers_a_skipped_item_again_once_requeued() -> None:
    wanted = _filled()
    claim = factories.assignment(wanted)
    queues.skip(claim)
    Assignment.objects.update(requeued_at=timezone.now())
    assert factories.assignment(wanted, reviewer=claim.reviewer).item == claim.item


def test_it_cannot_be_skipped_twice() -> None:
    claim = factories.assignment(_filled())
    queues.skip(claim)
    with pytest.raises(ClaimLost, match="nothing to skip"):
        queues.skip(claim)
    assert QueueItem.objects.get().places_taken == 0


def test_it_is_flagged_for_a_lead_and_passed_on() -> None:
    claim = factories.assignment(_filled())
    queues.flag(claim, reason="x" * 2000, actor=Actor(user=claim.reviewer))
    item = QueueItem.objects.get()
    assert (item.flagged_by, item.flag_reason, item.places_taken) == (claim.reviewer, "x" * 1000, 0)
    assert AuditEvent.objects.filter(action="item.flag").count() == 1


def test_it_is_not_flagged_by_who_lost_it() -> None:
    claim = factories.assignment(_filled())
    queues.skip(claim)
    with pytest.raises(ClaimLost):
        queues.flag(claim, reason="odd", actor=Actor(user=claim.reviewer))
    assert QueueItem.objects.get().flagged_at is None


# Running out -----------------------------------------------------------------------------------------------------


def test_it_frees_the_place_when_time_is_over() -> None:
    wanted = _filled()
    claim = factories.assignment(wanted)
    _run_out(claim)
    assert queues.expire_claims(timezone.now()) == 1
    assert queues.expire_claims(timezone.now()) == 0
    claim.refresh_from_db()
    assert (claim.state, claim.item.places_taken, _ledger(claim)) == ("expired", 0, ["claimed", "expired"])


def test_it_goes_to_the_next_who_asks_once_time_is_over() -> None:
    wanted = _filled()
    claim = factories.assignment(wanted)
    _run_out(claim)
    assert factories.assignment(wanted).item == claim.item


def test_it_may_be_claimed_again_by_who_ran_out_of_time() -> None:
    wanted = _filled()
    claim = factories.assignment(wanted)
    _run_out(claim)
    assert factories.assignment(wanted, reviewer=claim.reviewer).item == claim.item


def test_it_leaves_a_claim_that_was_renewed_meanwhile() -> None:
    claim = factories.assignment(_filled())
    assert queues.renew(Assignment.objects.get(pk=claim.pk))
    assert not queues.renew(claim)
    assert queues.expire_claims(timezone.now()) == 0


def test_it_is_not_renewed_once_it_has_ended() -> None:
    claim = factories.assignment(_filled())
    queues.skip(claim)
    assert not queues.renew(claim)


def test_it_is_taken_back_when_nobody_else_has_it() -> None:
    claim = factories.assignment(_filled())
    _run_out(claim)
    queues.expire_claims(timezone.now())
    again = queues.reclaim(claim.item, reviewer=claim.reviewer)
    assert again != claim
    assert queues.reclaim(claim.item, reviewer=claim.reviewer) == again


def test_it_is_not_taken_back_from_somebody_else() -> None:
    wanted = _filled()
    claim = factories.assignment(wanted)
    _run_out(claim)
    factories.assignment(wanted)
    with pytest.raises(ClaimLost, match="Somebody else"):
        queues.reclaim(claim.item, reviewer=claim.reviewer)


def test_it_gives_up_the_next_item_to_take_one_back() -> None:
    wanted = _filled()
    claim = factories.assignment(wanted)
    queues.expire_claims(timezone.now())
    _run_out(claim)
    factories.completion(wanted.organization)
    queues.expire_claims(timezone.now())
    QueueItem.objects.exclude(pk=claim.item_id).update(priority=1)
    following = factories.assignment(wanted, reviewer=claim.reviewer)
    assert queues.reclaim(claim.item, reviewer=claim.reviewer).item == claim.item
    following.refresh_from_db()
    assert (following.state, following.item.places_taken) == ("released", 0)
