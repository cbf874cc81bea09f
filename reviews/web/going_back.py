"""An answer taken back to what it said earlier: what would change, a confirmation, and an edit like any other."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from reviews.access import earlier_document
from reviews.models import Completion, Document
from reviews.web.display import ChangeRow, GoingBack
from reviews.web.http import actor_of, go_to, posted_id, render
from reviews.workflow import documents, editing
from reviews.workflow.documents import DocumentUnreadable
from reviews.workflow.editing import EditRefused, StaleDocument


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def going_back(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """For leads and whoever made the last edit: what would change, and on confirmation a new revision."""
    completion, document = earlier_document(request, pk, number)
    if request.method != "POST":
        return _show(request, completion, document, number)
    if completion.conflict_document_id:
        return _show(request, completion, document, number, status=409)
    try:
        base_id = posted_id(request.POST, "document")
        revision = editing.go_back(completion, document, base_id=base_id, actor=actor_of(request))
    except (StaleDocument, EditRefused, DocumentUnreadable) as error:
        return _show(request, *earlier_document(request, pk, number), number, error=str(error), status=409)
    if revision is not None:
        messages.success(request, _("The answer says again what it said then, as revision %d.") % revision.number)
    return go_to(request, "completion", pk)


def _show(
    request: HttpRequest, completion: Completion, document: Document, number: int, *, error: str = "", status: int = 200
) -> HttpResponse:
    changes: tuple[ChangeRow, ...] = ()
    try:
        now = editing.texts(documents.read(completion.current))
        earlier = editing.earlier_texts(completion, document)
        changes = tuple(ChangeRow(leaf.pointer, now[leaf.pointer], leaf.text, closely=True) for leaf in earlier)
    except DocumentUnreadable as unreadable:
        error = error or str(unreadable)
    page = GoingBack(
        completion_id=completion.pk,
        name=completion.uid,
        number=number,
        document_id=completion.current_id,
        changes=changes,
        upstream=completion.upstream.name if completion.upstream else "",
        undecided=bool(completion.conflict_document_id),
        error=error,
    )
    return render(request, "reviews/going_back.html", {"page": page}, status=status)
