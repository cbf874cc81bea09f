"""The outbox: pushes, from the transaction that writes them to the one that marks them arrived."""

import random
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from reviews.models import Completion, Document, Feedback, Push, PushKind, PushState, QueueItem, Revision, Upstream
from reviews.workflow import audit
from reviews.workflow.audit import SYSTEM, Actor

LEASE = timedelta(seconds=90)
FIRST_WAIT = 1.0
LONGEST_WAIT = 900.0
# How long a newer edit waits for an attempt that ended without a word to be applied or not.
DOUBT = timedelta(seconds=60)
CIRCUIT_FAILURES = 5
CIRCUIT_WAIT = timedelta(seconds=15)
# A push that was refused for a reason that may pass is tried this often before a person is asked: about five hours.
MOST_ATTEMPTS = 30


class NotRetryable(ValueError):
    """A push that is not in a state from which it can be pushed again."""


# Writing ---------------------------------------------------------------------------------------------------------


def enqueue_revision(revision: Revision) -> Push | None:
    """The push of a revision, in the caller's transaction; None when the completion has no upstream.

    The newest revision wins: those of the same completion that have not left yet are superseded, for a push carries
    the whole document. In a conflict nothing may leave until it is decided.
    """
    completion = revision.completion
    if completion.upstream is None:
        return None
    older = Push.objects.filter(completion=completion, kind=PushKind.UPDATE)
    in_doubt = older.undecided().filter(ambiguous=True).exists()
    older.filter(state__in=(PushState.WAITING, PushState.ATTENTION, PushState.CONFLICT)).update(
        state=PushState.SUPERSEDED
    )
    return Push.objects.create(
        upstream=completion.upstream,
        completion=completion,
        kind=PushKind.UPDATE,
        revision=revision,
        state=PushState.WAITING if completion.conflict_document_id is None else PushState.CONFLICT,
        # The API knows no versions: an older text that is still on its way could be applied after the newer one.
        not_before=timezone.now() + DOUBT if in_doubt else _after_undo(),
    )


def enqueue_feedback(feedback: Feedback, completion: Completion) -> Push | None:
    """The push of a feedback to the completion's upstream, in the caller's transaction; None when it has none.

    Feedback of a feedback task that the upstream does not know stays here, and the row says so.
    """
    if completion.upstream is None:
        return None
    linked = feedback.feedback_task.upstream_id == completion.upstream_id
    return Push.objects.create(
        upstream=completion.upstream,
        completion=completion,
        kind=PushKind.FEEDBACK,
        feedback=feedback,
        state=PushState.WAITING if linked else PushState.UNLINKED,
        last_error="" if linked else "The upstream has no feedback task of this name and schema.",
        not_before=_after_undo(),
    )


def _after_undo() -> datetime:
    return timezone.now() + timedelta(seconds=settings.UNDO_SECONDS)


# Sending ---------------------------------------------------------------------------------------------------------


def next_due(upstream: Upstream, now: datetime) -> Push | None:
    """The oldest push that may leave now: one in flight per completion, edits before grades, and grades only when
    the completion has no open queue item here and its edit has arrived or was decided.
    """
    same = {"completion": OuterRef("completion")}
    in_flight = Push.objects.filter(state=PushState.SENDING, **same)
    edit_open = Push.objects.undecided().filter(kind=PushKind.UPDATE, **same)
    being_reviewed = QueueItem.objects.open().filter(**same)
    due = Push.objects.due(now).filter(~Exists(in_flight), upstream=upstream)
    may_leave = Q(kind=PushKind.UPDATE) | (~Exists(edit_open) & ~Exists(being_reviewed))
    return due.filter(may_leave).select_related("completion", "revision__result", "feedback").order_by("pk").first()


def lease(push: Push) -> bool:
    """Take a waiting push for sending; False when it is no longer waiting or its completion has one in flight."""
    until = timezone.now() + LEASE
    try:
        with transaction.atomic():
            mine = Push.objects.filter(pk=push.pk, state=PushState.WAITING, fence=push.fence).update(
                state=PushState.SENDING, leased_until=until, fence=F("fence") + 1, attempts=F("attempts") + 1
            )
    except IntegrityError:
        return False
    push.fence += mine
    push.attempts += mine
    return bool(mine)


def still_mine(push: Push) -> bool:
    """Whether the lease holds: asked right before sending."""
    now = timezone.now()
    return Push.objects.filter(pk=push.pk, state=PushState.SENDING, fence=push.fence, leased_until__gt=now).exists()


def delivered(push: Push) -> bool:
    """Record that the upstream has it; False when the lease was lost meanwhile."""
    now = timezone.now()
    with transaction.atomic():
        done = _mine(push).update(
            state=PushState.DELIVERED, delivered_at=now, leased_until=None, last_error="", ambiguous=False
        )
        if not done:
            return False
        if push.revision is not None:
            Completion.objects.filter(pk=push.completion_id).update(upstream_document=push.revision.result)
        Upstream.objects.filter(pushes=push).update(push_failures=0, quiet_until=None, last_error="")
        _audit("push.deliver", push)
    return True


def failed(
    push: Push,
    message: str,
    *,
    permanent: bool,
    status: int | None = None,
    ambiguous: bool = False,
    wait: timedelta | None = None,
) -> None:
    """Record a failed attempt: back-off, or, for what will not pass by itself, a row that waits for a person.

    `wait` is what the upstream asked for (Retry-After): then nothing is sent to it before that.
    """
    now = timezone.now()
    give_up = permanent or push.attempts >= MOST_ATTEMPTS
    pause = wait or backoff(push.attempts)
    with transaction.atomic():
        mine = _mine(push).update(
            state=PushState.ATTENTION if give_up else PushState.WAITING,
            leased_until=None,
            not_before=now + pause,
            last_error=message[:2000],
            last_status=status,
            ambiguous=F("ambiguous") if not ambiguous else True,
            first_failed_at=Coalesce("first_failed_at", now),
        )
        if mine and give_up:
            _audit("push.give_up", push)
        _supersede_outdone([push.pk])
        if not permanent:
            _count_failure(push, message, now, wait)


def refused_token(push: Push, message: str) -> None:
    """The upstream does not accept its token: nothing more is sent to it until it has a new one; the push waits."""
    now = timezone.now()
    with transaction.atomic():
        _mine(push).update(
            state=PushState.WAITING, leased_until=None, not_before=now, last_error=message[:2000], last_status=401
        )
        _supersede_outdone([push.pk])
        Upstream.objects.filter(pushes=push).update(token_refused_at=now, last_error=message[:2000])


def sweep(until: datetime) -> int:
    """Free the pushes whose lease ends by `until`, since their sender died: they may have arrived, so they go again
    and say so; how many.
    """
    dead = Push.objects.filter(state=PushState.SENDING, leased_until__lte=until)
    ids = list(dead.values_list("pk", flat=True))
    if not ids:
        return 0
    with transaction.atomic():
        freed = dead.filter(pk__in=ids).update(
            state=PushState.WAITING,
            leased_until=None,
            fence=F("fence") + 1,
            ambiguous=True,
            not_before=timezone.now(),
        )
        _supersede_outdone(ids)
    return freed


def _supersede_outdone(ids: list[int]) -> None:
    """Of these pushes, those that came back unsent while a newer edit of their completion was made shall not leave
    any more: they would undo it. Where such a one may have arrived after all, the newer waits until that has shown.
    """
    newer = Push.objects.filter(kind=PushKind.UPDATE, completion=OuterRef("completion"), pk__gt=OuterRef("pk"))
    back = Push.objects.filter(pk__in=ids, kind=PushKind.UPDATE, state__in=(PushState.WAITING, PushState.ATTENTION))
    outdone = list(back.filter(Exists(newer)).values_list("pk", "completion_id", "ambiguous"))
    Push.objects.filter(pk__in=[pk for pk, _, _ in outdone]).update(state=PushState.SUPERSEDED)
    doubtful = [completion_id for _, completion_id, ambiguous in outdone if ambiguous]
    until = timezone.now() + DOUBT
    Push.objects.filter(
        completion__in=doubtful, kind=PushKind.UPDATE, state=PushState.WAITING, not_before__lt=until
    ).update(not_before=until)


def _mine(push: Push) -> QuerySet[Push]:
    return Push.objects.filter(pk=push.pk, state=PushState.SENDING, fence=push.fence)


def _count_failure(push: Push, message: str, now: datetime, wait: timedelta | None) -> None:
    upstreams = Upstream.objects.filter(pushes=push)
    upstreams.update(push_failures=F("push_failures") + 1, last_error=message[:2000])
    if wait is not None:
        upstreams.update(quiet_until=now + wait)
    else:
        upstreams.filter(push_failures__gte=CIRCUIT_FAILURES).update(quiet_until=now + CIRCUIT_WAIT)


def backoff(attempts: int) -> timedelta:
    """1 s, doubling to 15 min, less up to a quarter at random so that many do not come at one instant."""
    seconds = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 20))
    return timedelta(seconds=seconds * random.uniform(0.75, 1.0))  # noqa: S311 - jitter, not a secret


# Deciding --------------------------------------------------------------------------------------------------------


def enter_conflict(completion: Completion, theirs: Document) -> None:
    """The upstream changed what our unsent change was made from: nothing of this completion leaves until a person
    has decided. Call it within a transaction that has locked the completion.
    """
    completion.conflict_document = theirs
    completion.save(update_fields=["conflict_document"])
    Push.objects.filter(completion=completion, kind=PushKind.UPDATE, state=PushState.WAITING).update(
        state=PushState.CONFLICT, last_error="The upstream changed this completion after we pulled it."
    )


def retry(push: Push, *, actor: Actor) -> None:
    """Push again what needed attention. Raises NotRetryable."""
    with transaction.atomic():
        again = Push.objects.filter(pk=push.pk, state=PushState.ATTENTION).update(
            state=PushState.WAITING, not_before=timezone.now(), attempts=0, fence=F("fence") + 1
        )
        if not again:
            raise NotRetryable("Only a push that needs attention can be pushed again.")
        _audit("push.retry", push, actor)


def _audit(action: str, push: Push, actor: Actor = SYSTEM) -> None:
    audit.record(
        action,
        push,
        organization=push.completion.organization,
        actor=actor,
        after=push.revision.result.hash if push.revision else "",
        details=push.kind,
    )
