"""Back: what she did last in a queue, and another grade in its place."""

from collections.abc import Sequence
from dataclasses import replace

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from reviews.access import assignment_for, queue_for, user_of
from reviews.models import Assignment, Feedback
from reviews.web import edits, schema_form
from reviews.web.display import Amended, FormError, ReviewScreen
from reviews.web.http import actor_of, go_to, posted_id, render, show_screen
from reviews.web.late import CHANGED, is_late
from reviews.web.review import comment_of, errors_of, read_item, schema_of, screen_of
from reviews.workflow import amending, grading
from reviews.workflow.amending import AmendRefused
from reviews.workflow.editing import EditRefused, LeafEdit, StaleDocument
from reviews.workflow.grading import FeedbackRefused
from reviews.workflow.schema import ValuesRefused


@login_required
@never_cache
@require_GET
def queue_back(request: HttpRequest, pk: int) -> HttpResponse:
    """The way to what she graded last in the queue; with `before`, to what she graded before that review."""
    queue, user = queue_for(request, pk), user_of(request)
    before = posted_id(request.GET, "before")
    here = assignment_for(request, before) if before else None
    last = amending.before(user, queue, assignment=here)
    if last is not None:
        return go_to(request, "review_amend", last.pk)
    if here is not None:
        messages.info(request, _("This is the first that you graded in this queue."))
        return go_to(request, "review_amend", here.pk)
    messages.info(request, _("You have not graded anything in this queue yet."))
    return go_to(request, "queues")


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def review_amend(request: HttpRequest, pk: int) -> HttpResponse:
    """Her grade of an item, to be changed. A POST changes it and leads back to where she was."""
    assignment = assignment_for(request, pk)
    feedback = amending.standing(assignment)
    if feedback is None or assignment.requeued_at is not None:
        raise Http404
    if request.method == "GET":
        return show_screen(request, _screen(assignment, feedback))
    return _amend(request, assignment, feedback)


def _amend(request: HttpRequest, assignment: Assignment, feedback: Feedback) -> HttpResponse:
    if schema_form.asks_again(request.POST):
        return _form_again(request, assignment, feedback)
    values, form, valid = schema_form.bound(schema_of(assignment), request.POST)
    errors = errors_of(form)
    late = is_late(assignment, request.POST)
    if late or errors or not valid:
        return _refused(request, assignment, feedback, errors, status=409 if late else 422)
    changed = edits.changed_leaves(read_item(assignment), request.POST)
    try:
        done = amending.amend(
            assignment,
            values=values,
            comment=comment_of(request),
            edits=[LeafEdit(leaf.pointer, leaf.after) for leaf in changed],
            base_id=posted_id(request.POST, "document"),
            seen_id=posted_id(request.POST, "amends"),
            actor=actor_of(request),
        )
    except StaleDocument:
        return _refused(
            request, assignment_for(request, assignment.pk), feedback, [FormError(str(CHANGED))], status=409
        )
    except AmendRefused as error:
        return _refused(request, assignment, feedback, [FormError(str(error))], status=409)
    except (ValuesRefused, FeedbackRefused, EditRefused) as error:
        return _refused(request, assignment, feedback, [FormError(str(error))])
    messages.success(request, _("Amended.") if done else _("Nothing was changed."))
    return go_to(request, "queue_resume", assignment.item.queue_id)


def _form_again(request: HttpRequest, assignment: Assignment, feedback: Feedback) -> HttpResponse:
    form = schema_form.again(schema_of(assignment), request.POST)
    if request.headers.get("HX-Target") == "schema-form":
        return render(request, "reviews/_schema_form.html", {"form": form})
    screen = screen_of(assignment, assignment.reviewer, posted=request.POST, form=form, amends=feedback.pk)
    return show_screen(request, replace(screen, amended=_amended(feedback)))


def _screen(assignment: Assignment, feedback: Feedback) -> ReviewScreen:
    """The item with her grade in the form, or with what she had begun to change of it."""
    form = schema_form.unbound(schema_of(assignment), grading.values_of(feedback))
    screen = screen_of(assignment, assignment.reviewer, form=form, amends=feedback.pk)
    if screen.saved_at is None:
        screen = replace(screen, comment=feedback.comment)
    return replace(screen, amended=_amended(feedback))


def _refused(
    request: HttpRequest, assignment: Assignment, feedback: Feedback, errors: Sequence[FormError], *, status: int = 422
) -> HttpResponse:
    _values, form, _valid = schema_form.bound(schema_of(assignment), request.POST)
    screen = screen_of(assignment, assignment.reviewer, posted=request.POST, form=form, amends=feedback.pk)
    screen = replace(screen, errors=(*screen.errors, *errors), amended=_amended(feedback))
    return show_screen(request, screen, status=status)


def _amended(feedback: Feedback) -> Amended:
    return Amended(feedback.pk, feedback.created_at, amending.has_left(feedback))
