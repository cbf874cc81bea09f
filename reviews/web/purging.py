"""Purging a completion: the question with what goes and what stays, and the deed."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from reviews.access import completion_to_purge
from reviews.models import Completion
from reviews.web.display_purging import PurgePage
from reviews.web.http import actor_of, go_to, render
from reviews.web.json_text import showable
from reviews.workflow import purging
from reviews.workflow.purging import PurgeRefused


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def completion_purge(request: HttpRequest, pk: int) -> HttpResponse:
    """For admins: what would go, and on confirmation with a reason it is gone."""
    completion = completion_to_purge(request, pk)
    if completion.purged_at is not None:
        messages.info(request, _("The text of this completion was purged already."))
        return go_to(request, "completion", pk)
    if request.method != "POST":
        return _show(request, completion)
    reason = request.POST.get("reason", "").replace("\x00", "").strip()
    if not reason:
        return _show(request, completion, error=_("Say why: the reason stays when the text is gone."), status=422)
    try:
        purging.purge(pk, reason=reason, actor=actor_of(request))
    except PurgeRefused:
        return _show(request, completion_to_purge(request, pk), reason=reason, status=409)
    messages.success(request, _("Its text is gone, for good."))
    return go_to(request, "completion", pk)


def _show(
    request: HttpRequest, completion: Completion, *, reason: str = "", error: str = "", status: int = 200
) -> HttpResponse:
    page = PurgePage(
        id=completion.pk,
        name=completion.uid,
        preview=showable(completion.preview),
        reason=reason[: purging.LONGEST_REASON],
        refusal=purging.refusal(completion),
        error=error,
        upstream=completion.upstream.name if completion.upstream else "",
    )
    return render(request, "reviews/purge.html", {"page": page}, status=status)
