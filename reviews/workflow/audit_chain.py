"""The hash chain over the audit: batches of events are sealed, each seal hangs on the one before, and all of it can be
recomputed. docs/audit.md says what that proves and what it cannot.
"""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.db import IntegrityError, transaction
from django.db.models import Subquery
from django.db.models.functions import Coalesce

from reviews.models import AuditEvent, AuditSeal

BATCH = 1_000
# PostgreSQL hands ids out before the transactions that asked for them are committed, and those commit in any order. By
# then every transaction that could still bring a lower id has ended: the longest of ours take seconds.
SETTLED = timedelta(minutes=10)
# The oldest event that is not sealed waits for company, so that a quiet day does not make a seal of each.
GATHER = timedelta(minutes=10)
NOTHING_BEFORE = "0" * 64
ID_BYTES = 8
PART = ID_BYTES + hashlib.sha256().digest_size
EVENTS_AT_ONCE = 2_000
SEALS_AT_ONCE = 20
# What is sealed of an event, in this order. A column that is added later is sealed from a version on, not before.
SEALED = (
    "id",
    "at",
    "organization_id",
    "action",
    "user_id",
    "api_token_id",
    "address",
    "target_type",
    "target_id",
    "before_hash",
    "after_hash",
    "details",
)

Row = tuple[Any, ...]


# Sealing ---------------------------------------------------------------------------------------------------------


def seal(now: datetime) -> AuditSeal | None:
    """Seal the next batch, if one is due; None when none is, or when another process was faster."""
    oldest = oldest_unsealed()
    if oldest is None or oldest > now - SETTLED - GATHER:
        return None
    return _seal_next(now)


def oldest_unsealed() -> datetime | None:
    """The moment of the oldest event that no seal covers; None where there is none."""
    sealed = AuditSeal.objects.order_by("-number").values("last_event_id")[:1]
    waiting = AuditEvent.objects.filter(pk__gt=Coalesce(Subquery(sealed), 0)).order_by("pk")
    return waiting.values_list("at", flat=True).first()


def _seal_next(now: datetime) -> AuditSeal | None:
    last = AuditSeal.objects.defer("fingerprints").order_by("-number").first()
    rows = _rows(above=last.last_event_id if last else 0, most=BATCH)
    settled = list(itertools.takewhile(lambda row: row[1] <= now - SETTLED, rows))
    if not settled:
        return None
    fingerprints = b"".join(fingerprint(row) for row in settled)
    made = AuditSeal(
        number=last.number + 1 if last else 1,
        first_event_id=settled[0][0],
        last_event_id=settled[-1][0],
        count=len(settled),
        fingerprints=fingerprints,
        batch_hash=hashlib.sha256(fingerprints).hexdigest(),
        sealed_at=now,
    )
    made.chain_hash = chain_hash(made, last.chain_hash if last else NOTHING_BEFORE)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:
        # Its number is taken: another process has just sealed these.
        return None
    return made


def fingerprint(row: Row) -> bytes:
    """Of the SEALED columns of an event: its id, and the hash of all of them."""
    pk, at, *others = row
    said = orjson.dumps([pk, _written(at), *others])
    return int(pk).to_bytes(ID_BYTES, "big") + hashlib.sha256(said).digest()


def chain_hash(made: AuditSeal, before: str) -> str:
    """What a seal adds to the chain whose hash was `before`."""
    columns = [made.number, made.first_event_id, made.last_event_id, made.count, made.batch_hash]
    return hashlib.sha256(orjson.dumps([before, *columns, _written(made.sealed_at)])).hexdigest()


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _rows(*, above: int, most: int, through: int | None = None) -> list[Row]:
    events = AuditEvent.objects.filter(pk__gt=above)
    events = events if through is None else events.filter(pk__lte=through)
    return list(events.order_by("pk").values_list(*SEALED)[:most])


# Verifying -------------------------------------------------------------------------------------------------------


@dataclass
class Checked:
    """What a check has looked at so far: `newest` is the chain hash of the last seal, `expected_in` the number of the
    seal whose hash was expected.
    """

    events: int = 0
    seals: int = 0
    unsealed: int = 0
    newest: str = ""
    sealed_at: datetime | None = None
    expected_in: int | None = None


def verify(checked: Checked, *, expected: str = "") -> Iterator[str]:
    """Recompute all of it, and say in a sentence each what is not as it was sealed; `checked` counts along.

    Holds one seal and some events at a time. `expected` is a chain hash that was noted down elsewhere.
    """
    before: AuditSeal | None = None
    whole = True
    for made in _seals():
        wrong = list(_wrong_of_seal(made, before))
        whole = whole and not wrong
        yield from wrong
        if whole and made.chain_hash == expected:
            checked.expected_in = made.number
        yield from _wrong_of_events(made, before, checked)
        checked.seals += 1
        checked.newest, checked.sealed_at = made.chain_hash, made.sealed_at
        before = made
    checked.unsealed = AuditEvent.objects.filter(pk__gt=before.last_event_id if before else 0).count()
    if expected and checked.expected_in is None:
        yield (
            f"No seal of an unbroken chain has the chain hash {expected}: the chain was made anew or cut off since "
            "that was noted down, or it is that of another database."
        )


def _seals() -> Iterator[AuditSeal]:
    above = -1
    while found := list(AuditSeal.objects.filter(number__gt=above).order_by("number")[:SEALS_AT_ONCE]):
        yield from found
        above = found[-1].number


def _wrong_of_seal(made: AuditSeal, before: AuditSeal | None) -> Iterator[str]:
    name = f"Seal {made.number}"
    awaited = before.number + 1 if before else 1
    if made.number > awaited:
        missing = f"seal {awaited} is" if made.number == awaited + 1 else f"seals {awaited} to {made.number - 1} are"
        yield f"{name} stands where {missing} missing: what was sealed there cannot be checked."
    named = _named(made)
    ids = list(named)
    told = (ids[0], ids[-1], len(ids)) if ids else (0, 0, 0)
    if (
        hashlib.sha256(made.fingerprints).hexdigest() != made.batch_hash
        or told != (made.first_event_id, made.last_event_id, made.count)
        or len(made.fingerprints) != PART * made.count
    ):
        yield f"{name} was altered: the events that it names do not give its own figures and its batch hash."
    if chain_hash(made, before.chain_hash if before else NOTHING_BEFORE) != made.chain_hash:
        yield f"{name} breaks the chain: its chain hash does not follow from what it says and the seal before it."


def _wrong_of_events(made: AuditSeal, before: AuditSeal | None, checked: Checked) -> Iterator[str]:
    named = _named(made)
    follows = (before.number if before else 0) + 1 == made.number
    # Where seals are missing nothing is known of what lies before the first that this one names.
    above = (before.last_event_id if before else 0) if follows else made.first_event_id - 1
    for row in _stream(above, made.last_event_id):
        checked.events += 1
        was = named.pop(row[0], None)
        if was is None:
            yield f"Event {row[0]} was inserted: it was not there when seal {made.number} was made. {_told(row)}"
        elif was != fingerprint(row)[ID_BYTES:]:
            yield f"Event {row[0]} was altered after it was sealed in seal {made.number}. {_told(row)}"
    for pk in named:
        yield f"Event {pk} was removed: seal {made.number} names it."


def _named(made: AuditSeal) -> dict[int, bytes]:
    """The events that a seal names, each with its hash."""
    parts = (made.fingerprints[start : start + PART] for start in range(0, len(made.fingerprints), PART))
    return {int.from_bytes(part[:ID_BYTES], "big"): bytes(part[ID_BYTES:]) for part in parts}


def _stream(above: int, through: int) -> Iterator[Row]:
    while found := _rows(above=above, most=EVENTS_AT_ONCE, through=through):
        yield from found
        above = found[-1][0]


def _told(row: Row) -> str:
    event = dict(zip(SEALED, row, strict=True))
    return (
        f"It says now: {event['action']} of {event['target_type']} {event['target_id']}, "
        f"by user {event['user_id'] or '–'}, at {_written(event['at'])}."
    )
