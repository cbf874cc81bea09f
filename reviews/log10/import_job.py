"""Import as a job: each step takes some lines of the file that was sent."""

from collections import Counter

from reviews.log10 import importing
from reviews.log10.importing import BATCH_BYTES, Numbered
from reviews.models import Job
from reviews.workflow import job_files, jobs, uploads
from reviews.workflow.audit import Actor
from reviews.workflow.jobs import Json, Step


def step(job: Job, place: Json) -> Step:
    """The next lines. A place is the number of the part that they are in, how many of it were taken, and how many of
    the whole file.
    """
    uploads.check_whole(place)
    part, taken, line = place or (0, 0, 0)
    lines = (job_files.part(job, part) or b"").split(b"\n")
    batch = _batch(lines[taken:], line)
    read, refused = importing.read_lines(job.organization, batch, jobs.asked(job)["form"])
    taken, line = taken + len(batch), line + len(batch)
    is_part_over = taken >= len(lines)

    def write() -> Counter[str]:
        counts, more = importing.receive(job.organization, read, actor=Actor(user=job.asked_by))
        job_files.refuse(job, [(one.line, one.uid, one.reason) for one in (*refused, *more)])
        if is_part_over:
            job_files.drop_part(job, part)
        return Counter(counts) + Counter(refused=len(refused) + len(more))

    after = (part + 1, 0, line) if is_part_over else (part, taken, line)
    is_over = is_part_over and not job_files.has_part(job, part + 1)
    return Step(place=None if is_over else after, write=write, done=len(batch))


def _batch(lines: list[bytes], before: int) -> list[Numbered]:
    """As many as a step takes, with their numbers in the file."""
    batch: list[Numbered] = []
    size = 0
    for number, raw in enumerate(lines[: jobs.small(500, 100)], start=before + 1):
        size += len(raw)
        if batch and size > BATCH_BYTES:
            break
        batch.append((number, raw))
    return batch
