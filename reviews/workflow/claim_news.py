"""What became of a claim while its reviewer had the item on her screen. Only looks; nothing is written."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reviews.models import (
    Assignment,
    AssignmentState,
    ClaimEvent,
    Completion,
    FeedbackCompletion,
    FeedbackOrigin,
    ItemState,
    Revision,
)
from reviews.models.queues import TAKING


class Kind(StrEnum):
    """What happened. GONE: the item left the queue. TAKEN: the claim ended, and others have the item's places.
    RELEASED: the claim was given back, and a place is free. ELSEWHERE, SUBMITTED, SKIPPED: she did it herself, in
    another tab. CHANGED: the completion says something else than what she sees. GRADED: an application has graded it
    meanwhile; nobody else is asked, and her grade counts as well.
    """

    GONE = "gone"
    TAKEN = "taken"
    RELEASED = "released"
    ELSEWHERE = "elsewhere"
    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    CHANGED = "changed"
    GRADED = "graded"


@dataclass(frozen=True, slots=True)
class News:
    """What happened, when, and where it is known why: the reason in the ledger, or the origin of a revision.

    `by_others` says of a claim that was taken back that it was not the reviewer herself.
    """

    kind: Kind
    at: datetime | None = None
    why: str = ""
    document_id: int = 0
    by_others: bool = False


def news_of(assignment: Assignment, *, seen_id: int) -> News | None:
    """None while all is as her screen says; `seen_id` is the document on it. Its item is joined.

    A claim that merely ran out is no news: the screen knows until when it lasted, and she may still submit.
    """
    match assignment.state:
        case AssignmentState.DONE:
            return News(Kind.SUBMITTED, assignment.ended_at)
        case AssignmentState.SKIPPED:
            return News(Kind.SKIPPED, assignment.ended_at)
        case AssignmentState.HELD if assignment.item.state == ItemState.OPEN:
            return _changed(assignment, seen_id) or _graded(assignment)
        case _:
            return _ended(assignment) or _changed(assignment, seen_id)


def _ended(assignment: Assignment) -> News | None:
    item = assignment.item
    if item.state == ItemState.WITHDRAWN:
        return News(Kind.GONE, item.closed_at, item.closed_because)
    taking = Assignment.objects.filter(item=item, state__in=TAKING, requeued_at=None)
    if taking.filter(reviewer=assignment.reviewer_id).exclude(pk=assignment.pk).exists():
        return News(Kind.ELSEWHERE)
    if item.state == ItemState.DONE or item.places_taken >= item.reviews_needed:
        return News(Kind.TAKEN, why=assignment.state)
    if assignment.state != AssignmentState.RELEASED:
        return None
    last = ClaimEvent.objects.filter(assignment=assignment).order_by("-pk").first()
    by_others = last is not None and last.by_id not in (None, assignment.reviewer_id)
    return News(Kind.RELEASED, assignment.ended_at, last.reason if last else "", by_others=by_others)


def _changed(assignment: Assignment, seen_id: int) -> News | None:
    completions = Completion.objects.filter(pk=assignment.item.completion_id)
    current_id = completions.values_list("current_id", flat=True).get()
    if current_id == seen_id:
        return None
    revisions = Revision.objects.filter(completion=assignment.item.completion_id).order_by("-number")
    last = revisions.values_list("origin", "created_at").first()
    origin, at = last or ("", None)
    return News(Kind.CHANGED, at, origin, document_id=current_id)


def _graded(assignment: Assignment) -> News | None:
    item = assignment.item
    if item.graded_at is None:
        return None
    given = FeedbackCompletion.objects.filter(
        completion=item.completion_id,
        feedback__feedback_task__queue=item.queue_id,
        feedback__origin=FeedbackOrigin.API,
        feedback__created_at__gte=assignment.claimed_at,
    )
    at = given.order_by("feedback__created_at").values_list("feedback__created_at", flat=True).first()
    return News(Kind.GRADED, at) if at else None
