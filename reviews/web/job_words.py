"""Jobs in words: what each is about, how far it is, and what came of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import parse_qsl

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from reviews.models import FeedbackTask, Job, JobKind, JobState, Queue
from reviews.web import keyset
from reviews.web.display_jobs import CountLine, JobPage, JobRow, RefusedLine
from reviews.web.json_text import showable
from reviews.workflow import clock, job_files, jobs, kept_words

MOST_REFUSED = 25
# Before that, how long it takes says nothing.
SOON = timedelta(seconds=3)
TONES = {JobState.DONE: "good", JobState.FAILED: "bad"}
# In the order in which they are shown.
COUNTS: dict[str, str | Promise] = {
    "exported": gettext_lazy("written"),
    "created": gettext_lazy("new"),
    "changed": gettext_lazy("changed"),
    "unchanged": gettext_lazy("unchanged"),
    "refused": gettext_lazy("refused"),
    "added": gettext_lazy("added"),
    "offered": gettext_lazy("offered"),
    "requeued": gettext_lazy("offered again to who skipped them"),
    "reopened": gettext_lazy("reopened"),
    "there": gettext_lazy("in it already"),
    "open": gettext_lazy("open already"),
    "started": gettext_lazy("left out: not finished yet"),
    "flagged": gettext_lazy("left: flagged, so a lead decides"),
    "archived": gettext_lazy("left: their feedback task is archived"),
    "overtaken": gettext_lazy("left: somebody changed or purged them"),
    "nowhere": gettext_lazy("in no such queue"),
}
CALLING = ("refused", "overtaken")
ALWAYS = {
    JobKind.EXPORT: ("exported",),
    JobKind.IMPORT: ("created", "changed", "unchanged", "refused"),
    JobKind.ADD_TO_QUEUE: ("added",),
    JobKind.REQUEUE: ("reopened", "requeued"),
    JobKind.REROUTE: ("offered",),
}
STAYS: dict[str, str | Promise] = {
    JobKind.IMPORT: gettext_lazy(
        "The lines that were taken stay, the others are not taken, and the file is deleted. Sent again, it doubles "
        "nothing."
    ),
    JobKind.ADD_TO_QUEUE: gettext_lazy("What is in the queue by then stays in it. Asked again, it doubles nothing."),
    JobKind.REQUEUE: gettext_lazy("What is offered again by then stays so."),
    JobKind.REROUTE: gettext_lazy(
        "What is in the queue by then stays in it. The rest of what was there before is offered when the selector is "
        "changed again."
    ),
}
# What a filter is called, where its name in an address is no word.
FILTERS: dict[str, str | Promise] = {
    "q": gettext_lazy("words"),
    "low": gettext_lazy("least probable token at most"),
    "reviewer": gettext_lazy("graded by"),
    "task": gettext_lazy("feedback task"),
    "conflict": gettext_lazy("in conflict"),
}
# The kind, the organization and the key of what has a name.
Names = Mapping[tuple[str, int, int], str]


def rows_of(found: Sequence[Job]) -> tuple[JobRow, ...]:
    """The rows of a list: two queries for the names that they speak of."""
    names = _names(found)
    return tuple(_row(job, names) for job in found)


def _names(found: Sequence[Job]) -> Names:
    """Of the queues and feedback tasks that jobs are about or filtered by, each in the organization of the job."""
    organizations = {job.organization_id for job in found}
    queues = Queue.objects.filter(organization__in=organizations, pk__in=_named(found, "queue", "queue"))
    tasks = FeedbackTask.objects.filter(organization__in=organizations, pk__in=_named(found, "feedback_task", "task"))
    return {
        **{("queue", one.organization_id, one.pk): one.name for one in queues},
        **{("task", one.organization_id, one.pk): one.name for one in tasks},
    }


def _named(found: Sequence[Job], member: str, name: str) -> set[int]:
    asked = {pk for job in found if isinstance(pk := jobs.asked(job).get(member), int)}
    filtered = (value for job in found for key, value in _filters(job) if key == name)
    return asked | {key for value in filtered if (key := keyset.number(value))}


def _filters(job: Job) -> list[tuple[str, str]]:
    return parse_qsl(jobs.asked(job).get("query", ""))


def page_of(job: Job) -> JobPage:
    """The page of one."""
    (row,) = rows_of([job])
    counts = jobs.outcome(job)
    refused = list(job.refusals.all()[:MOST_REFUSED])
    has_file = job_files.has_file(job)
    return JobPage(
        row=row,
        counts=_counts(job, counts),
        left=_left(job),
        error=kept_words.shown(job.error),
        cancelling=row.is_open and job.cancel_asked_at is not None,
        stays=str(STAYS.get(job.kind, "")),
        file_name=file_name(job) if has_file else "",
        size=job.size,
        kept_until=job.ended_at + timedelta(days=settings.JOB_FILE_DAYS) if has_file and job.ended_at else None,
        gone=_gone(job),
        refused=tuple(RefusedLine(one.line, showable(one.uid), showable(one.reason)) for one in refused),
        refused_count=counts.get("refused", 0),
        refused_kept=min(counts.get("refused", 0), job_files.MOST_REFUSALS),
    )


def file_name(job: Job) -> str:
    """Of what it made, as it is saved: nothing in it is anybody's text."""
    return f"completions-{job.organization.slug}-{job.pk}.{jobs.asked(job)['format']}"


def _gone(job: Job) -> str:
    is_made = job.kind == JobKind.EXPORT and job.state == JobState.DONE
    return kept_words.shown(job.parts_dropped_because) if is_made and job.parts_dropped_at is not None else ""


def _row(job: Job, names: Names) -> JobRow:
    return JobRow(
        id=job.pk,
        title=_title(job, names),
        about=_about(job, names),
        organization=job.organization.name,
        by=job.asked_by.get_username() if job.asked_by else "",
        state=job.state,
        state_text=_state_text(job),
        tone=TONES.get(JobState(job.state), ""),
        at=job.created_at,
        ended_at=job.ended_at,
        done=job.done,
        total=job.total,
        outcome=_short(job),
    )


def _state_text(job: Job) -> str:
    if job.cancel_asked_at is not None and job.ended_at is None:
        return _("Being cancelled")
    return job.get_state_display()


def _title(job: Job, names: Names) -> str:
    asked = jobs.asked(job)
    queue = names.get(("queue", job.organization_id, asked.get("queue") or 0), "")
    match job.kind:
        case JobKind.EXPORT:
            return _("Export as CSV") if asked["format"] == "csv" else _("Export as JSON lines")
        case JobKind.IMPORT:
            return _("Import")
        case JobKind.ADD_TO_QUEUE:
            return _("Add to the queue %(queue)s") % {"queue": queue}
        case JobKind.REQUEUE:
            return _("Requeue in %(queue)s") % {"queue": queue} if queue else _("Requeue in every queue")
        case _:
            task = names.get(("task", job.organization_id, asked.get("feedback_task", 0)), "")
            return _("Offer what matches to the queue of %(task)s") % {"task": task}


def _about(job: Job, names: Names) -> str:
    if job.kind == JobKind.IMPORT:
        return showable(job.file_name)
    if job.kind == JobKind.REROUTE:
        return _("after its selector was set")
    said = [
        showable(
            f"{FILTERS.get(name, name)}: {names.get((name, job.organization_id, keyset.number(value) or 0), value)}"
        )
        for name, value in _filters(job)
    ]
    return _("of those with %(filters)s") % {"filters": ", ".join(said)} if said else _("of all completions")


def _counts(job: Job, counts: dict[str, int]) -> tuple[CountLine, ...]:
    shown = {**dict.fromkeys(ALWAYS[JobKind(job.kind)], 0), **counts}
    return tuple(
        CountLine(str(label), shown[name], calls=name in CALLING and shown[name] > 0)
        for name, label in COUNTS.items()
        if name in ALWAYS[JobKind(job.kind)] or shown.get(name)
    )


def _short(job: Job) -> tuple[CountLine, ...]:
    """What a list says of it: the first of what it is for, and what calls for a person."""
    first, *others = _counts(job, jobs.outcome(job))
    return (first, *(line for line in others if line.calls))


def _left(job: Job) -> str:
    """How long it may still take, as fast as it went until now; "" where nothing can be said."""
    if job.ended_at is not None or job.started_at is None or not job.total or not job.done:
        return ""
    so_far = clock.now() - job.started_at
    if so_far < SOON:
        return ""
    seconds = so_far.total_seconds() * (job.total - job.done) / job.done
    if seconds < 60:
        return _("less than a minute left")
    minutes = round(seconds / 60)
    if minutes < 90:
        return ngettext("about %(count)s minute left", "about %(count)s minutes left", minutes) % {"count": minutes}
    hours = round(minutes / 60)
    return ngettext("about %(count)s hour left", "about %(count)s hours left", hours) % {"count": hours}
