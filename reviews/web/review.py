"""The review screen: read, grade, edit, submit, next."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reviews.access import assignment_for, user_of
from reviews.models import Assignment, AssignmentState, Queue, User
from reviews.web import conversation, edits, schema_form
from reviews.web.display import Conversation, FormError, Progress, ReviewScreen
from reviews.web.http import actor_of, day_start, go_to, is_htmx, posted_id, show_screen
from reviews.web.late import CHANGED, is_late, meet
from reviews.web.schema_form import SchemaForm
from reviews.workflow import documents, feedback_tasks, grading, queues, stats
from reviews.workflow.editing import EditRefused, LeafEdit, StaleDocument
from reviews.workflow.grading import FeedbackRefused
from reviews.workflow.queues import ClaimLost
from reviews.workflow.schema import ValuesRefused

NO_REASON = "Say in a few words what a lead should look at."


@login_required
@never_cache
@require_GET
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """The item that she holds. One that she no longer holds leads to what she graded."""
    assignment = assignment_for(request, pk)
    if assignment.state == AssignmentState.DONE:
        return go_to(request, "completion", assignment.item.completion_id)
    screen = _screen(assignment, user_of(request))
    if assignment.state != AssignmentState.HELD:
        screen = replace(screen, errors=(FormError(_ended(assignment)),))
    return show_screen(request, screen)


@login_required
@require_POST
def review_submit(request: HttpRequest, pk: int) -> HttpResponse:
    """Grade, edit, and go on to the next item. Refused: the same form, with what she wrote and why."""
    assignment, user = assignment_for(request, pk), user_of(request)
    if schema_form.asks_again(request.POST):
        return _form_again(request, assignment, user)
    values, form, valid = schema_form.bound(_schema(assignment), request.POST)
    errors = [FormError(f"{field.place or field.label}: {field.error}", field.html_id) for field in form.wrong]
    if form.error:
        errors.append(FormError(form.error))
    if is_late(assignment, request.POST):
        return _refused(request, assignment, user, form, errors, status=409)
    if errors or not valid:
        return _refused(request, assignment, user, form, errors)
    changed = edits.changed_leaves(_read(assignment), request.POST)
    try:
        grading.submit(
            assignment,
            values=values,
            comment=request.POST.get("comment", "").replace("\r\n", "\n").strip(),
            edits=[LeafEdit(leaf.pointer, leaf.after) for leaf in changed],
            base_id=posted_id(request.POST, "document"),
            actor=actor_of(request),
        )
    except StaleDocument:
        # Somebody was faster between the look at it above and the lock, or the form names no document.
        now = assignment_for(request, pk)
        untold = [] if is_late(now, request.POST) else [FormError(CHANGED)]
        return _refused(request, now, user, form, untold, status=409)
    except ClaimLost as error:
        lost = f"{error} What you wrote is still here; go to the queue for the next item."
        return _refused(request, assignment, user, form, [FormError(lost)], status=409)
    except (ValuesRefused, FeedbackRefused, EditRefused) as error:
        return _refused(request, assignment, user, form, [FormError(str(error))])
    return _next(request, assignment.item.queue)


@login_required
@require_http_methods(["GET", "POST"])
def review_form(request: HttpRequest, pk: int) -> HttpResponse:
    """The form with a row more or less, or with the fields of the variant that was chosen. Nothing is graded."""
    assignment, user = assignment_for(request, pk), user_of(request)
    if request.method == "GET":
        return go_to(request, "review", assignment.pk)
    return _form_again(request, assignment, user)


@login_required
@require_POST
def review_skip(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave the item to others."""
    assignment = assignment_for(request, pk)
    try:
        queues.skip(assignment)
    except ClaimLost as error:
        messages.info(request, str(error))
    return _next(request, assignment.item.queue)


@login_required
@require_POST
def review_flag(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark the item for a lead, with a reason, and leave it."""
    assignment, user = assignment_for(request, pk), user_of(request)
    reason = request.POST.get("reason", "").replace("\x00", "").strip()
    if not reason:
        form = schema_form.unbound(_schema(assignment))
        return _refused(request, assignment, user, form, [FormError(NO_REASON)])
    try:
        queues.flag(assignment, reason=reason, actor=actor_of(request))
    except ClaimLost as error:
        messages.info(request, str(error))
    return _next(request, assignment.item.queue)


def _form_again(request: HttpRequest, assignment: Assignment, user: User) -> HttpResponse:
    form = schema_form.again(_schema(assignment), request.POST)
    if request.headers.get("HX-Target") == "schema-form":
        where = {"form": form, "form_url": resolve_url("review_form", assignment.pk)}
        return render(request, "reviews/_schema_form.html", where)
    return show_screen(request, _screen(assignment, user, posted=request.POST, form=form))


def _next(request: HttpRequest, queue: Queue) -> HttpResponse:
    assignment = queues.claim_next(queue, reviewer=user_of(request))
    if assignment is None:
        return go_to(request, "queue_done", queue.pk)
    if is_htmx(request):
        return show_screen(request, _screen(assignment_for(request, assignment.pk), user_of(request)))
    return go_to(request, "review", assignment.pk)


def _refused(
    request: HttpRequest,
    assignment: Assignment,
    user: User,
    form: SchemaForm,
    errors: Sequence[FormError],
    *,
    status: int = 422,
) -> HttpResponse:
    screen = _screen(assignment, user, posted=request.POST, form=form)
    return show_screen(request, replace(screen, errors=(*screen.errors, *errors)), status=status)


def _screen(
    assignment: Assignment, user: User, *, posted: Mapping[str, str] | None = None, form: SchemaForm | None = None
) -> ReviewScreen:
    queue, completion = assignment.item.queue, assignment.item.completion
    revision = queue.feedback_task.current_revision
    read = _read(assignment)
    late = meet(completion, user, read, posted) if posted and is_late(assignment, posted) else None
    return ReviewScreen(
        assignment_id=assignment.pk,
        completion_id=completion.pk,
        document_id=completion.current_id,
        completion_name=completion.uid,
        queue_id=queue.pk,
        queue_name=queue.name,
        rubric=f"{revision.name}, rubric {revision.number}" if revision and revision.number > 1 else queue.name,
        instruction=revision.instruction if revision else "",
        conversation=read,
        form=form or schema_form.unbound(_schema(assignment)),
        claimed_until=assignment.held_until,
        progress=progress_of(user, queue),
        edits=late.boxes if late else edits.edit_boxes(read, posted),
        comment=posted.get("comment", "") if posted else "",
        flag_reason=posted.get("reason", "") if posted else "",
        errors=(late.error,) if late else (),
        lost_edits=late.lost if late else (),
        upstream=completion.upstream.name if completion.upstream else "",
    )


def progress_of(user: User, queue: Queue) -> Progress:
    """How far the queue is, and her day in it."""
    counts = stats.count_items([queue])[queue.pk]
    day = stats.reviewer_day(user, queue, since=day_start(user))
    return Progress(counts.done, counts.total, day.submitted, day.seconds_each, day.last_at)


def _read(assignment: Assignment) -> Conversation:
    return conversation.read(documents.read(assignment.item.completion.current))


def _schema(assignment: Assignment) -> dict[str, Any]:
    revision = assignment.item.queue.feedback_task.current_revision
    return feedback_tasks.schema_of(revision) if revision else {"type": "object"}


def _ended(assignment: Assignment) -> str:
    match assignment.state:
        case AssignmentState.SKIPPED:
            return "You skipped this item. Go back to the queue for the next one."
        case AssignmentState.EXPIRED:
            return "Your claim on this item ran out. You can still submit it, as long as nobody else has taken it."
        case _:
            return "This item is no longer yours. You can still submit it, as long as nobody else has taken it."
