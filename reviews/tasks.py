"""Celery tasks: they load, call one verb, return. What is to be done stands in the database, so that a message that
is lost, late or doubled changes nothing.
"""

from celery import shared_task

from gradebench import context
from reviews.log10 import sync
from reviews.log10.job_kinds import KINDS
from reviews.models import Upstream
from reviews.workflow import clock, jobs, sweeping

WAKE_UP_SECONDS = 30


@shared_task(name="reviews.tasks.tick")
def tick() -> None:
    """Beat's only call, each second: sweep what ran out, and wake whoever is due."""
    now = clock.now()
    sweeping.sweep(now)
    for upstream_id in Upstream.objects.pull_due(now).values_list("pk", flat=True):
        pull_upstream.apply_async((upstream_id,), expires=WAKE_UP_SECONDS)
    for upstream_id in sweeping.upstreams_with_due_pushes(now):
        push_upstream.apply_async((upstream_id,), expires=WAKE_UP_SECONDS)
    for job_id in jobs.due(now):
        run_job.apply_async((job_id,), expires=WAKE_UP_SECONDS)


@shared_task(name="reviews.tasks.pull_upstream")
def pull_upstream(upstream_id: int) -> None:
    """Pull one upstream, if it is due and nobody else does; then wake what waited meanwhile: an upstream is asked one
    thing at a time.
    """
    upstream = Upstream.objects.pull_due(clock.now()).filter(pk=upstream_id).select_related("organization").first()
    if upstream is None:
        return
    context.note(organization_id=upstream.organization_id, upstream_id=upstream.pk)
    sync.pull(upstream)
    # Woken by the tick along with the pull, a push finds the upstream taken, as often as both are due together.
    if upstream_id in sweeping.upstreams_with_due_pushes(clock.now()):
        push_upstream.apply_async((upstream_id,), expires=WAKE_UP_SECONDS)


@shared_task(name="reviews.tasks.push_upstream")
def push_upstream(upstream_id: int) -> None:
    """Push what is due to one upstream, if nobody else does."""
    upstream = Upstream.objects.push_free(clock.now()).filter(pk=upstream_id).select_related("organization").first()
    if upstream is not None:
        context.note(organization_id=upstream.organization_id, upstream_id=upstream.pk)
        sync.push(upstream)


@shared_task(name="reviews.tasks.run_job")
def run_job(job_id: int) -> None:
    """Go on with a job for a while, if nobody else does; then others come first, and it after them."""
    if jobs.run(job_id, KINDS):
        for due_id in jobs.due(clock.now()):
            run_job.apply_async((due_id,), expires=WAKE_UP_SECONDS)
