"""Push: what waits in the outbox, sent. The database decides who works; a message only wakes."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_noop

from reviews.log10 import wire
from reviews.log10.client import Client, TokenRefused, TransportError, client_of
from reviews.log10.pulls import pull
from reviews.models import Feedback, PullState, Push, PushKind, PushState, Revision, Upstream
from reviews.workflow import circuit, clock, documents, grading, outbox, sealing, upstreams

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=90)
FRESH = timedelta(seconds=60)
# An edit that was not seen to stand there is looked for in the next list, which comes this soon.
SOON = timedelta(seconds=15)
# After so long a pull may come between: an upstream is asked one thing at a time.
PUSH_TIME = timedelta(seconds=20)
# A grade that is answered with yes and then not there is sent so often before a person is asked.
MOST_DROPPED = 3
_BEGAN = time.monotonic()


class Sent(Enum):
    """What became of one push: it is there; it is not, but that says nothing against the next; the list has to be read
    again first; or the next waits.
    """

    ARRIVED = "arrived"
    LEFT = "left"
    DOUBTED = "doubted"
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
    doubted: set[int] = set()
    until = clock.now() + PUSH_TIME
    try:
        while clock.now() < until and (due := outbox.next_due(upstream, clock.now())) is not None:
            comparable = _list_is_fresh(upstream)
            if not _renew_push_lease(upstream, fence) or not circuit.may_push(upstream.pk):
                break
            if not outbox.lease(due):
                continue
            sent = _send(due, upstream, Known(comparable, believed=due.pk in doubted))
            _tell(due, sent)
            if sent == Sent.DOUBTED:
                doubted.add(due.pk)
                _doubt_list(upstream)
            if sent == Sent.STOPPED:
                break
            arrived += sent == Sent.ARRIVED
    finally:
        Upstream.objects.filter(pk=upstream.pk, push_fence=fence).update(push_leased_until=None)
    return arrived


def _tell(due: Push, sent: Sent) -> None:
    """In the log; why it went wrong stands in the row, for an upstream's words may quote what was sent."""
    fields = {"push_id": due.pk, "completion_id": due.completion_id, "kind": due.kind, "outcome": sent.value}
    log.info("Push %d %s.", due.pk, sent.value, extra={"fields": fields})


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
    row = pull(upstream, for_push=True)
    return row is not None and row.state == PullState.COMPLETE


def _doubt_list(upstream: Upstream) -> None:
    Upstream.objects.filter(pk=upstream.pk).update(listed_at=None)


@dataclass(frozen=True)
class Known:
    """What the list says before something is sent: `comparable` when a fresh one has shown no change there; `believed`
    when it was read for this very push, because the upstream, asked for the completion itself, had said otherwise.
    """

    comparable: bool
    believed: bool


def _send(due: Push, upstream: Upstream, known: Known) -> Sent:
    """Send one leased push and record how it ended."""
    upstream.refresh_from_db()
    try:
        with client_of(upstream) as client:
            if due.revision is None:
                return _send_grade(client, due, upstream, known)
            return _send_edit(client, due, due.revision, upstream, known)
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


def _send_edit(client: Client, due: Push, revision: Revision, upstream: Upstream, known: Known) -> Sent:
    uid, organization_id = due.completion.uid, upstream.upstream_organization
    body = wire.completion(documents.read(revision.result), uid=uid, organization_id=organization_id)
    listed = _is_listed(due)
    match There.BASE if due.unchecked else _state_there(client, due, revision):
        case There.OURS:
            return Sent.ARRIVED if outbox.delivered(due, seen=True) else Sent.LEFT
        case There.UNKNOWN if not (known.comparable and listed):
            return _without_comparison(due, known)
        case There.OTHER if not (known.comparable and listed):
            return _without_comparison(due, known)
        case There.OTHER if not known.believed:
            # The list of the last minute said otherwise: a newer one decides, since not every service tells alike.
            outbox.give_back(due, gettext_noop("Waits for the upstream's list to be read again."))
            return Sent.DOUBTED
    if not outbox.still_mine(due):
        return Sent.LEFT
    _compare_echo(client.update(uid, body), body)
    seen, wait = _look_again(client, due, revision)
    if not seen:
        upstreams.pull_within(upstream, SOON)
    arrived = outbox.delivered(due, seen=seen)
    if wait is not None:
        circuit.leave_alone(upstream.pk, wait)
    return Sent.ARRIVED if arrived else Sent.LEFT


class There(Enum):
    """What the upstream answers when it is asked for a completion by its id: our edit, what the edit was made from,
    something else, or nothing.
    """

    OURS = "ours"
    BASE = "base"
    OTHER = "other"
    UNKNOWN = "unknown"


def _is_listed(due: Push) -> bool:
    due.completion.refresh_from_db(fields=["gone_upstream_at", "upstream_document"])
    return due.completion.gone_upstream_at is None


def _state_there(client: Client, due: Push, revision: Revision) -> There:
    """Compare by id what stands there now: the list may be a minute old, or lack the completion."""
    there = client.completion(due.completion.uid)
    if not isinstance(there, dict):
        return There.UNKNOWN
    digest, known = documents.semantic_hash(there), due.completion.upstream_document
    if digest == revision.result.hash:
        return There.OURS
    return There.BASE if known is not None and digest == known.hash else There.OTHER


def _without_comparison(due: Push, known: Known) -> Sent:
    """An edit that nothing shows to be safe is not sent: a person decides, or the next whole list does."""
    if known.comparable:
        outbox.not_listed(due)
        return Sent.LEFT
    outbox.give_back(
        due, gettext_noop("Waits until the upstream's list has been read to its end, to be compared with it.")
    )
    return Sent.STOPPED


def _look_again(client: Client, due: Push, revision: Revision) -> tuple[bool, timedelta | None]:
    """Whether the upstream, read again, has the edit or cannot tell any more, and how long it then wants to be left
    alone. An echo is a promise; this is what a grade waits for.
    """
    try:
        return _state_there(client, due, revision) == There.OURS or _is_graded(due), None
    except TransportError as error:
        return _is_graded(due), error.wait


def _is_graded(due: Push) -> bool:
    """Whether we have graded the completion there before: then no list will show what became of a later edit."""
    grades = Push.objects.filter(completion=due.completion, kind=PushKind.FEEDBACK, state=PushState.DELIVERED)
    return bool(grades.exists())


def _send_grade(client: Client, due: Push, upstream: Upstream, known: Known) -> Sent:
    feedback = Feedback.objects.select_related("feedback_task").get(pushes=due)
    body = wire.feedback_to_push(
        grading.values_of(feedback),
        task_uid=feedback.feedback_task.upstream_uid,
        comment=feedback.comment,
        completion_uid=due.completion.uid,
        organization_id=upstream.upstream_organization,
    )
    # It may have arrived: in an attempt that ended without a word, or before this database was restored from a backup.
    in_doubt = due.ambiguous or not known.comparable or not _is_listed(due)
    if in_doubt and _is_graded_there(client, due, feedback, body):
        return Sent.ARRIVED if outbox.delivered(due, seen=True) else Sent.LEFT
    if not outbox.still_mine(due):
        return Sent.LEFT
    client.create_feedback(body)
    wait = _look_for_grade(client, due, feedback, body)
    arrived = outbox.delivered(due, seen=True)
    if wait is not None:
        circuit.leave_alone(upstream.pk, wait)
    return Sent.ARRIVED if arrived else Sent.LEFT


def _look_for_grade(client: Client, due: Push, feedback: Feedback, body: Mapping[str, Any]) -> timedelta | None:
    """Read again what was just graded; how long the upstream then wants to be left alone. Raises TransportError when
    the grade is not there, in spite of the answer: it is looked for once more before it is sent again.
    """
    try:
        there = _is_graded_there(client, due, feedback, body)
    except TransportError as error:
        return error.wait
    if there is False:
        raise TransportError(
            gettext_noop("The upstream answered that it has the grade, and does not list it."),
            ambiguous=True,
            permanent=due.attempts >= MOST_DROPPED,
        )
    return None


def _is_graded_there(client: Client, due: Push, feedback: Feedback, body: Mapping[str, Any]) -> bool | None:
    """Whether the upstream has more feedback that says the same than we have brought there in other pushes; None when
    it does not say.
    """
    rows = client.feedback_on(due.completion.uid, task_uid=feedback.feedback_task.upstream_uid)
    if rows is None:
        return None
    equal = sum(
        row.get("json_values") == body["json_values"] and (row.get("comment") or "") == body["comment"] for row in rows
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
            gettext_noop("The upstream answered 200, but with another text than the one it was sent."), ambiguous=True
        )
