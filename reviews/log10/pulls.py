"""Pull: what an upstream lists, taken in. The database decides who works; a message only wakes."""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_noop

from reviews.log10 import strict_json, wire
from reviews.log10.client import Client, Page, TokenRefused, TransportError, client_of
from reviews.models import (
    Completion,
    ItemState,
    Pull,
    PullRefusal,
    PullState,
    Push,
    PushKind,
    PushState,
    Refused,
    Upstream,
)
from reviews.workflow import (
    circuit,
    clock,
    documents,
    feedback_tasks,
    ingest,
    outbox,
    queues,
    revisions,
    schema,
    sealing,
    upstreams,
)
from reviews.workflow.ingest import Outcome

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=90)
RENEW_EVERY = 100
MOST_PAGES = 1_000
# What is down for good is spared by the circuit; a failed pull is tried again before somebody wonders.
LONGEST_WAIT = timedelta(minutes=5)
LONGEST_REASON = 1_000
ENDLESS = gettext_noop("The pages of the upstream's list do not come to an end.")


class LeaseLost(RuntimeError):
    """Another process took over: what this one learns is no longer wanted."""


@dataclass
class Tally:
    """What a pull has seen so far: `uids` were in the list, `taken` of them could be taken."""

    listed: int = 0
    created: int = 0
    changed: int = 0
    conflicts: int = 0
    refused: int = 0
    gone: int = 0
    feedback_tasks: int = 0
    size: int = 0
    uids: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        """The columns of the pull row."""
        return {name: value for name, value in vars(self).items() if isinstance(value, int)}


def pull(upstream: Upstream, *, for_push: bool = False) -> Pull | None:
    """Poll the upstream once: feedback tasks, then the ungraded list. None when another process asks it something, or
    when it is not to be asked now: it asked to be left alone, its token is refused, or it is down and was just tried.

    The row that is returned says how it ended; nothing is raised for what the upstream does. `for_push`: the caller
    holds the lease for pushes.
    """
    fence = _take_lease(upstream, for_push=for_push)
    if fence is None:
        return None
    if not circuit.may_pull(upstream.pk):
        _give_lease_back(upstream, fence)
        return None
    started = clock.now()
    _close_abandoned(upstream, started)
    row = Pull.objects.create(upstream=upstream, fence=fence, started_at=started)
    tally = Tally()
    try:
        with client_of(upstream) as client:
            _pull_feedback_tasks(client, row, tally)
            _pull_completions(client, row, tally)
        _find_gone(row, tally)
        _try_refused_again(row, tally)
        _end_pull(row, tally, PullState.COMPLETE)
    except LeaseLost:
        _end_pull(row, tally, PullState.INCOMPLETE, gettext_noop("Another process took this pull over."))
    except (TokenRefused, sealing.SealBroken) as error:
        upstreams.refuse_token(upstream, str(error))
        _end_pull(row, tally, PullState.FAILED, str(error))
    except strict_json.ListBroken as error:
        _fail_pull(row, tally, str(error), PullState.INCOMPLETE)
    except TransportError as error:
        state = PullState.INCOMPLETE if tally.listed else PullState.FAILED
        _fail_pull(row, tally, str(error), state, wait=error.wait)
    except Exception as error:
        words = f"GradeBench failed: {type(error).__name__}. Its log says more."
        _fail_pull(row, tally, words, PullState.FAILED)
        raise
    return row


def _take_lease(upstream: Upstream, *, for_push: bool) -> int | None:
    now = clock.now()
    free = Q(pull_leased_until=None) | Q(pull_leased_until__lte=now)
    if not for_push:
        # An upstream is asked one thing at a time, so that one that hangs holds up one worker.
        free &= Q(push_leased_until=None) | Q(push_leased_until__lte=now)
    mine = Upstream.objects.filter(free, pk=upstream.pk, enabled=True, pull_fence=upstream.pull_fence)
    if not mine.update(pull_leased_until=now + LEASE, pull_fence=F("pull_fence") + 1):
        return None
    upstream.pull_fence += 1
    return upstream.pull_fence


def _give_lease_back(upstream: Upstream, fence: int) -> None:
    """Nothing was asked. Looked at again when the circuit is, not with every tick."""
    now = clock.now()
    Upstream.objects.filter(pk=upstream.pk, pull_fence=fence).update(
        pull_leased_until=None, next_pull_at=Greatest("next_pull_at", Coalesce("quiet_until", now + circuit.WAIT))
    )


def _renew_lease(row: Pull) -> None:
    mine = Upstream.objects.filter(pk=row.upstream_id, pull_fence=row.fence)
    if not mine.update(pull_leased_until=clock.now() + LEASE):
        raise LeaseLost


def _close_abandoned(upstream: Upstream, now: datetime) -> None:
    """A row that still says it runs though the lease was free is of a process that died."""
    Pull.objects.filter(upstream=upstream, state=PullState.RUNNING).update(
        state=PullState.INCOMPLETE, ended_at=now, error=gettext_noop("The process that pulled was stopped.")
    )


def _fail_pull(row: Pull, tally: Tally, error: str, state: PullState, *, wait: timedelta | None = None) -> None:
    """There was no whole list; what came of it was taken."""
    _end_pull(row, tally, state, error)
    circuit.pull_failed(row.upstream_id, error, wait=wait)


def _end_pull(row: Pull, tally: Tally, state: PullState, error: str = "") -> None:
    now = clock.now()
    row.state, row.ended_at, row.error = state, now, error
    for name, value in tally.counts().items():
        setattr(row, name, value)
    ended = Pull.objects.filter(pk=row.pk, state=PullState.RUNNING)
    ended.update(state=state, ended_at=now, error=error, **tally.counts())
    fields = {"pull_id": row.pk, "outcome": state.value, **tally.counts()}
    log.info("Pull %d %s, %d listed.", row.pk, state.value, tally.listed, extra={"fields": fields})
    upstream = row.upstream
    mine = Upstream.objects.filter(pk=upstream.pk, pull_fence=row.fence)
    every = timedelta(seconds=upstream.pull_seconds)
    if state == PullState.COMPLETE:
        next_pull_at = max(now, row.started_at + every)
        mine.update(pull_leased_until=None, next_pull_at=next_pull_at, listed_at=row.started_at)
        circuit.pulled_well(upstream.pk)
    else:
        wait = min(max(LONGEST_WAIT, every), every * 2 ** min(upstream.pull_failures, 10))
        mine.update(pull_leased_until=None, next_pull_at=now + wait)


def _pull_feedback_tasks(client: Client, row: Pull, tally: Tally) -> None:
    for value in client.feedback_tasks():
        uid = value.get("id") if isinstance(value, dict) else None
        try:
            if not isinstance(uid, str) or not 0 < len(uid) <= wire.LONGEST_NAME:
                raise wire.WireRefused("The feedback task has no id.")
            feedback_tasks.take_over(row.upstream, uid, wire.read_feedback_task(value))
        except (wire.WireRefused, schema.SchemaRefused) as error:
            raw = documents.dumps(value)
            _set_aside(row, tally, raw, str(uid or ""), f"Feedback task: {error}", what=Refused.FEEDBACK_TASK)
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
    """The items of all pages; a GradeBench says `next` when it cut its list. Raises ListBroken, or how the connection
    broke, once all that came was yielded: what is not known to be the whole list must not make anything look gone.
    """
    after: str | None = None
    seen: set[str] = set()
    while True:
        with client.ungraded(after) as page:
            tally.size += page.size
            reader = strict_json.ListReader(page.pieces(), "completions")
            yield from _items(page, reader)
        after = _next_page(reader)
        if after is None:
            return
        if after in seen or len(seen) >= MOST_PAGES:
            raise strict_json.ListBroken(ENDLESS)
        seen.add(after)
        _renew_lease(row)


def _items(page: Page, reader: strict_json.ListReader) -> Iterator[bytes]:
    try:
        yield from reader.items()
    except strict_json.ListBroken:
        # How the connection broke says more than where.
        if page.broken is None:
            raise
    if page.broken is not None:
        raise page.broken


def _next_page(reader: strict_json.ListReader) -> str | None:
    """What the page says that comes after it. Raises ListBroken when it was no list, or does not say how it goes on."""
    # An empty list may come as null, or as an object without members; one with others is no list at all.
    if not reader.found and reader.members and reader.members.get("completions", "") is not None:
        raise strict_json.ListBroken("The upstream's answer has no list of “completions”.")
    after = reader.members.get("next")
    if not after:
        if reader.members.get("truncated") is True:
            raise strict_json.ListBroken(gettext_noop("The upstream cut its list and does not say where it goes on."))
        return None
    if not isinstance(after, str):
        raise strict_json.ListBroken(ENDLESS)
    return after


def _take(row: Pull, tally: Tally, raw: bytes, *, asked_at: datetime | None = None) -> None:
    """Take one item in, or set it aside. `asked_at` is when it was asked for, with this pull unless given."""
    uid = ""
    try:
        if len(raw) > settings.API_MAX_BODY_BYTES:
            raise wire.WireRefused(f"The completion is larger than {settings.API_MAX_BODY_BYTES:,} bytes.")
        received = wire.read_completion(strict_json.loads(raw, max_depth=settings.API_MAX_DEPTH))
        uid = received.uid or ""
        if not uid:
            raise wire.WireRefused("The completion has no id.")
        done = ingest.take_pulled(row.upstream, uid, received.document, raw, asked_at=asked_at or row.started_at)
    except (strict_json.BadJson, wire.WireRefused, ingest.IngestRefused) as error:
        # It is there, though it is not taken: only what is not listed can be gone.
        uid = uid or strict_json.text_member(raw, "id")
        tally.uids.add(uid)
        if _is_purged(row, uid):
            # Not even set aside: its bytes are what was purged.
            PullRefusal.objects.filter(upstream=row.upstream, uid=uid).delete()
            return
        _set_aside(row, tally, raw, uid, str(error))
        return
    tally.uids.add(uid)
    tally.taken.add(uid)
    tally.created += done.outcome == Outcome.CREATED
    tally.changed += done.outcome == Outcome.CHANGED
    tally.conflicts += done.outcome == Outcome.CONFLICT


def _is_purged(row: Pull, uid: str) -> bool:
    purged = Completion.objects.filter(organization=row.upstream.organization_id, purged_at__isnull=False)
    return bool(uid) and "\x00" not in uid and purged.filter(uid=uid).exists()


def _set_aside(
    row: Pull, tally: Tally, raw: bytes, uid: str, reason: str, *, what: Refused = Refused.COMPLETION
) -> None:
    """Keep what was refused, with its reason: one row per item, however often it is listed."""
    tally.refused += 1
    now = clock.now()
    shown = {"uid": uid.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:255], "reason": reason[:LONGEST_REASON]}
    again = {"pull": row, "last_at": now, "retry_asked_at": None, "taken_at": None, **shown}
    PullRefusal.objects.update_or_create(
        upstream=row.upstream,
        fingerprint=hashlib.sha256(raw).hexdigest(),
        defaults=again,
        create_defaults={**again, "what": what, "first_at": now, "data": documents.pack(raw)},
    )


def _try_refused_again(row: Pull, tally: Tally) -> None:
    """What was set aside and has been taken since is no longer open; what a person wants tried again is tried."""
    refused = PullRefusal.objects.open().filter(upstream=row.upstream)
    _mark_taken(refused.exclude(pull=row), tally)
    for refusal in refused.exclude(retry_asked_at=None).exclude(pull=row):
        refused.filter(pk=refusal.pk).update(retry_asked_at=None)
        if refusal.what == Refused.COMPLETION and refusal.uid not in tally.uids:
            # Listed long ago: whatever was sent or came since is newer than what these bytes say.
            _take(row, tally, documents.unpack(refusal.data), asked_at=refusal.last_at)
    _mark_taken(refused.exclude(pull=row), tally)


def _mark_taken(refused: QuerySet[PullRefusal], tally: Tally) -> None:
    ids = [pk for pk, uid in refused.filter(what=Refused.COMPLETION).values_list("pk", "uid") if uid in tally.taken]
    PullRefusal.objects.filter(pk__in=ids).update(taken_at=clock.now(), retry_asked_at=None)


def _find_gone(row: Pull, tally: Tally) -> None:
    """What a complete list no longer holds was graded or deleted by somebody else, unless we graded it ourselves."""
    for pk in [pk for pk, uid in _could_be_gone(row).items() if uid not in tally.uids]:
        with transaction.atomic():
            completion = revisions.lock(pk)
            if completion.gone_upstream_at is not None:
                continue
            completion.gone_upstream_at = clock.now()
            completion.save(update_fields=["gone_upstream_at"])
            tally.gone += bool(queues.withdraw_gone(completion))
            # No list will tell any more.
            outbox.confirm(completion)


def _could_be_gone(row: Pull) -> dict[int, str]:
    """Ids here and there of the upstream's completions that were here before the list was asked for, that have
    something still to do, and that we have not graded ourselves: of those, absence says nothing.
    """
    perhaps_graded = Push.objects.filter(kind=PushKind.FEEDBACK, completion=OuterRef("pk")).filter(
        Q(state__in=(PushState.SENDING, PushState.DELIVERED)) | Q(attempts__gte=1) | Q(ambiguous=True)
    )
    here = Completion.objects.filter(upstream=row.upstream, gone_upstream_at=None, received_at__lt=row.started_at)
    here = here.filter(~Exists(perhaps_graded))
    unseen = Q(state=PushState.DELIVERED, confirmed_at=None, kind=PushKind.UPDATE)
    pushes = Push.objects.filter(Q(state=PushState.WAITING) | unseen, upstream=row.upstream)
    # Two questions, each answered by an index; joined into one they would look at every completion.
    in_queue = here.filter(queue_items__state=ItemState.OPEN)
    to_send = here.filter(pk__in=pushes.values("completion_id"))
    return dict(in_queue.values_list("pk", "uid")) | dict(to_send.values_list("pk", "uid"))
