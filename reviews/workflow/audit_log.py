"""The audit as people read it: what an address asks for, newest first, and the same as a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from django.db import transaction
from django.db.models import Q, QuerySet

from reviews.models import ApiToken, AuditEvent, Organization, User
from reviews.workflow import audit, cells
from reviews.workflow.audit import Actor
from reviews.workflow.audit_actions import actions_of

EXPORTED_AT_ONCE = 1_000
# SQLite joins 500 selects at most.
MOST_PARTS = 200
FORMATS = ("csv", "jsonl")
COLUMNS = (
    "id",
    "at",
    "organization__slug",
    "action",
    "user__username",
    "api_token__name",
    "address",
    "target_type",
    "target_id",
    "before_hash",
    "after_hash",
    "details",
)
NAMES = tuple(column.partition("__")[0] for column in COLUMNS)
Place = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events. Of these organizations, None meaning all and those of none; empty means any.

    `what` is a family or an action, `target` a type and an id.
    """

    organization_ids: frozenset[int] | None
    what: str = ""
    person: str = ""
    token: str = ""
    since: datetime | None = None
    until: datetime | None = None
    target: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of the audit, newest first, and whether there is more on either side."""

    events: tuple[AuditEvent, ...]
    newer: bool = False
    older: bool = False


def newest(wanted: Wanted, *, most: int, before: Place | None = None) -> Slice:
    """The newest of them, or those older than the event at that place."""
    ids = _ids(wanted, most + 1, before=before)
    return Slice(_rows(ids[:most]), newer=before is not None, older=len(ids) > most)


def after(wanted: Wanted, *, most: int, place: Place) -> Slice:
    """Those right above the event at that place: the way back from `newest(before=…)`."""
    ids = _ids(wanted, most + 1, after=place)
    return Slice(_rows(ids[:most]), newer=len(ids) > most, older=True)


def place_of(event: AuditEvent) -> Place:
    """Where an event stands in the list."""
    return event.at, event.pk


def export(wanted: Wanted, kind: str, *, said: str, organizations: list[Organization], actor: Actor) -> Iterator[bytes]:
    """The file of what is wanted, in pieces. `said` is the filter in words; each organization, or the site where none
    is given, keeps an event of it, written before this returns. No transaction is open while the pieces are asked for.
    """
    details = f"{kind}: {said}" if said else kind
    with transaction.atomic():
        for organization in organizations:
            audit.record("audit.export", organization, organization=organization, actor=actor, details=details)
        if not organizations:
            audit.record("audit.export", None, organization=None, actor=actor, details=details)
    newest_id = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    lines = _lines(wanted, newest_id)
    return cells.rows(_headed(lines)) if kind == "csv" else (_json_line(line) for line in lines)


def _ids(wanted: Wanted, most: int, *, before: Place | None = None, after: Place | None = None) -> list[int]:
    """The ids of the first of them in the order of the list; with `after` in the opposite one."""
    parts = list(_parts(wanted))
    if before is not None:
        moment, pk = before
        # The last condition says nothing new; it is what an index is entered by.
        parts = [part.filter(Q(at__lt=moment) | Q(at=moment, pk__lt=pk), at__lte=moment) for part in parts]
    if after is not None:
        moment, pk = after
        parts = [part.filter(Q(at__gt=moment) | Q(at=moment, pk__gt=pk), at__gte=moment) for part in parts]
    order = ("-at", "-pk") if after is None else ("at", "pk")
    if len(parts) == 1:
        return list(parts[0].order_by(*order).values_list("pk", flat=True)[:most])
    found: list[tuple[datetime, int]] = []
    for start in range(0, len(parts), MOST_PARTS):
        first, *others = (_cut(part, most, order) for part in parts[start : start + MOST_PARTS])
        found += first.union(*others, all=True)
    return [pk for _, pk in sorted(found, reverse=after is None)[:most]]


def _parts(wanted: Wanted) -> Iterator[QuerySet[AuditEvent]]:
    """Each can be read off an index in the order of the list, where their union would be read whole and sorted."""
    found = _matching(wanted)
    actions = actions_of(wanted.what) or [wanted.what]
    if wanted.organization_ids is None:
        yield found.filter(action__in=actions) if wanted.what else found
        return
    for organization_id in wanted.organization_ids:
        of_one = found.filter(organization=organization_id)
        if not wanted.what:
            yield of_one
            continue
        for action in actions:
            yield of_one.filter(action=action)


def _cut(part: QuerySet[AuditEvent], most: int, order: tuple[str, str]) -> QuerySet[AuditEvent, tuple[datetime, int]]:
    cut = part.order_by(*order).values("pk")[:most]
    # A select of selects: SQLite does not join selects that are cut themselves.
    return AuditEvent.objects.order_by().filter(pk__in=cut).values_list("at", "pk")


def _matching(wanted: Wanted) -> QuerySet[AuditEvent]:
    """Beside organization and action."""
    found = AuditEvent.objects.all()
    if wanted.person:
        # Found first: joined, a database may look for the person at every event.
        found = found.filter(user__in=list(User.objects.filter(username=wanted.person).values_list("pk", flat=True)))
    if wanted.token:
        tokens = ApiToken.objects.filter(name=wanted.token)
        if wanted.organization_ids is not None:
            tokens = tokens.filter(organization__in=wanted.organization_ids)
        found = found.filter(api_token__in=list(tokens.values_list("pk", flat=True)))
    if wanted.since is not None:
        found = found.filter(at__gte=wanted.since)
    if wanted.until is not None:
        found = found.filter(at__lt=wanted.until)
    if wanted.target is not None:
        found = found.filter(target_type=wanted.target[0], target_id=wanted.target[1])
    return found


def _rows(ids: Sequence[int]) -> tuple[AuditEvent, ...]:
    """What the list shows of them."""
    found = AuditEvent.objects.filter(pk__in=ids).select_related("user", "api_token", "organization")
    return tuple(found.order_by("-at", "-pk"))


def _lines(wanted: Wanted, newest_id: int) -> Iterator[tuple[cells.Value, ...]]:
    """The rows of the file, a thousand at a time. What is recorded meanwhile is left out."""
    before: Place | None = None
    while ids := _ids(wanted, EXPORTED_AT_ONCE, before=before):
        events = AuditEvent.objects.filter(pk__in=ids).order_by("-at", "-pk")
        rows = list(events.values_list(*COLUMNS))
        yield from (row for row in rows if row[0] <= newest_id)
        before = rows[-1][1], rows[-1][0]


def _headed(lines: Iterator[tuple[cells.Value, ...]]) -> Iterator[tuple[cells.Value, ...]]:
    yield NAMES
    yield from lines


def _json_line(line: tuple[cells.Value, ...]) -> bytes:
    return orjson.dumps(dict(zip(NAMES, line, strict=True)), option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
