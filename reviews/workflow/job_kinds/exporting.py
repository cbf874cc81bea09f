"""Export: each step adds a part to the file."""

from collections import Counter

from reviews.models import Job
from reviews.workflow import exports, job_files, jobs
from reviews.workflow.job_kinds.matching import matching
from reviews.workflow.jobs import Json, Step


def step(job: Job, place: Json) -> Step:
    """The next completions as a part. A place is the id behind which they begin, and the number of the part."""
    after, number = place or (0, 0)
    form = jobs.asked(job)["format"]
    found = matching(job)
    stretch = exports.next_stretch(found, after)
    rows = exports.read(stretch.ids)
    head = () if place else exports.head(form)
    data = b"".join((*head, *exports.written(rows, form)))

    def write() -> Counter[str]:
        job_files.add(job, number, data)
        return Counter(exported=len(rows))

    return Step(
        place=(stretch.ids[-1], number + 1) if stretch.more else None,
        write=write,
        done=len(stretch.ids),
        total=None if place else found.order_by().count(),
    )
