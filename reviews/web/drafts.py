"""Drafts on the review screen: kept while she writes, put back when it opens, offered where the text has changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from reviews.access import assignment_for, document_of
from reviews.models import Assignment, Draft, User
from reviews.web import schema_form
from reviews.web.display import OfferedDraft
from reviews.web.http import go_to, posted_id
from reviews.web.schema_form import SchemaForm
from reviews.workflow import drafts, grading
from reviews.workflow.drafts import DraftRefused, DraftTooLate

# What the page itself puts into the form.
_NOT_HERS = ("csrfmiddlewaretoken", "ready")


@dataclass(frozen=True, slots=True)
class Restored:
    """What a screen opens with: her form as it was and when it was saved, and a draft that does not fit any more."""

    posted: QueryDict | None = None
    form: SchemaForm | None = None
    saved_at: datetime | None = None
    offered: OfferedDraft | None = None


@login_not_required
@require_POST
def review_draft(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the form as it stands. 204: it is submitted already, so there is nothing to keep. 401: signed out. 413: too
    long.
    """
    # A redirect to the sign-in page would be followed by the script.
    if not request.user.is_authenticated:
        return JsonResponse({"error": _("You are signed out.")}, status=401)
    assignment = assignment_for(request, pk)
    base = document_of(assignment.item.completion, posted_id(request.POST, "document"))
    if base is None:
        return JsonResponse({"error": _("The draft names no text that this completion ever had.")}, status=422)
    fields = [(name, text) for name, texts in request.POST.lists() if name not in _NOT_HERS for text in texts]
    try:
        saved_at = drafts.save(assignment, fields, base=base, amends=posted_id(request.POST, "amends"))
    except DraftRefused as error:
        return JsonResponse({"error": str(error)}, status=413)
    except DraftTooLate:
        return HttpResponse(status=204)
    return JsonResponse({"saved_at": saved_at.isoformat(), "held_until": assignment.held_until.isoformat()})


@login_required
@require_POST
def draft_drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Throw a draft away."""
    assignment = assignment_for(request, pk)
    drafts.throw_away(assignment.reviewer, assignment.item, pk=posted_id(request.POST, "draft"))
    return go_to(request, "review", assignment.pk)


def restore(assignment: Assignment, user: User, schema: Mapping[str, Any], *, amends: int = 0) -> Restored:
    """Her draft of the item over the text that stands, and whether there is one over another text. `amends` is the
    grade that the form changes; a draft of another grade is left alone.
    """
    completion = assignment.item.completion
    same, other = drafts.of_screen(user, assignment.item, completion)
    offered = OfferedDraft(other.pk, other.saved_at) if other else None
    if same is None:
        return Restored(offered=offered)
    posted = posted_by(same)
    if posted_id(posted, "amends") != amends:
        return Restored(offered=offered)
    posted["document"] = str(completion.current_id)
    if same.restores is not None:
        form = schema_form.unbound(schema, grading.values_of(same.restores))
    else:
        form = schema_form.again(schema, posted)
    return Restored(posted, form, same.saved_at, offered)


def posted_by(draft: Draft) -> QueryDict:
    """The form as it would have been posted."""
    posted = QueryDict(mutable=True)
    for name, text in drafts.fields_of(draft):
        posted.appendlist(name, text)
    posted["document"] = str(draft.base_id)
    return posted
