"""Push: what waits in the outbox, sent. The database decides who works; a message only wakes."""

import time
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

from django.db.models import F

from reviews.log10 import wire
from reviews.log10.client import Client, TokenRefused, TransportError, client_of
from reviews.log10.pulls import pull
from reviews.models import Feedback, PullState, Push, PushKind, PushState, Revision, Upstream
from reviews.workflow import circuit, clock, documents, grading, outbox, sealing, upstreams

LEASE = timedelta(seconds=90)
FRESH = timedelta(seconds=60)
# An edit that was not seen to stand there is looked for in the next list, which comes this soon.
SOON = timedelta(seconds=15)
PUSH_TIME = timedelta(seconds=120)
_BEGAN = time.monotonic()


class Sent(Enum):
    """What became of one push: it is there; it is not, but that says nothing against the next; or the next waits."""

    ARRIVED = "arrived"
    LEFT = "left"
    STOPPED = "stopped"


def push(upstream: Upstream) -> int:
    """Send what is due to the upstream, one after the other; how many arrived. 0 when another process is sending.

    Before anything leaves, the list must have been read within the last minute, because it is the place where a change
    of the upstream's shows, and where what we graded is missing.
    """
    fence = _take_push_lease(upstream)
    if fence is None:
        return 0
    arrived = 0
    until = clock.now() + PUSH_TIME
    try:
        while clock.now() < until and (due := outbox.next_due(upstream, clock.now())) is not None:
            comparable = _list_is_fresh(upstream)
            if not _renew_push_lease(upstream, fence) or not circuit.may_push(upstream.pk):
                break
            if not outbox.lease(due):
                continue
            sent = _send(due, upstream, comparable=comparable)
            if sent == Sent.STOPPED:
                break
            arrived += sent == Sent.ARRIVED
    finally:
        Upstream.objects.filter(pk=upstream.pk, push_fence=fence).update(push_leased_until=None)
    return arrived


def _take_push_lease(upstream: Upstream) -> int | None:
    now = clock.now()
    mine = Upstream.objects.push_free(now).filter(pk=upstream.pk, push_fence=upstream.push_fence)
    if not mine.update(push_leased_until=now + LEASE, push_fence=F("push_fence") + 1):
        return None
    upstream.push_fence += 1
    return upstream.push_fence


def _renew_push_lease(upstream: Upstream, fence: int) -> bool:
    mine = Upstream.objects.filter(pk=upstream.pk, push_fence=fence)
    return bool(mine.update(push_leased_until=clock.now() + LEASE))


def _list_is_fresh(upstream: Upstream) -> bool:
    """Whether a complete list of the last minute is known; one is read where it is not.

    A list that was read before this process began is not believed: the database may be a backup, from before edits
    that arrived since.
    """
    upstream.refresh_from_db()
    age = min(FRESH, timedelta(seconds=time.monotonic() - _BEGAN))
    if upstream.listed_at is not None and clock.now() - upstream.listed_at < age:
        return True
    row = pull(upstream)
    return row is not None and row.state == PullState.COMPLETE


def _send(due: Push, upstream: Upstream, *, comparable: bool) -> Sent:
    """Send one leased push and record how it ended. `comparable`: a fresh list has shown no change there."""
    upstream.refresh_from_db()
    try:
        with client_of(upstream) as client:
            if due.revision is None:
                return _send_grade(client, due, upstream, comparable=comparable)
            return _send_edit(client, due, due.revision, upstream, comparable=comparable)
    except (TokenRefused, sealing.SealBroken) as error:
        upstreams.refuse_token(upstream, str(error))
        outbox.give_back(due, str(error))
        return Sent.STOPPED
    except TransportError as error:
        outbox.failed(
            due,
            str(error),
            permanent=error.permanent,
            status=error.status,
            ambiguous=error.ambiguous,
            wait=error.wait,
        )
        return Sent.LEFT if error.permanent else Sent.STOPPED
    except documents.DocumentUnreadable as error:
        outbox.failed(due, str(error), permanent=True)
        return Sent.LEFT


def _send_edit(client: Client, due: Push, revision: Revision, upstream: Upstream, *, comparable: bool) -> Sent:
    uid, organization_id = due.completion.uid, upstream.upstream_organization
    body = wire.completion(documents.read(revision.result), uid=uid, organization_id=organization_id)
    if not due.unchecked and not (comparable and _is_listed(due)):
        match _state_there(client, due, revision):
            case There.OURS:
                return Sent.ARRIVED if outbox.delivered(due, seen=True) else Sent.LEFT
            case There.ELSE:
                return _without_comparison(due, listed=comparable)
            case There.BASE:
                pass
    if not outbox.still_mine(due):
        return Sent.LEFT
    _compare_echo(client.update(uid, body), body)
    seen = _stands_there(client, due, revision) or _is_graded(due)
    if not seen:
        upstreams.pull_within(upstream, SOON)
    return Sent.ARRIVED if outbox.delivered(due, seen=seen) else Sent.LEFT


class There(Enum):
    """What the upstream answers when it is asked for a completion by its id."""

    OURS = "ours"
    BASE = "base"
    ELSE = "else"


def _is_listed(due: Push) -> bool:
    due.completion.refresh_from_db(fields=["gone_upstream_at", "upstream_document"])
    return due.completion.gone_upstream_at is None


def _state_there(client: Client, due: Push, revision: Revision) -> There:
    """Compare by id where no list tells: what cannot be read there, or reads otherwise, counts as something else."""
    there = client.completion(due.completion.uid)
    known = due.completion.upstream_document
    digest = documents.semantic_hash(there) if isinstance(there, dict) else ""
    if digest == revision.result.hash:
        return There.OURS
    return There.BASE if known is not None and digest == known.hash else There.ELSE


def _without_comparison(due: Push, *, listed: bool) -> Sent:
    """An edit that nothing shows to be safe is not sent: a person decides, or the next whole list does."""
    if listed:
        outbox.not_listed(due)
        return Sent.LEFT
    outbox.give_back(due, "Waits until the upstream's list has been read to its end, to be compared with it.")
    return Sent.STOPPED


def _stands_there(client: Client, due: Push, revision: Revision) -> bool:
    """Whether the upstream, read again, has the edit. An echo is a promise; this is what a grade waits for."""
    try:
        return _state_there(client, due, revision) == There.OURS
    except TransportError:
        return False


def _is_graded(due: Push) -> bool:
    """Whether we have graded the completion there before: then no list will show what became of a later edit."""
    grades = Push.objects.filter(completion=due.completion, kind=PushKind.FEEDBACK, state=PushState.DELIVERED)
    return bool(grades.exists())


def _send_grade(client: Client, due: Push, upstream: Upstream, *, comparable: bool) -> Sent:
    feedback = Feedback.objects.select_related("feedback_task").get(pushes=due)
    body = wire.feedback_to_push(
        grading.values_of(feedback),
        task_uid=feedback.feedback_task.upstream_uid,
        comment=feedback.comment,
        completion_uid=due.completion.uid,
        organization_id=upstream.upstream_organization,
    )
    # It may have arrived: in an attempt that ended without a word, or before this database was restored from a backup.
    in_doubt = due.ambiguous or not comparable or not _is_listed(due)
    if in_doubt and _is_graded_there(client, due, feedback, body):
        return Sent.ARRIVED if outbox.delivered(due, seen=True) else Sent.LEFT
    if not outbox.still_mine(due):
        return Sent.LEFT
    client.create_feedback(body)
    return Sent.ARRIVED if outbox.delivered(due, seen=True) else Sent.LEFT


def _is_graded_there(client: Client, due: Push, feedback: Feedback, body: Mapping[str, Any]) -> bool:
    """Whether the upstream has more feedback that says the same than we have brought there in other pushes."""
    rows = client.feedback_on(due.completion.uid, task_uid=feedback.feedback_task.upstream_uid)
    equal = sum(
        isinstance(row, dict)
        and row.get("json_values") == body["json_values"]
        and (row.get("comment") or "") == body["comment"]
        and due.completion.uid in (row.get("matched_completion_ids") or ())
        for row in rows
    )
    ours = Push.objects.filter(completion=due.completion, kind=PushKind.FEEDBACK, state=PushState.DELIVERED).filter(
        feedback__feedback_task=feedback.feedback_task,
        feedback__values_text=feedback.values_text,
        feedback__comment=feedback.comment,
    )
    return bool(equal > ours.count())


def _compare_echo(echo: object, sent: Mapping[str, Any]) -> None:
    """The completion that the upstream answers with must mean what was sent."""
    if not isinstance(echo, dict) or documents.semantic_hash(echo) != documents.semantic_hash(sent):
        raise TransportError(
            "The upstream answered 200, but with another text than the one it was sent.", ambiguous=True
        )
