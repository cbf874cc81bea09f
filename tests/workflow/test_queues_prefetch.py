"""The item behind the one on screen: claimed ahead for two minutes, put on the screen next, given up for others."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from reviews.models import Assignment, ClaimEvent, FeedbackTask, Queue, QueueItem, User
from reviews.workflow import queues
from tests import factories

pytestmark = pytest.mark.django_db


def _filled(completions: int = 3, **queue: Any) -> FeedbackTask:
    """A feedback task with this many completions in its queue."""
    wanted = factories.feedback_task(factories.organization(), **queue)
    for _ in range(completions):
        factories.completion(wanted.organization)
    return wanted


def _run_out(claim: Assignment) -> None:
    past = timezone.now() - timedelta(hours=2)
    Assignment.objects.filter(pk=claim.pk).update(claimed_at=past, held_until=past + timedelta(minutes=1))


def _start(wanted: FeedbackTask) -> tuple[User, Assignment, Assignment]:
    """A reviewer with an item on her screen and one behind it."""
    reviewer = factories.reviewer(wanted.organization)
    on_screen = factories.assignment(wanted, reviewer=reviewer)
    behind = queues.prefetch(wanted.queue, reviewer=reviewer)
    assert behind is not None
    return reviewer, on_screen, behind


def test_it_claims_another_item_for_two_minutes() -> None:
    _, on_screen, behind = _start(_filled())
    assert behind.prefetched
    assert behind.item_id != on_screen.item_id
    assert behind.held_until - behind.claimed_at == timedelta(minutes=2)
    assert QueueItem.objects.filter(places_taken=1).count() == 2


def test_it_follows_the_order_of_the_queue() -> None:
    wanted = _filled()
    _, on_screen, behind = _start(wanted)
    order = list(wanted.queue.items.order_by("sort_key", "pk").values_list("pk", flat=True))
    assert [on_screen.item_id, behind.item_id] == order[:2]


def test_asked_again_it_is_the_same_for_two_minutes_more() -> None:
    wanted = _filled()
    reviewer, _, behind = _start(wanted)
    Assignment.objects.filter(pk=behind.pk).update(held_until=timezone.now() + timedelta(seconds=9))
    again = queues.prefetch(wanted.queue, reviewer=reviewer)
    assert again == behind
    assert again.held_until > timezone.now() + timedelta(seconds=100)


def test_it_looks_again_when_others_took_all_that_it_had_read(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, candidates, reads = _filled(4), queues._candidates, 0
    reviewer = factories.reviewer(wanted.organization)
    factories.assignment(wanted, reviewer=reviewer)

    def others_first(queue: Queue, reviewer: User) -> list[int]:
        nonlocal reads
        reads += 1
        found = candidates(queue, reviewer)
        if reads > 1:
            return found
        factories.assignment(wanted)
        factories.assignment(wanted)
        return found[:2]

    monkeypatch.setattr(queues, "_candidates", others_first)
    behind = queues.prefetch(wanted.queue, reviewer=reviewer)
    assert behind is not None
    assert behind.prefetched
    assert Assignment.objects.held().values("item").distinct().count() == 4


def test_it_does_not_look_again_when_her_other_tab_was_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, candidates = _filled(4), queues._candidates
    reviewer = factories.reviewer(wanted.organization)
    factories.assignment(wanted, reviewer=reviewer)
    took: list[int] = []
    take = queues._take

    def other_tab_first(queue: Queue, reviewer: User) -> list[int]:
        found = candidates(queue, reviewer)
        monkeypatch.undo()
        assert queues.prefetch(queue, reviewer=reviewer) is not None
        monkeypatch.setattr(queues, "_take", noted)
        return found

    def noted(item: int, *given: Any, **how: Any) -> Assignment | None:
        took.append(item)
        return take(item, *given, **how)

    monkeypatch.setattr(queues, "_candidates", other_tab_first)
    assert queues.prefetch(wanted.queue, reviewer=reviewer) is None
    assert len(took) == 1
    assert Assignment.objects.held().filter(prefetched=True).count() == 1


def test_nothing_is_claimed_ahead_for_a_reviewer_with_nothing_on_her_screen() -> None:
    wanted = _filled()
    reviewer = factories.reviewer(wanted.organization)
    assert queues.prefetch(wanted.queue, reviewer=reviewer) is None
    factories.assignment(_other_queue(wanted), reviewer=reviewer)
    assert queues.prefetch(wanted.queue, reviewer=reviewer) is None


def _other_queue(wanted: FeedbackTask) -> FeedbackTask:
    other = factories.feedback_task(wanted.organization, selector=("other",))
    factories.completion(wanted.organization, tags=("other",))
    return other


def test_it_comes_next_with_its_full_time() -> None:
    wanted = _filled(claim_minutes=7)
    reviewer, on_screen, behind = _start(wanted)
    factories.submit(on_screen)
    then = queues.claim_next(wanted.queue, reviewer=reviewer)
    assert then == behind
    then.refresh_from_db()
    assert not then.prefetched
    assert then.held_until > timezone.now() + timedelta(minutes=6)
    assert list(ClaimEvent.objects.filter(assignment=then).values_list("change", flat=True)) == ["claimed", "extended"]


def test_it_comes_next_after_a_skip_too() -> None:
    wanted = _filled()
    reviewer, on_screen, behind = _start(wanted)
    queues.skip(on_screen)
    assert queues.claim_next(wanted.queue, reviewer=reviewer) == behind


def test_one_that_ran_out_is_offered_to_others_and_another_comes_next() -> None:
    wanted = _filled(2)
    reviewer, on_screen, behind = _start(wanted)
    _run_out(behind)
    other = factories.assignment(wanted)
    assert other.item_id == behind.item_id
    factories.submit(on_screen)
    assert queues.claim_next(wanted.queue, reviewer=reviewer) is None


def test_one_that_ran_out_and_is_still_free_is_claimed_anew() -> None:
    wanted = _filled(2)
    reviewer, on_screen, behind = _start(wanted)
    _run_out(behind)
    factories.submit(on_screen)
    then = queues.claim_next(wanted.queue, reviewer=reviewer)
    assert then is not None
    assert (then.item_id, then.pk == behind.pk) == (behind.item_id, False)


def test_it_is_given_up_when_somebody_has_nothing_else_to_read() -> None:
    wanted = _filled(2)
    reviewer, on_screen, behind = _start(wanted)
    other = factories.assignment(wanted)
    assert other.item_id == behind.item_id
    behind.refresh_from_db()
    assert behind.state == "released"
    factories.submit(on_screen)
    assert queues.claim_next(wanted.queue, reviewer=reviewer) is None


def test_what_is_on_a_screen_is_never_given_up() -> None:
    wanted = _filled(1)
    factories.assignment(wanted)
    assert queues.claim_next(wanted.queue, reviewer=factories.reviewer(wanted.organization)) is None


def test_one_behind_a_screen_is_not_taken_from_her_while_others_have_something_else() -> None:
    wanted = _filled(3)
    _, on_screen, behind = _start(wanted)
    other = factories.assignment(wanted)
    assert other.item_id not in (on_screen.item_id, behind.item_id)


def test_nobody_is_given_what_she_skipped_from_behind_another_screen() -> None:
    wanted = _filled(2)
    other = factories.reviewer(wanted.organization)
    first = factories.assignment(wanted, reviewer=other)
    queues.skip(first)
    _, on_screen, behind = _start(wanted)
    assert first.item_id in (on_screen.item_id, behind.item_id)
    then = queues.claim_next(wanted.queue, reviewer=other)
    assert then is None or then.item_id != first.item_id


def test_it_is_released_when_she_opens_another_queue() -> None:
    wanted = _filled()
    reviewer, on_screen, behind = _start(wanted)
    factories.assignment(_other_queue(wanted), reviewer=reviewer)
    for claim in (on_screen, behind):
        claim.refresh_from_db()
        assert (claim.state, claim.item.places_taken) == ("released", 0)


def test_a_form_of_an_item_that_meanwhile_waits_behind_the_screen_is_taken() -> None:
    wanted = _filled(2)
    reviewer, on_screen, _ = _start(wanted)
    _run_out(on_screen)
    first = on_screen.item
    queues.expire_claims(timezone.now())
    assert queues.claim_next(wanted.queue, reviewer=reviewer) is not None
    behind = queues.prefetch(wanted.queue, reviewer=reviewer)
    assert behind is not None
    assert behind.item_id == first.pk
    factories.submit(on_screen)
    behind.refresh_from_db()
    assert behind.state == "done"
