"""Rerouting: what matches a new selector of a feedback task is offered to its queue, a thousand with each step."""

import orjson
from django.utils.translation import gettext_noop

from reviews.models import FeedbackTask, Job, JobKind, JobState
from reviews.models.jobs import JobQuerySet
from reviews.workflow import jobs, queues
from reviews.workflow.audit import SYSTEM, Actor
from reviews.workflow.jobs import Json, Step

SWEPT = 100
GONE = gettext_noop("Its feedback task is not there any more.")


def ask(feedback_task: FeedbackTask, *, actor: Actor = SYSTEM) -> Job | None:
    """The job that offers the rest to its queue; None where one is at it already."""
    if _jobs_of(feedback_task).open().exists():
        return None
    organization, asked = feedback_task.organization, _asked(feedback_task)
    return jobs.ask(organization, JobKind.REROUTE, asked, by=actor.user, actor=actor, said=feedback_task.name)


def sweep() -> None:
    """Ask for what nobody goes on with: its selector changed again just as its job came to the end, say. What somebody
    cancelled, or what failed, waits for the next change of the selector.
    """
    waiting = FeedbackTask.objects.filter(archived_at=None).exclude(routed_through=None)
    for feedback_task in waiting.select_related("organization")[:SWEPT]:
        last = _jobs_of(feedback_task).order_by("-pk").values_list("state", flat=True).first()
        if last in (None, JobState.DONE):
            ask(feedback_task)


def step(job: Job, place: Json) -> Step:
    """The next thousand. Their place stands in the feedback task, which goes back to the start with each change."""
    feedback_task = FeedbackTask.objects.select_related("queue").filter(pk=jobs.asked(job)["feedback_task"]).first()
    if feedback_task is None or feedback_task.organization_id != job.organization_id:
        raise jobs.JobFailed(GONE)
    found = queues.backlog(feedback_task)

    def write() -> dict[str, int]:
        return {"offered": queues.offer_backlog(feedback_task, found) if found else 0}

    return Step(
        place=(found.through,) if found and found.through is not None else None,
        write=write,
        done=len(found.completions) if found else 0,
        total=queues.unoffered(feedback_task).order_by().count() if place is None and found else None,
    )


def _jobs_of(feedback_task: FeedbackTask) -> JobQuerySet:
    asked = orjson.dumps(_asked(feedback_task)).decode()
    return Job.objects.filter(organization=feedback_task.organization_id, kind=JobKind.REROUTE, asked_text=asked)


def _asked(feedback_task: FeedbackTask) -> dict[str, int]:
    return {"feedback_task": feedback_task.pk}
