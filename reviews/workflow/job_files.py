"""The files that jobs take and make: parts in the database, since any process may be asked for them. Each part is a
gzip member, so that the parts, one behind the other, are a gzip file.
"""

import gzip
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_noop

from reviews.models import Job, JobKind, JobPart, JobRefusal, JobState
from reviews.workflow import clock

# JSON shrinks to a seventh at any level; this one is the quickest that does.
LEVEL = 1
MOST_REFUSALS = 1_000
# Of one sweep: whoever waits for the database's lock shall not notice.
DROPPED_AT_ONCE = 25
PURGED = gettext_noop(
    "A completion was purged since, so the file was deleted: it could have held its text. Export again."
)
SEND_AGAIN = gettext_noop(
    "A completion was purged while this file waited, so the file was deleted. Send it again: what was taken stays, "
    "and is not doubled."
)
TOO_OLD = gettext_noop("Files are kept for some days only. Export again.")
NOT_WANTED = gettext_noop("It did not come to its end.")
TAKEN = gettext_noop("All of it was taken.")


def add(job: Job, number: int, data: bytes) -> None:
    """Write a part. Call it within the transaction that moves the job on."""
    JobPart.objects.create(job=job, number=number, data=gzip.compress(data, LEVEL, mtime=0), size=len(data))
    Job.objects.filter(pk=job.pk).update(size=F("size") + len(data))


def part(job: Job, number: int) -> bytes | None:
    """What a part holds, unpacked; None where there is none of that number."""
    data = JobPart.objects.filter(job=job, number=number).values_list("data", flat=True).first()
    return None if data is None else gzip.decompress(data)


def has_part(job: Job, number: int) -> bool:
    """Whether there is a part of that number."""
    return JobPart.objects.filter(job=job, number=number).exists()


def drop_part(job: Job, number: int) -> None:
    """Nobody needs it any more. Call it as `add`."""
    JobPart.objects.filter(job=job, number=number).delete()


def refuse(job: Job, refused: Sequence[tuple[int | None, str, str]]) -> None:
    """Keep what was not taken, by line, id and reason; past MOST_REFUSALS it is counted only. Call it as `add`."""
    room = MOST_REFUSALS - job.refusals.count() if refused else 0
    JobRefusal.objects.bulk_create(
        JobRefusal(job=job, line=line, uid=_plain(uid, 255), reason=_plain(reason, 1000))
        for line, uid, reason in refused[: max(0, room)]
    )


def _plain(text: str, most: int) -> str:
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:most]


def has_file(job: Job) -> bool:
    """Whether the file that it made can be had."""
    return job.kind == JobKind.EXPORT and job.state == JobState.DONE and job.parts_dropped_at is None


def contents(job: Job, *, packed: bool) -> Iterator[bytes]:
    """The file, a part at a time. Where it is dropped in the meantime it breaks off: Raises FileGone."""
    numbers = list(JobPart.objects.filter(job=job).order_by("number").values_list("number", flat=True))
    for number in numbers:
        data = JobPart.objects.filter(job=job, number=number).values_list("data", flat=True).first()
        if data is None:
            raise FileGone(f"The file of job {job.pk} was dropped while it was being read.")
        yield bytes(data) if packed else gzip.decompress(data)


class FileGone(RuntimeError):
    """A file that was deleted while somebody read it: what she has is not the whole."""


_ABANDONED: dict[str, Any] = {"slot": None, "leased_until": None, "fence": F("fence") + 1}


# Letting go ------------------------------------------------------------------------------------------------------


def give_up_imports(organization_id: int) -> None:
    """A completion is about to be purged: what waits to be imported could hold its text. Call it first in that
    transaction: a step of an import locks its job, and completions after that.
    """
    waiting = Job.objects.open().filter(organization=organization_id, kind=JobKind.IMPORT)
    waiting.update(**_ABANDONED, state=JobState.FAILED, ended_at=clock.now(), error=SEND_AGAIN)


def drop_all(organization_id: int, uid: str) -> None:
    """A completion was purged: no file of its organization may keep its text, and exports that are being made begin
    anew. Call it last within that transaction.
    """
    mine = Job.objects.filter(organization=organization_id)
    # Before the parts go: whoever writes one at this moment is waited for, and afterwards finds the fence raised.
    anew = {"place_text": "", "done": 0, "total": None, "size": 0, "outcome_text": "{}"}
    mine.open().filter(kind=JobKind.EXPORT).update(**_ABANDONED, **anew)
    JobPart.objects.filter(job__organization=organization_id).delete()
    JobRefusal.objects.filter(job__organization=organization_id, uid=uid).delete()
    made = _with_file(mine).filter(kind=JobKind.EXPORT, state=JobState.DONE)
    made.update(parts_dropped_at=clock.now(), parts_dropped_because=PURGED)


def sweep(now: datetime) -> None:
    """Delete the files of what ended without a use for one, and those that are too old; some parts at a time."""
    old = now - timedelta(days=settings.JOB_FILE_DAYS)
    useless = ~Q(state=JobState.DONE) | ~Q(kind=JobKind.EXPORT)
    for job in _with_file(Job.objects.all()).filter(useless | Q(ended_at__lte=old)).order_by("ended_at")[:10]:
        ids = list(JobPart.objects.filter(job=job).values_list("pk", flat=True)[:DROPPED_AT_ONCE])
        JobPart.objects.filter(pk__in=ids).delete()
        if len(ids) < DROPPED_AT_ONCE:
            Job.objects.filter(pk=job.pk).update(parts_dropped_at=now, parts_dropped_because=_why(job))


def _why(job: Job) -> str:
    if job.state != JobState.DONE:
        return NOT_WANTED
    return TOO_OLD if job.kind == JobKind.EXPORT else TAKEN


def _with_file(jobs: QuerySet[Job]) -> QuerySet[Job]:
    return jobs.filter(parts_dropped_at=None, ended_at__isnull=False)
