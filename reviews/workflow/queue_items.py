"""What a lead does with single items of a queue: flags, skips, what is done, and what was closed. All of it audited."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from gradebench.compiled import Among, CompiledCount
from reviews.models import Assignment, AssignmentState, Completion, ItemState, QueueItem, User
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


def listed(queue_id: int, name: str) -> QuerySet[QueueItem]:
    """The items of one of the LISTS, completions joined; the newest first. What waits for a lead is with the flags."""
    items = QueueItem.objects.filter(queue=queue_id)
    match name:
        case "held":
            found = items.open().filter(Exists(_of_item(AssignmentState.HELD)))
        case "skipped":
            skips = _of_item(AssignmentState.SKIPPED).filter(requeued_at=None)
            found = items.open().filter(Exists(skips), flagged_at=None)
        case "done":
            found = items.filter(state=ItemState.DONE)
        case "withdrawn":
            found = items.filter(state=ItemState.WITHDRAWN)
        case _:
            found = items.claimable()
    return found.select_related("completion").defer(*HEAVY).order_by("-pk")


def _of_item(state: AssignmentState) -> QuerySet[Assignment]:
    return Assignment.objects.filter(item=OuterRef("pk"), state=state)
