"""The list of completions: searching, filtering, and filters under a name."""

from collections.abc import Sequence
from dataclasses import replace

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from reviews.access import leads_in, membership_for, memberships_for, user_of, view_for
from reviews.models import Organization, Status, User
from reviews.web.display_found import FoundPage, FoundRow, ViewLink
from reviews.web.display_sync import Figure, Option
from reviews.web.found_filter import Asked, act_address, chips, fields
from reviews.web.http import render, standing_for
from reviews.web.json_text import showable
from reviews.web.zones import zone_of
from reviews.workflow import found, saved_views
from reviews.workflow.finding import Wanted
from reviews.workflow.found import Found, Marks, Offered, Stretch, place_of
from reviews.workflow.saved_views import ViewRefused

PAGE = 50
MOST_COUNTED = 1_000


@login_required
@never_cache
@require_GET
def completions(request: HttpRequest) -> HttpResponse:
    """The completions of one of her organizations, the newest first, filtered as the address says."""
    member = membership_for(request, request.GET.get("organization", ""))
    if member is None:
        return render(request, "reviews/completions.html", {"page": None})
    return _show(
        request, member.organization, Asked.read(request.META.get("QUERY_STRING", ""), zone_of(user_of(request)))
    )


@login_required
@require_POST
def view_save(request: HttpRequest) -> HttpResponse:
    """Keep the filter of the list under a name; a lead may share it."""
    asked = Asked.read(request.POST.get("query", ""), zone_of(user_of(request)))
    member, user = membership_for(request, asked.organization), user_of(request)
    if member is None or asked.refused is not None:
        return _to(asked)
    organization = member.organization
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
    several = [member.organization for member in memberships_for(request)]
    leads = organization.pk in standing_for(request).led_ids
    asked = replace(asked, organization=organization.slug if len(several) > 1 else "")
    views = _views(user, asked, organization)
    mine = next((view for view in views if view.chosen and not view.by), None)
    refused = asked.refused
    offered = found.offered(organization)
    further = fields(offered, asked, user, leads=leads)
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
        page = _filled(page, organization, asked, user, offered)
    status = 422 if refused is not None or view_error else 200
    return render(request, "reviews/completions.html", {"page": page}, status=status)


def _filled(page: FoundPage, organization: Organization, asked: Asked, user: User, offered: Offered) -> FoundPage:
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
        queues=tuple(Option(str(pk), name, chosen=False) for pk, name in offered.queues) if page.leads else (),
    )


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
            by=view.username if view.user_id != user.pk else "",
            shared=view.shared,
        )
        for view in saved_views.seen_by(user, organization)
    )


def _rows(rows: Sequence[Found], asked: Asked) -> tuple[FoundRow, ...]:
    known = found.marks(rows) if rows else Marks({}, (), (), ())
    marks = ((known.flagged, _("flagged")), (known.edited, _("edited")), (known.graded, _("graded")))
    purged, empty, conflict = _("Its text was purged."), _("It has no text."), _("in conflict")
    address, statuses = asked.to(), dict(Status.choices)
    return tuple(
        FoundRow(
            id=row.pk,
            name=row.uid,
            address=address(row.pk),
            preview=purged if row.purged_at else showable(row.preview) or empty,
            model=row.model,
            status="" if row.status == Status.FINISHED else str(statuses.get(row.status, row.status)),
            received_at=row.received_at,
            tags=tuple(known.tags.get(row.pk, ())),
            marks=tuple(word for having, word in marks if row.pk in having),
            conflict=conflict if row.conflict_document_id is not None else "",
        )
        for row in rows
    )
