"""Second thoughts: undo within the window, and amending what was given."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from reviews.models import (
    Assignment,
    AuditEvent,
    Completion,
    Draft,
    Feedback,
    Push,
    PushState,
    QueueItem,
    Revision,
    Upstream,
)
from reviews.workflow import amending, documents, drafts, grading, ingest, outbox, queues, stats
from reviews.workflow.amending import AmendRefused, UndoRefused
from reviews.workflow.audit import Actor
from reviews.workflow.editing import LeafEdit, StaleDocument
from tests import factories

pytestmark = pytest.mark.django_db
FIELDS = [("comment", "Now right."), ("edit-0", "Better.")]


@pytest.fixture
def upstream() -> Upstream:
    return factories.upstream(factories.organization())


@pytest.fixture
def claim(upstream: Upstream) -> Assignment:
    """A claim on the first of three pulled completions."""
    wanted = factories.feedback_task(upstream.organization, upstream=upstream)
    for _ in range(3):
        factories.completion(upstream.organization, upstream=upstream)
    return factories.assignment(wanted)


@pytest.fixture(autouse=True)
def _window(settings: Any) -> None:
    """Time enough for a slow machine."""
    settings.UNDO_SECONDS = 600


def _undo(claim: Assignment) -> Assignment:
    return amending.undo(claim, fields=FIELDS, actor=Actor(user=claim.reviewer))


def _states() -> list[tuple[str, str]]:
    return list(Push.objects.order_by("pk").values_list("kind", "state"))


def _answer(claim: Assignment) -> Any:
    completion = Completion.objects.with_documents().get(pk=claim.item.completion_id)
    return documents.at(documents.read(completion.current), factories.ANSWER)


# Undo ------------------------------------------------------------------------------------------------------------


def test_it_takes_grade_and_edit_back_and_sends_nothing(claim: Assignment) -> None:
    factories.submit(claim, answer="Better.", comment="Now right.")
    again = _undo(claim)
    assert (again.item_id, again.reviewer_id, again.state) == (claim.item_id, claim.reviewer_id, "held")
    assert not again.prefetched
    assert _answer(claim) == "It is 42."
    assert {state for _, state in _states()} <= {PushState.DISCARDED, PushState.SUPERSEDED}
    assert [revision.number for revision in Revision.objects.order_by("number")] == [1, 2]
    assert AuditEvent.objects.filter(action="feedback.undo").count() == 1


def test_what_she_wrote_is_her_draft(claim: Assignment) -> None:
    feedback = factories.submit(claim, answer="Better.", comment="Now right.").feedback
    _undo(claim)
    draft = Draft.objects.get()
    assert (draft.restores, drafts.fields_of(draft)) == (feedback, FIELDS)
    assert draft.base_id == Completion.objects.get(pk=claim.item.completion_id).current_id


def test_the_item_that_she_was_at_waits_behind(claim: Assignment) -> None:
    queue, reviewer = claim.item.queue, claim.reviewer
    factories.submit(claim)
    then = queues.claim_next(queue, reviewer=reviewer)
    behind = queues.prefetch(queue, reviewer=reviewer)
    assert then is not None
    assert behind is not None
    again = _undo(claim)
    then.refresh_from_db()
    behind.refresh_from_db()
    assert (then.state, then.prefetched, behind.state) == ("held", True, "released")
    factories.submit(again)
    assert queues.claim_next(queue, reviewer=reviewer) == then


def test_the_next_grade_corrects_the_one_that_was_taken_back(claim: Assignment) -> None:
    first = factories.submit(claim, score=1).feedback
    second = factories.submit(_undo(claim), score=5).feedback
    assert second.supersedes == first
    assert [state for _, state in _states()] == [PushState.DISCARDED, PushState.WAITING]
    item = QueueItem.objects.get(pk=claim.item_id)
    assert item.state == "done"
    assert not Draft.objects.exists()


def test_figures_count_what_counts(claim: Assignment) -> None:
    queue, reviewer = claim.item.queue, claim.reviewer
    factories.submit(claim)
    again = _undo(claim)
    assert stats.done_by(reviewer, [queue]) == {}
    assert stats.count_items([queue])[queue.pk].done == 0
    factories.submit(again)
    assert stats.done_by(reviewer, [queue]) == {queue.pk: 1}
    assert stats.reviewer_day(reviewer, queue, since=timezone.now() - timedelta(days=1)).submitted == 1


def test_it_comes_too_late_once_the_window_is_over(claim: Assignment, settings: Any) -> None:
    factories.submit(claim, answer="Better.")
    settings.UNDO_SECONDS = 0
    with pytest.raises(UndoRefused, match="amend it instead"):
        _undo(claim)
    assert _answer(claim) == "Better."
    assert [state for _, state in _states()] == [PushState.WAITING] * 2


@pytest.mark.parametrize("kind", ["update", "feedback"])
def test_it_loses_against_a_push_that_has_left(claim: Assignment, kind: str) -> None:
    factories.submit(claim, answer="Better.")
    before = list(Revision.objects.values_list("pk", flat=True))
    assert outbox.lease(Push.objects.get(kind=kind))
    with pytest.raises(UndoRefused):
        _undo(claim)
    assert list(Revision.objects.values_list("pk", flat=True)) == before
    claim.refresh_from_db()
    assert (claim.state, claim.requeued_at) == ("done", None)
    assert Push.objects.filter(state=PushState.DISCARDED).count() == 0


def test_a_push_that_was_tried_may_have_arrived(claim: Assignment) -> None:
    factories.submit(claim)
    Push.objects.update(attempts=1)
    with pytest.raises(UndoRefused):
        _undo(claim)


def test_a_push_cannot_leave_once_it_was_taken_back(claim: Assignment) -> None:
    factories.submit(claim, answer="Better.")
    pushes = list(Push.objects.all())
    _undo(claim)
    assert [outbox.lease(push) for push in pushes] == [False, False]


def test_it_is_refused_when_the_text_has_changed_since(claim: Assignment) -> None:
    factories.submit(claim, answer="Better.")
    completion = claim.item.completion
    ingest.receive(completion.organization, completion.uid, factories.document(answer="The application's."))
    with pytest.raises(UndoRefused):
        _undo(claim)
    assert _answer(claim) == "The application's."


def test_an_edit_of_before_still_goes_when_a_later_one_is_taken_back(claim: Assignment) -> None:
    wanted = factories.feedback_task(claim.item.queue.organization, upstream=claim.item.completion.upstream)
    completion_id = claim.item.completion_id
    factories.submit(claim, answer="First edit.")
    other = QueueItem.objects.get(queue=wanted.queue, completion=completion_id)
    later = queues.reclaim(other, reviewer=factories.reviewer(wanted.organization))
    factories.submit(later, answer="Second edit.")
    _undo(later)
    assert _answer(claim) == "First edit."
    waiting = Push.objects.get(kind="update", state=PushState.WAITING)
    assert waiting.revision is not None
    assert waiting.revision.result_id == Completion.objects.get(pk=completion_id).current_id


def test_it_undoes_once(claim: Assignment) -> None:
    factories.submit(claim)
    _undo(claim)
    with pytest.raises(UndoRefused):
        _undo(claim)


def test_it_offers_to_undo_only_the_last_and_only_in_its_queue(claim: Assignment, settings: Any) -> None:
    queue, reviewer = claim.item.queue, claim.reviewer
    assert amending.undoable(reviewer, queue) is None
    feedback = factories.submit(claim).feedback
    assert amending.undoable(reviewer, queue) == feedback
    assert amending.undoable(factories.reviewer(queue.organization), queue) is None
    settings.UNDO_SECONDS = 0
    assert amending.undoable(reviewer, queue) is None


def test_without_an_upstream_it_works_the_same() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    claim = factories.assignment(wanted)
    factories.submit(claim, answer="Better.")
    _undo(claim)
    assert _answer(claim) == "It is 42."


# Amend -----------------------------------------------------------------------------------------------------------


def _amend(claim: Assignment, *, score: int = 2, answer: str | None = None, **given: Any) -> grading.Submitted | None:
    standing = amending.standing(claim)
    assert standing is not None
    current_id = Completion.objects.get(pk=claim.item.completion_id).current_id
    edits = [] if answer is None else [LeafEdit(factories.ANSWER, answer)]
    given = {"base_id": current_id, "seen_id": standing.pk, "comment": "Second look.", **given}
    return amending.amend(claim, values={"score": score}, edits=edits, actor=Actor(user=claim.reviewer), **given)


def test_it_replaces_what_waits(claim: Assignment) -> None:
    first = factories.submit(claim, score=4).feedback
    done = _amend(claim)
    assert done is not None
    assert (done.feedback.supersedes, done.feedback.assignment) == (first, claim)
    assert _states() == [("feedback", PushState.DISCARDED), ("feedback", PushState.WAITING)]
    assert Push.objects.get(state=PushState.WAITING).feedback == done.feedback
    assert amending.standing(claim) == done.feedback
    assert AuditEvent.objects.filter(action="feedback.amend").count() == 1


def test_what_has_arrived_is_followed_by_a_second_one(claim: Assignment) -> None:
    feedback = factories.submit(claim).feedback
    push = Push.objects.get()
    assert outbox.lease(push)
    assert outbox.delivered(push, seen=True)
    assert amending.has_left(feedback)
    _amend(claim)
    assert _states() == [("feedback", PushState.DELIVERED), ("feedback", PushState.WAITING)]


def test_it_changes_the_answer_too(claim: Assignment) -> None:
    factories.submit(claim)
    done = _amend(claim, answer="Better.")
    assert done is not None
    assert done.revision is not None
    assert _answer(claim) == "Better."


def test_it_writes_nothing_when_nothing_was_changed(claim: Assignment) -> None:
    factories.submit(claim, score=2, comment="Second look.")
    assert _amend(claim) is None
    assert Feedback.objects.count() == 1


def test_it_amends_again_and_again(claim: Assignment) -> None:
    factories.submit(claim, score=4)
    for score in (1, 2, 3):
        _amend(claim, score=score)
    assert [state for _, state in _states()] == [PushState.DISCARDED] * 3 + [PushState.WAITING]
    standing = amending.standing(claim)
    assert standing is not None
    assert grading.values_of(standing) == {"score": 3}


def test_it_refuses_to_amend_what_was_amended_in_another_tab(claim: Assignment) -> None:
    first = factories.submit(claim).feedback
    _amend(claim)
    with pytest.raises(AmendRefused):
        _amend(claim, score=1, seen_id=first.pk)


def test_it_refuses_to_amend_what_was_taken_back(claim: Assignment) -> None:
    factories.submit(claim)
    _undo(claim)
    with pytest.raises(AmendRefused):
        _amend(claim)


def test_it_refuses_to_amend_over_another_text(claim: Assignment) -> None:
    factories.submit(claim)
    base_id = claim.item.completion.current_id
    ingest.receive(claim.item.queue.organization, claim.item.completion.uid, factories.document(answer="Theirs."))
    with pytest.raises(StaleDocument):
        _amend(claim, base_id=base_id)


def test_back_goes_from_the_last_to_the_one_before(claim: Assignment) -> None:
    queue, reviewer = claim.item.queue, claim.reviewer
    assert amending.before(reviewer, queue) is None
    factories.submit(claim)
    second = factories.assignment(queue.feedback_task, reviewer=reviewer)
    factories.submit(second)
    last = amending.before(reviewer, queue)
    assert last == second
    assert amending.before(reviewer, queue, assignment=last) == claim
    claim.refresh_from_db()
    assert amending.before(reviewer, queue, assignment=claim) is None
