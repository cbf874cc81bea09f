"""A completion with its history."""

from collections.abc import Iterable

import orjson
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from reviews.access import completion_for, leads_in, user_of
from reviews.models import Completion, Feedback, Push, PushKind, Revision, RevisionOrigin, User
from reviews.web import conversation, json_text
from reviews.web.display import ChangeRow, CompletionPage, FeedbackRow, RevisionRow
from reviews.web.states import sync_state
from reviews.workflow import documents, grading

MOST_ROWS = 100
_ORIGIN = {
    RevisionOrigin.API: "API",
    RevisionOrigin.PULL: "pull",
    RevisionOrigin.EDIT: "edit",
    RevisionOrigin.RESOLUTION: "resolution",
}


@login_required
@require_GET
def completion(request: HttpRequest, pk: int) -> HttpResponse:
    """What the completion says now, where its changes stand, and who did what."""
    row = completion_for(request, pk)
    return render(request, "reviews/completion.html", {"page": _page(row, user_of(request))})


def _page(row: Completion, user: User) -> CompletionPage:
    pushes = list(Push.objects.filter(completion=row).select_related("upstream").order_by("pk"))
    edits = {push.revision_id: push for push in pushes if push.kind == PushKind.UPDATE}
    grades = {push.feedback_id: push for push in pushes if push.kind == PushKind.FEEDBACK}
    last_edit = next((push for push in reversed(pushes) if push.kind == PushKind.UPDATE), None)
    return CompletionPage(
        id=row.pk,
        name=row.uid,
        conversation=conversation.read(documents.read(row.current)),
        received_at=row.received_at,
        source="by pull" if row.upstream else "by API",
        sync=sync_state(last_edit) if last_edit else None,
        upstream=row.upstream.name if row.upstream else "",
        queues=_queues(row),
        feedback=tuple(_feedback_rows(_visible_feedback(row, user), grades)),
        revisions=tuple(_revision_rows(row, edits)),
    )


def _queues(row: Completion) -> tuple[tuple[int, str, str], ...]:
    items = row.queue_items.select_related("queue").order_by("queue__name")
    return tuple(
        (item.queue_id, item.queue.name, item.closed_because or item.get_state_display().lower()) for item in items
    )


def _visible_feedback(row: Completion, user: User) -> QuerySet[Feedback]:
    """Grades of a blind queue are seen by leads, and by others once no review of it is open."""
    found = row.feedback.select_related("reviewer", "feedback_task", "api_token", "superseded_by").order_by("-pk")
    if leads_in(user, row.organization_id):
        return found[:MOST_ROWS]
    open_and_blind = row.queue_items.open().filter(queue__blind=True).values("queue__feedback_task_id")
    hidden = found.filter(feedback_task_id__in=open_and_blind).exclude(reviewer=user)
    return found.exclude(pk__in=hidden.values("pk"))[:MOST_ROWS]


def _feedback_rows(rows: Iterable[Feedback], pushes: dict[int | None, Push]) -> Iterable[FeedbackRow]:
    for row in rows:
        push = pushes.get(row.pk)
        yield FeedbackRow(
            at=row.created_at,
            by=row.reviewer.get_username() if row.reviewer else _by_token(row),
            feedback_task=row.feedback_task.name,
            values=tuple((name, _value_words(value)) for name, value in grading.values_of(row).items()),
            comment=row.comment,
            superseded=hasattr(row, "superseded_by"),
            sync=sync_state(push) if push else None,
        )


def _by_token(row: Feedback | Revision) -> str:
    return f"token {row.api_token.name}" if row.api_token else "GradeBench"


def _revision_rows(row: Completion, pushes: dict[int | None, Push]) -> Iterable[RevisionRow]:
    for revision in row.revisions.select_related("author", "api_token").order_by("-number")[:MOST_ROWS]:
        push = pushes.get(revision.pk)
        yield RevisionRow(
            number=revision.number,
            at=revision.created_at,
            origin=_ORIGIN[RevisionOrigin(revision.origin)],
            by=revision.author.get_username() if revision.author else _by_token(revision),
            changes=tuple(
                ChangeRow(pointer, _words(before), _words(after))
                for pointer, before, after in orjson.loads(revision.changes_text)
            ),
            sync=sync_state(push) if push else None,
        )


def _value_words(value: object) -> str:
    """A value of a grade: yes and no as on the form, text as it is, the rest as JSON."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return _words(value)


def _words(value: object) -> str:
    if value is None:
        return ""
    return json_text.words(value) if isinstance(value, str) else json_text.pretty(value)
