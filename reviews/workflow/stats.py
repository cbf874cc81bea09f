"""Counts that pages show: how far a queue is, what a reviewer did."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from django.db.models import Count, DateTimeField, F, Q, QuerySet, Window

from gradebench.compiled import Among, Compiled, Together, asked
from reviews.models import Assignment, AssignmentState, ItemState, Queue, QueueItem, User

# A longer gap between two submits was a pause, not a review.
LONGEST_REVIEW = timedelta(minutes=20)
# So many submits tell how fast she is now.
PACED = 100
# Today's submits of a queue from which paces are made: those of fifty reviewers.
MOST_MOMENTS = 20_000
# A queue of more items is not counted for each page: at a million that takes a second of work. What pages show of it
# is no older than this, as long as somebody sweeps.
LONG = 5_000
COUNTED_EACH = timedelta(minutes=1)
EVER = datetime(1970, 1, 1, tzinfo=UTC)


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
    """A reviewer's day in one queue; `seconds_each` is the median time between two of her last submits."""

    submitted: int
    seconds_each: float | None
    last_at: datetime | None


def count_items(queues: list[Queue]) -> dict[int, QueueCounts]:
    """Counts per queue id, in one query at most. Those of a long queue are as they were when it was last counted."""
    kept = {queue.pk: counts for queue in queues if (counts := _kept(queue)) and counts.total > LONG}
    short = [queue for queue in queues if queue.pk not in kept]
    return {**kept, **(_count(short) if short else {})}


def keep_counts(now: datetime) -> Queue | None:
    """Count the queue that was counted longest ago, if that is long enough ago; None when none is due, or when another
    process was faster.
    """
    due = Queue.objects.filter(Q(counted_at=None) | Q(counted_at__lte=now - COUNTED_EACH))
    queue = due.order_by(F("counted_at").asc(nulls_first=True), "pk").first()
    if queue is None or not Queue.objects.filter(pk=queue.pk, counted_at=queue.counted_at).update(counted_at=now):
        return None
    counts = _count([queue])[queue.pk]
    Queue.objects.filter(pk=queue.pk).update(
        free_count=counts.free, held_count=counts.held, done_count=counts.done, flagged_count=counts.flagged
    )
    return queue


def _kept(queue: Queue) -> QueueCounts | None:
    counts = (queue.free_count, queue.held_count, queue.done_count, queue.flagged_count)
    free, held, done, flagged = (count or 0 for count in counts)
    return None if None in counts else QueueCounts(free, held, done, flagged)


def _count(queues: list[Queue]) -> dict[int, QueueCounts]:
    if len(queues) == 1:
        rows = _count_one.all(queue=queues[0].pk)
    else:
        rows = _count_some.all(queues=[queue.pk for queue in queues])
    counts = {queue_id: QueueCounts(*found) for queue_id, *found in rows}
    return {queue.pk: counts.get(queue.pk, QueueCounts(0, 0, 0)) for queue in queues}


def _counted(items: QuerySet[QueueItem]) -> QuerySet[QueueItem, tuple[int, ...]]:
    """Of each queue its id and its counts."""
    has_place = Q(state=ItemState.OPEN, places_taken__lt=F("reviews_needed"))
    return items.values_list("queue_id").annotate(
        free=Count("pk", filter=has_place & Q(flagged_at=None)),
        held=Count("pk", filter=Q(state=ItemState.OPEN) & ~has_place),
        done=Count("pk", filter=Q(state=ItemState.DONE)),
        flagged=Count("pk", filter=has_place & Q(flagged_at__isnull=False)),
    )


_count_one = Compiled(lambda: _counted(QueueItem.objects.filter(queue=asked("queue"))))
# Of a few short queues among long ones another plan is right than of most.
_count_some = Compiled(lambda: _counted(QueueItem.objects.filter(Among("queue_id", "queues"))), planned_anew=True)


@dataclass(frozen=True)
class Hers:
    """What one reviewer did, per queue id: free items that she passed over and is not offered again, reviews that count
    and were submitted since some moment, and the claim that is on her screen.
    """

    skipped: dict[int, int]
    done: dict[int, int]
    held: dict[int, int]


def hers(user: User, queues: list[Queue], *, since: datetime) -> Hers:
    """In one statement."""
    found = _hers.all(user=user.pk, queues=[queue.pk for queue in queues], since=since)
    skipped, done, held = (dict(rows) for rows in found)
    return Hers(skipped, done, held)


def skipped_by(user: User, queues: list[Queue]) -> dict[int, int]:
    """Per queue id, how many free items she passed over and is not offered again."""
    return dict(_skipped_by.all(user=user.pk, queues=[queue.pk for queue in queues]))


def done_by(user: User, queues: list[Queue], *, since: datetime = EVER) -> dict[int, int]:
    """Per queue id, how many reviews she has submitted that count."""
    return dict(_done_by.all(user=user.pk, queues=[queue.pk for queue in queues], since=since))


def _hers_in() -> QuerySet[Assignment]:
    return Assignment.objects.filter(Among("item__queue_id", "queues"), reviewer=asked("user"))


def _skipped() -> QuerySet[Assignment, Any]:
    passed = _hers_in().filter(
        state=AssignmentState.SKIPPED,
        requeued_at=None,
        item__state=ItemState.OPEN,
        item__places_taken__lt=F("item__reviews_needed"),
        item__flagged_at=None,
    )
    return passed.values_list("item__queue_id").annotate(Count("pk"))


def _done() -> QuerySet[Assignment, Any]:
    done = _hers_in().filter(
        state=AssignmentState.DONE, requeued_at=None, ended_at__gte=asked("since", DateTimeField())
    )
    return done.values_list("item__queue_id").annotate(Count("pk"))


def _held() -> QuerySet[Assignment, Any]:
    held = Assignment.objects.held_by(asked("user")).filter(prefetched=False)
    return held.values_list("item__queue_id", "pk")


_skipped_by, _done_by, _hers = Compiled(_skipped), Compiled(_done), Together(_skipped, _done, _held)


def reviewer_day(user: User, queue: Queue, *, since: datetime) -> ReviewerDay:
    """What she submitted in the queue since `since`, and how long one took her."""
    found = _last_done.all(user=user.pk, queue=queue.pk, since=since)
    if not found:
        return ReviewerDay(0, None, None)
    moments = [moment for moment, _ in found if moment is not None]
    return ReviewerDay(found[0][1], _pace(moments[::-1]), moments[0])


def _done_since() -> QuerySet[Assignment, tuple[datetime | None, int]]:
    """The last that she did, each with how many there are in all."""
    done = Assignment.objects.filter(
        reviewer=asked("user"),
        state=AssignmentState.DONE,
        requeued_at=None,
        item__queue=asked("queue"),
        ended_at__gte=asked("since", DateTimeField()),
    )
    return done.order_by("-ended_at").values_list("ended_at", Window(Count("pk")))[:PACED]


_last_done = Compiled(_done_since)


@dataclass(frozen=True)
class ReviewerProgress:
    """What one reviewer did in a queue. `skipped` are those she is not offered again; `seconds_each` as in
    ReviewerDay.
    """

    user_id: int
    username: str
    done: int = 0
    today: int = 0
    skipped: int = 0
    seconds_each: float | None = None


def reviewers_in(queue: Queue, *, since: datetime) -> list[ReviewerProgress]:
    """Everyone who has worked in the queue or was chosen for it, by name; in three queries."""
    done = Q(state=AssignmentState.DONE)
    rows = (
        Assignment.objects.filter(item__queue=queue)
        .values("reviewer_id", "reviewer__username")
        .annotate(
            done=Count("pk", filter=done),
            today=Count("pk", filter=done & Q(ended_at__gte=since)),
            skipped=Count("pk", filter=Q(state=AssignmentState.SKIPPED, requeued_at=None)),
        )
    )
    paces = _paces(queue, since)
    found = {
        row["reviewer_id"]: ReviewerProgress(
            row["reviewer_id"],
            row["reviewer__username"],
            row["done"],
            row["today"],
            row["skipped"],
            paces.get(row["reviewer_id"]),
        )
        for row in rows
    }
    for user_id, username in queue.reviewers.values_list("pk", "username"):
        found.setdefault(user_id, ReviewerProgress(user_id, username))
    return sorted(found.values(), key=lambda progress: progress.username)


def _paces(queue: Queue, since: datetime) -> dict[int, float]:
    """Per reviewer, the median time between two of her submits since then, in seconds."""
    ends = Assignment.objects.filter(item__queue=queue, state=AssignmentState.DONE, ended_at__gte=since)
    moments: dict[int, list[datetime]] = {}
    for user_id, moment in ends.order_by("-ended_at").values_list("reviewer_id", "ended_at")[:MOST_MOMENTS]:
        if moment is not None:
            moments.setdefault(user_id, []).append(moment)
    paced = {user_id: _pace(found[::-1]) for user_id, found in moments.items()}
    return {user_id: pace for user_id, pace in paced.items() if pace is not None}


def _pace(moments: list[datetime]) -> float | None:
    """The median time between two of these moments, pauses left out, in seconds."""
    gaps = [(after - before) for before, after in pairwise(moments)]
    seconds = [gap.total_seconds() for gap in gaps if gap <= LONGEST_REVIEW]
    return median(seconds) if seconds else None
