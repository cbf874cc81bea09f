"""The review screen: read, grade, edit, submit, next."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import reswap, retarget

from reviews.access import assignment_for, draft_for, queue_for, user_of
from reviews.models import Assignment, AssignmentState, Feedback, Queue, User
from reviews.web import conversation, drafts, edits, rows, schema_form, uncertain
from reviews.web.display import Conversation, FormError, Progress, ReviewScreen, UndoLine
from reviews.web.drafts import Restored
from reviews.web.http import actor_of, day_start, go_to, is_htmx, posted_id, render, show_screen
from reviews.web.late import CHANGED, is_late, meet
from reviews.web.schema_form import SchemaForm
from reviews.web.sessions import place_in_session
from reviews.workflow import amending, clock, documents, feedback_tasks, grading, queues, stats
from reviews.workflow.amending import UndoRefused
from reviews.workflow.editing import EditRefused, LeafEdit, StaleDocument
from reviews.workflow.grading import FeedbackRefused
from reviews.workflow.queues import ClaimLost
from reviews.workflow.schema import ValuesRefused

NO_REASON = gettext_lazy("Say in a few words what a lead should look at.")
PAUSED = gettext_lazy("Done. This queue is paused, so no further item was opened.")
NOT_HERS = gettext_lazy("Done. You do not review this queue, so no further item was opened.")
MOST_GRADE_CHARACTERS = 40
NO_SCHEMA = '{"type":"object"}'
# The kinds of fields that one key can answer, and those that keys can answer at all.
ONE_KEY_KINDS = ("choice", "boolean", "scale")
KEYED_KINDS = (*ONE_KEY_KINDS, "checks", "variant")


@login_required
@never_cache
@require_GET
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """The item that she holds. One that she no longer holds leads to what she graded."""
    assignment = assignment_for(request, pk)
    if assignment.state == AssignmentState.DONE:
        return go_to(request, "completion", assignment.item.completion_id)
    user = user_of(request)
    if (draft := draft_for(request, assignment)) is not None:
        posted = drafts.posted_by(draft)
        form = schema_form.again(schema_of(assignment), posted)
        return show_screen(request, screen_of(assignment, user, posted=posted, form=form))
    screen = replace(screen_of(assignment, user), undo=undo_line(user, assignment.item.queue))
    if assignment.state != AssignmentState.HELD:
        screen = replace(screen, errors=(FormError(_ended(assignment)),))
    return show_screen(request, screen)


@login_not_required
@never_cache
@require_POST
def queue_prefetch(request: HttpRequest, pk: int) -> HttpResponse:
    """Claim the item behind the one on screen and answer with its fragment; 204 when nothing is free, or when the page
    has it already (`have`) and only its time was to be renewed.
    """
    # A redirect to the sign-in page would be followed by the script.
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    claimed = queues.prefetch(queue_for(request, pk), reviewer=user_of(request))
    if claimed is None:
        return HttpResponse(status=204)
    # The page that has it says already how far the queue is.
    screen = screen_of(assignment_for(request, claimed.pk), user_of(request), counted=False)
    if request.POST.get("have") == screen.ready:
        return HttpResponse(status=204)
    return render(request, "reviews/_review.html", {"screen": screen})


@login_required
@require_POST
def review_submit(request: HttpRequest, pk: int) -> HttpResponse:
    """Grade, edit, and go on to the next item. Refused: the same form, with what she wrote and why."""
    assignment, user = assignment_for(request, pk), user_of(request)
    if schema_form.asks_again(request.POST):
        return _form_again(request, assignment, user)
    values, form, valid = schema_form.bound(schema_of(assignment), request.POST)
    errors = errors_of(form)
    if is_late(assignment, request.POST):
        return _refused(request, assignment, user, form, errors, status=409)
    if errors or not valid:
        return _refused(request, assignment, user, form, errors)
    changed = edits.changed_leaves(read_item(assignment), request.POST)
    try:
        submitted = grading.submit(
            assignment,
            values=values,
            comment=comment_of(request),
            edits=[LeafEdit(leaf.pointer, leaf.after) for leaf in changed],
            base_id=posted_id(request.POST, "document"),
            actor=actor_of(request),
        )
    except StaleDocument:
        # Somebody was faster between the look at it above and the lock, or the form names no document.
        now = assignment_for(request, pk)
        untold = [] if is_late(now, request.POST) else [FormError(str(CHANGED))]
        return _refused(request, now, user, form, untold, status=409)
    except ClaimLost as error:
        # Sent once more because the answer to the first time was lost: it is done, and she goes on.
        if not changed and grading.is_given(assignment, values=values, comment=comment_of(request)):
            return _next(request, assignment.item.queue)
        lost = _("%(why)s What you wrote is still here; go to the queue for the next item.") % {"why": error}
        return _refused(request, assignment, user, form, [FormError(lost)], status=409)
    except (ValuesRefused, FeedbackRefused, EditRefused) as error:
        return _refused(request, assignment, user, form, [FormError(str(error))])
    return _next(request, assignment.item.queue, submitted.feedback)


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
    """Leave the item to others, with a reason where she gives one."""
    assignment = assignment_for(request, pk)
    reason = request.POST.get("reason", "").replace("\x00", "").strip()
    try:
        queues.skip(assignment, reason=reason)
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
        form = schema_form.unbound(schema_of(assignment))
        return _refused(request, assignment, user, form, [FormError(str(NO_REASON))])
    try:
        queues.flag(assignment, reason=reason, actor=actor_of(request))
    except ClaimLost as error:
        messages.info(request, str(error))
    return _next(request, assignment.item.queue)


@login_required
@require_POST
def review_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the last submit back. Too late: a sentence, and the screen stays as it is."""
    assignment = assignment_for(request, pk)
    texts = [(box.name, box.text) for box in edits.edit_boxes(read_item(assignment))]
    feedback = amending.standing(assignment)
    comment = feedback.comment if feedback else ""
    try:
        again = amending.undo(assignment, fields=[("comment", comment), *texts], actor=actor_of(request))
    except (UndoRefused, ClaimLost) as error:
        if is_htmx(request):
            return _say_at_undo(request, str(error), pk)
        messages.info(request, str(error))
        return _next(request, assignment.item.queue)
    if is_htmx(request):
        return show_screen(request, screen_of(assignment_for(request, again.pk), user_of(request)))
    return go_to(request, "review", again.pk)


def _say_at_undo(request: HttpRequest, words: str, pk: int) -> HttpResponse:
    response = render(request, "reviews/_undo_refused.html", {"words": words, "assignment_id": pk}, status=409)
    return reswap(retarget(response, "#undo"), "innerHTML")


def _form_again(request: HttpRequest, assignment: Assignment, user: User) -> HttpResponse:
    """The form for the answers so far: alone where a script asks for it, else on its screen."""
    form = schema_form.again(schema_of(assignment), request.POST)
    if request.headers.get("HX-Target") == "schema-form":
        where = {"form": form, "form_url": resolve_url("review_form", assignment.pk)}
        return render(request, "reviews/_schema_form.html", where)
    return show_screen(request, screen_of(assignment, user, posted=request.POST, form=form))


def _next(request: HttpRequest, queue: Queue, given: Feedback | None = None) -> HttpResponse:
    """The next item. `given` is the grade of this request, which can be taken back there."""
    user = user_of(request)
    if not queues.is_open_to(queue, user):
        # A lead took her off it or paused it meanwhile, or she leads it and graded a single item.
        messages.info(request, NOT_HERS if queue.is_open else PAUSED)
        return go_to(request, "queues")
    assignment = queues.claim_next(queue, reviewer=user)
    if assignment is None:
        return go_to(request, "queue_done", queue.pk)
    if not is_htmx(request):
        return go_to(request, "review", assignment.pk)
    ready, undo = request.POST.get("ready"), undo_line(user, queue, given)
    if ready and ready == _ready_now(assignment):
        return _show_what_you_have(request, assignment, undo)
    fresh = assignment_for(request, assignment.pk)
    if ready and ready == _ready(fresh, drafts.restore(fresh, user, schema_of(fresh))):
        return _show_what_you_have(request, fresh, undo)
    return show_screen(request, replace(screen_of(fresh, user), undo=undo))


def _show_what_you_have(request: HttpRequest, assignment: Assignment, undo: UndoLine | None) -> HttpResponse:
    """For a page that has the fragment of the item already: what it cannot know of it, and nothing twice."""
    progress = progress_of(user_of(request), assignment.item.queue)
    response = render(request, "reviews/_ready.html", {"progress": progress, "screen": {"undo": undo}})
    response["X-Ready"] = request.POST["ready"]
    response["X-Claimed-Until"] = assignment.held_until.isoformat()
    response["HX-Push-Url"] = resolve_url("review", assignment.pk)
    return response


def _refused(
    request: HttpRequest,
    assignment: Assignment,
    user: User,
    form: SchemaForm,
    errors: Sequence[FormError],
    *,
    status: int = 422,
) -> HttpResponse:
    screen = screen_of(assignment, user, posted=request.POST, form=form)
    return show_screen(request, replace(screen, errors=(*screen.errors, *errors)), status=status)


def screen_of(
    assignment: Assignment,
    user: User,
    *,
    posted: Mapping[str, str] | None = None,
    form: SchemaForm | None = None,
    amends: int = 0,
    counted: bool = True,
) -> ReviewScreen:
    """All that is on the screen of an item, how far the queue is only where `counted`. Without a posted form it opens
    with her draft, where she has one.
    """
    queue, completion = assignment.item.queue, assignment.item.completion
    revision = queue.feedback_task.current_revision
    read = read_item(assignment)
    kept = Restored() if posted else drafts.restore(assignment, user, schema_of(assignment), amends=amends)
    late = meet(completion, user, read, posted) if posted and is_late(assignment, posted) else None
    if kept.posted is not None:
        posted, form = kept.posted, kept.form
    form = form or schema_form.blank(revision.schema_text if revision else NO_SCHEMA)
    progress = progress_of(user, queue, saved_at=kept.saved_at) if counted else None
    screen = ReviewScreen(
        assignment_id=assignment.pk,
        completion_id=completion.pk,
        document_id=completion.current_id,
        completion_name=completion.uid,
        queue_id=queue.pk,
        queue_name=queue.name,
        rubric=_rubric(queue),
        instruction=revision.instruction if revision else "",
        conversation=read,
        form=form,
        claimed_until=assignment.held_until,
        progress=progress,
        edits=late.boxes if late else edits.edit_boxes(read, posted),
        comment=posted.get("comment", "") if posted else "",
        flag_reason=posted.get("reason", "") if posted else "",
        errors=(late.error,) if late else (),
        lost_edits=late.lost if late else (),
        upstream=completion.upstream.name if completion.upstream else "",
        draft_key=":".join((str(user.pk), str(completion.pk), completion.current.hash[:16], f"{queue.pk}-{amends}")),
        saved_at=kept.saved_at,
        offered=kept.offered,
        one_key="" if amends else _one_key(form),
        ready=_ready(assignment, kept),
        session=place_in_session(completion, review_id=assignment.pk),
    )
    return replace(screen, begun=_is_begun(screen))


def _rubric(queue: Queue) -> str:
    """Its name, with the number from the second revision on."""
    revision = queue.feedback_task.current_revision
    if revision is None or revision.number == 1:
        return queue.name
    return _("%(name)s, rubric %(number)d") % {"name": revision.name, "number": revision.number}


def undo_line(user: User, queue: Queue, given: Feedback | None = None) -> UndoLine | None:
    """The last submit here, `given` if it was of this request, while it can be taken back."""
    feedback = given or amending.undoable(user, queue)
    if feedback is None or feedback.assignment is None or feedback.assignment.ended_at is None:
        return None
    until = feedback.assignment.ended_at + timedelta(seconds=settings.UNDO_SECONDS)
    if until <= clock.now():
        return None
    grade = ", ".join(value for _name, value in rows.values(feedback)[:2])
    if len(grade) > MOST_GRADE_CHARACTERS:
        grade = f"{grade[: MOST_GRADE_CHARACTERS - 1]}…"
    return UndoLine(feedback.assignment.pk, grade, max(1, math.ceil((until - clock.now()).total_seconds())))


def _one_key(form: SchemaForm) -> str:
    """The name of the one field that must be answered, where a choice answers it, no further field hangs on it, and
    no other has keys of its own: those would come too late.
    """
    keyed = [field for field in form.every_field if field.kind in KEYED_KINDS]
    required = [field for field in form.fields if field.required]
    if form.is_live or len(keyed) != 1 or len(required) != 1:
        return ""
    return required[0].html_name if required[0].kind in ONE_KEY_KINDS else ""


def _is_begun(screen: ReviewScreen) -> bool:
    """Whether there is more in the form than the one answer."""
    others = [field for field in screen.form.every_field if field.html_name != screen.one_key]
    answered = any(field.value or any(choice.selected for choice in field.choices) for field in others)
    return bool(screen.errors or screen.comment or answered or any(box.changed for box in screen.edits))


def _ready(assignment: Assignment, kept: Restored) -> str:
    """What a fragment of the item is made from: of two that say the same, one is as good as the other."""
    item = assignment.item
    saved = f"{kept.saved_at.timestamp():.3f}" if kept.saved_at else ""
    return _ready_of(assignment, item.completion.current_id, item.queue.feedback_task.current_revision_id, saved)


def _ready_now(assignment: Assignment) -> str | None:
    """The same in one question; None where there is a draft, which has to be looked at."""
    source = queues.source_of(assignment)
    return None if source.has_draft else _ready_of(assignment, source.document_id, source.task_revision_id, "")


def _ready_of(assignment: Assignment, document_id: int, task_revision_id: int | None, saved: str) -> str:
    return f"{assignment.pk}-{document_id}-{task_revision_id}-{saved}"


def comment_of(request: HttpRequest) -> str:
    """The posted comment, with the line ends that she wrote."""
    return request.POST.get("comment", "").replace("\r\n", "\n").strip()


def progress_of(user: User, queue: Queue, *, saved_at: datetime | None = None) -> Progress:
    """How far the queue is, and her day in it; `saved_at` is when her draft was."""
    counts = stats.count_items([queue])[queue.pk]
    day = stats.reviewer_day(user, queue, since=day_start(user))
    return Progress(counts.done, counts.total, day.submitted, day.seconds_each, saved_at or day.last_at)


def errors_of(form: SchemaForm) -> list[FormError]:
    """What is wrong with the answers, each with the field that it is about."""
    errors = [FormError(f"{field.place or field.label}: {field.error}", field.html_id) for field in form.wrong]
    return [*errors, FormError(form.error)] if form.error else errors


def read_item(assignment: Assignment) -> Conversation:
    """The completion as it stands."""
    completion = assignment.item.completion
    return conversation.read(documents.read(completion.current), uncertain.list_at(completion))


def schema_of(assignment: Assignment) -> dict[str, Any]:
    """What the grade of the item has to say."""
    revision = assignment.item.queue.feedback_task.current_revision
    return feedback_tasks.schema_of(revision) if revision else orjson.loads(NO_SCHEMA)


def _ended(assignment: Assignment) -> str:
    match assignment.state:
        case AssignmentState.SKIPPED:
            return _("You skipped this item. Go back to the queue for the next one.")
        case AssignmentState.EXPIRED:
            return _("Your claim on this item ran out. You can still submit it, as long as nobody else has taken it.")
        case _:
            return _("This item is no longer yours. You can still submit it, as long as nobody else has taken it.")
