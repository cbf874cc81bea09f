"""The sweep: what time alone changes."""

from datetime import datetime, timedelta

from django.db.models import Q

from reviews.models import Heartbeat, Push, Upstream
from reviews.workflow import audit_chain, clock, idempotency, job_files, jobs, outbox, purging, queues, stats
from reviews.workflow.job_kinds import rerouting

# A write each second would keep the disk awake for nothing: /readyz asks for the minute.
HEARTBEAT_STEP = timedelta(seconds=5)
SWEEP = "sweep"


def sweep(now: datetime) -> None:
    """Free claims that ran out, and pushes and jobs whose worker died; see that new selectors are routed; count a queue
    anew; drop files and answers that were kept for their time, purge what an organization does not keep any longer, and
    seal the audit.
    """
    queues.expire_claims(now)
    outbox.sweep(now)
    jobs.sweep(now)
    rerouting.sweep()
    stats.keep_counts(now)
    job_files.sweep(now)
    idempotency.sweep(now)
    purging.sweep(now)
    _beat(now)
    audit_chain.seal(now)


def last_sweep() -> datetime | None:
    """When a sweep last ran, to five seconds."""
    return Heartbeat.objects.filter(name=SWEEP).values_list("at", flat=True).first()


def upstreams_with_due_pushes(now: datetime) -> list[int]:
    """The upstreams that may be sent to now and have something due."""
    free = Upstream.objects.push_free(now)
    due = Push.objects.due(now).filter(upstream__in=free)
    return list(due.order_by().values_list("upstream_id", flat=True).distinct())


def release_leases() -> None:
    """Give up every lease. Only for a process that knows it is alone, at its start: those of one that was killed
    would otherwise hold up the first minute and a half.
    """
    Upstream.objects.exclude(Q(pull_leased_until=None) & Q(push_leased_until=None)).update(
        pull_leased_until=None, push_leased_until=None
    )
    outbox.sweep(clock.now() + 2 * outbox.LEASE)
    jobs.sweep(clock.now() + 2 * jobs.LEASE)


def _beat(now: datetime) -> None:
    recent = Heartbeat.objects.filter(name=SWEEP, at__gt=now - HEARTBEAT_STEP)
    if not recent.exists():
        Heartbeat.objects.update_or_create(name=SWEEP, defaults={"at": now})
