"""Files that are sent to be imported: put into parts of whole lines as they come, never in memory as a whole."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import orjson
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from reviews.models import Job, JobKind, JobState, Organization
from reviews.workflow import audit, clock, job_files
from reviews.workflow.audit import Actor
from reviews.workflow.jobs import JobFailed, Json

PART = 1024 * 1024
GZIP = b"\x1f\x8b"
# While its parts come nobody begins with it; where they stop coming for so long, somebody finds that it is not whole.
COMING = "coming"
PATIENCE = timedelta(minutes=15)
NOT_WHOLE = gettext_noop("The file did not arrive whole. Send it again; nothing of it was taken.")
LONGEST_NAME = 255


class Readable(Protocol):
    """A file as it comes."""

    def read(self, size: int = ..., /) -> bytes: ...

    def readline(self, size: int = ..., /) -> bytes: ...

    def seek(self, place: int, /) -> object: ...


class UploadRefused(ValueError):
    """A file that is not taken; the text is a sentence that says what to do."""


def check_whole(place: Json) -> None:
    """Raises JobFailed where the file of an import never came to its end."""
    if place == COMING:
        raise JobFailed(NOT_WHOLE)


def take_in(organization: Organization, file: Readable, name: str, form: str, *, actor: Actor) -> Job:
    """The job that imports this file, plain or gzip. Raises UploadRefused, and then nothing is left of it."""
    now = clock.now()
    job = Job.objects.create(
        organization=organization,
        kind=JobKind.IMPORT,
        asked_by=actor.user,
        asked_text=orjson.dumps({"form": form}).decode(),
        place_text=orjson.dumps(COMING).decode(),
        file_name=name.replace("\x00", "")[-LONGEST_NAME:],
        created_at=now,
        not_before=now + PATIENCE,
    )
    try:
        _begin(job, _store(job, file), actor)
    except BaseException:
        job.delete()
        raise
    return Job.objects.get(pk=job.pk)


def _store(job: Job, file: Readable) -> "_Lines":
    lines = _Lines(file)
    for number, data in enumerate(lines.parts()):
        with transaction.atomic():
            job_files.add(job, number, data)
            Job.objects.filter(pk=job.pk).update(not_before=clock.now() + PATIENCE)
    if not lines.some:
        raise UploadRefused(_("The file has no line in it. Send one with a completion on each line."))
    return lines


def _begin(job: Job, lines: "_Lines", actor: Actor) -> None:
    """It is whole: a worker may begin."""
    with transaction.atomic():
        job_files.refuse(job, [(number, "", _too_long()) for number in lines.too_long[: job_files.MOST_REFUSALS]])
        waiting = Job.objects.filter(pk=job.pk, state=JobState.WAITING, cancel_asked_at=None)
        begun = waiting.update(
            place_text="",
            total=lines.count,
            outcome_text=orjson.dumps({"refused": len(lines.too_long)} if lines.too_long else {}).decode(),
            not_before=clock.now(),
        )
        if not begun:
            raise UploadRefused(_("The import was given up while its file came. Send it again if it is still wanted."))
        audit.record("job.ask", job, organization=job.organization, actor=actor, details=f"{job.kind}: {job.file_name}")


def _too_long() -> str:
    return _("The line is longer than %(most)s bytes.") % {"most": f"{settings.API_MAX_BODY_BYTES:,}"}


@dataclass
class _Lines:
    """A file as parts of whole lines. Once they are read, `count` says how many lines there are, and `too_long` which
    of them are longer than a completion may be; an empty line stands for each of those.
    """

    file: Readable
    count: int = 0
    some: bool = False

    def __post_init__(self) -> None:
        self.too_long: list[int] = []

    def parts(self) -> Iterator[bytes]:
        """Raises UploadRefused."""
        part: list[bytes] = []
        size = total = 0
        for line in self._lines():
            self.some = self.some or bool(line) or bool(self.too_long)
            total += len(line) + 1
            if total > settings.API_BULK_MAX_BYTES:
                raise UploadRefused(_at_most(settings.API_BULK_MAX_BYTES, _("bytes, unpacked")))
            if self.count > settings.API_BULK_MAX_LINES:
                raise UploadRefused(_at_most(settings.API_BULK_MAX_LINES, _("lines")))
            if part and size + len(line) > PART:
                yield b"\n".join(part)
                part, size = [], 0
            part.append(line)
            size += len(line) + 1
        if part:
            yield b"\n".join(part)

    def _lines(self) -> Iterator[bytes]:
        most = settings.API_MAX_BODY_BYTES + 2
        is_gzip = self.file.read(2) == GZIP
        self.file.seek(0)
        source: Readable = gzip.GzipFile(fileobj=self.file) if is_gzip else self.file
        try:
            while line := source.readline(most):
                self.count += 1
                is_long = len(line) == most and not line.endswith(b"\n")
                while len(line) == most and not line.endswith(b"\n"):
                    line = source.readline(most)
                if is_long:
                    self.too_long.append(self.count)
                yield b"" if is_long else line.strip()
        except (OSError, EOFError, zlib.error) as error:
            words = _("The gzip file is damaged or ends too early, somewhere after line %(line)s. Pack it anew.")
            raise UploadRefused(words % {"line": f"{self.count:,}"}) from error


def _at_most(most: int, what: str) -> str:
    words = _("A file may have %(most)s %(what)s. Cut it into several, and send one after the other.")
    return words % {"most": f"{most:,}", "what": what}
