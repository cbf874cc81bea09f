"""Drafts: what a reviewer has written, kept by the server until she submits or throws it away."""

from collections.abc import Iterable
from datetime import datetime

import orjson
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from gradebench.compiled import Compiled, CompiledDelete, asked
from reviews.models import Assignment, AssignmentState, Completion, Document, Draft, Feedback, QueueItem, User
from reviews.workflow import clock, queues

Fields = list[tuple[str, str]]


class DraftRefused(ValueError):
    """A draft that is not kept here; the sentence says why."""


class DraftTooLate(RuntimeError):
    """What the draft belongs to has been submitted: there is nothing to keep any more."""


def save(assignment: Assignment, fields: Iterable[tuple[str, str]], *, base: Document, amends: int = 0) -> datetime:
    """Keep the fields of her form, in place of what was kept of it before, and let her claim last; when it was saved.

    `base` is the document that she sees; `amends` the grade of a form that changes one. Of two that come in the wrong
    order the one that came later stands, so a page sends one at a time. Raises DraftRefused, DraftTooLate.
    """
    text = orjson.dumps([list(field) for field in fields])
    if len(text) > settings.DRAFT_MAX_BYTES:
        most = settings.DRAFT_MAX_BYTES // 1024
        words = _("This is longer than the %(most)s KB that the server keeps of a draft.")
        raise DraftRefused(words % {"most": f"{most:,}"})
    now = clock.now()
    with transaction.atomic():
        # The claim's row first: a submit of it waits for us, or we see that it is done.
        if not queues.extend(assignment):
            _check_may_still_come(assignment, amends)
        Draft.objects.update_or_create(
            user=assignment.reviewer,
            item=assignment.item,
            base=base,
            defaults={"fields_text": text.decode(), "saved_at": now, "restores": None},
        )
    return now


def put_back(item: QueueItem, user: User, fields: Iterable[tuple[str, str]], *, base: Document, of: Feedback) -> None:
    """Make her draft of a submit that was taken back: its grade, and `fields` for the rest. Call it within the
    transaction that takes it back.
    """
    text = orjson.dumps([list(field) for field in fields]).decode()
    Draft.objects.update_or_create(
        user=user,
        item=item,
        base=base,
        defaults={"fields_text": text, "saved_at": clock.now(), "restores": of},
    )


def of_screen(user: User, item: QueueItem, completion: Completion) -> tuple[Draft | None, Draft | None]:
    """Her draft over the text that stands now, and the newest over another text."""
    kept = _hers.all(user=user.pk, item=item.pk)
    same = next((draft for draft in kept if draft.base.hash == completion.current.hash), None)
    other = next((draft for draft in kept if draft.base.hash != completion.current.hash), None)
    return same, other


_hers = Compiled(
    lambda: (
        Draft.objects.filter(user=asked("user"), item=asked("item"))
        .select_related("base", "restores")
        .defer("base__data")
        .order_by("-saved_at")
    )
)


def fields_of(draft: Draft) -> Fields:
    """What the form held, in its order."""
    return [(name, text) for name, text in orjson.loads(draft.fields_text)]


def throw_away(user: User, item: QueueItem, *, pk: int) -> None:
    """Forget one draft of hers, because she does not want it."""
    Draft.objects.filter(user=user, item=item, pk=pk).delete()


def submitted(user: User, item: QueueItem) -> None:
    """Forget what she wrote about an item. Call it within the transaction of the submit, once the claim is done."""
    _forget(user=user.pk, item=item.pk)


_forget = CompiledDelete(lambda: Draft.objects.filter(user=asked("user"), item=asked("item")))


def _check_may_still_come(assignment: Assignment, amends: int) -> None:
    if not _may_still_come(assignment, amends):
        raise DraftTooLate(_("You have submitted this item."))
    # Locked: what is written here would come behind a purge that is under way.
    completion = Completion.objects.select_for_update().only("purged_at").get(pk=assignment.item.completion_id)
    if completion.purged_at is not None:
        raise DraftTooLate(_("The text of this completion was purged."))


def _may_still_come(assignment: Assignment, amends: int) -> bool:
    """Whether a form whose claim is over can still be submitted: the item is not done by her, or it is an amendment."""
    done = Assignment.objects.filter(
        item=assignment.item_id, reviewer=assignment.reviewer_id, state=AssignmentState.DONE, requeued_at=None
    )
    if amends:
        return done.filter(feedback=amends, feedback__superseded_by=None).exists()
    return not done.exists()
