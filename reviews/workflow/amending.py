"""Second thoughts: taking a submit back within its first seconds, and changing a grade that was given."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from gradebench.compiled import Compiled, asked
from reviews.models import (
    Assignment,
    AssignmentState,
    Completion,
    Document,
    Feedback,
    FeedbackCompletion,
    FeedbackOrigin,
    Push,
    PushState,
    Queue,
    RevisionOrigin,
    User,
)
from reviews.workflow import audit, clock, documents, drafts, editing, grading, queues, revisions
from reviews.workflow.audit import Actor
from reviews.workflow.editing import LeafEdit
from reviews.workflow.grading import Submitted

TAKEN_BACK = gettext_noop("Taken back by the reviewer before it left.")
REPLACED = gettext_noop("Replaced by the reviewer before it left.")
TOO_LATE = gettext_lazy("The time to undo is over. Go back to the item and amend it instead.")
MOVED_ON = gettext_lazy("This completion has changed since you submitted it. Go back to the item and amend it instead.")


class UndoRefused(RuntimeError):
    """A submit that can no longer be taken back; the sentence says why and what to do instead."""


class AmendRefused(RuntimeError):
    """A grade that is not hers to amend, or no longer; the sentence says why."""


# Undo ------------------------------------------------------------------------------------------------------------


def undoable(user: User, queue: Queue) -> Feedback | None:
    """The grade that she gave last in the queue, while it can still be taken back."""
    return _last_given.first(user=user.pk, queue=queue.pk, since=_window_start())


def _given_since() -> QuerySet[Feedback]:
    """What she gave last since then."""
    given = Feedback.objects.filter(
        superseded_by=None,
        assignment__reviewer=asked("user"),
        assignment__state=AssignmentState.DONE,
        assignment__requeued_at=None,
        assignment__item__queue=asked("queue"),
        assignment__ended_at__gt=asked("since", DateTimeField()),
    )
    joined = given.select_related("feedback_task", "organization", "assignment")
    return joined.order_by("-assignment__ended_at")[:1]


_last_given = Compiled(_given_since)


def undo(assignment: Assignment, *, fields: Iterable[tuple[str, str]], actor: Actor) -> Assignment:
    """Take a submit back: the grade is not sent, the edit is reversed by a revision of its own, the item is hers again
    and what she wrote is her draft, the rest of the form (`fields`) with it. Her claim on the item.

    Possible within the undo window, as long as nothing of it has left. Raises UndoRefused, queues.ClaimLost.
    """
    item = assignment.item
    with transaction.atomic():
        completion = revisions.lock(item.completion_id)
        mine = _done(assignment.reviewer).filter(pk=assignment.pk, ended_at__gt=_window_start())
        feedback = standing(assignment) if mine.exists() else None
        if feedback is None:
            raise UndoRefused(TOO_LATE)
        if not _keep_back(Push.objects.filter(feedback=feedback), TAKEN_BACK):
            raise UndoRefused(TOO_LATE)
        _reverse_edit(completion, feedback, actor)
        queues.review_again(assignment.pk)
        again = queues.bring_back(item, reviewer=assignment.reviewer)
        drafts.put_back(item, assignment.reviewer, fields, base=completion.current, of=feedback)
        audit.record(
            "feedback.undo",
            feedback,
            organization=feedback.organization,
            actor=actor,
            before=grading.hash_of(feedback),
            details=feedback.feedback_task.name,
        )
    return again


def _reverse_edit(completion: Completion, feedback: Feedback, actor: Actor) -> None:
    """The text as it stood before the submit. Raises UndoRefused where something has been built upon the edit."""
    revision = completion.revisions.filter(assignment=feedback.assignment).order_by("-number").first()
    if revision is None:
        return
    upon_it = FeedbackCompletion.objects.filter(document=revision.result).exclude(feedback=feedback)
    if completion.current_id != revision.result_id or upon_it.exists():
        raise UndoRefused(MOVED_ON)
    if not _keep_back(Push.objects.filter(revision=revision), TAKEN_BACK):
        raise UndoRefused(TOO_LATE)
    base = Document.objects.get(pk=revision.base_id)
    revisions.accept(
        completion,
        documents.read(base),
        origin=RevisionOrigin.EDIT,
        before=documents.read(completion.current),
        result=base,
        actor=actor,
        assignment=feedback.assignment,
    )


def _keep_back(pushes: QuerySet[Push], because: str) -> bool:
    """Let these never leave; False where one has left already or a person decides about it."""
    unsent = Q(state=PushState.WAITING, attempts=0) | Q(state=PushState.UNLINKED)
    pushes.filter(unsent).update(state=PushState.DISCARDED, last_error=because)
    return not pushes.exclude(state=PushState.DISCARDED).exists()


def _window_start() -> datetime:
    return clock.now() - timedelta(seconds=settings.UNDO_SECONDS)


# Back and amend --------------------------------------------------------------------------------------------------


def before(user: User, queue: Queue, *, assignment: Assignment | None = None) -> Assignment | None:
    """What she did last in the queue, or last before the review of `assignment`."""
    done = _done(user).filter(item__queue=queue)
    if assignment is not None and assignment.ended_at is not None:
        done = done.filter(ended_at__lt=assignment.ended_at)
    return done.order_by("-ended_at", "-pk").first()


def standing(assignment: Assignment) -> Feedback | None:
    """The grade that a review ended with, after all amendments."""
    given = Feedback.objects.filter(assignment=assignment, superseded_by=None)
    return given.select_related("feedback_task", "organization", "assignment").first()


def has_left(feedback: Feedback) -> bool:
    """Whether it has been sent to an upstream, or may have been: it cannot be withdrawn any more."""
    pushes = Push.objects.filter(feedback=feedback)
    return pushes.filter(state__in=(PushState.SENDING, PushState.DELIVERED)).exists() or (
        pushes.filter(attempts__gt=0, ambiguous=True).exists()
    )


def amend(
    assignment: Assignment,
    *,
    values: dict[str, Any],
    comment: str = "",
    edits: Sequence[LeafEdit] = (),
    base_id: int,
    seen_id: int,
    actor: Actor,
) -> Submitted | None:
    """Put another grade in the place of the one that a review ended with, and change the answer where there are edits.
    What has not left is replaced; what has is followed by a second one. None when it says what stands already.

    `seen_id` is the grade that she saw. Raises schema.ValuesRefused, grading.FeedbackRefused, editing.EditRefused,
    editing.StaleDocument, AmendRefused.
    """
    task_revision = grading.answered(assignment.item.queue.feedback_task, values, comment)
    with transaction.atomic():
        completion = revisions.lock(assignment.item.completion_id)
        former = standing(assignment)
        if former is None or former.pk != seen_id or not _done(assignment.reviewer).filter(pk=assignment.pk).exists():
            raise AmendRefused(_("This grade has been changed or taken back since you opened it. Open it again."))
        revision = editing.edit(completion.pk, edits, base_id=base_id, actor=actor, assignment=assignment)
        if revision is None and _says_the_same(former, values, comment):
            return None
        feedback = _replace(former, values, comment, task_revision.pk)
        _not_arrived(former).update(state=PushState.DISCARDED, last_error=REPLACED)
        completion = Completion.objects.select_related("upstream", "organization").get(pk=completion.pk)
        grading.attach(feedback, [completion], actor, action="feedback.amend")
        drafts.submitted(assignment.reviewer, assignment.item)
    return Submitted(feedback, revision)


def _replace(former: Feedback, values: dict[str, Any], comment: str, task_revision_id: int) -> Feedback:
    return Feedback.objects.create(
        organization=former.organization,
        feedback_task=former.feedback_task,
        task_revision_id=task_revision_id,
        origin=FeedbackOrigin.REVIEW,
        values_text=orjson.dumps(values).decode(),
        comment=comment,
        reviewer=former.reviewer,
        assignment=former.assignment,
        supersedes=former,
    )


def _not_arrived(feedback: Feedback) -> QuerySet[Push]:
    """Its pushes of which it is certain that the upstream does not have them."""
    here = (PushState.WAITING, PushState.ATTENTION, PushState.UNLINKED)
    return Push.objects.filter(feedback=feedback, state__in=here, ambiguous=False)


def _says_the_same(feedback: Feedback, values: dict[str, Any], comment: str) -> bool:
    return grading.values_of(feedback) == values and feedback.comment == comment


def _done(user: User) -> QuerySet[Assignment]:
    """Reviews of hers that count."""
    return Assignment.objects.filter(reviewer=user, state=AssignmentState.DONE, requeued_at=None)
