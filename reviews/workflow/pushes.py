"""Pushes as pages list them: by where they stand, newest first, and how many. Nothing here counts a whole table or
sorts one: a busy organization has millions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet

from reviews.models import Completion, Push, PushKind, PushState
from reviews.models.sync import NEEDS_A_PERSON

# SQLite joins 500 selects at most.
MOST_PARTS = 200
MOST_COUNTED = 1_000
MOST_ARRIVALS = 10_000
HEAVY = ("completion__search_text", "completion__preview", "upstream__token_sealed", "revision__changes_text")


class Group(StrEnum):
    """Where a push stands, as a lead asks for it."""

    PERSON = "person"
    WAY = "way"
    ARRIVED = "arrived"
    ENDED = "ended"

    @property
    def states(self) -> tuple[PushState, ...]:
        """What it stands for in the table."""
        return _STATES[self]


_STATES: dict[Group, tuple[PushState, ...]] = {
    Group.PERSON: NEEDS_A_PERSON,
    Group.WAY: (PushState.WAITING, PushState.SENDING),
    Group.ARRIVED: (PushState.DELIVERED,),
    Group.ENDED: (PushState.SUPERSEDED, PushState.DISCARDED, PushState.UNLINKED),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pushes: of these upstreams, in these states; `kind` and `uid` (of a completion) empty mean any."""

    upstream_ids: tuple[int, ...]
    states: tuple[PushState, ...]
    kind: str = ""
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of a list, newest first, and whether there is more on either side."""

    pushes: tuple[Push, ...]
    newer: bool = False
    older: bool = False


def newest(wanted: Wanted, *, most: int, before: int | None = None) -> Slice:
    """The newest of them, or of those older than the push `before`."""
    beyond = {} if before is None else {"pk__lt": before}
    ids = sorted(first_ids(_parts(wanted, **beyond), most=most + 1), reverse=True)
    return Slice(_rows(ids[:most]), newer=before is not None, older=len(ids) > most)


def after(wanted: Wanted, *, most: int, pk: int) -> Slice:
    """Those right above the push `pk`: the way back from `newest(before=…)`."""
    ids = sorted(first_ids(_parts(wanted, pk__gt=pk), most=most + 1, order="pk"))
    return Slice(_rows(ids[:most][::-1]), newer=len(ids) > most, older=True)


def count(wanted: Wanted, *, most: int = MOST_COUNTED) -> int:
    """How many, counted no further than one more than `most`."""
    found = Push.objects.filter(**_conditions(wanted), upstream__in=wanted.upstream_ids, state__in=wanted.states)
    # Without an order: in one, a database may walk the whole table to find the few that there are.
    return found.order_by()[: most + 1].count()


def conflicts_alone(organization_ids: Iterable[int]) -> QuerySet[Completion]:
    """Completions in conflict of which no edit waits, but a grade, or an edit that was taken and dropped: no push of
    them says that a person is needed. Oldest first.
    """
    waiting = Push.objects.filter(completion=OuterRef("pk"), kind=PushKind.UPDATE, state__in=NEEDS_A_PERSON)
    changed = Completion.objects.filter(organization__in=organization_ids, conflict_document__isnull=False)
    return changed.filter(~Exists(waiting)).order_by("pk")


def oldest_at(wanted: Wanted) -> datetime | None:
    """When the oldest of them was made."""
    ids = first_ids(_parts(wanted), most=1, order="pk")
    if not ids:
        return None
    return Push.objects.filter(pk=min(ids)).values_list("created_at", flat=True).first()


def arrived_since(upstream_ids: Sequence[int], moment: datetime) -> int:
    """How many have arrived since then, of the ten thousand newest of each upstream that have."""
    parts = _parts(Wanted(tuple(upstream_ids), Group.ARRIVED.states))
    recent = Count("delivered_at", filter=Q(delivered_at__gte=moment))
    newest_there = (part.order_by("-pk").values("delivered_at")[:MOST_ARRIVALS] for part in parts)
    # One question each, because joined by their ids into one they take ten times as long.
    return sum(part.aggregate(found=recent)["found"] for part in newest_there)


M = TypeVar("M", bound=Model)


def first_ids(parts: Sequence[QuerySet[M]], *, most: int, order: str | tuple[str, ...] = "-pk") -> list[int]:
    """The ids of the first `most` of each part, in one question. Each part can be read off an index of its own, where
    their union would be read whole and sorted.
    """
    found: list[int] = []
    for start in range(0, len(parts), MOST_PARTS):
        first, *others = (_cut(part, most, order) for part in parts[start : start + MOST_PARTS])
        found += first.union(*others, all=True)
    return found


def _cut(part: QuerySet[M], most: int, order: str | tuple[str, ...]) -> QuerySet[M, int]:
    cut = part.order_by(*((order,) if isinstance(order, str) else order)).values("pk")[:most]
    # A select of selects: SQLite does not join selects that are cut themselves.
    # By the ids alone: the part's own conditions would be looked at once more, of all its rows.
    return QuerySet(part.model).order_by().filter(pk__in=cut).values_list("pk", flat=True)


def _parts(wanted: Wanted, **beyond: int) -> list[QuerySet[Push]]:
    pushes = Push.objects.filter(**_conditions(wanted), **beyond)
    return [
        pushes.filter(upstream=upstream_id, state=state)
        for upstream_id in wanted.upstream_ids
        for state in wanted.states
    ]


def _conditions(wanted: Wanted) -> dict[str, Any]:
    conditions = {"kind": wanted.kind, "completion__uid": wanted.uid}
    return {name: value for name, value in conditions.items() if value}


def _rows(ids: Sequence[int]) -> tuple[Push, ...]:
    """What a list shows of them, in the order of `ids`; no text of a completion is read."""
    rows = Push.objects.filter(pk__in=ids).select_related("completion", "upstream", "revision")
    found = rows.defer(*HEAVY).in_bulk()
    return tuple(found[pk] for pk in ids if pk in found)
