"""How a queue is set: who reviews, how many reviews per completion, in what order. Open items follow a change."""

from dataclasses import dataclass, fields
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, F, FloatField, Func, IntegerField, OuterRef, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext as _

from reviews.models import (
    Assignment,
    AssignmentState,
    AuditEvent,
    Completion,
    Member,
    Order,
    Queue,
    QueueItem,
    QueueReviewer,
    User,
)
from reviews.models.queues import MOST_REVIEWS
from reviews.workflow import audit, queues
from reviews.workflow.audit import Actor

MOST_NAME = 255
MOST_CLAIM_MINUTES = 1_440


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a lead sets. `reviewer_ids` count where the queue is not for everyone."""

    name: str
    is_open: bool
    everyone: bool
    reviewer_ids: frozenset[int]
    reviews_per_completion: int
    blind: bool
    order: str
    claim_minutes: int


COLUMNS = tuple(field.name for field in fields(Settings) if field.name != "reviewer_ids")


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change did: which settings, and how many open items now need another number of reviews, were done by
    that, or stand in another order.
    """

    names: tuple[str, ...] = ()
    followed: int = 0
    closed: int = 0
    sorted: int = 0


class SettingsRefused(ValueError):
    """Settings that cannot be; `name` is the one, the text a sentence for the lead."""

    def __init__(self, name: str, sentence: str) -> None:
        self.name = name
        super().__init__(sentence)


class Overtaken(RuntimeError):
    """Somebody changed the settings since they were read; `now` is how they stand."""

    def __init__(self, now: Settings) -> None:
        self.now = now
        super().__init__(_("Somebody else has changed these settings in the meantime."))


def settings_of(queue: Queue) -> Settings:
    """As the row and its reviewers stand."""
    columns = {name: getattr(queue, name) for name in COLUMNS}
    reviewer_ids = QueueReviewer.objects.filter(queue=queue).values_list("user_id", flat=True)
    return Settings(reviewer_ids=frozenset(reviewer_ids), **columns)


def change(queue: Queue, wanted: Settings, *, seen: Settings | None = None, actor: Actor) -> Changed:
    """Set the queue as wanted; with `seen`, only while it still stands as the lead saw it.

    Who holds an item may finish it. Open items need as many reviews as are wanted now, but never fewer than are given
    or held; done ones stay done. Raises SettingsRefused, Overtaken.
    """
    with transaction.atomic():
        row = Queue.objects.select_for_update(no_key=True).select_related("organization").get(pk=queue.pk)
        before = settings_of(row)
        if seen is not None and seen != before:
            raise Overtaken(before)
        _check(row, before, wanted)
        changed = tuple(name for name in COLUMNS if getattr(before, name) != getattr(wanted, name))
        if changed:
            Queue.objects.filter(pk=row.pk).update(**{name: getattr(wanted, name) for name in changed})
            details = ", ".join(f"{name} {getattr(before, name)} → {getattr(wanted, name)}" for name in changed)
            audit.record("queue.change", row, organization=row.organization, actor=actor, details=details)
        if before.reviewer_ids != wanted.reviewer_ids:
            changed += ("reviewers",)
            _set_reviewers(row, wanted.reviewer_ids, actor)
        followed, closed = _follow(row, before, wanted)
        resorted = _sort_again(row, wanted.order) if before.order != wanted.order else 0
    queue.refresh_from_db(fields=COLUMNS)
    return Changed(changed, followed, closed, resorted)


def last_change(queue: Queue) -> AuditEvent | None:
    """The newest change of its settings, with who made it."""
    found = AuditEvent.objects.filter(target_type="queue", target_id=str(queue.pk), action__startswith="queue.")
    return found.select_related("user").order_by("-pk").first()


def may_be_reviewers(queue: Queue) -> list[User]:
    """The members of its organization, by name."""
    return list(User.objects.filter(memberships__organization=queue.organization_id).order_by("username"))


def _check(queue: Queue, before: Settings, wanted: Settings) -> None:
    if not wanted.name or len(wanted.name) > MOST_NAME or "\x00" in wanted.name:
        words = _("Give the queue a name of at most %(most)d characters.")
        raise SettingsRefused("name", words % {"most": MOST_NAME})
    if not 1 <= wanted.reviews_per_completion <= MOST_REVIEWS:
        raise SettingsRefused("reviews_per_completion", _("From 1 to %(most)d reviews.") % {"most": MOST_REVIEWS})
    if not 1 <= wanted.claim_minutes <= MOST_CLAIM_MINUTES:
        words = _("From 1 to %(most)s minutes.")
        raise SettingsRefused("claim_minutes", words % {"most": f"{MOST_CLAIM_MINUTES:,}"})
    if wanted.order not in Order.values:
        raise SettingsRefused("order", _("Pick one of the orders."))
    new = wanted.reviewer_ids - before.reviewer_ids
    members = Member.objects.filter(organization=queue.organization_id, user__in=new)
    if members.count() != len(new):
        raise SettingsRefused("reviewers", _("Only members of the organization review its queues."))


def _set_reviewers(queue: Queue, user_ids: frozenset[int], actor: Actor) -> None:
    QueueReviewer.objects.filter(queue=queue).exclude(user__in=user_ids).delete()
    rows = [QueueReviewer(queue=queue, user_id=user_id) for user_id in sorted(user_ids)]
    QueueReviewer.objects.bulk_create(rows, ignore_conflicts=True)
    names = User.objects.filter(pk__in=user_ids).order_by("username").values_list("username", flat=True)
    audit.record("queue.reviewers", queue, organization=queue.organization, actor=actor, details=", ".join(names))


def _follow(queue: Queue, before: Settings, wanted: Settings) -> tuple[int, int]:
    """Have the open items need as many reviews as are wanted now; how many do, and how many were done by that.

    Those that are open though they had all their reviews were reopened for one more, and keep that. Those that were
    graded elsewhere, and are open only because somebody holds them, ask nobody new.
    """
    if before.reviews_per_completion == wanted.reviews_per_completion:
        return 0, 0
    items = QueueItem.objects.open().filter(queue=queue).exclude(graded_at__isnull=False, reviews_done=0)
    no_longer_counting = (
        Assignment.objects.filter(item=OuterRef("pk"), state=AssignmentState.DONE, requeued_at__isnull=False)
        .order_by()
        .values("item")
        .annotate(found=Count("pk"))
        .values("found")
    )
    whole = IntegerField()
    needed = Value(wanted.reviews_per_completion) + Coalesce(Subquery(no_longer_counting), 0, output_field=whole)
    at_least = Greatest(needed, F("places_taken"), output_field=whole)
    one_more = Greatest(needed, F("places_taken"), F("reviews_done") + 1, output_field=whole)
    reopened = When(reviews_done__gte=before.reviews_per_completion, then=one_more)
    followed = items.update(reviews_needed=Case(reopened, default=at_least, output_field=whole))
    return followed, queues.close_when_done(items)


class _Epoch(Func):
    """A moment as seconds since 1970, as `datetime.timestamp` has it; on SQLite to some hundredths of a millisecond."""

    output_field = FloatField()
    template = "(EXTRACT(EPOCH FROM %(expressions)s))::double precision"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite counts days, from another beginning."""
        template = "((julianday(%(expressions)s) - 2440587.5) * 86400.0)"
        return self.as_sql(compiler, connection, template=template, **context)


def _sort_again(queue: Queue, order: str) -> int:
    """Put the open items into another order, in one statement; how many. It says what `queues.sort_key` says."""
    received = _Epoch(F("received_at"))
    low = Completion.objects.filter(pk=OuterRef("completion_id")).values("confidence_low")
    keys: dict[str, Any] = {
        Order.OLDEST: received,
        Order.NEWEST: Value(-1.0, output_field=FloatField()) * received,
        Order.LEAST_CONFIDENT: Coalesce(Subquery(low), 2.0),
    }
    return QueueItem.objects.open().filter(queue=queue).update(sort_key=keys[order])
