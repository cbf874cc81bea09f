"""Conflicts: what is to be decided, and each decision."""

from typing import Any

import pytest

from reviews.models import (
    Assignment,
    AuditEvent,
    Completion,
    ItemState,
    Push,
    PushKind,
    PushState,
    QueueItem,
    Revision,
    Upstream,
    User,
)
from reviews.workflow import conflicts, documents, outbox, queues
from reviews.workflow.audit import Actor
from reviews.workflow.conflicts import Choice, Conflict, Moved
from reviews.workflow.editing import EditRefused
from tests import factories

pytestmark = pytest.mark.django_db
ANSWER = factories.ANSWER
BASE, OURS, THEIRS = "We open at nine.", "They open at nine.", "We open at ten."


@pytest.fixture
def upstream() -> Upstream:
    return factories.upstream(factories.organization())


@pytest.fixture
def person(upstream: Upstream) -> User:
    return factories.reviewer(upstream.organization)


@pytest.fixture
def edited(upstream: Upstream, person: User) -> Completion:
    """Pulled, edited and graded here."""
    wanted = factories.feedback_task(upstream.organization, upstream=upstream)
    factories.pulled(upstream, "c", factories.document(answer=BASE))
    factories.submit(factories.assignment(wanted, reviewer=person), answer=OURS)
    return fresh()


def fresh() -> Completion:
    return Completion.objects.with_documents().get(uid="c")


def change_there(upstream: Upstream, answer: str = THEIRS, **members: Any) -> None:
    factories.pulled(upstream, "c", factories.document(answer=answer, **members))


def found() -> Conflict:
    conflict = conflicts.find(fresh())
    assert conflict is not None
    return conflict


def decide(choice: Choice, person: User, **given: Any) -> Revision | None:
    conflict = found()
    ids = {"theirs_id": conflict.theirs_id, "ours_id": conflict.ours_id}
    return conflicts.resolve(conflict.completion.pk, choice=choice, actor=Actor(user=person), **{**ids, **given})


def states() -> list[tuple[str, str]]:
    return [(push.kind, push.state) for push in Push.objects.order_by("pk")]


def answer_here() -> str:
    return str(documents.at(documents.read(fresh().current), ANSWER))


def test_it_finds_nothing_where_nothing_is_to_be_decided(edited: Completion) -> None:
    assert conflicts.find(edited) is None
    assert list(conflicts.waiting_in([edited.organization_id])) == []


def test_it_shows_three_texts_and_their_merge(edited: Completion, upstream: Upstream, person: User) -> None:
    change_there(upstream, duration=3.5)
    conflict = found()
    assert (conflict.reason, conflict.theirs_known, conflict.mergeable, conflict.clashes) == ("changed", True, True, 0)
    (leaf,) = conflict.leaves
    assert (leaf.pointer, leaf.base, leaf.theirs, leaf.ours) == (ANSWER, BASE, THEIRS, OURS)
    assert leaf.merge.text == "They open at ten."
    assert [(change.pointer, change.after) for change in conflict.their_changes] == [("/duration", 3.5)]
    assert conflict.push is not None
    assert conflict.push.revision is not None
    assert conflict.push.revision.author == person
    assert [grade.feedback.reviewer for grade in conflict.grades] == [person]
    assert list(conflicts.waiting_in([edited.organization_id])) == [edited.pk]


def test_keeping_ours_sends_it_as_it_stands(edited: Completion, upstream: Upstream, person: User) -> None:
    change_there(upstream, duration=3.5)
    revision = decide(Choice.OURS, person)
    assert revision is not None
    assert (revision.origin, revision.author, revision.number) == ("resolution", person, 2)
    assert answer_here() == OURS
    assert "duration" not in documents.read(fresh().current)
    assert states() == [("update", "superseded"), ("feedback", "waiting"), ("update", "waiting")]
    # What it changes is told by what stands there: their text, and not ours from before.
    assert revision.base.hash == documents.semantic_hash(factories.document(answer=THEIRS))
    assert fresh().conflict_document is None
    assert conflicts.find(fresh()) is None


def test_taking_theirs_sends_nothing(edited: Completion, upstream: Upstream, person: User) -> None:
    change_there(upstream)
    revision = decide(Choice.THEIRS, person)
    assert revision is not None
    assert answer_here() == THEIRS
    assert states() == [("update", "discarded"), ("feedback", "waiting")]
    completion = fresh()
    assert completion.upstream_document_id == completion.current_id == revision.result_id
    assert Revision.objects.filter(completion=completion).count() == 2


def test_a_merge_keeps_what_else_they_changed(edited: Completion, upstream: Upstream, person: User) -> None:
    change_there(upstream, duration=3.5)
    decide(Choice.MERGED, person, texts={ANSWER: "They open at ten."})
    assert documents.read(fresh().current) == factories.document(answer="They open at ten.", duration=3.5)
    assert states()[-1] == ("update", "waiting")


def test_a_merge_that_is_their_text_sends_nothing(edited: Completion, upstream: Upstream, person: User) -> None:
    change_there(upstream)
    decide(Choice.MERGED, person, texts={ANSWER: THEIRS})
    assert states() == [("update", "discarded"), ("feedback", "waiting")]


@pytest.mark.parametrize("choice", Choice)
def test_every_decision_is_audited(edited: Completion, upstream: Upstream, person: User, choice: Choice) -> None:
    change_there(upstream)
    decide(choice, person, texts={ANSWER: "At noon."})
    event = AuditEvent.objects.get(action="conflict.resolve")
    assert (event.user, event.details) == (person, f"changed: {choice}")
    assert event.before_hash
    assert event.before_hash != event.after_hash or choice == Choice.OURS


@pytest.mark.parametrize("choice", Choice)
def test_a_decision_lets_the_grade_go_once_the_edit_is_there(
    edited: Completion, upstream: Upstream, person: User, choice: Choice
) -> None:
    change_there(upstream)
    later = Push.objects.latest("pk").not_before.replace(year=2100)
    assert outbox.next_due(upstream, later) is None
    decide(choice, person, texts={ANSWER: "At noon."})
    due = outbox.next_due(upstream, later)
    if choice != Choice.THEIRS:
        assert due is not None
        assert (due.kind, outbox.lease(due), outbox.delivered(due, seen=True)) == (PushKind.UPDATE, True, True)
        due = outbox.next_due(upstream, later)
    assert due is not None
    assert due.kind == PushKind.FEEDBACK


def test_a_withdrawn_grade_is_not_sent_and_asked_for_again(
    edited: Completion, upstream: Upstream, person: User
) -> None:
    change_there(upstream)
    (grade,) = found().grades
    decide(Choice.THEIRS, person, withdrawn=[grade.feedback.pk])
    assert states() == [("update", "discarded"), ("feedback", "discarded")]
    item = QueueItem.objects.get()
    assert (item.state, item.reviews_needed, item.places_taken, item.graded_at) == (ItemState.OPEN, 2, 1, None)
    # To the same person, too: there may be no other.
    again = queues.claim_next(item.queue, reviewer=person)
    assert again is not None
    factories.submit(again)
    item.refresh_from_db()
    assert (item.state, item.reviews_done) == (ItemState.DONE, 2)
    assert Assignment.objects.exclude(requeued_at=None).count() == 1


def test_a_grade_that_is_not_held_here_cannot_be_withdrawn(
    edited: Completion, upstream: Upstream, person: User
) -> None:
    change_there(upstream)
    decide(Choice.THEIRS, person, withdrawn=[999_999])
    assert states() == [("update", "discarded"), ("feedback", "waiting")]


def test_the_faster_of_two_decides(edited: Completion, upstream: Upstream, person: User) -> None:
    change_there(upstream)
    seen = found()
    decide(Choice.THEIRS, person)
    with pytest.raises(Moved, match="decided already"):
        conflicts.resolve(
            edited.pk,
            choice=Choice.OURS,
            theirs_id=seen.theirs_id,
            ours_id=seen.ours_id,
            actor=Actor(user=person),
        )
    assert answer_here() == THEIRS


def test_nothing_is_decided_about_a_text_that_was_not_seen(
    edited: Completion, upstream: Upstream, person: User
) -> None:
    change_there(upstream)
    seen = found()
    change_there(upstream, "We are closed.")
    with pytest.raises(Moved, match="has changed since"):
        decide(Choice.OURS, person, theirs_id=seen.theirs_id)
    assert states() == [("update", "conflict"), ("feedback", "waiting")]


def test_a_change_that_is_taken_back_is_no_conflict_any_more(edited: Completion, upstream: Upstream) -> None:
    change_there(upstream)
    change_there(upstream, BASE)
    assert conflicts.find(fresh()) is None
    assert states() == [("update", "waiting"), ("feedback", "waiting")]


def test_our_text_found_there_ends_the_conflict(edited: Completion, upstream: Upstream) -> None:
    change_there(upstream)
    change_there(upstream, OURS)
    assert conflicts.find(fresh()) is None
    assert states() == [("update", "delivered"), ("feedback", "waiting")]


def test_a_merge_puts_texts_only_where_they_have_some(edited: Completion, upstream: Upstream, person: User) -> None:
    change_there(upstream, response={"choices": []})
    conflict = found()
    assert not conflict.mergeable
    with pytest.raises(EditRefused):
        decide(Choice.MERGED, person, texts={ANSWER: "At noon."})
    assert states() == [("update", "conflict"), ("feedback", "waiting")]
    decide(Choice.THEIRS, person)
    assert documents.read(fresh().current)["response"] == {"choices": []}


def test_an_edit_that_they_dropped_is_told_apart(edited: Completion, upstream: Upstream, person: User) -> None:
    due = outbox.next_due(upstream, Push.objects.latest("pk").not_before)
    assert due is not None
    assert (outbox.lease(due), outbox.delivered(due)) == (True, True)
    change_there(upstream, BASE)
    conflict = found()
    assert conflict.reason == "dropped"
    (leaf,) = conflict.leaves
    assert (leaf.theirs, leaf.ours, leaf.merge.text) == (BASE, OURS, OURS)
    decide(Choice.OURS, person)
    assert states()[-1] == ("update", "waiting")


def refuse(edited: Completion, upstream: Upstream) -> Push:
    due = outbox.next_due(upstream, Push.objects.latest("pk").not_before)
    assert due is not None
    assert outbox.lease(due)
    outbox.failed(due, "The upstream answered 400: Not this.", permanent=True, status=400)
    return due


def test_an_edit_that_they_refuse_can_go_again(edited: Completion, upstream: Upstream, person: User) -> None:
    refuse(edited, upstream)
    conflict = found()
    assert (conflict.reason, conflict.theirs_known) == ("refused", False)
    assert "Not this" in conflict.words
    assert decide(Choice.OURS, person) is None
    assert states() == [("update", "waiting"), ("feedback", "waiting")]


def test_an_edit_that_they_refuse_can_be_given_up(edited: Completion, upstream: Upstream, person: User) -> None:
    refuse(edited, upstream)
    decide(Choice.THEIRS, person)
    assert answer_here() == BASE
    assert states() == [("update", "discarded"), ("feedback", "waiting")]


def vanish(upstream: Upstream) -> None:
    due = outbox.next_due(upstream, Push.objects.latest("pk").not_before)
    assert due is not None
    assert outbox.lease(due)
    outbox.not_listed(due)


def test_what_is_no_longer_listed_goes_only_when_a_person_says_so(
    edited: Completion, upstream: Upstream, person: User
) -> None:
    vanish(upstream)
    assert found().reason == "absent"
    assert states() == [("update", "absent"), ("feedback", "waiting")]
    decide(Choice.OURS, person)
    push = Push.objects.get(kind=PushKind.UPDATE)
    assert (push.state, push.unchecked) == (PushState.WAITING, True)


def test_what_is_listed_again_goes_by_itself(edited: Completion, upstream: Upstream) -> None:
    vanish(upstream)
    outbox.listed_again(edited)
    assert states() == [("update", "waiting"), ("feedback", "waiting")]


def test_a_graded_text_that_they_changed_asks_whether_the_grade_stands(upstream: Upstream, person: User) -> None:
    wanted = factories.feedback_task(upstream.organization, upstream=upstream)
    factories.pulled(upstream, "c", factories.document(answer=BASE))
    factories.submit(factories.assignment(wanted, reviewer=person))
    change_there(upstream)
    conflict = found()
    assert (conflict.reason, conflict.push) == ("changed", None)
    assert len(conflict.grades) == 1
    decide(Choice.THEIRS, person)
    assert answer_here() == THEIRS
    assert states() == [("feedback", "waiting")]
