"""The audit as people read it: what an address asks for, newest first, and the same as a file."""

from collections.abc import Iterator
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
    found = _matching(wanted)
    if before is not None:
        found = found.filter(_older_than(before))
    rows = _joined(found.order_by("-at", "-pk"), most + 1)
    return Slice(tuple(rows[:most]), newer=before is not None, older=len(rows) > most)


def after(wanted: Wanted, *, most: int, place: Place) -> Slice:
    """Those right above the event at that place: the way back from `newest(before=…)`."""
    moment, pk = place
    found = _matching(wanted).filter(Q(at__gt=moment) | Q(at=moment, pk__gt=pk), at__gte=moment)
    rows = _joined(found.order_by("at", "pk"), most + 1)
    return Slice(tuple(rows[:most][::-1]), newer=len(rows) > most, older=True)


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


def _matching(wanted: Wanted) -> QuerySet[AuditEvent]:
    found = AuditEvent.objects.all()
    tokens = ApiToken.objects.filter(name=wanted.token)
    if wanted.organization_ids is not None:
        found = found.filter(organization__in=wanted.organization_ids)
        tokens = tokens.filter(organization__in=wanted.organization_ids)
    if wanted.what:
        found = found.filter(action__in=actions_of(wanted.what) or [wanted.what])
    if wanted.person:
        # Found first: joined, a database may look for the person at every event.
        found = found.filter(user__in=list(User.objects.filter(username=wanted.person).values_list("pk", flat=True)))
    if wanted.token:
        found = found.filter(api_token__in=list(tokens.values_list("pk", flat=True)))
    if wanted.since is not None:
        found = found.filter(at__gte=wanted.since)
    if wanted.until is not None:
        found = found.filter(at__lt=wanted.until)
    if wanted.target is not None:
        found = found.filter(target_type=wanted.target[0], target_id=wanted.target[1])
    return found


def _older_than(place: Place) -> Q:
    moment, pk = place
    # The first part says it all; the second is what an index is entered by.
    return (Q(at__lt=moment) | Q(at=moment, pk__lt=pk)) & Q(at__lte=moment)


def _joined(events: QuerySet[AuditEvent], most: int) -> list[AuditEvent]:
    return list(events.select_related("user", "api_token", "organization")[:most])


def _lines(wanted: Wanted, newest_id: int) -> Iterator[tuple[cells.Value, ...]]:
    """The rows of the file, a question for each thousand."""
    found = _matching(wanted).filter(pk__lte=newest_id).order_by("-at", "-pk").values_list(*COLUMNS)
    rows = list(found[:EXPORTED_AT_ONCE])
    while rows:
        yield from rows
        last = rows[-1]
        rows = list(found.filter(_older_than((last[1], last[0])))[:EXPORTED_AT_ONCE])


def _headed(lines: Iterator[tuple[cells.Value, ...]]) -> Iterator[tuple[cells.Value, ...]]:
    yield NAMES
    yield from lines


def _json_line(line: tuple[cells.Value, ...]) -> bytes:
    return orjson.dumps(dict(zip(NAMES, line, strict=True)), option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
