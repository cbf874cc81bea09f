"""The figures that stand in the database, for /metrics: ten questions that indexes answer, none of which counts further
than it says.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Any

from django.db.models import Count, IntegerField, Max, Min, OuterRef, Q, Subquery

from gradebench import measures
from reviews.models import (
    Assignment,
    ClaimChange,
    ClaimEvent,
    Completion,
    Job,
    JobState,
    PullRefusal,
    Push,
    Queue,
    QueueItem,
    Upstream,
)
from reviews.models.sync import UNDECIDED
from reviews.workflow import audit_chain, circuit, clock, sweeping

# A series each: what is beyond is left out, the oldest stay.
MOST_UPSTREAMS = MOST_QUEUES = 200
# "This many or more." A queue or an outbox of that length is watched by the age of its oldest.
MOST = 1_000
RECENTLY = timedelta(hours=1)
JOBS_LOOKED_AT = 1_000


@dataclass
class Figure:
    """One name, and its values by their labels."""

    name: str
    about: str
    labels: tuple[str, ...] = ()
    rises: bool = False
    values: list[tuple[tuple[str, ...], float]] = field(default_factory=list)

    def add(self, value: float | None, *labels: str) -> None:
        """None is not known, which is told by saying nothing."""
        if value is not None:
            self.values.append((labels, float(value)))


class _CountUpTo(Subquery):
    """How many rows a sliced query finds. It is in the order of an index: out of order PostgreSQL would take the first
    so many of the whole table, and look through all of it where there are fewer.
    """

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def figures() -> list[Figure]:
    """All of them. The database is asked ten times."""
    now = clock.now()
    return [*_upstreams(now), *_queues(now), _refusals(), *_site(now), *_jobs(now)]


# Upstreams -------------------------------------------------------------------------------------------------------


def _upstreams(now: datetime) -> Iterator[Figure]:
    of = ("organization", "upstream")
    pull_age = Figure(
        "last_pull_age_seconds", "Since the last complete pull of an upstream, or since it was set up.", of
    )
    circuit_open = Figure("circuit_open", "Whether an upstream has failed so often that it is only tried.", of)
    refused = Figure("upstream_token_refused", "Whether an upstream does not accept its token.", of)
    pushes = Figure("pushes", f"Pushes that have not arrived, by state, counted up to {MOST:,}.", (*of, "state"))
    push_age = Figure("oldest_push_age_seconds", "Of the oldest push that has not arrived.", (*of, "state"))
    for row in _upstream_rows():
        labels = row["organization__slug"], str(row["pk"])
        pull_age.add(_seconds(now, row["listed_at"] or row["created_at"]), *labels)
        failures = max(row["pull_failures"], row["push_failures"])
        circuit_open.add(failures >= circuit.FAILURES, *labels)
        refused.add(row["token_refused_at"] is not None, *labels)
        for state in UNDECIDED:
            pushes.add(row[f"count_{state.value}"], *labels, state.value)
            push_age.add(_seconds(now, row[f"oldest_{state.value}"]) or 0, *labels, state.value)
    yield from (pull_age, circuit_open, refused, pushes, push_age)


def _upstream_rows() -> Iterable[dict[str, Any]]:
    asked: dict[str, Any] = {}
    for state in UNDECIDED:
        found = Push.objects.filter(upstream=OuterRef("pk"), state=state).order_by("pk")
        asked[f"count_{state.value}"] = _CountUpTo(found.order_by("-pk").values("pk")[:MOST])
        asked[f"oldest_{state.value}"] = Subquery(found.values("created_at")[:1])
    columns = ("pk", "organization__slug", "listed_at", "created_at", "pull_failures", "push_failures")
    enabled = Upstream.objects.filter(enabled=True).order_by("pk").annotate(**asked)
    rows: Iterable[dict[str, Any]] = enabled.values(*columns, "token_refused_at", *asked)[:MOST_UPSTREAMS]
    return rows


# Why a pull set something aside, by what its sentence says; what is none of these is malformed.
_REASONS = (
    ("held_elsewhere", "held here already"),
    ("too_large", "larger than"),
    ("feedback_task", "Feedback task:"),
    ("not_json", " body "),
)


def reason_of(sentence: str) -> str:
    """The class of reasons that a refusal's sentence belongs to."""
    return next((name for name, part in _REASONS if part in sentence), "malformed")


def _refusals() -> Figure:
    figure = Figure(
        "pull_refusals",
        f"What pulls set aside and nobody has decided, by reason, counted up to {MOST:,} in all.",
        ("upstream", "reason"),
    )
    rows = PullRefusal.objects.open().order_by("upstream_id", "-last_at").values_list("upstream_id", "reason")[:MOST]
    counted = Counter((str(upstream_id), reason_of(reason)) for upstream_id, reason in rows)
    for labels, count in sorted(counted.items()):
        figure.add(count, *labels)
    return figure


# Queues ----------------------------------------------------------------------------------------------------------


def _queues(now: datetime) -> Iterator[Figure]:
    of = ("organization", "queue")
    items = Figure("queue_items", f"Items of open queues, by state, counted up to {MOST:,}.", (*of, "state"))
    oldest = Figure(
        "oldest_claimable_age_seconds", "Since the oldest completion came that waits for a first review.", of
    )
    held = _held(now)
    for pk, slug, claimable, flagged, since in _queue_rows():
        measures.expect_reviews(pk)
        items.add(claimable, slug, str(pk), "claimable")
        items.add(held.get(pk, 0), slug, str(pk), "held")
        items.add(flagged, slug, str(pk), "flagged")
        oldest.add(_seconds(now, since) or 0, slug, str(pk))
    yield from (items, oldest)


def _queue_rows() -> Iterable[tuple[Any, ...]]:
    items = QueueItem.objects.filter(queue=OuterRef("pk"))
    waiting = items.claimable().ungraded().order_by("received_at", "pk")
    open_ones = Queue.objects.filter(is_open=True, feedback_task__archived_at=None).order_by("pk")
    return open_ones.annotate(
        claimable=_CountUpTo(items.claimable().order_by("-priority", "sort_key", "pk").values("pk")[:MOST]),
        flagged=_CountUpTo(items.flagged().order_by("pk").values("pk")[:MOST]),
        since=Subquery(waiting.values("received_at")[:1]),
    ).values_list("pk", "organization__slug", "claimable", "flagged", "since")[:MOST_QUEUES]


def _held(now: datetime) -> dict[int, int]:
    """Claims by queue. A reviewer at work has two at most, so they are few."""
    held = Assignment.objects.held().filter(held_until__gt=now)
    return dict(held.values_list("item__queue").annotate(Count("pk")).order_by())


# The site --------------------------------------------------------------------------------------------------------


def _site(now: datetime) -> Iterator[Figure]:
    sweep = Figure("sweep_age_seconds", "Since beat and a worker last swept; infinite when they never have.")
    last = sweeping.last_sweep()
    sweep.add(inf if last is None else _seconds(now, last))
    lag = Figure("audit_seal_lag_seconds", "Age of the oldest event of the audit that is not sealed.")
    lag.add(_seconds(now, audit_chain.oldest_unsealed()) or 0)
    created = Figure("completions", "Completions that came, by API, import and pull.", rises=True)
    # Keys are given out in order and never again: the newest says how many there were, without counting.
    created.add(Completion.objects.aggregate(newest=Max("pk"))["newest"] or 0)
    ran_out = Figure("claims_ran_out_recently", f"Claims that ran out within the last hour, counted up to {MOST:,}.")
    newest = ClaimEvent.objects.filter(change=ClaimChange.EXPIRED).order_by("-pk")[:MOST]
    ran_out.add(newest.aggregate(recent=Count("pk", filter=Q(at__gt=now - RECENTLY)))["recent"])
    yield from (sweep, lag, created, ran_out)


def _jobs(now: datetime) -> Iterator[Figure]:
    jobs = Figure("jobs", f"The newest {JOBS_LOOKED_AT:,} jobs, by state.", ("state",))
    counts = {state.value: Count("pk", filter=Q(state=state)) for state in JobState}
    newest = Job.objects.order_by("-pk")[:JOBS_LOOKED_AT].aggregate(**counts)
    for state in JobState:
        jobs.add(newest[state.value], state.value)
    overdue = Figure("oldest_due_job_age_seconds", "Since the next step of a job was due that nobody has taken.")
    due = Job.objects.open().filter(not_before__lte=now).filter(Q(leased_until=None) | Q(leased_until__lte=now))
    overdue.add(_seconds(now, due.aggregate(since=Min("not_before"))["since"]) or 0)
    yield from (jobs, overdue)


def _seconds(now: datetime, since: datetime | None) -> float | None:
    return None if since is None else max(0.0, (now - since).total_seconds())
