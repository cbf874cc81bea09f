"""Queues: which completions they hold, and who holds which item."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, Count, DateTimeField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from gradebench import measures
from gradebench.compiled import Compiled, CompiledUpdate, asked, insert, insert_many
from reviews.models import (
    Assignment,
    AssignmentState,
    ClaimChange,
    ClaimEvent,
    Completion,
    Draft,
    FeedbackTask,
    ItemState,
    Member,
    Order,
    Queue,
    QueueItem,
    Status,
    User,
)
from reviews.models.queues import NOT_AGAIN, TAKING
from reviews.workflow import audit, clock
from reviews.workflow.audit import Actor
from reviews.workflow.kept_words import FLAGGED

CANDIDATES = 20
MOST_ROUNDS = 50
BACKLOG_CHUNK = 1_000
# How long the item behind the one on screen is held for her: as long as she is likely to read, and no longer than
# others can wait for it.
PREFETCHED_FOR = timedelta(minutes=2)


class ClaimLost(RuntimeError):
    """The claim is no longer the reviewer's: it ran out, was given up, or the item left the queue."""


# Routing ---------------------------------------------------------------------------------------------------------


def route(completion: Completion, matching: Iterable[Queue]) -> None:
    """Make the completion stand in exactly these queues, as far as nobody touched it.

    A started completion stands in none: there is nothing to review yet.
    """
    wanted = [] if completion.status == Status.STARTED else list(matching)
    _withdraw(_untouched().filter(completion=completion).exclude(queue__in=wanted), UNMATCHED)
    _reopen(QueueItem.objects.filter(completion=completion, queue__in=wanted))
    QueueItem.objects.bulk_create([_item(queue, completion) for queue in wanted], ignore_conflicts=True)


def route_new(matched: Iterable[tuple[Completion, Iterable[Queue]]]) -> None:
    """As `route`, for completions of which none was in any queue before."""
    insert_many(
        _item(queue, completion)
        for completion, matching in matched
        if completion.status != Status.STARTED
        for queue in matching
    )


@dataclass(frozen=True)
class Backlog:
    """Some completions that were there before the selector: those behind `after`, up to `through`; None: to the end."""

    completions: list[Completion]
    after: int
    through: int | None


def backlog(feedback_task: FeedbackTask) -> Backlog | None:
    """The next thousand; None when none are left."""
    if feedback_task.routed_through is None or feedback_task.archived_at is not None:
        return None
    matching = unoffered(feedback_task)
    fields = ("id", "status", "received_at", "confidence_low")
    chunk = list(matching.only(*fields).order_by("pk")[:BACKLOG_CHUNK])
    ready = [completion for completion in chunk if completion.status != Status.STARTED]
    return Backlog(ready, feedback_task.routed_through, chunk[-1].pk if len(chunk) == BACKLOG_CHUNK else None)


def unoffered(feedback_task: FeedbackTask) -> QuerySet[Completion]:
    """What matches and was not offered yet."""
    tag_ids = set(feedback_task.selector_tags.values_list("tag_id", flat=True))
    return Completion.objects.having_tags(tag_ids).filter(
        organization_id=feedback_task.organization_id, pk__gt=feedback_task.routed_through or 0
    )


def offer_backlog(feedback_task: FeedbackTask, found: Backlog) -> int:
    """Offer them to its queue; how many. None when the selector was changed since they were read."""
    with transaction.atomic():
        unchanged = FeedbackTask.objects.filter(pk=feedback_task.pk, routed_through=found.after)
        if not unchanged.update(routed_through=found.through):
            return 0
        _reopen(QueueItem.objects.filter(queue=feedback_task.queue, completion__in=found.completions))
        offer(feedback_task.queue, found.completions)
    return len(found.completions)


def offer(queue: Queue, completions: Iterable[Completion]) -> None:
    """Put completions into a queue; those that have been in it stay as they are."""
    QueueItem.objects.bulk_create([_item(queue, one) for one in completions], ignore_conflicts=True)


def route_backlog(feedback_task: FeedbackTask) -> bool:
    """Offer the next thousand completions that were there before the selector; False when none are left."""
    found = backlog(feedback_task)
    if found is None:
        return False
    offer_backlog(feedback_task, found)
    feedback_task.routed_through = found.through
    return found.through is not None


def withdraw_unmatched(feedback_task: FeedbackTask) -> None:
    """Withdraw the untouched items that the feedback task's selector no longer matches."""
    tag_ids = set(feedback_task.selector_tags.values_list("tag_id", flat=True))
    matching = Completion.objects.having_tags(tag_ids).filter(organization_id=feedback_task.organization_id)
    items = _untouched().filter(queue__feedback_task=feedback_task)
    _withdraw(items.exclude(completion__in=matching.values("pk")), UNMATCHED)


def withdraw_gone(completion: Completion) -> int:
    """Withdraw a completion that left the upstream's list; who holds it loses the claim. How many items it was in."""
    items = list(QueueItem.objects.open().filter(completion=completion, reviews_done=0))
    for item in items:
        for assignment in Assignment.objects.held().filter(item=item):
            _end(assignment, AssignmentState.RELEASED, reason=GONE)
    return _withdraw(QueueItem.objects.filter(pk__in=[item.pk for item in items], places_taken=0), GONE)


def withdraw_archived(queue: Queue, *, by: User | None) -> int:
    """Withdraw all that is open, since its feedback task was archived; who holds an item loses the claim and is told.
    How many items.
    """
    for assignment in Assignment.objects.held().filter(item__queue=queue).select_related("item", "reviewer"):
        release(assignment, reason=ARCHIVED, by=by)
    return _withdraw(QueueItem.objects.open().filter(queue=queue), ARCHIVED)


def bring_back_archived(queue: Queue) -> int:
    """Reopen what was withdrawn by that; how many items."""
    archived = QueueItem.objects.filter(queue=queue, state=ItemState.WITHDRAWN, closed_because=ARCHIVED)
    return archived.update(state=ItemState.OPEN, closed_at=None, closed_because="")


def welcome_back(completion: Completion) -> None:
    """Reopen what was withdrawn because the completion had left the upstream's list."""
    QueueItem.objects.filter(completion=completion, state=ItemState.WITHDRAWN, closed_because=GONE).update(
        state=ItemState.OPEN, closed_at=None, closed_because=""
    )


GONE = gettext_noop("graded or deleted upstream")
UNMATCHED = gettext_noop("no longer matches")
ARCHIVED = gettext_noop("its feedback task was archived")
PURGED = gettext_noop("its text was purged")
GRADED_ELSEWHERE = gettext_noop("graded elsewhere")
OTHER_QUEUE = gettext_noop("opened another queue")
OTHER_ITEM = gettext_noop("went back to another item")
TOOK_BACK = gettext_noop("took the last review back")
TOO_LATE = gettext_noop("came too late")
WANTED = gettext_noop("wanted by another reviewer")


def _item(queue: Queue, completion: Completion) -> QueueItem:
    return QueueItem(
        queue_id=queue.pk,
        completion_id=completion.pk,
        reviews_needed=queue.reviews_per_completion,
        sort_key=sort_key(queue, completion),
        received_at=completion.received_at,
    )


def sort_key(queue: Queue, completion: Completion) -> float:
    """Where a completion stands in the order of the queue: lower comes first."""
    match queue.order:
        case Order.NEWEST:
            return -completion.received_at.timestamp()
        case Order.LEAST_CONFIDENT:
            # Without logprobs nothing is known of it: behind those of which something is.
            return 2.0 if completion.confidence_low is None else completion.confidence_low
        case _:
            return completion.received_at.timestamp()


def _untouched() -> QuerySet[QueueItem]:
    return QueueItem.objects.open().filter(places_taken=0, reviews_done=0, graded_at=None)


def _withdraw(items: QuerySet[QueueItem], because: str) -> int:
    return items.update(state=ItemState.WITHDRAWN, closed_at=clock.now(), closed_because=because)


def _reopen(items: QuerySet[QueueItem]) -> None:
    """What a lead closed stays closed."""
    withdrawn = items.filter(state=ItemState.WITHDRAWN, graded_at=None, closed_because=UNMATCHED)
    withdrawn.update(state=ItemState.OPEN, closed_at=None, closed_because="")


# Claims ----------------------------------------------------------------------------------------------------------


@measures.CLAIM_SECONDS.time()
def claim_next(queue: Queue, *, reviewer: User) -> Assignment | None:
    """The item that `reviewer` is to review now: the one she holds in this queue, renewed, or the next free one.

    The one that waits behind it comes before all others. None when nothing is left for her. What she holds in another
    queue is given up: she sees one item at a time. Claims that ran out free their places first.
    """
    now = clock.now()
    hers = _hers(queue, _held_by(reviewer, now))
    if hers is not None:
        return hers
    # While one waits for the database's write lock, others may take all of the twenty that were read: the list is
    # only at its end when a fresh look finds nothing.
    for _round in range(MOST_ROUNDS):
        candidates = _candidates(queue, reviewer)
        for at, item_id in enumerate(candidates):
            # The page may fetch ahead in this very moment, and in another tab she may be faster herself.
            assignment = _take(item_id, queue, reviewer, now, just_read=at == 0) or _hers(queue, _held_now(reviewer))
            if assignment is not None:
                return assignment
        if candidates:
            continue
        if (hers := _hers(queue, _held_now(reviewer))) is not None:
            return hers
        if not _give_up_prefetched(queue, reviewer):
            return None
    return None


def prefetch(queue: Queue, *, reviewer: User) -> Assignment | None:
    """Claim the item behind the one on her screen for two minutes, or those two minutes anew. None when nothing is on
    her screen here, or nothing is free.
    """
    now = clock.now()
    held = {claim.prefetched: claim for claim in _held_by(reviewer, now)}
    on_screen, behind = held.get(False), held.get(True)
    if on_screen is None or on_screen.item.queue_id != queue.pk:
        return None
    if behind is not None:
        if behind.item.queue_id == queue.pk and extend(behind):
            return behind
        _end(behind, AssignmentState.RELEASED, reason=OTHER_QUEUE)
    assignment = _take_ahead(queue, reviewer, now)
    return assignment if assignment is not None and _stays_behind(assignment) else None


def _take_ahead(queue: Queue, reviewer: User, now: datetime) -> Assignment | None:
    # As above: nothing is free only when a fresh look finds nothing.
    for _round in range(MOST_ROUNDS):
        candidates = _candidates(queue, reviewer)
        for at, item_id in enumerate(candidates):
            assignment = _take(item_id, queue, reviewer, now, prefetched=True, just_read=at == 0)
            # Another tab of hers may have been faster.
            if assignment is not None or True in dict(_where_held.all(reviewer=reviewer.pk)).values():
                return assignment
        if not candidates:
            break
    return None


def _stays_behind(assignment: Assignment) -> bool:
    """Whether there still is an item on screen before it. Submitted meanwhile, nobody would come for this one."""
    now = dict(_where_held.all(reviewer=assignment.reviewer_id))
    if False not in now.values():
        _end(assignment, AssignmentState.RELEASED, reason=TOO_LATE)
        return False
    return now.get(assignment.pk) is True


def reclaim(item: QueueItem, *, reviewer: User) -> Assignment:
    """Claim this very item: one whose claim ran out while she worked, or a flagged one that a lead grades herself.

    Raises ClaimLost when its places are taken.
    """
    held = _on_screen(reviewer)
    if held is not None and held.item_id == item.pk:
        return held
    if held is not None:
        _end(held, AssignmentState.RELEASED, reason=OTHER_ITEM)
    behind = _behind(reviewer)
    if behind is not None and behind.item_id == item.pk and _promote(behind):
        return behind
    assignment = _take(item.pk, item.queue, reviewer, clock.now(), flagged=True)
    if assignment is None:
        raise ClaimLost(_("Somebody else has taken this item since your claim ran out."))
    return assignment


def renew(assignment: Assignment) -> bool:
    """Give a held claim its full time again; False when it is no longer held."""
    until = clock.now() + timedelta(minutes=assignment.item.queue.claim_minutes)
    mine = Assignment.objects.held().filter(pk=assignment.pk, fence=assignment.fence)
    if not mine.update(held_until=until, fence=F("fence") + 1):
        return False
    assignment.fence += 1
    assignment.held_until = until
    return True


def is_open_to(queue: Queue, reviewer: User) -> bool:
    """Whether she reviews the queue, and it is not paused."""
    return bool(_visible.all(queue=queue.pk, reviewer=reviewer.pk))


_visible = Compiled(
    lambda: Queue.objects.visible_to(asked("reviewer")).filter(pk=asked("queue")).values_list("pk").order_by()[:1]
)


@dataclass(frozen=True, slots=True)
class Source:
    """What the screen of a claim is made from: a document, a revision of the rubric, and maybe a draft of hers."""

    document_id: int
    task_revision_id: int | None
    has_draft: bool


def source_of(assignment: Assignment) -> Source:
    """As it stands now."""
    ((document_id, task_revision_id, has_draft),) = _source.all(pk=assignment.pk)
    return Source(document_id, task_revision_id, bool(has_draft))


_source = Compiled(
    lambda: Assignment.objects.filter(pk=asked("pk")).values_list(
        "item__completion__current_id",
        "item__queue__feedback_task__current_revision_id",
        Exists(Draft.objects.filter(item=OuterRef("item"), user=OuterRef("reviewer"))),
    )
)


def extend(assignment: Assignment) -> bool:
    """Let a held claim last its time from now on, because somebody is at work on it; False when it is no longer held.

    Unlike `renew` it leaves the fence alone: it may come in the middle of a submit of the same claim.
    """
    until = clock.now() + _time_of(assignment)
    if not _last_until(pk=assignment.pk, until=until):
        return False
    assignment.held_until = until
    return True


_last_until = CompiledUpdate(
    lambda: (Assignment.objects.held().filter(pk=asked("pk")), {"held_until": asked("until", DateTimeField())})
)


def bring_back(item: QueueItem, *, reviewer: User) -> Assignment:
    """Put an item on her screen again whose review she took back; the one that is there goes behind it. Call it within
    the transaction that took the review back. Raises ClaimLost.
    """
    on_screen = _on_screen(reviewer)
    if on_screen is not None:
        behind = _behind(reviewer)
        if behind is not None:
            _end(behind, AssignmentState.RELEASED, reason=TOOK_BACK)
        until = clock.now() + PREFETCHED_FOR
        Assignment.objects.held().filter(pk=on_screen.pk).update(prefetched=True, held_until=until)
    assignment = _take(item.pk, item.queue, reviewer, clock.now())
    if assignment is None:
        raise ClaimLost(_("Somebody else has taken this item."))
    return assignment


def skip(assignment: Assignment, *, reason: str = "") -> None:
    """Give the item to others: its place is free, and she is not offered it again until it is requeued.

    Raises ClaimLost.
    """
    if not _end(assignment, AssignmentState.SKIPPED, reason=reason, by=assignment.reviewer):
        raise ClaimLost(_("This item was no longer yours, so there was nothing to skip."))


def flag(assignment: Assignment, *, reason: str, actor: Actor) -> None:
    """Mark the item for a lead, with a reason, and pass on as with `skip`. Raises ClaimLost."""
    item = assignment.item
    with transaction.atomic():
        skip(assignment, reason=f"{FLAGGED}: {reason}"[:1000])
        QueueItem.objects.filter(pk=item.pk).update(
            flagged_at=clock.now(), flagged_by=assignment.reviewer, flag_reason=reason[:1000]
        )
        audit.record("item.flag", item, organization=item.queue.organization, actor=actor)


def release(assignment: Assignment, *, reason: str, by: User | None) -> bool:
    """Take a claim back from who holds it; False when it had ended already. She is told."""
    return _end(assignment, AssignmentState.RELEASED, reason=reason, by=by)


def finish(assignment: Assignment) -> int:
    """Close a claim by a review; the last review that was needed closes the item. A lead's review answers the flag
    that she saw on it. How many reviews the item has had with this one. Raises ClaimLost.

    Call it within the transaction that writes the feedback.
    """
    now = clock.now()
    if not _done(pk=assignment.pk, fence=assignment.fence, now=now):
        raise ClaimLost(_("Your claim on this item has run out."))
    assignment.state, assignment.ended_at = AssignmentState.DONE, now
    _log(assignment, ClaimChange.DONE, now, by=assignment.reviewer)
    (reviews,) = _count_review.changed(pk=assignment.item_id, now=now)
    if assignment.item.flagged_at is not None and _leads(assignment):
        unflag(QueueItem.objects.filter(pk=assignment.item_id))
    measures.reviewed(assignment.item.queue_id, (now - assignment.claimed_at).total_seconds())
    return reviews


_done = CompiledUpdate(
    lambda: (
        Assignment.objects.held().filter(pk=asked("pk"), fence=asked("fence")),
        {"state": AssignmentState.DONE, "ended_at": asked("now", DateTimeField())},
    )
)


def _review_counted() -> tuple[QuerySet[QueueItem], dict[str, Any]]:
    """One review more; the last one that is needed closes the item."""
    now = asked("now", DateTimeField())
    last = Q(state=ItemState.OPEN, reviews_done__gte=F("reviews_needed") - 1)
    return QueueItem.objects.filter(pk=asked("pk")), {
        "reviews_done": F("reviews_done") + 1,
        "graded_at": Coalesce("graded_at", now),
        "state": Case(When(last, then=Value(ItemState.DONE)), default="state"),
        "closed_at": Case(When(last, then=now), default="closed_at"),
    }


_count_review = CompiledUpdate(_review_counted, returning="reviews_done")


def unflag(items: QuerySet[QueueItem]) -> None:
    """The lead has looked."""
    items.update(flagged_at=None, flagged_by=None, flag_reason="")


def close_free_places(completions: Iterable[Completion], feedback_task: FeedbackTask) -> None:
    """Feedback came from elsewhere: nobody new is asked for these; who holds one may finish."""
    items = QueueItem.objects.filter(queue__feedback_task=feedback_task, completion__in=list(completions))
    items.filter(graded_at=None).update(graded_at=clock.now())
    _withdraw(items.filter(state=ItemState.OPEN, places_taken=0), GRADED_ELSEWHERE)
    items.filter(state=ItemState.OPEN).update(reviews_needed=F("places_taken"))
    close_when_done(items)


def review_again(assignment_id: int) -> None:
    """A review no longer counts: the item is offered for one more, to the one who gave it, too. Items that left the
    queue stay out of it. Call it within the transaction that withdraws the grade.
    """
    now = clock.now()
    done = Assignment.objects.filter(pk=assignment_id, state=AssignmentState.DONE, requeued_at=None)
    if not done.update(requeued_at=now):
        return
    item = QueueItem.objects.filter(assignments=assignment_id, completion__purged_at=None)
    item = item.exclude(state=ItemState.WITHDRAWN)
    item.update(state=ItemState.OPEN, closed_at=None, closed_because="", reviews_needed=F("reviews_needed") + 1)
    counting = Assignment.objects.filter(item__assignments=assignment_id, state=AssignmentState.DONE, requeued_at=None)
    if not counting.exists():
        item.update(graded_at=None)


def expire_claims(now: datetime) -> int:
    """Free the places of claims that ran out; how many. Any process may call it at any time."""
    return sum(_end(assignment, AssignmentState.EXPIRED) for assignment in _run_out.all(now=now))


_run_out = Compiled(lambda: Assignment.objects.run_out(asked("now", DateTimeField())).select_related("item"))
# At most two: the one on the screen, and the one behind it.
_held = Compiled(lambda: Assignment.objects.held_by(asked("reviewer")).select_related("item__queue"))
_where_held = Compiled(lambda: Assignment.objects.held_by(asked("reviewer")).values_list("pk", "prefetched"))
_held_or_over = Compiled(
    lambda: (
        Assignment.objects.held()
        .filter(Q(reviewer=asked("reviewer")) | Q(held_until__lte=asked("now", DateTimeField())))
        .select_related("item__queue")
    )
)


def _held_by(reviewer: User, now: datetime) -> list[Assignment]:
    """What she holds, once the claims that ran out, hers and those of others, have freed their places."""
    hers, renewed = [], False
    for claim in _held_or_over.all(reviewer=reviewer.pk, now=now):
        if claim.held_until > now:
            claim.reviewer = reviewer
            hers.append(claim)
        elif not _end(claim, AssignmentState.EXPIRED):
            # In another tab perhaps, and perhaps it is hers.
            renewed = True
    return _held_now(reviewer) if renewed else hers


def _held_now(reviewer: User) -> list[Assignment]:
    held = _held.all(reviewer=reviewer.pk)
    for claim in held:
        claim.reviewer = reviewer
    return held


def _on_screen(reviewer: User) -> Assignment | None:
    return next((held for held in _held_now(reviewer) if not held.prefetched), None)


def _hers(queue: Queue, both: list[Assignment]) -> Assignment | None:
    """Of what she holds, what is in the queue, on the screen and for its full time; what is in another is given up."""
    for held in both:
        if held.prefetched:
            continue
        if held.item.queue_id == queue.pk and renew(held):
            return held
        _end(held, AssignmentState.RELEASED, reason=OTHER_QUEUE)
    for behind in both:
        if not behind.prefetched:
            continue
        if behind.item.queue_id == queue.pk and _promote(behind):
            return behind
        _end(behind, AssignmentState.RELEASED, reason=OTHER_QUEUE)
    return None


def _behind(reviewer: User) -> Assignment | None:
    return next((held for held in _held_now(reviewer) if held.prefetched), None)


def _promote(behind: Assignment) -> bool:
    """Put what was claimed behind the item on screen onto the screen, for the full time; False when it has ended."""
    now = clock.now()
    until = now + timedelta(minutes=behind.item.queue.claim_minutes)
    try:
        with transaction.atomic():
            if not _put_on_screen(pk=behind.pk, now=now, until=until):
                return False
            _log(behind, ClaimChange.EXTENDED, now, by=behind.reviewer)
    except IntegrityError:
        # In another tab she has an item on screen already.
        return False
    behind.prefetched, behind.held_until, behind.fence = False, until, behind.fence + 1
    return True


_put_on_screen = CompiledUpdate(
    lambda: (
        Assignment.objects.held().filter(pk=asked("pk"), prefetched=True, held_until__gt=asked("now", DateTimeField())),
        {"prefetched": False, "held_until": asked("until", DateTimeField()), "fence": F("fence") + 1},
    )
)


def _give_up_prefetched(queue: Queue, reviewer: User) -> bool:
    """Free what others hold behind the item on their screens: nobody reads it yet, and here somebody wants to. Whether
    there is something for her now.
    """
    not_again = Assignment.objects.filter(reviewer=reviewer, state__in=NOT_AGAIN, requeued_at=None)
    waiting = Assignment.objects.held().filter(item__queue=queue, prefetched=True, item__state=ItemState.OPEN)
    for assignment in waiting.exclude(item__in=not_again.values("item_id")).order_by("held_until")[:CANDIDATES]:
        if _end(assignment, AssignmentState.RELEASED, reason=WANTED):
            return True
    return False


def _time_of(assignment: Assignment) -> timedelta:
    return PREFETCHED_FOR if assignment.prefetched else timedelta(minutes=assignment.item.queue.claim_minutes)


def _leads(assignment: Assignment) -> bool:
    member = Member.objects.filter(user=assignment.reviewer_id, organization=assignment.item.queue.organization_id)
    return any(found.leads for found in member)


def _candidates(queue: Queue, reviewer: User) -> list[int]:
    """The first twenty free items, begun at an offset of the reviewer's own when others are at work, so that fifty
    who ask at one instant do not fight for one row. None of a queue that was paused, or is no longer hers.
    """
    found = _free.all(queue=queue.pk, reviewer=reviewer.pk)
    if not found:
        return []
    others = found[0][1] or 0
    offset = reviewer.pk % min(len(found), others + 1)
    return [pk for pk, _ in found[offset:] + found[:offset]]


def _free_for_her() -> QuerySet[QueueItem, tuple[int, int | None]]:
    """Each with how many claims others hold in the queue."""
    hers = Assignment.objects.filter(item=OuterRef("pk"), reviewer=asked("reviewer"))
    free = QueueItem.objects.claimable().filter(
        Exists(Queue.objects.visible_to(asked("reviewer")).filter(pk=asked("queue"))),
        ~Exists(hers.filter(state__in=NOT_AGAIN, requeued_at=None)),
        queue=asked("queue"),
    )
    others = Assignment.objects.held().filter(item__queue=asked("queue")).exclude(reviewer=asked("reviewer"))
    count = others.order_by().values("state").annotate(count=Count("pk")).values("count")
    return free.order_by("-priority", "sort_key", "pk").values_list("pk", Subquery(count))[:CANDIDATES]


_free = Compiled(_free_for_her)


def _take(
    item_id: int,
    queue: Queue,
    reviewer: User,
    now: datetime,
    *,
    prefetched: bool = False,
    flagged: bool = False,
    just_read: bool = False,
) -> Assignment | None:
    """Claim one item, a flagged one only where that is asked for: a conditional update takes the place, the constraints
    forbid what it could not see. `just_read`: it was free a moment ago.
    """
    look, take = (_has_place, _take_place) if flagged else (_is_claimable, _take_claimable)
    # A look costs no write lock; most of what others took in the meantime ends here.
    if not just_read and not look.all(item=item_id):
        return None
    try:
        with transaction.atomic():
            counts = take.changed(item=item_id)
            if not counts:
                return None
            assignment = Assignment(
                item_id=item_id,
                reviewer=reviewer,
                # Who is alone on it has the first.
                place=0 if counts == [1] else _free_place(item_id),
                prefetched=prefetched,
                claimed_at=now,
                held_until=now + (PREFETCHED_FOR if prefetched else timedelta(minutes=queue.claim_minutes)),
            )
            insert(assignment)
            _log(assignment, ClaimChange.CLAIMED, now, by=reviewer)
    except IntegrityError:
        # Somebody, perhaps she herself in another tab, was faster.
        return None
    return assignment


def _free_place(item_id: int) -> int:
    taken = {place for (place,) in _places.all(item=item_id)}
    return next(number for number in range(len(taken) + 1) if number not in taken)


_ONE_MORE = {"places_taken": F("places_taken") + 1}
_has_place = Compiled(lambda: QueueItem.objects.with_place().filter(pk=asked("item")).values_list("pk"))
_take_place = CompiledUpdate(
    lambda: (QueueItem.objects.with_place().filter(pk=asked("item")), _ONE_MORE), returning="places_taken"
)
_is_claimable = Compiled(lambda: QueueItem.objects.claimable().filter(pk=asked("item")).values_list("pk"))
_take_claimable = CompiledUpdate(
    lambda: (QueueItem.objects.claimable().filter(pk=asked("item")), _ONE_MORE), returning="places_taken"
)
_places = Compiled(lambda: Assignment.objects.filter(item=asked("item"), state__in=TAKING).values_list("place"))

_CHANGE = {
    AssignmentState.SKIPPED: ClaimChange.SKIPPED,
    AssignmentState.EXPIRED: ClaimChange.EXPIRED,
    AssignmentState.RELEASED: ClaimChange.RELEASED,
}


def _end(assignment: Assignment, state: AssignmentState, *, reason: str = "", by: User | None = None) -> bool:
    """End a claim without a review and free its place; False when it had ended already."""
    now = clock.now()
    with transaction.atomic():
        mine = Assignment.objects.held().filter(pk=assignment.pk, fence=assignment.fence)
        if state == AssignmentState.EXPIRED:
            mine = mine.run_out(now)
        if not mine.update(state=state, ended_at=now):
            return False
        QueueItem.objects.filter(pk=assignment.item_id).update(places_taken=F("places_taken") - 1)
        _log(assignment, _CHANGE[state], now, reason=reason, by=by)
    return True


def close_when_done(items: QuerySet[QueueItem]) -> int:
    """Close those that have all the reviews they need; how many."""
    done = items.filter(state=ItemState.OPEN, reviews_done__gte=F("reviews_needed"))
    return done.update(state=ItemState.DONE, closed_at=clock.now())


def _log(
    assignment: Assignment, change: ClaimChange, at: datetime, *, reason: str = "", by: User | None = None
) -> None:
    insert(ClaimEvent(assignment=assignment, change=change, at=at, reason=reason[:1000], by=by))
