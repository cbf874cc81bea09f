"""Pull and push: what beat and the commands run. The database decides who works; a message only wakes."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from reviews.log10 import strict_json, wire
from reviews.log10.client import Client, TokenRefused, TransportError
from reviews.models import Completion, Feedback, Pull, PullRefusal, PullState, Push, PushKind, Upstream
from reviews.workflow import documents, feedback_tasks, grading, ingest, outbox, queues, schema, sealing, upstreams
from reviews.workflow.ingest import Outcome

LEASE = timedelta(seconds=90)
RENEW_EVERY = 100
MOST_PAGES = 1_000
FRESH = timedelta(seconds=60)
PUSH_TIME = timedelta(seconds=120)
LONGEST_PULL_WAIT = timedelta(minutes=15)
LONGEST_REASON = 1_000


class LeaseLost(RuntimeError):
    """Another process took over: what this one learns is no longer wanted."""


@dataclass
class Tally:
    """What a pull has seen so far."""

    listed: int = 0
    created: int = 0
    changed: int = 0
    conflicts: int = 0
    refused: int = 0
    gone: int = 0
    feedback_tasks: int = 0
    size: int = 0
    uids: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        """The columns of the pull row."""
        return {name: value for name, value in vars(self).items() if name != "uids"}


# Pull ------------------------------------------------------------------------------------------------------------


def pull(upstream: Upstream) -> Pull | None:
    """Poll the upstream once: feedback tasks, then the ungraded list. None when another process is pulling it.

    The row that is returned says how it ended; nothing is raised for what the upstream does.
    """
    fence = _take_lease(upstream)
    if fence is None:
        return None
    started = timezone.now()
    _close_abandoned(upstream, started)
    row = Pull.objects.create(upstream=upstream, fence=fence, started_at=started)
    tally = Tally()
    try:
        with _client(upstream) as client:
            _pull_feedback_tasks(client, row, tally)
            _pull_completions(client, row, tally)
        _find_gone(row, tally)
        _end_pull(row, tally, PullState.COMPLETE)
    except LeaseLost:
        _end_pull(row, tally, PullState.INCOMPLETE, "Another process took this pull over.")
    except strict_json.ListBroken as error:
        _end_pull(row, tally, PullState.INCOMPLETE, str(error))
    except TokenRefused as error:
        Upstream.objects.filter(pk=upstream.pk).update(token_refused_at=timezone.now())
        _end_pull(row, tally, PullState.FAILED, str(error))
    except (TransportError, sealing.SealBroken) as error:
        _end_pull(row, tally, PullState.INCOMPLETE if tally.listed else PullState.FAILED, str(error))
    except Exception as error:
        _end_pull(row, tally, PullState.FAILED, f"GradeBench failed: {type(error).__name__}. Its log says more.")
        raise
    return row


def _client(upstream: Upstream) -> Client:
    return Client(upstream.url, token=upstreams.token_of(upstream), organization=upstream.upstream_organization)


def _take_lease(upstream: Upstream) -> int | None:
    now = timezone.now()
    free = Q(pull_leased_until=None) | Q(pull_leased_until__lte=now)
    mine = Upstream.objects.filter(free, pk=upstream.pk, enabled=True, pull_fence=upstream.pull_fence)
    if not mine.update(pull_leased_until=now + LEASE, pull_fence=F("pull_fence") + 1):
        return None
    upstream.pull_fence += 1
    return upstream.pull_fence


def _renew_lease(row: Pull) -> None:
    mine = Upstream.objects.filter(pk=row.upstream_id, pull_fence=row.fence)
    if not mine.update(pull_leased_until=timezone.now() + LEASE):
        raise LeaseLost


def _close_abandoned(upstream: Upstream, now: datetime) -> None:
    """A row that still says it runs though the lease was free is of a process that died."""
    Pull.objects.filter(upstream=upstream, state=PullState.RUNNING).update(
        state=PullState.INCOMPLETE, ended_at=now, error="The process that pulled was stopped."
    )


def _end_pull(row: Pull, tally: Tally, state: PullState, error: str = "") -> None:
    now = timezone.now()
    row.state, row.ended_at, row.error = state, now, error
    for name, value in tally.counts().items():
        setattr(row, name, value)
    ended = Pull.objects.filter(pk=row.pk, state=PullState.RUNNING)
    ended.update(state=state, ended_at=now, error=error, **tally.counts())
    upstream = row.upstream
    mine = Upstream.objects.filter(pk=upstream.pk, pull_fence=row.fence)
    if state == PullState.COMPLETE:
        wait = timedelta(seconds=upstream.pull_seconds)
        mine.update(
            pull_leased_until=None,
            next_pull_at=max(now, row.started_at + wait),
            pull_failures=0,
            last_error="",
            listed_at=row.started_at,
        )
    else:
        failures = upstream.pull_failures + 1
        wait = min(LONGEST_PULL_WAIT, timedelta(seconds=upstream.pull_seconds) * 2 ** min(failures - 1, 10))
        mine.update(pull_leased_until=None, next_pull_at=now + wait, pull_failures=failures, last_error=error)


def _pull_feedback_tasks(client: Client, row: Pull, tally: Tally) -> None:
    for value in client.feedback_tasks():
        uid = value.get("id") if isinstance(value, dict) else None
        try:
            if not isinstance(uid, str) or not 0 < len(uid) <= wire.LONGEST_NAME:
                raise wire.WireRefused("The feedback task has no id.")
            feedback_tasks.take_over(row.upstream, uid, wire.read_feedback_task(value))
        except (wire.WireRefused, schema.SchemaRefused) as error:
            _set_aside(row, tally, documents.dumps(value), str(uid or ""), f"Feedback task: {error}")
        else:
            tally.feedback_tasks += 1
    _renew_lease(row)


def _pull_completions(client: Client, row: Pull, tally: Tally) -> None:
    for raw in _listed(client, row, tally):
        tally.listed += 1
        if tally.listed % RENEW_EVERY == 0:
            _renew_lease(row)
        _take(row, tally, raw)
    _renew_lease(row)


def _listed(client: Client, row: Pull, tally: Tally) -> Iterator[bytes]:
    """The items of all pages; a GradeBench says `next` when it cut its list. Raises ListBroken: what is not known to
    be the whole list must not make anything look gone.
    """
    after: str | None = None
    seen: set[str] = set()
    while True:
        raw = client.ungraded(after)
        tally.size += len(raw)
        reader = strict_json.ListReader(raw, "completions")
        yield from reader.items()
        # An empty list may come as null, or as an object without members; one with others is no list at all.
        if not reader.found and reader.members and reader.members.get("completions", "") is not None:
            raise strict_json.ListBroken("The upstream's answer has no list of “completions”.")
        after = reader.members.get("next")
        if not after:
            if reader.members.get("truncated") is True:
                raise strict_json.ListBroken("The upstream cut its list and does not say where it goes on.")
            return
        if not isinstance(after, str) or after in seen or len(seen) >= MOST_PAGES:
            raise strict_json.ListBroken("The pages of the upstream's list do not come to an end.")
        seen.add(after)
        _renew_lease(row)


def _take(row: Pull, tally: Tally, raw: bytes) -> None:
    uid = ""
    try:
        if len(raw) > settings.API_MAX_BODY_BYTES:
            raise wire.WireRefused(f"The completion is larger than {settings.API_MAX_BODY_BYTES:,} bytes.")
        received = wire.read_completion(strict_json.loads(raw, max_depth=settings.API_MAX_DEPTH))
        uid = received.uid or ""
        if not uid:
            raise wire.WireRefused("The completion has no id.")
        done = ingest.take_pulled(row.upstream, uid, received.document, raw, asked_at=row.started_at)
    except (strict_json.BadJson, wire.WireRefused, ingest.IngestRefused) as error:
        # It is there, though it is not taken: only what is not listed can be gone.
        uid = uid or strict_json.text_member(raw, "id")
        tally.uids.add(uid)
        _set_aside(row, tally, raw, uid, str(error))
        return
    tally.uids.add(uid)
    tally.created += done.outcome == Outcome.CREATED
    tally.changed += done.outcome == Outcome.CHANGED
    tally.conflicts += done.outcome == Outcome.CONFLICT


def _set_aside(row: Pull, tally: Tally, raw: bytes, uid: str, reason: str) -> None:
    """Keep what was refused, with its reason: one row per item, however often it is listed."""
    tally.refused += 1
    now = timezone.now()
    shown = {"uid": uid.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:255], "reason": reason[:LONGEST_REASON]}
    PullRefusal.objects.update_or_create(
        upstream=row.upstream,
        fingerprint=hashlib.sha256(raw).hexdigest(),
        defaults={"pull": row, "last_at": now, **shown},
        create_defaults={"pull": row, "first_at": now, "last_at": now, "data": documents.pack(raw), **shown},
    )


def _find_gone(row: Pull, tally: Tally) -> None:
    """What a complete list no longer holds was graded or deleted by somebody else, unless we graded it ourselves."""
    here = Completion.objects.filter(
        upstream=row.upstream,
        gone_upstream_at=None,
        received_at__lt=row.started_at,
        queue_items__state="open",
    ).exclude(pushes__kind=PushKind.FEEDBACK)
    missing = [pk for pk, uid in here.values_list("pk", "uid").distinct() if uid not in tally.uids]
    for pk in missing:
        with transaction.atomic():
            if Completion.objects.filter(pk=pk, gone_upstream_at=None).update(gone_upstream_at=timezone.now()):
                queues.withdraw_gone(Completion.objects.get(pk=pk))
                tally.gone += 1


# Push ------------------------------------------------------------------------------------------------------------


def push(upstream: Upstream) -> int:
    """Send what is due to the upstream, one after the other; how many arrived. 0 when another process is sending.

    Before an edit leaves, the list must have been read within the last minute, because it is the only place where a
    change of the upstream's shows.
    """
    fence = _take_push_lease(upstream)
    if fence is None:
        return 0
    arrived = 0
    until = timezone.now() + PUSH_TIME
    try:
        while timezone.now() < until and (due := _next(upstream)) is not None:
            if due.kind == PushKind.UPDATE and not _list_is_fresh(upstream):
                break
            if not _renew_push_lease(upstream, fence):
                break
            if not outbox.lease(due):
                continue
            if not _send(due):
                break
            arrived += 1
    finally:
        Upstream.objects.filter(pk=upstream.pk, push_fence=fence).update(push_leased_until=None)
    return arrived


def _next(upstream: Upstream) -> Push | None:
    now = timezone.now()
    if not Upstream.objects.filter(pk=upstream.pk).filter(_calm(now)).exists():
        return None
    return outbox.next_due(upstream, now)


def _calm(now: datetime) -> Q:
    return Q(enabled=True, token_refused_at=None) & (Q(quiet_until=None) | Q(quiet_until__lte=now))


def _take_push_lease(upstream: Upstream) -> int | None:
    now = timezone.now()
    mine = Upstream.objects.push_free(now).filter(pk=upstream.pk, push_fence=upstream.push_fence)
    if not mine.update(push_leased_until=now + LEASE, push_fence=F("push_fence") + 1):
        return None
    upstream.push_fence += 1
    return upstream.push_fence


def _renew_push_lease(upstream: Upstream, fence: int) -> bool:
    mine = Upstream.objects.filter(pk=upstream.pk, push_fence=fence)
    return bool(mine.update(push_leased_until=timezone.now() + LEASE))


def _list_is_fresh(upstream: Upstream) -> bool:
    upstream.refresh_from_db()
    now = timezone.now()
    if upstream.listed_at is not None and now - upstream.listed_at < FRESH:
        return True
    row = pull(upstream)
    return row is not None and row.state == PullState.COMPLETE


def _send(due: Push) -> bool:
    """Send one leased push and record how it ended; whether it arrived."""
    upstream = Upstream.objects.get(pushes=due)
    try:
        body = _body(due, upstream)
        if not outbox.still_mine(due):
            return False
        with _client(upstream) as client:
            if due.kind == PushKind.UPDATE:
                echo = client.update(due.completion.uid, body)
                _compare_echo(echo, body)
            else:
                client.create_feedback(body)
    except TokenRefused as error:
        outbox.refused_token(due, str(error))
        return False
    except TransportError as error:
        outbox.failed(
            due,
            str(error),
            permanent=error.permanent,
            status=error.status,
            ambiguous=error.ambiguous,
            wait=error.wait,
        )
        return False
    except (sealing.SealBroken, documents.DocumentUnreadable) as error:
        outbox.failed(due, str(error), permanent=True)
        return False
    return outbox.delivered(due)


def _body(due: Push, upstream: Upstream) -> dict[str, Any]:
    organization_id = upstream.upstream_organization
    if due.revision is not None:
        document = documents.read(due.revision.result)
        return wire.update_to_push(document, uid=due.completion.uid, organization_id=organization_id)
    feedback = Feedback.objects.select_related("feedback_task").get(pushes=due)
    return wire.feedback_to_push(
        grading.values_of(feedback),
        task_uid=feedback.feedback_task.upstream_uid,
        comment=feedback.comment,
        completion_uid=due.completion.uid,
        organization_id=organization_id,
    )


def _compare_echo(echo: object, sent: dict[str, Any]) -> None:
    """The completion that the upstream answers with must mean what was sent."""
    if not isinstance(echo, dict) or documents.semantic_hash(echo) != documents.semantic_hash(sent):
        raise TransportError(
            "The upstream answered 200, but with another text than the one it was sent.", ambiguous=True
        )
