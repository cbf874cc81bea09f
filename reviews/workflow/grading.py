"""Grading: what a reviewer submits, and feedback that comes by API."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from gradebench.compiled import Compiled, asked, insert
from reviews.models import (
    ApiToken,
    Assignment,
    AssignmentState,
    Completion,
    Feedback,
    FeedbackCompletion,
    FeedbackOrigin,
    FeedbackTask,
    FeedbackTaskRevision,
    Revision,
)
from reviews.workflow import (
    audit,
    documents,
    drafts,
    editing,
    feedback_tasks,
    grade_values,
    kept_words,
    outbox,
    queues,
    revisions,
    schema,
)
from reviews.workflow.audit import Actor
from reviews.workflow.editing import LeafEdit
from reviews.workflow.queues import ClaimLost

LONGEST_COMMENT = 20_000


class FeedbackRefused(ValueError):
    """Feedback that is not taken, with the reason; nothing was written."""


@dataclass(frozen=True)
class Submitted:
    """What a submit wrote."""

    feedback: Feedback
    revision: Revision | None


def submit(
    assignment: Assignment,
    *,
    values: dict[str, Any],
    comment: str = "",
    edits: Sequence[LeafEdit] = (),
    base_id: int,
    actor: Actor,
) -> Submitted:
    """Grade and, where there are edits, change the answer: claim, feedback, revision, outbox and audit in one
    transaction, so that all of it is there or none.

    `base_id` is the document that the reviewer saw. A claim that ran out meanwhile is taken again when its place is
    still free. Raises schema.ValuesRefused, FeedbackRefused, editing.EditRefused, editing.StaleDocument, ClaimLost.
    """
    feedback_task = assignment.item.queue.feedback_task
    given = _Given(answered(feedback_task, values, comment), values, comment, edits, base_id, actor)
    if assignment.state == AssignmentState.HELD:
        try:
            with transaction.atomic():
                return _written(assignment, given)
        except (ClaimLost, editing.StaleDocument):
            # It is not held any more as it was read: what stands now says what to do, and why not.
            pass
    with transaction.atomic():
        return _written(_still_held(assignment), given)


@dataclass(frozen=True)
class _Given:
    """What a submit says, checked."""

    task_revision: FeedbackTaskRevision
    values: dict[str, Any]
    comment: str
    edits: Sequence[LeafEdit]
    base_id: int
    actor: Actor


def _written(held: Assignment, given: _Given) -> Submitted:
    """All that a submit writes. Raises ClaimLost where the claim is another than was read."""
    queue = held.item.queue
    revision, completion = _edited(held, given.edits, given.base_id, given.actor)
    reviews = queues.finish(held)
    feedback = Feedback(
        organization=queue.organization,
        feedback_task=queue.feedback_task,
        task_revision=given.task_revision,
        origin=FeedbackOrigin.REVIEW,
        values_text=orjson.dumps(given.values).decode(),
        comment=given.comment,
        reviewer=held.reviewer,
        assignment=held,
        # Of an item that nobody has reviewed before there is nothing to correct.
        supersedes=_taken_back(held) if reviews > 1 else None,
    )
    insert(feedback)
    attach(feedback, [completion], given.actor)
    drafts.submitted(held.reviewer, held.item)
    return Submitted(feedback, revision)


def _edited(
    held: Assignment, edits: Sequence[LeafEdit], base_id: int, actor: Actor
) -> tuple[Revision | None, Completion]:
    """The revision that the edits made, where they change anything, and the completion as it stands then, locked."""
    completion_id = held.item.completion_id
    revision = None
    if edits:
        revision = editing.edit(completion_id, edits, base_id=base_id, actor=actor, assignment=held)
    completion = revisions.hold(completion_id)
    if revision is None and completion.current_id != base_id:
        raise editing.StaleDocument(_("This completion has changed since you opened it."))
    return revision, completion


def is_given(assignment: Assignment, *, values: dict[str, Any], comment: str) -> bool:
    """Whether the reviewer of this claim has given just this grade on its item, and it counts."""
    hers = Feedback.objects.filter(
        assignment__item=assignment.item_id, reviewer=assignment.reviewer_id, superseded_by=None
    )
    counting = hers.filter(assignment__requeued_at=None)
    return any(values_of(given) == values and given.comment == comment for given in counting)


def record(
    feedback_task: FeedbackTask,
    completions: Sequence[Completion],
    *,
    values: dict[str, Any],
    comment: str,
    actor: Actor,
    api_token: ApiToken | None,
) -> Feedback:
    """Feedback from an application on these completions: their free places close, since it has been graded.

    Raises schema.ValuesRefused, FeedbackRefused, documents.TextPurged.
    """
    task_revision = answered(feedback_task, values, comment)
    with transaction.atomic():
        _hold(completions)
        feedback = Feedback.objects.create(
            organization=feedback_task.organization,
            feedback_task=feedback_task,
            task_revision=task_revision,
            origin=FeedbackOrigin.API,
            values_text=orjson.dumps(values).decode(),
            comment=comment,
            api_token=api_token,
        )
        attach(feedback, completions, actor)
        queues.close_free_places(completions, feedback_task)
    return feedback


def _hold(completions: Sequence[Completion]) -> None:
    """Lock them, in one order, so that a purge of one comes before, and is seen, or empties the feedback too."""
    rows = Completion.objects.select_for_update().filter(pk__in=[completion.pk for completion in completions])
    for completion in rows.only("uid", "purged_at").order_by("pk"):
        if completion.purged_at is not None:
            words = _("The text of the completion %(name)s was purged: it is not graded any more.")
            raise documents.TextPurged(words % {"name": completion.uid})


def values_of(feedback: Feedback) -> dict[str, Any]:
    """The values of a feedback, members in their order."""
    values: dict[str, Any] = orjson.loads(feedback.values_text)
    return values


def hash_of(feedback: Feedback) -> str:
    """SHA-256 of what it says, values and comment, for the audit."""
    return hashlib.sha256(orjson.dumps([feedback.values_text, feedback.comment])).hexdigest()


def answered(feedback_task: FeedbackTask, values: dict[str, Any], comment: str) -> FeedbackTaskRevision:
    """The revision that the values answer and that the feedback pins. Raises ValuesRefused, FeedbackRefused."""
    revision = feedback_task.current_revision
    if revision is None:
        raise FeedbackRefused(_("This feedback task has no schema."))
    schema.validate(feedback_tasks.schema_of(revision), values)
    if len(comment) > LONGEST_COMMENT:
        words = _("The comment is longer than %(most)s characters.")
        raise FeedbackRefused(words % {"most": f"{LONGEST_COMMENT:,}"})
    if "\x00" in comment:
        raise FeedbackRefused(_("The comment has a NUL character in it, which no database keeps."))
    return revision


def _still_held(assignment: Assignment) -> Assignment:
    """The assignment as it stands, claimed again where it had run out. Raises ClaimLost."""
    now = _claimed(assignment.pk)
    if now.state == AssignmentState.HELD:
        return now
    if now.state == AssignmentState.DONE:
        raise ClaimLost(_("You have submitted this item already."))
    if now.state == AssignmentState.RELEASED and now.item.state != "open":
        because = kept_words.shown(now.item.closed_because).rstrip(".") or _("it is done")
        raise ClaimLost(_("This item has left the queue: %(because)s.") % {"because": because})
    again = queues.reclaim(now.item, reviewer=now.reviewer)
    return _claimed(again.pk)


def _claimed(pk: int) -> Assignment:
    found = _claim.first(pk=pk)
    if found is None:
        raise Assignment.DoesNotExist
    return found


_claim = Compiled(
    lambda: Assignment.objects.filter(pk=asked("pk")).select_related(
        "item__queue__organization", "item__queue__feedback_task", "reviewer"
    )
)


def _taken_back(held: Assignment) -> Feedback | None:
    """The grade of hers on this item that no longer counts and that the one she gives now corrects."""
    return _no_longer_counting.first(item=held.item_id, reviewer=held.reviewer_id)


def _hers_that_counts_no_longer() -> QuerySet[Feedback]:
    hers = Feedback.objects.filter(
        assignment__item=asked("item"),
        reviewer=asked("reviewer"),
        superseded_by=None,
        assignment__requeued_at__isnull=False,
    )
    return hers.order_by("-pk")[:1]


_no_longer_counting = Compiled(_hers_that_counts_no_longer)


def attach(
    feedback: Feedback, completions: Sequence[Completion], actor: Actor, *, action: str = "feedback.create"
) -> None:
    """The completions that a feedback speaks of, the document of each that was graded, and the pushes. `action`: what
    the audit calls it.
    """
    named: set[int] = set()
    for completion in completions:
        if completion.pk in named:
            raise FeedbackRefused(_("The completion %(name)s is named twice.") % {"name": completion.uid})
        named.add(completion.pk)
        insert(FeedbackCompletion(feedback=feedback, completion=completion, document_id=completion.current_id))
        outbox.enqueue_feedback(feedback, completion)
    grade_values.keep(feedback, completions)
    audit.record(
        action,
        feedback,
        organization=feedback.organization,
        actor=actor,
        before=hash_of(feedback.supersedes) if feedback.supersedes else "",
        after=hash_of(feedback),
        details=feedback.feedback_task.name,
    )
