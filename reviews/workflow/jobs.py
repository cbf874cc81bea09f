"""Jobs: asked for by a person or by GradeBench itself, leased by a worker, done step by step, ended.

A step first reads and reckons, which any number may do; then, in one short transaction that holds the fence, it writes
what it did together with the place where the next begins. So a worker that dies loses nothing and doubles nothing, and
one whose lease another took meanwhile writes nothing.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from gradebench.outages import outage_of
from reviews.models import Job, JobKind, JobState, Member, Organization, Role, User
from reviews.models.jobs import SLOTS
from reviews.workflow import audit, clock
from reviews.workflow.audit import Actor

LEASE = timedelta(seconds=60)
# Others that wait come next after so many seconds.
SLICE = 20.0
LONGEST_PAUSE = 0.2
MOST_FAILURES = 4
AFTER_OUTAGE = timedelta(seconds=5)
MOST_LOOKED_AT = 200
NOT_A_LEAD = gettext_noop("Whoever asked for it no longer leads in this organization. Somebody who does may ask again.")
BROKEN = gettext_noop(
    "Something in GradeBench broke, several times in a row. What it had done stays. "
    "Ask again; if it breaks again, the log of the worker says why."
)

log = logging.getLogger(__name__)

Json = Any


class JobFailed(RuntimeError):
    """A job that cannot go on; the text is a sentence that says what to do."""


class JobOver(RuntimeError):
    """A job that has ended already, so that nothing can be done about it."""


class _LeaseLost(RuntimeError):
    """Somebody else goes on with the job, or has ended it."""


class _Cancelled(RuntimeError):
    """Somebody does not want it any more."""


@dataclass(frozen=True)
class Step:
    """What a step is about to write, and the place where the next one begins: None when it was the last.

    `write` is called once, within the transaction that moves the job on; it returns what it counted, by names.
    """

    place: Json
    write: Callable[[], Mapping[str, int]]
    done: int = 0
    total: int | None = None


# From a job and the place of its next step, which is None at the start, to that step.
Kind = Callable[[Job, Json], Step]


# Asking ----------------------------------------------------------------------------------------------------------


def ask(
    organization: Organization,
    kind: JobKind,
    asked: Mapping[str, Json],
    *,
    by: User | None,
    actor: Actor,
    said: str = "",
) -> Job:
    """A new job; a worker begins with it within a second or two. `said` is what the audit says beside its kind: names,
    never text of a completion.
    """
    now = clock.now()
    with transaction.atomic():
        job = Job.objects.create(
            organization=organization,
            kind=kind,
            asked_by=by,
            asked_text=orjson.dumps(asked).decode(),
            created_at=now,
            not_before=now,
        )
        details = f"{kind.value}: {said}" if said else kind.value
        audit.record("job.ask", job, organization=organization, actor=actor, details=details)
    return job


def cancel(job: Job, *, actor: Actor) -> None:
    """End it: at once when nobody works at it, else before its next step. What it has done stays. Raises JobOver."""
    now = clock.now()
    with transaction.atomic():
        still = Job.objects.open().filter(pk=job.pk, cancel_asked_at=None)
        if not still.update(cancel_asked_at=now):
            raise JobOver(_("It is over, or was cancelled, already."))
        idle = Job.objects.open().filter(pk=job.pk, slot=None)
        idle.update(state=JobState.CANCELLED, ended_at=now, fence=F("fence") + 1)
        audit.record("job.cancel", job, organization=job.organization, actor=actor, details=job.kind)


def asked(job: Job) -> dict[str, Json]:
    """What was asked for."""
    value: dict[str, Json] = orjson.loads(job.asked_text)
    return value


def outcome(job: Job) -> dict[str, int]:
    """What came of it so far: counts by name."""
    value: dict[str, int] = orjson.loads(job.outcome_text)
    return value


# Running ---------------------------------------------------------------------------------------------------------


def due(now: datetime) -> list[int]:
    """The jobs to go on with: as many as there are slots free, those first that have waited longest, and none of an
    organization that has one running.
    """
    running = set(Job.objects.filter(slot__isnull=False).values_list("organization_id", flat=True))
    free = SLOTS - len(running)
    if free <= 0:
        return []
    waiting = Job.objects.open().filter(slot=None, not_before__lte=now).exclude(organization__in=running)
    first: dict[int, int] = {}
    rows = waiting.order_by("not_before", "pk").values_list("organization_id", "pk")
    for organization_id, pk in rows[:MOST_LOOKED_AT]:
        first.setdefault(organization_id, pk)
    return list(first.values())[:free]


def run(job_id: int, kinds: Mapping[JobKind, Kind], *, seconds: float = SLICE) -> bool:
    """Go on with a job for some seconds, if it is due and nobody else does. Whether it is to go on after that."""
    job = _lease(job_id)
    if job is None:
        return False
    try:
        return _run(job, kinds[JobKind(job.kind)], seconds)
    except _LeaseLost:
        return False
    except _Cancelled:
        _end(job, JobState.CANCELLED)
    except JobFailed as error:
        _end(job, JobState.FAILED, error=str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the job must not wait for ever
        _failed(job, error)
    return False


def sweep(until: datetime) -> None:
    """Free the slots of jobs whose lease ends by `until`, since their worker died."""
    dead = Job.objects.filter(slot__isnull=False, leased_until__lte=until)
    if dead.exists():
        dead.update(slot=None, leased_until=None, fence=F("fence") + 1)


def small(many: int, few: int) -> int:
    """How many rows a step writes: a few where everybody waits for it, as on SQLite."""
    return few if connection.vendor == "sqlite" else many


def _lease(job_id: int) -> Job | None:
    """Take a due job and a slot; None when there is none for it. The database forbids two in one slot, and two of one
    organization.
    """
    now = clock.now()
    job = Job.objects.open().select_related("organization", "asked_by").filter(pk=job_id).first()
    if job is None:
        return None
    free = Job.objects.open().filter(pk=job_id, fence=job.fence, slot=None, not_before__lte=now)
    for slot in range(SLOTS):
        with suppress(IntegrityError), transaction.atomic():
            mine = free.update(
                state=JobState.RUNNING,
                slot=slot,
                leased_until=now + LEASE,
                fence=F("fence") + 1,
                started_at=Coalesce("started_at", now),
            )
            job.fence += mine
            return job if mine else None
    return None


def _run(job: Job, kind: Kind, seconds: float) -> bool:
    until = time.monotonic() + seconds
    _check_standing(job)
    while _step(job, kind):
        if time.monotonic() >= until:
            _give_back(job, clock.now())
            return True
    return False


def _check_standing(job: Job) -> None:
    leads = Member.objects.filter(
        user=job.asked_by_id, organization=job.organization_id, role__in=(Role.LEAD, Role.ADMIN)
    )
    if job.asked_by_id is not None and not leads.exists():
        raise JobFailed(NOT_A_LEAD)


def _step(job: Job, kind: Kind) -> bool:
    """Do one step; whether there is another."""
    step = kind(job, orjson.loads(job.place_text) if job.place_text else None)
    total = job.total if step.total is None else step.total
    done = job.done + step.done
    began = time.monotonic()
    with transaction.atomic():
        _hold(job)
        counts = Counter(outcome(job)) + Counter(step.write())
        moved = {
            "place_text": "" if step.place is None else orjson.dumps(step.place).decode(),
            "done": done,
            # What was counted at the start may have become more.
            "total": None if total is None else max(total, done),
            "outcome_text": orjson.dumps(counts).decode(),
            "failures": 0,
        }
        if step.place is None:
            moved |= {"total": done, **_ended(JobState.DONE)}
        _mine(job).update(**moved)
    for name, value in moved.items():
        setattr(job, name, value)
    _let_others(time.monotonic() - began)
    return step.place is not None


def _let_others(seconds: float) -> None:
    """On SQLite leave the lock to others for as long as it was held: whoever waits for it looks only now and then."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(min(seconds, LONGEST_PAUSE))


def _hold(job: Job) -> None:
    """Keep the lease, and the row until the transaction ends. Raises _Cancelled, _LeaseLost."""
    if _mine(job).filter(cancel_asked_at=None).update(leased_until=clock.now() + LEASE):
        return
    raise _Cancelled if _mine(job).exists() else _LeaseLost


def _mine(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, state=JobState.RUNNING, fence=job.fence)


def _ended(state: JobState) -> dict[str, Any]:
    return {"state": state, "ended_at": clock.now(), "leased_until": None, "slot": None}


def _end(job: Job, state: JobState, *, error: str = "") -> None:
    _mine(job).update(**_ended(state), error=error[:1000])


def _give_back(job: Job, not_before: datetime) -> None:
    _mine(job).update(leased_until=None, slot=None, not_before=not_before)


def _failed(job: Job, error: Exception) -> None:
    """A step broke. An outage of the database is nobody's fault, and passes; for the rest there are a few tries."""
    if outage_of(error) is not None:
        log.warning("Job %s waits: %s", job.pk, error)
        # Where that cannot be written either, the lease runs out.
        with suppress(DatabaseError):
            _give_back(job, clock.now() + AFTER_OUTAGE)
        return
    log.error("A step of job %s failed", job.pk, exc_info=error)
    failures = job.failures + 1
    if failures >= MOST_FAILURES:
        _end(job, JobState.FAILED, error=BROKEN)
        return
    wait = timedelta(seconds=5**failures)
    _mine(job).update(failures=failures, leased_until=None, slot=None, not_before=clock.now() + wait)
