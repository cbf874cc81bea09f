"""What a submit would send, shown before it is sent."""

import json

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from reviews.access import assignment_for
from reviews.web import conversation, edits
from reviews.web.display import SentLeaf
from reviews.web.http import render
from reviews.web.late import is_late
from reviews.workflow import documents


@login_required
@never_cache
@require_POST
def review_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The texts of her own item that her form changes, before and after, each at its place; nothing is written."""
    assignment = assignment_for(request, pk)
    read = conversation.read(documents.read(assignment.item.completion.current))
    leaves = tuple(
        SentLeaf(leaf.pointer, _as_json(leaf.before), _as_json(leaf.after))
        for leaf in edits.changed_leaves(read, request.POST)
    )
    return render(request, "reviews/_sent.html", {"leaves": leaves, "late": is_late(assignment, request.POST)})


def _as_json(text: str) -> str:
    """A text as it travels, so that every space and line end shows."""
    return json.dumps(text, ensure_ascii=False)
