"""What a lead does with single items of a queue: flags, skips, what is done, and what was closed. All of it audited."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal, NamedTuple

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from gradebench.compiled import Among, Compiled, CompiledCount, Together, asked
from reviews.models import (
    Assignment,
    AssignmentState,
    ClaimChange,
    ClaimEvent,
    Completion,
    ItemState,
    QueueItem,
    User,
)
from reviews.models.queues import QueueItemQuerySet
from reviews.workflow import audit, clock, queues
from reviews.workflow.audit import Actor
from reviews.workflow.kept_words import CLOSED
from reviews.workflow.queues import ClaimLost

TAKEN_BACK = gettext_noop("taken back by a lead")
MOST_REASON = 150
HEAVY = ("completion__search_text",)


class NotSo(RuntimeError):
    """The item is no longer as the lead saw it; the text is a sentence for her."""


# Flags -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flags:
    """A stretch of flagged items, the one that has waited longest first."""

    items: tuple[QueueItem, ...]
    more: bool = False


def flagged(queue_ids: Collection[int], *, most: int, after: tuple[datetime, int] | None = None) -> Flags:
    """Those of these queues; `after` is the moment and the id of the last that was seen."""
    found = QueueItem.objects.flagged().filter(queue__in=queue_ids)
    if after is not None:
        moment, pk = after
        found = found.filter(Q(flagged_at__gt=moment) | Q(flagged_at=moment, pk__gt=pk))
    found = found.select_related("queue__feedback_task", "completion", "flagged_by").defer(*HEAVY)
    rows = tuple(found.order_by("flagged_at", "pk")[: most + 1])
    return Flags(rows[:most], more=len(rows) > most)


def count_flagged(organization_ids: Collection[int], *, most: int) -> int:
    """How many, counted no further than one more than `most`."""
    return _flagged(most)(organizations=organization_ids)


@cache
def _flagged(most: int) -> CompiledCount:
    found = QueueItem.objects.flagged().filter(Among("queue__organization", "organizations"))
    return CompiledCount(lambda: found.order_by().values_list("pk")[: most + 1])


def unflag(item: QueueItem, *, actor: Actor) -> None:
    """The lead has looked: the item is offered again, to who skipped it, too. Raises NotSo."""
    with transaction.atomic():
        flagged_ones = QueueItem.objects.flagged().filter(pk=item.pk)
        if not flagged_ones.update(flagged_at=None, flagged_by=None, flag_reason=""):
            raise NotSo(_("Somebody has dealt with this flag already."))
        _count_skips_no_more(item)
        audit.record("item.unflag", item, organization=item.queue.organization, actor=actor)


def close(item: QueueItem, *, reason: str, actor: Actor) -> None:
    """Take an open item out of its queue, its flag with it. Who holds it loses the claim and is told. Raises NotSo."""
    with transaction.atomic():
        because = f"{CLOSED}: {reason}"[:200]
        still_open = QueueItem.objects.open().filter(pk=item.pk)
        if not still_open.update(state=ItemState.WITHDRAWN, closed_at=clock.now(), closed_because=because):
            raise NotSo(_("This item has left the queue already."))
        for assignment in Assignment.objects.held().filter(item=item).select_related("item", "reviewer"):
            queues.release(assignment, reason=CLOSED, by=actor.user)
        queues.unflag(QueueItem.objects.filter(pk=item.pk))
        audit.record("item.close", item, organization=item.queue.organization, actor=actor)


def take(item: QueueItem, *, reviewer: User, actor: Actor) -> Assignment:
    """A lead claims this very item to grade it herself, though she may have skipped it. Raises ClaimLost."""
    hers = Assignment.objects.filter(item=item, reviewer=reviewer, requeued_at=None)
    if hers.filter(state=AssignmentState.DONE).exists():
        raise ClaimLost(_("You have graded this item already."))
    if not QueueItem.objects.open().filter(pk=item.pk).exists():
        raise ClaimLost(_("This item has left the queue. Reopen it first."))
    with transaction.atomic():
        hers.filter(state=AssignmentState.SKIPPED).update(requeued_at=clock.now())
        audit.record("item.take", item, organization=item.queue.organization, actor=actor)
        try:
            return queues.reclaim(item, reviewer=reviewer)
        except ClaimLost as error:
            raise ClaimLost(_("Others hold all the reviews that this item needs.")) from error


# Skips, what is done, what was closed ----------------------------------------------------------------------------


def requeue(item: QueueItem, *, actor: Actor) -> None:
    """Offer the item again to those who skipped it. Raises NotSo."""
    with transaction.atomic():
        if not _count_skips_no_more(item):
            raise NotSo(_("Nobody skips this item any more."))
        audit.record("item.requeue", item, organization=item.queue.organization, actor=actor)


def reopen(item: QueueItem, *, actor: Actor) -> None:
    """Offer an item that is done or was withdrawn for one more review, by somebody who has not graded it.

    Raises NotSo.
    """
    with transaction.atomic():
        closed = QueueItem.objects.filter(pk=item.pk, completion__purged_at=None).exclude(state=ItemState.OPEN)
        # Of one that was withdrawn a review may be missing as it is.
        one_more = Greatest(F("reviews_needed"), F("places_taken") + 1)
        if not closed.update(state=ItemState.OPEN, closed_at=None, closed_because="", reviews_needed=one_more):
            raise NotSo(_no_more(item))
        audit.record("item.reopen", item, organization=item.queue.organization, actor=actor)


def _no_more(item: QueueItem) -> str:
    purged = Completion.objects.filter(queue_items=item.pk, purged_at__isnull=False).exists()
    return _("The text of this completion was purged.") if purged else _("This item is open already.")


def release(assignment: Assignment, *, actor: Actor) -> None:
    """Take an item back from who holds it; she is told, and its place is free. Raises NotSo."""
    organization = assignment.item.queue.organization
    with transaction.atomic():
        if not queues.release(assignment, reason=TAKEN_BACK, by=actor.user):
            raise NotSo(_("Nobody holds this item any more."))
        audit.record("claim.release", assignment, organization=organization, actor=actor)


def _count_skips_no_more(item: QueueItem) -> int:
    skips = Assignment.objects.filter(item=item, state=AssignmentState.SKIPPED, requeued_at=None)
    return skips.update(requeued_at=clock.now())


# Lists -----------------------------------------------------------------------------------------------------------

LISTS = ("waiting", "held", "skipped", "done", "withdrawn")


class Listed(NamedTuple):
    """An item as a list shows it, with what it shows of the completion."""

    pk: int
    completion_id: int
    received_at: datetime
    reviews_done: int
    reviews_needed: int
    closed_because: str
    flagged_at: datetime | None
    uid: str
    preview: str
    purged_at: datetime | None


@dataclass(frozen=True, slots=True)
class Items:
    """Some of a list, newest first, and whether there is more on either side."""

    rows: tuple[Listed, ...]
    newer: bool = False
    older: bool = False


def listed(queue_id: int, name: str, *, most: int, before: int | None = None, after: int | None = None) -> Items:
    """The newest items of one of the LISTS; those older than the item `before`, or those right above the one `after`.

    What waits for a lead is with the flags.
    """
    if after is not None:
        (rows,) = _list(name, "after", most).all(queue=queue_id, place=after)
        return Items(tuple(map(Listed._make, rows[:most][::-1])), newer=len(rows) > most, older=True)
    (rows,) = _list(name, "newest" if before is None else "before", most).all(queue=queue_id, place=before)
    return Items(tuple(map(Listed._make, rows[:most])), newer=before is not None, older=len(rows) > most)


@cache
def _list(name: str, side: Literal["newest", "before", "after"], most: int) -> Together:
    of_completion = ("completion__uid", "completion__preview", "completion__purged_at")
    columns = (*Listed._fields[:-3], *of_completion)

    def question() -> QuerySet[QueueItem, Any]:
        items = _of_list(QueueItem.objects.filter(queue=asked("queue")), name)
        if side != "newest":
            items = items.filter(**{"pk__gt" if side == "after" else "pk__lt": asked("place")})
        found = items.order_by("pk" if side == "after" else "-pk")
        return found.values_list(*columns)[: most + 1]

    return Together(question, planned_anew=True)


def _of_list(items: QueueItemQuerySet, name: str) -> QuerySet[QueueItem]:
    match name:
        case "held":
            return items.open().filter(Exists(_of_item(AssignmentState.HELD)))
        case "skipped":
            skips = _of_item(AssignmentState.SKIPPED).filter(requeued_at=None)
            return items.open().filter(Exists(skips), flagged_at=None)
        case "done":
            return items.filter(state=ItemState.DONE)
        case "withdrawn":
            return items.filter(state=ItemState.WITHDRAWN)
        case _:
            return items.claimable()


class Claim(NamedTuple):
    """Who holds, skipped or graded an item; `reason` is what she said when she skipped it."""

    item_id: int
    pk: int
    state: str
    held_until: datetime
    username: str
    reason: str = ""


def claims_on(item_ids: Collection[int]) -> dict[int, list[Claim]]:
    """By the ids of the items, the first claim first; none that counts no more."""
    found = [Claim(*row) for row in _claims.all(items=item_ids)]
    skipped = [claim.pk for claim in found if claim.state == AssignmentState.SKIPPED]
    reasons = dict(_reasons.all(claims=skipped)) if skipped else {}
    claims: dict[int, list[Claim]] = {}
    for claim in found:
        claims.setdefault(claim.item_id, []).append(claim._replace(reason=reasons.get(claim.pk, "")))
    return claims


_claims = Compiled(
    lambda: (
        Assignment.objects.filter(
            Among("item_id", "items"),
            state__in=(AssignmentState.HELD, AssignmentState.SKIPPED, AssignmentState.DONE),
            requeued_at=None,
        )
        .order_by("pk")
        .values_list("item_id", "pk", "state", "held_until", "reviewer__username")
    )
)
_reasons = Compiled(
    lambda: ClaimEvent.objects.filter(Among("assignment_id", "claims"), change=ClaimChange.SKIPPED).values_list(
        "assignment_id", "reason"
    )
)


def _of_item(state: AssignmentState) -> QuerySet[Assignment]:
    return Assignment.objects.filter(item=OuterRef("pk"), state=state)
