"""A completion with its history."""

from collections.abc import Iterable

import orjson
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from reviews.access import administers, claim_for, completion_for, may_decide, user_of, visible_feedback
from reviews.models import (
    Completion,
    Feedback,
    ItemState,
    Push,
    PushKind,
    PushState,
    Revision,
    RevisionOrigin,
    Upstream,
    User,
)
from reviews.models.sync import NEEDS_A_PERSON
from reviews.web import conversation, tombstones, uncertain
from reviews.web import rows as said
from reviews.web.display import ChangeRow, CompletionPage, Conversation, FeedbackRow, RevisionRow, SyncState
from reviews.web.found_filter import Asked
from reviews.web.http import posted_id, render
from reviews.web.queue_items import led_items
from reviews.web.sessions import place_in_session
from reviews.web.states import changed_state, held_state, sync_state
from reviews.web.zones import zone_of
from reviews.workflow import documents
from reviews.workflow.editing import EDITABLE
from reviews.workflow.kept_words import shown

MOST_ROWS = 100
# The newest revisions show their texts compared word by word; a page of a hundred would take seconds.
MOST_CLOSELY = 5
_ORIGIN = {
    RevisionOrigin.API: gettext_lazy("API"),
    RevisionOrigin.PULL: gettext_lazy("pull"),
    RevisionOrigin.EDIT: gettext_lazy("edit"),
}
_STATES = {
    ItemState.OPEN: gettext_lazy("open"),
    ItemState.DONE: gettext_lazy("done"),
    ItemState.WITHDRAWN: gettext_lazy("withdrawn"),
}


@login_required
@require_GET
def completion(request: HttpRequest, pk: int) -> HttpResponse:
    """What the completion says now, where its changes stand, and who did what."""
    row, user = completion_for(request, pk), user_of(request)
    page = _page(row, user, _review_id(request))
    shown = {"page": page, "led_items": led_items(user, row), "list": _list(request)}
    return render(request, "reviews/completion.html", shown)


def _list(request: HttpRequest) -> str:
    """The address of the list where she found it; "" where she came from elsewhere."""
    asked = request.GET.get("found")
    return "" if asked is None else Asked.read(asked, zone_of(user_of(request))).address


def _review_id(request: HttpRequest) -> int | None:
    """The review that she came from, looking around in its session. Raises Http404 where it is not hers."""
    return claim_for(request, asked).pk if (asked := posted_id(request.GET, "review")) else None


def _page(row: Completion, user: User, review_id: int | None) -> CompletionPage:
    pushes = list(Push.objects.filter(completion=row).select_related("upstream").order_by("pk"))
    edits = {push.revision_id: push for push in pushes if push.kind == PushKind.UPDATE}
    grades = {push.feedback_id: push for push in pushes if push.kind == PushKind.FEEDBACK}
    last_edit = next((push for push in reversed(pushes) if push.kind == PushKind.UPDATE), None)
    grades_seen = visible_feedback(user, row).select_related(
        "reviewer", "feedback_task", "api_token", "superseded_by", "assignment"
    )
    decides = may_decide(user, row)
    return CompletionPage(
        id=row.pk,
        name=row.uid,
        conversation=_conversation(row),
        received_at=row.received_at,
        source=_("by pull") if row.upstream else _("by API"),
        sync=_state(row, last_edit, decides=decides),
        upstream=row.upstream.name if row.upstream else "",
        queues=_queues(row),
        feedback=tuple(
            _feedback_rows(grades_seen[:MOST_ROWS], grades, held=bool(row.conflict_document_id) or _waits(last_edit))
        ),
        revisions=tuple(_revision_rows(row, edits, decides=decides)),
        goes_back=decides and row.current_id != row.received_id and row.purged_at is None,
        session=place_in_session(row, review_id=review_id),
        review_id=review_id,
        tombstone=tombstones.of(row),
        purges=row.purged_at is None and administers(user, row.organization_id),
    )


def _conversation(row: Completion) -> Conversation:
    if row.purged_at is not None:
        return tombstones.conversation(row)
    return conversation.read(documents.read(row.current), uncertain.list_at(row))


def _state(row: Completion, last_edit: Push | None, *, decides: bool) -> SyncState | None:
    """Where its newest edit stands. Without one that waits there can be a conflict too: about an edit that had arrived,
    or a grade.
    """
    if row.conflict_document_id and row.upstream and not _waits(last_edit):
        return changed_state(row.pk, row.upstream.name, decides=decides)
    return sync_state(last_edit, decides=decides) if last_edit else None


def _waits(edit: Push | None) -> bool:
    return edit is not None and edit.state in NEEDS_A_PERSON


def _queues(row: Completion) -> tuple[tuple[int, str, str], ...]:
    items = row.queue_items.select_related("queue").order_by("queue__name")
    return tuple(
        (item.queue_id, item.queue.name, shown(item.closed_because) or str(_STATES[ItemState(item.state)]))
        for item in items
    )


def _feedback_rows(rows: Iterable[Feedback], pushes: dict[int | None, Push], *, held: bool) -> Iterable[FeedbackRow]:
    for row in rows:
        push = pushes.get(row.pk)
        waits = held and push is not None and push.state == PushState.WAITING
        yield FeedbackRow(
            at=row.created_at,
            by=said.by(row),
            feedback_task=row.feedback_task.name,
            values=said.values(row),
            comment=row.comment,
            superseded=hasattr(row, "superseded_by"),
            withdrawn=row.assignment is not None and row.assignment.requeued_at is not None,
            sync=(held_state(push) if waits else sync_state(push)) if push else None,
        )


def _revision_rows(row: Completion, pushes: dict[int | None, Push], *, decides: bool) -> Iterable[RevisionRow]:
    # One more than is shown, because what a decision did shows in what stood before it.
    newest = list(row.revisions.select_related("author", "api_token").order_by("-number")[: MOST_ROWS + 1])
    stood = [*(former.result_id for former in newest[1:]), row.received_id]
    for place, (revision, before_it) in enumerate(zip(newest[:MOST_ROWS], stood, strict=False)):
        push = pushes.get(revision.pk)
        yield RevisionRow(
            number=revision.number,
            at=revision.created_at,
            deed=_deed(revision, push, before_it, row.upstream),
            by=said.by(revision),
            changes=tuple(
                ChangeRow(
                    pointer,
                    said.words(before),
                    said.words(after),
                    closely=place < MOST_CLOSELY and bool(EDITABLE.fullmatch(pointer)),
                )
                for pointer, before, after in orjson.loads(revision.changes_text)
            ),
            sync=sync_state(push, decides=decides) if push else None,
            earlier=revision.result_id != row.current_id,
        )


def _deed(revision: Revision, push: Push | None, stood: int, upstream: Upstream | None) -> str:
    """What a revision did; `stood` is the document that was current until then.

    Of the three ways out of a conflict, theirs is not pushed, and ours starts from their document, for that is what
    it changes.
    """
    origin, names = RevisionOrigin(revision.origin), {"upstream": upstream.name if upstream else _("the upstream")}
    if origin != RevisionOrigin.RESOLUTION:
        return str(_ORIGIN[origin])
    if push is None:
        return _("took %(upstream)s's text") % names
    if revision.base_id != stood:
        return _("kept ours over %(upstream)s's change") % names
    return _("merged ours into %(upstream)s's text") % names
