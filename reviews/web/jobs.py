"""Jobs: what runs and what ran, one with its progress and its result, cancelling it, and the file that it made."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from reviews.access import job_to_lead, organizations_led, user_of
from reviews.models import Job, Organization
from reviews.web import job_words
from reviews.web.display_jobs import JobsPage
from reviews.web.http import actor_of, go_to, render
from reviews.web.keyset import number
from reviews.workflow import audit, cells, job_files
from reviews.workflow import jobs as verbs

PAGE = 25
# A file to keep, and nothing that a browser would run.
INERT = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}
TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What the address of the list says: where a stretch of it begins."""

    before: int | None = None
    after: int | None = None

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "JobFilter":
        """From a query string. What cannot be read in it asks for nothing."""
        return cls(number(given.get("before")), number(given.get("after")))

    @property
    def address(self) -> str:
        """Where it leads."""
        said = {"before": self.before, "after": self.after}
        return f"{resolve_url('jobs')}?{urlencode({name: value for name, value in said.items() if value})}"


@login_required
@never_cache
@require_GET
def jobs(request: HttpRequest) -> HttpResponse:
    """Those of the organizations that she leads."""
    led = list(organizations_led(user_of(request)))
    if not led:
        raise PermissionDenied(_("Only a lead sees jobs."))
    return render(request, "reviews/jobs.html", {"page": _page(led, JobFilter.read(request.GET))})


@login_required
@never_cache
@require_GET
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """One, with how far it is and what came of it."""
    return render(request, "reviews/job.html", {"page": job_words.page_of(job_to_lead(request, pk))})


@login_not_required
@never_cache
@require_GET
def job_live(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is, for the script that asks until it is over; then the page is loaded anew, with the result."""
    # A redirect to the sign-in page would be followed by the script, and its form put into this page.
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    page = job_words.page_of(job_to_lead(request, pk))
    response = render(request, "reviews/_job_progress.html", {"page": page})
    if not page.row.is_open:
        response["HX-Refresh"] = "true"
    return response


@login_required
@require_POST
def job_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """End it before its next step. What it has done stays."""
    try:
        verbs.cancel(job_to_lead(request, pk), actor=actor_of(request))
    except verbs.JobOver as error:
        messages.error(request, str(error))
    else:
        messages.info(request, _("It ends before its next step. What it has done stays."))
    return go_to(request, "job", pk)


@login_required
@require_POST
def job_download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The file that it made, packed or not, or what it did not take; a part at a time. The audit says who has it."""
    job = job_to_lead(request, pk)
    form = request.POST.get("as", "packed")
    if form == "refused" and job.refusals.exists():
        audit.record("job.download", job, organization=job.organization, actor=actor_of(request), details=form)
        return _file(cells.rows(_refused(job)), f"refused-{job.pk}.csv", TYPES["csv"])
    if form not in ("packed", "unpacked") or not job_files.has_file(job):
        messages.error(request, _("There is no such file here, or not any more. Look below for why."))
        return go_to(request, "job", pk)
    audit.record("job.download", job, organization=job.organization, actor=actor_of(request), details=form)
    is_packed, name = form == "packed", job_words.file_name(job)
    content_type = "application/gzip" if is_packed else TYPES[verbs.asked(job)["format"]]
    return _file(job_files.contents(job, packed=is_packed), f"{name}.gz" if is_packed else name, content_type)


def _file(content: Iterator[bytes], name: str, content_type: str) -> StreamingHttpResponse:
    headers = {**INERT, "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(content, content_type=content_type, headers=headers)


def _refused(job: Job) -> Iterator[tuple[cells.Value, ...]]:
    yield ("line", "id", "reason")
    yield from job.refusals.values_list("line", "uid", "reason")


def _page(led: Iterable[Organization], asked: JobFilter) -> JobsPage:
    organizations = list(led)
    found = Job.objects.filter(organization__in=organizations).select_related("organization", "asked_by")
    rows, newer, older = _stretch(found, asked)
    return JobsPage(
        rows=job_words.rows_of(rows),
        several=len(organizations) > 1,
        newer=replace(asked, before=None, after=rows[0].pk).address if newer and rows else "",
        older=replace(asked, before=rows[-1].pk, after=None).address if older and rows else "",
    )


def _stretch(found: QuerySet[Job], asked: JobFilter) -> tuple[list[Job], bool, bool]:
    """The jobs, and whether there are newer and older ones."""
    if asked.after is not None:
        above = list(found.filter(pk__gt=asked.after).order_by("pk")[: PAGE + 1])
        return above[:PAGE][::-1], len(above) > PAGE, True
    below = list((found.filter(pk__lt=asked.before) if asked.before else found).order_by("-pk")[: PAGE + 1])
    return below[:PAGE], asked.before is not None, len(below) > PAGE
