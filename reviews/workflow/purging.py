"""Purging: the one way in which text leaves. Every text of a completion goes, for good; a tombstone stays.

What stays says that there was something and what became of it, and none of what it said: ids, tags, moments, figures,
hashes, who did what, and of a grade the answers that its rubric offered.
"""

from datetime import datetime, timedelta

import orjson
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from reviews.models import (
    Assignment,
    ClaimEvent,
    Completion,
    Draft,
    Feedback,
    FeedbackCompletion,
    ItemState,
    KeyedRequest,
    Organization,
    PullRefusal,
    Push,
    PushState,
    QueueItem,
    Revision,
    Upstream,
)
from reviews.workflow import audit, clock, grade_values, job_files, leftovers, queues, revisions, word_index
from reviews.workflow.audit import SYSTEM, Actor

LONGEST_REASON = 200
# It stands before the days.
RETENTION = gettext_noop("retention")
# Of one tick: it has other things to do, and what is left is taken up by the next.
CHUNK = 20
LEASE = timedelta(seconds=60)
LOOK_EVERY = timedelta(hours=1)


class PurgeRefused(RuntimeError):
    """A completion that is not purged, or not yet; the sentence says why and what to do."""


# One -------------------------------------------------------------------------------------------------------------


def purge(completion_id: int, *, reason: str, actor: Actor = SYSTEM) -> Completion:
    """Empty every text of a completion, in one transaction and for good, and leave a tombstone with the reason.

    Its open queue items leave their queues. Raises PurgeRefused while somebody reviews it or something of it has to
    reach the upstream.
    """
    completion = _purge(completion_id, reason, actor)
    word_index.forget()
    return completion


def _purge(completion_id: int, reason: str, actor: Actor) -> Completion:
    reason = " ".join(reason.split())[:LONGEST_REASON]
    if not reason:
        raise PurgeRefused(_("Say why it is purged: the reason stays with what is left of it."))
    with transaction.atomic():
        job_files.give_up_imports(Completion.objects.values_list("organization_id", flat=True).get(pk=completion_id))
        completion = revisions.lock(completion_id)
        _withdraw(completion)
        why_not = refusal(completion)
        if why_not:
            raise PurgeRefused(why_not)
        before = completion.current.hash
        _empty(completion)
        completion.preview = completion.search_text = ""
        completion.purged_at, completion.purged_by, completion.purged_because = clock.now(), actor.user, reason
        completion.save(update_fields=["preview", "search_text", "purged_at", "purged_by", "purged_because"])
        audit.record(
            "completion.purge",
            completion,
            organization=completion.organization,
            actor=actor,
            before=before,
            details=reason,
        )
        job_files.drop_all(completion.organization_id, completion.uid)
    return completion


def refusal(completion: Completion) -> str:
    """Why it cannot be purged now, as a sentence; "" when it can."""
    if completion.purged_at is not None:
        return _("The text of this completion was purged already.")
    held = Assignment.objects.held().filter(item__completion=completion).select_related("reviewer").first()
    if held is not None:
        words = _("%(who)s is reviewing this completion. Wait until she is done, or take the item back from her.")
        return words % {"who": held.reviewer}
    if completion.conflict_document_id is not None:
        return _("The upstream changed this completion too. Decide the conflict first.")
    if Push.objects.undecided().filter(completion=completion).exists():
        return _("An edit or a grade of this completion has not reached the upstream. Wait for it, or give it up.")
    return ""


def _withdraw(completion: Completion) -> None:
    """Out of its queues, before anything is looked at: a claim that comes at this moment waits, and finds nothing."""
    items = QueueItem.objects.filter(completion=completion)
    now = clock.now()
    items.open().update(state=ItemState.WITHDRAWN, closed_at=now, closed_because=queues.PURGED)
    # Nobody will grade it any more, so no list of what is to be graded has it.
    items.filter(graded_at=None).update(state=ItemState.WITHDRAWN)
    items.exclude(closed_because="").update(closed_because=queues.PURGED)
    queues.unflag(items)


def _empty(completion: Completion) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            # What is given free is written over: else the text would stay in the file until that place is used again.
            cursor.execute("PRAGMA secure_delete=ON")
    feedback = list(Feedback.objects.filter(matched__completion=completion).select_related("task_revision").order_by())
    leftovers.empty(sorted(_document_ids(completion)))
    Draft.objects.filter(item__completion=completion).delete()
    # The plain querysets: those of append-only rows forbid it.
    QuerySet[Revision](Revision).filter(completion=completion).update(changes_text="[]")
    QuerySet[ClaimEvent](ClaimEvent).filter(assignment__item__completion=completion).update(reason="")
    for row in feedback:
        kept = orjson.dumps(grade_values.offered_only(row)).decode()
        QuerySet[Feedback](Feedback).filter(pk=row.pk).update(values_text=kept, comment="")
    _empty_sync(completion)
    uids = [completion.uid, *(row.uid for row in feedback)]
    KeyedRequest.objects.filter(api_token__organization=completion.organization_id, about__in=uids).delete()


def _document_ids(completion: Completion) -> set[int]:
    """Every document that was a text of it."""
    changed = completion.revisions.values_list("base_id", "result_id")
    graded = FeedbackCompletion.objects.filter(completion=completion)
    drafted = Draft.objects.filter(item__completion=completion)
    ids = {completion.received_id, completion.current_id, *(pk for pair in changed for pk in pair)}
    ids |= {*graded.values_list("document_id", flat=True), *drafted.values_list("base_id", flat=True)}
    return ids | ({completion.upstream_document_id} if completion.upstream_document_id is not None else set())


def _empty_sync(completion: Completion) -> None:
    pushes = Push.objects.filter(completion=completion)
    if completion.upstream_id is not None:
        said = set(pushes.exclude(last_error="").values_list("last_error", flat=True))
        # The upstream's own words about it stand there too, until it takes something again.
        Upstream.objects.filter(pk=completion.upstream_id, last_error__in=said).update(last_error="")
    pushes.update(last_error="")
    # A grade that no upstream wanted shall not be sent, were one to want it later.
    pushes.filter(state=PushState.UNLINKED).exclude(upstream=None).update(state=PushState.DISCARDED)
    PullRefusal.objects.filter(upstream__organization=completion.organization_id, uid=completion.uid).delete()


# Many ------------------------------------------------------------------------------------------------------------


def ready(organization: Organization, *, received_before: datetime) -> QuerySet[Completion]:
    """What was received before then and can be purged: in no queue any more, nothing of it on its way; oldest first."""
    it = {"completion": OuterRef("pk")}
    found = Completion.objects.readable().filter(organization=organization, received_at__lt=received_before)
    found = found.filter(
        ~Exists(QueueItem.objects.open().filter(**it)),
        ~Exists(Push.objects.undecided().filter(**it)),
        conflict_document=None,
    )
    return found.order_by("received_at", "pk")


def purge_ready(
    organization: Organization,
    *,
    received_before: datetime,
    reason: str,
    actor: Actor = SYSTEM,
    most: int,
) -> int:
    """Purge the oldest `most` that are ready, each in its own transaction; how many were purged."""
    purged = 0
    for pk in list(ready(organization, received_before=received_before).values_list("pk", flat=True)[:most]):
        try:
            _purge(pk, reason, actor)
        except PurgeRefused:
            # Somebody came between: another time.
            continue
        purged += 1
    if purged:
        word_index.forget()
    return purged


def sweep(now: datetime) -> None:
    """Keep the organizations' retention: a few completions of each that is due. Who takes one holds it for a minute, so
    that two that sweep at once do not do the same.
    """
    keeping = Organization.objects.filter(retention_days__isnull=False)
    due = keeping.filter(retention_due_at=None) | keeping.filter(retention_due_at__lte=now)
    for organization in due:
        mine = Organization.objects.filter(pk=organization.pk, retention_due_at=organization.retention_due_at)
        if mine.update(retention_due_at=now + LEASE):
            done = _keep(organization, now)
            again = now if done == CHUNK else now + LOOK_EVERY
            Organization.objects.filter(pk=organization.pk).update(retention_due_at=again)


def _keep(organization: Organization, now: datetime) -> int:
    days = organization.retention_days or 0
    reason = f"{RETENTION}: {days} days"
    return purge_ready(organization, received_before=now - timedelta(days=days), reason=reason, most=CHUNK)
