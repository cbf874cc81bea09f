"""The outbox: pushes, from the transaction that writes them to the one that marks them arrived."""

import random
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from gradebench.compiled import insert
from reviews.models import Completion, Document, Feedback, Push, PushKind, PushState, QueueItem, Revision, Upstream
from reviews.models.sync import NEEDS_A_PERSON
from reviews.workflow import audit, circuit, clock, leftovers
from reviews.workflow.audit import SYSTEM, Actor

LEASE = timedelta(seconds=90)
FIRST_WAIT = 1.0
LONGEST_WAIT = 900.0
# How long a newer edit waits for an attempt that ended without a word to be applied or not.
DOUBT = timedelta(seconds=60)
# How long a grade waits to see that the edit before it really stands there.
CONFIRM = timedelta(minutes=15)
# A push that alone fails, while the upstream takes others, is tried this often before a person is asked: some hours.
MOST_ATTEMPTS = 30
CHANGED = gettext_noop("The upstream changed this completion after we pulled it.")
ABSENT = gettext_noop(
    "The upstream no longer lists this completion: it was graded or deleted there, so nothing can be compared."
)
UNLINKED = gettext_noop("The upstream has no feedback task of this name and schema.")


class NotRetryable(ValueError):
    """A push that is not in a state from which it can be pushed again; the sentence says why."""


class NotDiscardable(ValueError):
    """A push that cannot be given up, or not in this way; the sentence says why."""


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
    older.filter(state__in=(PushState.WAITING, *NEEDS_A_PERSON)).update(state=PushState.SUPERSEDED)
    return Push.objects.create(
        upstream=completion.upstream,
        completion=completion,
        kind=PushKind.UPDATE,
        revision=revision,
        state=PushState.WAITING if completion.conflict_document_id is None else PushState.CONFLICT,
        # The API knows no versions: an older text that is still on its way could be applied after the newer one.
        not_before=clock.now() + DOUBT if in_doubt else _after_undo(),
    )


def enqueue_feedback(feedback: Feedback, completion: Completion) -> Push | None:
    """The push of a feedback to the completion's upstream, in the caller's transaction; None when it has none.

    Feedback of a feedback task that the upstream does not know stays here, and the row says so.
    """
    if completion.upstream_id is None:
        return None
    linked = feedback.feedback_task.upstream_id == completion.upstream_id
    push = Push(
        upstream_id=completion.upstream_id,
        completion=completion,
        kind=PushKind.FEEDBACK,
        feedback=feedback,
        state=PushState.WAITING if linked else PushState.UNLINKED,
        last_error="" if linked else UNLINKED,
        not_before=_after_undo(),
    )
    insert(push)
    return push


def _after_undo() -> datetime:
    return clock.now() + timedelta(seconds=settings.UNDO_SECONDS)


# Sending ---------------------------------------------------------------------------------------------------------


def next_due(upstream: Upstream, now: datetime) -> Push | None:
    """The oldest push that may leave now: one in flight per completion, edits before grades, and grades only when
    the completion has no open queue item here, is in no conflict, and its edit was seen there or was decided.
    """
    same = {"completion": OuterRef("completion")}
    edits = Push.objects.filter(kind=PushKind.UPDATE, **same)
    unseen = edits.filter(state=PushState.DELIVERED, confirmed_at=None, delivered_at__gt=now - CONFIRM)
    edit_open = edits.undecided()
    in_flight = Push.objects.filter(state=PushState.SENDING, **same)
    being_reviewed = QueueItem.objects.open().filter(**same)
    decided = Q(completion__conflict_document=None) & ~Exists(edit_open) & ~Exists(unseen) & ~Exists(being_reviewed)
    due = Push.objects.due(now).filter(~Exists(in_flight), upstream=upstream)
    joined = due.filter(Q(kind=PushKind.UPDATE) | decided).select_related("completion", "revision__result", "feedback")
    return joined.order_by("pk").first()


def lease(push: Push) -> bool:
    """Take a waiting push for sending; False when it is no longer waiting or its completion has one in flight."""
    until = clock.now() + LEASE
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
    now = clock.now()
    return Push.objects.filter(pk=push.pk, state=PushState.SENDING, fence=push.fence, leased_until__gt=now).exists()


def delivered(push: Push, *, seen: bool = False) -> bool:
    """Record that the upstream has it; False when the lease was lost meanwhile. `seen`: it was read there."""
    now = clock.now()
    with transaction.atomic():
        done = _mine(push).update(
            state=PushState.DELIVERED,
            delivered_at=now,
            confirmed_at=now if seen else None,
            leased_until=None,
            last_error="",
            ambiguous=False,
        )
        if not done:
            return False
        if push.revision is not None:
            mine = Completion.objects.filter(pk=push.completion_id)
            former_id = mine.values_list("upstream_document_id", flat=True).get()
            mine.update(upstream_document=push.revision.result)
            leftovers.let_go(former_id)
            _older_edits(push).filter(state=PushState.DELIVERED, confirmed_at=None).update(confirmed_at=now)
        _audit("push.deliver", push)
    if push.upstream_id is not None:
        circuit.pushed_well(push.upstream_id)
    return True


def confirm(completion: Completion, *, asked_at: datetime | None = None) -> None:
    """What was delivered of a completion has been seen there, or can no longer be seen; where it was a list that told,
    `asked_at` is when it was asked for, and only what had been delivered by then counts.
    """
    unseen = Push.objects.filter(
        completion=completion, kind=PushKind.UPDATE, state=PushState.DELIVERED, confirmed_at=None
    )
    if asked_at is not None:
        unseen = unseen.filter(delivered_at__lt=asked_at)
    unseen.update(confirmed_at=clock.now())


def found_there(completion: Completion) -> None:
    """The upstream lists what we have: an edit that waits to be sent, or tried again, is there already. Call it within
    a transaction that has locked the completion.
    """
    now = clock.now()
    waiting = Push.objects.undecided().filter(
        completion=completion, kind=PushKind.UPDATE, revision__result=completion.current
    )
    for push in waiting.exclude(state=PushState.SENDING).select_related("completion__organization", "revision__result"):
        mine = Push.objects.filter(pk=push.pk, state=push.state, fence=push.fence)
        if mine.update(
            state=PushState.DELIVERED,
            delivered_at=now,
            confirmed_at=now,
            last_error="",
            ambiguous=False,
            fence=F("fence") + 1,
        ):
            _audit("push.find", push)


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
    now = clock.now()
    upstream_id = push.upstream_id or 0
    # Where nothing is taken, the fault is not this push's, and nobody could decide anything about it.
    give_up = permanent or (push.attempts >= MOST_ATTEMPTS and not circuit.is_open(upstream_id))
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
            circuit.push_failed(upstream_id, message, wait=wait)


def give_back(push: Push, message: str, *, status: int | None = None) -> None:
    """An attempt that did not come to be for a reason that lies with the upstream as a whole, such as its token: the
    push waits as it did before.
    """
    with transaction.atomic():
        _mine(push).update(
            state=PushState.WAITING,
            leased_until=None,
            not_before=clock.now(),
            last_error=message[:2000],
            last_status=status,
        )
        _supersede_outdone([push.pk])


def not_listed(push: Push, message: str = ABSENT) -> None:
    """A leased edit cannot be compared with anything: a person decides, or the list that has the completion again."""
    with transaction.atomic():
        _mine(push).update(state=PushState.ABSENT, leased_until=None, last_error=message[:2000])
        _supersede_outdone([push.pk])


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
            not_before=clock.now(),
        )
        _supersede_outdone(ids)
    return freed


def _supersede_outdone(ids: list[int]) -> None:
    """Of these pushes, those that came back unsent while a newer edit of their completion was made shall not leave
    any more: they would undo it. Where such a one may have arrived after all, the newer waits until that has shown.
    """
    newer = Push.objects.filter(kind=PushKind.UPDATE, completion=OuterRef("completion"), pk__gt=OuterRef("pk"))
    returned = (PushState.WAITING, PushState.ATTENTION, PushState.ABSENT)
    back = Push.objects.filter(pk__in=ids, kind=PushKind.UPDATE, state__in=returned)
    outdone = list(back.filter(Exists(newer)).values_list("pk", "completion_id", "ambiguous"))
    Push.objects.filter(pk__in=[pk for pk, _, _ in outdone]).update(state=PushState.SUPERSEDED)
    doubtful = [completion_id for _, completion_id, ambiguous in outdone if ambiguous]
    until = clock.now() + DOUBT
    Push.objects.filter(
        completion__in=doubtful, kind=PushKind.UPDATE, state=PushState.WAITING, not_before__lt=until
    ).update(not_before=until)


def _older_edits(push: Push) -> QuerySet[Push]:
    """Whether those arrived is of no interest once a newer one did."""
    return Push.objects.filter(completion=push.completion_id, kind=PushKind.UPDATE, pk__lt=push.pk)


def _mine(push: Push) -> QuerySet[Push]:
    return Push.objects.filter(pk=push.pk, state=PushState.SENDING, fence=push.fence)


def backoff(attempts: int) -> timedelta:
    """1 s, doubling to 15 min, less up to a quarter at random so that many do not come at one instant."""
    seconds = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 20))
    return timedelta(seconds=seconds * random.uniform(0.75, 1.0))  # noqa: S311 - jitter, not a secret


# Deciding --------------------------------------------------------------------------------------------------------


def enter_conflict(completion: Completion, theirs: Document) -> None:
    """The upstream changed what our change was made from: nothing of this completion leaves until a person has
    decided. Call it within a transaction that has locked the completion.
    """
    former_id = completion.conflict_document_id
    completion.conflict_document = theirs
    completion.save(update_fields=["conflict_document"])
    leftovers.let_go(former_id)
    open_edits = (PushState.WAITING, PushState.ATTENTION, PushState.ABSENT)
    Push.objects.filter(completion=completion, kind=PushKind.UPDATE, state__in=open_edits).update(
        state=PushState.CONFLICT, last_error=CHANGED
    )


def leave_conflict(completion: Completion) -> None:
    """The upstream took its change back: what it held up goes. Call it as `enter_conflict`."""
    former_id = completion.conflict_document_id
    completion.conflict_document = None
    completion.save(update_fields=["conflict_document"])
    leftovers.let_go(former_id)
    Push.objects.filter(completion=completion, kind=PushKind.UPDATE, state=PushState.CONFLICT).update(
        state=PushState.WAITING, last_error="", not_before=_after_undo()
    )


def listed_again(completion: Completion) -> None:
    """A list has the completion again: what waited for that goes."""
    edits = Push.objects.filter(completion=completion, kind=PushKind.UPDATE, state=PushState.ABSENT)
    edits.update(state=PushState.WAITING, last_error="", not_before=clock.now())


RETRYABLE = (PushState.ATTENTION, PushState.ABSENT, PushState.DELIVERED)


def retry(push: Push, *, actor: Actor) -> None:
    """Push again what needed attention or could not be compared, or an edit that arrived and is the newest.

    Raises NotRetryable.
    """
    push.refresh_from_db(fields=["state", "fence"])
    if push.state not in RETRYABLE:
        raise NotRetryable(_("Only a push that needs attention or has arrived can be pushed again."))
    if push.state == PushState.DELIVERED:
        _check_newest(push)
    with transaction.atomic():
        again = Push.objects.filter(pk=push.pk, state=push.state, fence=push.fence).update(
            state=PushState.WAITING,
            not_before=clock.now(),
            delivered_at=None,
            confirmed_at=None,
            attempts=0,
            unchecked=push.state == PushState.ABSENT,
            fence=F("fence") + 1,
        )
        if not again:
            raise NotRetryable(_("Something else has just been done with this push. Look at it again."))
        _audit("push.retry", push, actor)


def _check_newest(push: Push) -> None:
    completion = Completion.objects.get(pk=push.completion_id)
    if push.revision is None:
        raise NotRetryable(_("This grade has arrived; sent again, the upstream would have it twice."))
    if completion.conflict_document_id is not None:
        raise NotRetryable(_("The upstream has changed this completion: decide the conflict first."))
    if push.revision.result_id != completion.current_id:
        raise NotRetryable(_("A newer text stands here now: this one is not sent again."))


def discard(push: Push, *, actor: Actor) -> None:
    """Give up a grade that needs attention: it stays here and is not sent. Raises NotDiscardable."""
    if push.kind != PushKind.FEEDBACK:
        raise NotDiscardable(_("What becomes of an edit is decided on the page of its completion."))
    with transaction.atomic():
        given_up = Push.objects.filter(pk=push.pk, state=PushState.ATTENTION).update(
            state=PushState.DISCARDED, fence=F("fence") + 1
        )
        if not given_up:
            raise NotDiscardable(_("Only a grade that needs attention can be given up."))
        _audit("push.discard", push, actor)


def _audit(action: str, push: Push, actor: Actor = SYSTEM) -> None:
    audit.record(
        action,
        push,
        organization=push.completion.organization,
        actor=actor,
        after=push.revision.result.hash if push.revision else "",
        details=push.kind,
    )
