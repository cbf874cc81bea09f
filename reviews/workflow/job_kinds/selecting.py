"""What is done with all that match: put into a queue, or offered there again."""

from collections import Counter
from collections.abc import Callable, Sequence

from django.utils.translation import gettext_noop

from reviews.models import Assignment, AssignmentState, Completion, ItemState, Job, Queue, QueueItem, Status
from reviews.workflow import jobs, queue_items, queues
from reviews.workflow.audit import Actor
from reviews.workflow.job_kinds.matching import matching
from reviews.workflow.jobs import Json, Step

NO_QUEUE = gettext_noop("The queue is not there any more, or its feedback task was archived. Choose another one.")
FIELDS = ("id", "status", "received_at", "confidence_low")


def add_to_queue(job: Job, place: Json) -> Step:
    """Put the next that match into the queue. Those that are in it stay as they are, withdrawn ones are reopened."""
    queue = _queue(job)
    return _step(job, place, lambda completions: lambda: _added(job, queue, completions))


def requeue(job: Job, place: Json) -> Step:
    """Offer the next that match again, in one queue or in all that they are in."""
    queue = _queue(job) if jobs.asked(job)["queue"] is not None else None
    return _step(job, place, lambda completions: lambda: _requeued(job, queue, completions))


Write = Callable[[], Counter[str]]


def _step(job: Job, place: Json, write: Callable[[Sequence[Completion]], Write]) -> Step:
    found = matching(job)
    most = jobs.small(250, 50)
    chunk = list(found.filter(pk__gt=place or 0).only(*FIELDS).order_by("pk")[: most + 1])
    now = chunk[:most]
    return Step(
        place=now[-1].pk if len(chunk) > most else None,
        write=write(now),
        done=len(now),
        total=found.order_by().count() if place is None else None,
    )


def _queue(job: Job) -> Queue:
    queue = Queue.objects.filter(
        pk=jobs.asked(job)["queue"], organization=job.organization_id, feedback_task__archived_at=None
    )
    found = queue.first()
    if found is None:
        raise jobs.JobFailed(NO_QUEUE)
    return found


def _added(job: Job, queue: Queue, completions: Sequence[Completion]) -> Counter[str]:
    counts: Counter[str] = Counter()
    items = QueueItem.objects.filter(queue=queue, completion__in=completions).select_related("queue__organization")
    there = {item.completion_id: item for item in items}
    new = []
    for completion in completions:
        item = there.get(completion.pk)
        if item is not None:
            counts[_reopened(job, item) if item.state == ItemState.WITHDRAWN else "there"] += 1
        elif completion.status == Status.STARTED:
            counts["started"] += 1
        else:
            new.append(completion)
    queues.offer(queue, new)
    counts["added"] += len(new)
    return counts


def _requeued(job: Job, queue: Queue | None, completions: Sequence[Completion]) -> Counter[str]:
    items = QueueItem.objects.filter(completion__in=completions)
    items = items.filter(queue=queue) if queue is not None else items
    found = list(items.select_related("queue__organization", "queue__feedback_task").order_by("pk"))
    skips = Assignment.objects.filter(item__in=found, state=AssignmentState.SKIPPED, requeued_at=None)
    skipped = set(skips.values_list("item_id", flat=True))
    counts = Counter(_offered_again(job, item, skipped) for item in found)
    counts["nowhere"] = len(completions) - len({item.completion_id for item in found})
    return counts


def _offered_again(job: Job, item: QueueItem, skipped: set[int]) -> str:
    """Offer one again; the name under which it counts."""
    if item.queue.feedback_task.archived_at is not None:
        return "archived"
    if item.state != ItemState.OPEN:
        return _reopened(job, item)
    if item.flagged_at is not None:
        return "flagged"
    if item.pk not in skipped:
        return "open"
    try:
        queue_items.requeue(item, actor=Actor(user=job.asked_by))
    except queue_items.NotSo:
        return "open"
    return "requeued"


def _reopened(job: Job, item: QueueItem) -> str:
    try:
        queue_items.reopen(item, actor=Actor(user=job.asked_by))
    except queue_items.NotSo:
        return "overtaken"
    return "reopened"
