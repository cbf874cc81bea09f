"""Counts that pages show: how far a queue is, what a reviewer did."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from django.db.models import Count, F, Q

from reviews.models import Assignment, AssignmentState, ItemState, Queue, QueueItem, User

# A longer gap between two submits was a pause, not a review.
LONGEST_REVIEW = timedelta(minutes=20)


@dataclass(frozen=True)
class QueueCounts:
    """Items of a queue: `free` have a place nobody holds, `held` are with somebody, `done` are finished, `flagged` wait
    for a lead.
    """

    free: int
    held: int
    done: int
    flagged: int = 0

    @property
    def total(self) -> int:
        """All that were not withdrawn."""
        return self.free + self.held + self.done + self.flagged


@dataclass(frozen=True)
class ReviewerDay:
    """A reviewer's day in one queue; `seconds_each` is the median time between two submits."""

    submitted: int
    seconds_each: float | None
    last_at: datetime | None


def count_items(queues: list[Queue]) -> dict[int, QueueCounts]:
    """Counts per queue id, in one query."""
    has_place = Q(state=ItemState.OPEN, places_taken__lt=F("reviews_needed"))
    rows = (
        QueueItem.objects.filter(queue__in=queues)
        .values("queue_id")
        .annotate(
            free=Count("pk", filter=has_place & Q(flagged_at=None)),
            held=Count("pk", filter=Q(state=ItemState.OPEN) & ~has_place),
            done=Count("pk", filter=Q(state=ItemState.DONE)),
            flagged=Count("pk", filter=has_place & Q(flagged_at__isnull=False)),
        )
    )
    counts = {row.pop("queue_id"): QueueCounts(**row) for row in rows}
    return {queue.pk: counts.get(queue.pk, QueueCounts(0, 0, 0)) for queue in queues}


def skipped_by(user: User, queues: list[Queue]) -> dict[int, int]:
    """Per queue id, how many free items she passed over and is not offered again."""
    passed = Assignment.objects.filter(
        reviewer=user,
        state=AssignmentState.SKIPPED,
        requeued_at=None,
        item__queue__in=queues,
        item__state=ItemState.OPEN,
        item__places_taken__lt=F("item__reviews_needed"),
        item__flagged_at=None,
    )
    return dict(passed.values_list("item__queue_id").annotate(Count("pk")))


def done_by(user: User, queues: list[Queue], *, since: datetime | None = None) -> dict[int, int]:
    """Per queue id, how many reviews she has submitted."""
    done = Assignment.objects.filter(reviewer=user, state=AssignmentState.DONE, item__queue__in=queues)
    if since is not None:
        done = done.filter(ended_at__gte=since)
    return dict(done.values_list("item__queue_id").annotate(Count("pk")))


def reviewer_day(user: User, queue: Queue, *, since: datetime) -> ReviewerDay:
    """What she submitted in the queue since `since`, and how long one took her."""
    ends = Assignment.objects.filter(
        reviewer=user, state=AssignmentState.DONE, item__queue=queue, ended_at__gte=since
    ).values_list("ended_at", flat=True)
    moments = [moment for moment in ends.order_by("ended_at") if moment is not None]
    gaps = [(after - before) for before, after in pairwise(moments)]
    seconds = [gap.total_seconds() for gap in gaps if gap <= LONGEST_REVIEW]
    return ReviewerDay(len(moments), median(seconds) if seconds else None, moments[-1] if moments else None)
