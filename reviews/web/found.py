"""The list of completions: searching, filtering, and filters under a name."""

from collections.abc import Iterable
from dataclasses import replace

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from reviews.access import leads_in, organization_for, organizations_of, user_of, view_for
from reviews.models import Completion, CompletionTag, Organization, QueueItem, Status, User
from reviews.web.display_found import FoundPage, FoundRow, ViewLink
from reviews.web.display_sync import Figure, Option
from reviews.web.found_filter import MOST_OFFERED, Asked, act_address, chips, fields
from reviews.web.http import render
from reviews.web.json_text import showable
from reviews.web.zones import zone_of
from reviews.workflow import finding, found, saved_views
from reviews.workflow.finding import Wanted
from reviews.workflow.found import Stretch, place_of
from reviews.workflow.saved_views import ViewRefused

PAGE = 50
MOST_COUNTED = 1_000


@login_required
@never_cache
@require_GET
def completions(request: HttpRequest) -> HttpResponse:
    """The completions of one of her organizations, the newest first, filtered as the address says."""
    organization = organization_for(request, request.GET.get("organization", ""))
    if organization is None:
        return render(request, "reviews/completions.html", {"page": None})
    return _show(request, organization, Asked.read(request.META.get("QUERY_STRING", ""), zone_of(user_of(request))))


@login_required
@require_POST
def view_save(request: HttpRequest) -> HttpResponse:
    """Keep the filter of the list under a name; a lead may share it."""
    asked = Asked.read(request.POST.get("query", ""), zone_of(user_of(request)))
    organization, user = organization_for(request, asked.organization), user_of(request)
    if organization is None or asked.refused is not None:
        return _to(asked)
    name, shared = request.POST.get("name", ""), _shares(request, user, organization)
    try:
        saved_views.save(organization, user, name=name, wanted=asked.wanted, shared=shared)
    except ViewRefused as error:
        return _show(request, organization, asked, view_name=name, view_error=str(error))
    return _to(asked)


@login_required
@require_POST
def view_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a view of hers, share it or no longer, or delete it."""
    view, user = view_for(request, pk), user_of(request)
    asked = Asked.of(view.query, view.organization, zone_of(user))
    if request.POST.get("do") == "delete":
        view.delete()
        messages.info(request, _("The view “%(name)s” is deleted.") % {"name": view.name})
        return _to(asked)
    name = request.POST.get("name", "")
    try:
        saved_views.change(view, name=name, shared=_shares(request, user, view.organization))
    except ViewRefused as error:
        return _show(request, view.organization, asked, view_name=name, view_error=str(error))
    return _to(asked)


def _shares(request: HttpRequest, user: User, organization: Organization) -> bool:
    return bool(request.POST.get("shared")) and leads_in(user, organization.pk)


def _to(asked: Asked) -> HttpResponse:
    response = HttpResponseRedirect(asked.address)
    response.status_code = 303
    return response


# What it shows ---------------------------------------------------------------------------------------------------


def _show(
    request: HttpRequest, organization: Organization, asked: Asked, *, view_name: str = "", view_error: str = ""
) -> HttpResponse:
    user = user_of(request)
    several = list(organizations_of(user).order_by("slug"))
    leads = leads_in(user, organization.pk)
    asked = replace(asked, organization=organization.slug if len(several) > 1 else "")
    views = _views(user, asked, organization)
    mine = next((view for view in views if view.chosen and not view.by), None)
    refused = asked.refused
    further = fields(organization, asked, user, leads=leads)
    page = FoundPage(
        organization=organization.slug,
        organizations=tuple(Option(row.slug, row.name, row.pk == organization.pk) for row in several),
        query=asked.start.query,
        q=asked.text("q"),
        fields=further,
        narrowed=asked.wanted != Wanted() or refused is not None,
        start=replace(asked, wanted=Wanted(), before=None, after=None, refused=None).address,
        error="" if refused is None or refused.name == "q" or any(one.error for one in further) else str(refused),
        q_error=asked.error("q"),
        views=views,
        mine=mine,
        view_name=view_name or (mine.name if mine else ""),
        view_error=view_error,
        leads=leads,
    )
    if refused is None:
        page = _filled(page, organization, asked, user)
    status = 422 if refused is not None or view_error else 200
    return render(request, "reviews/completions.html", {"page": page}, status=status)


def _filled(page: FoundPage, organization: Organization, asked: Asked, user: User) -> FoundPage:
    stretch = _stretch(organization, asked, user)
    rows = stretch.rows
    is_whole = not (stretch.newer or stretch.older)
    count = len(rows) if is_whole else found.count(organization, asked.wanted, viewer=user, most=MOST_COUNTED)
    return replace(
        page,
        rows=_rows(rows, asked),
        chips=chips(organization, asked),
        count=Figure(count, MOST_COUNTED),
        newer=_newer(asked, stretch),
        older=replace(asked, before=place_of(rows[-1]), after=None).address if stretch.older and rows else "",
        act=act_address() if page.leads and rows else "",
        queues=_queues(organization) if page.leads else (),
    )


def _queues(organization: Organization) -> tuple[Option, ...]:
    names = organization.queues.order_by("name").values_list("pk", "name")[:MOST_OFFERED]
    return tuple(Option(str(pk), name, chosen=False) for pk, name in names)


def _stretch(organization: Organization, asked: Asked, user: User) -> Stretch:
    if asked.after is not None:
        return found.after(organization, asked.wanted, viewer=user, most=PAGE, place=asked.after)
    return found.newest(organization, asked.wanted, viewer=user, most=PAGE, before=asked.before)


def _newer(asked: Asked, stretch: Stretch) -> str:
    if stretch.newer and stretch.rows:
        return replace(asked, before=None, after=place_of(stretch.rows[0])).address
    return "" if asked == asked.start else asked.start.address


def _views(user: User, asked: Asked, organization: Organization) -> tuple[ViewLink, ...]:
    said = asked.wanted.said()
    return tuple(
        ViewLink(
            id=view.pk,
            name=view.name,
            address=asked.showing(view.query, zone_of(user)).address,
            chosen=bool(said) and view.query == said,
            by=view.user.get_username() if view.user_id != user.pk else "",
            shared=view.shared,
        )
        for view in saved_views.seen_by(user, organization)[:MOST_OFFERED]
    )


def _rows(rows: Iterable[Completion], asked: Asked) -> tuple[FoundRow, ...]:
    ids = [row.pk for row in rows]
    tags: dict[int, list[str]] = {}
    links = CompletionTag.objects.filter(completion__in=ids).order_by("tag__name")
    for pk, name in links.values_list("completion_id", "tag__name"):
        tags.setdefault(pk, []).append(name)
    here = Completion.objects.filter(pk__in=ids)
    edited = set(finding.edited(here).values_list("pk", flat=True))
    flagged = set(QueueItem.objects.flagged().filter(completion__in=ids).values_list("completion_id", flat=True))
    graded = set(finding.graded(here).values_list("pk", flat=True))
    marks = ((flagged, _("flagged")), (edited, _("edited")), (graded, _("graded")))
    return tuple(
        FoundRow(
            id=row.pk,
            name=row.uid,
            address=asked.to(row.pk),
            preview=_("Its text was purged.") if row.purged_at else showable(row.preview) or _("It has no text."),
            model=row.model,
            status="" if row.status == Status.FINISHED else row.get_status_display(),
            received_at=row.received_at,
            tags=tuple(tags.get(row.pk, ())),
            marks=tuple(word for having, word in marks if row.pk in having),
            conflict=row.conflict_document_id is not None,
        )
        for row in rows
    )
