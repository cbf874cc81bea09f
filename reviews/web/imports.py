"""Sending a file of completions to be imported."""

from collections.abc import Sequence
from typing import cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from reviews.access import organizations_led, user_of
from reviews.models import Organization
from reviews.web.display_jobs import ImportPage
from reviews.web.display_sync import Option
from reviews.web.http import actor_of, go_to, posted_id, render
from reviews.workflow import uploads
from reviews.workflow.uploads import UploadRefused

FORMS = {
    "auto": gettext_lazy("Find out line by line"),
    "log10": gettext_lazy("Log10, or an export of GradeBench"),
    "openai": gettext_lazy("OpenAI chat"),
}


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def import_new(request: HttpRequest) -> HttpResponse:
    """For leads: a file of lines, whose completions come into an organization of hers."""
    led = list(organizations_led(user_of(request)).order_by("name", "pk"))
    if not led:
        raise PermissionDenied(_("Only a lead imports completions."))
    if request.method != "POST":
        return _show(request, led)
    file, organization = request.FILES.get("file"), _chosen(request, led)
    if organization is None:
        return _show(request, led, error=_("Choose the organization that the completions come into."))
    if not isinstance(file, UploadedFile) or not file.size:
        return _show(request, led, error=_("Choose a file with something in it."))
    form = request.POST.get("form", "auto")
    try:
        job = uploads.take_in(
            organization,
            cast("uploads.Readable", file),
            file.name or "",
            form if form in FORMS else "auto",
            actor=actor_of(request),
        )
    except UploadRefused as error:
        return _show(request, led, error=str(error))
    return go_to(request, "job", job.pk)


def _chosen(request: HttpRequest, led: Sequence[Organization]) -> Organization | None:
    if len(led) == 1 and "organization" not in request.POST:
        return led[0]
    wanted = posted_id(request.POST, "organization")
    return next((organization for organization in led if organization.pk == wanted), None)


def _show(request: HttpRequest, led: Sequence[Organization], *, error: str = "") -> HttpResponse:
    chosen, form = posted_id(request.POST, "organization"), request.POST.get("form", "auto")
    page = ImportPage(
        organizations=tuple(Option(str(one.pk), one.name, one.pk == chosen) for one in led),
        forms=tuple(Option(value, str(label), value == form) for value, label in FORMS.items()),
        most_bytes=settings.API_BULK_MAX_BYTES,
        most_lines=settings.API_BULK_MAX_LINES,
        error=error,
    )
    return render(request, "reviews/import_new.html", {"page": page}, status=422 if error else 200)
