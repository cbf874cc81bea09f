"""The whole protocol between a page and its fragments, and what every view needs of a request."""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.template import Engine
from django.template.context import make_context
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from gradebench.addresses import address_of
from reviews.access import Standing, standing_in, standing_of, user_of
from reviews.models import User
from reviews.web.display import ReviewScreen
from reviews.web.zones import zone_of
from reviews.workflow.audit import Actor


def numbered(name: str) -> Callable[[int], str]:
    """The address of each row of a page, by its id: one is asked for, the others differ by the number."""
    before, after = resolve_url(name, 0).rsplit("0", 1)
    return lambda pk: f"{before}{pk}{after}"


def is_htmx(request: HttpRequest) -> bool:
    """Whether a script asks for a fragment."""
    return bool(getattr(request, "htmx", False))


def standing_for(request: HttpRequest) -> Standing:
    """Where the signed-in person leads and administers, asked once for each request."""
    standing: Standing | None = getattr(request, "_standing", None)
    if standing is None:
        members = vars(request).get("_memberships")
        known = {member.organization_id: member.role for member in members} if members is not None else None
        standing = standing_of(user_of(request)) if known is None else standing_in(known)
        vars(request)["_standing"] = standing
    return standing


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person, for the audit."""
    return Actor(user=user_of(request), address=address_of(request))


def render(
    request: HttpRequest, template_name: str, values: Mapping[str, object] | None = None, *, status: int = 200
) -> HttpResponse:
    """As Django's own, but what was shown is let go of at once: Django's context refers to itself, and a document of
    four thousand tokens would wait for the next collection of garbage, which then takes as long as the page did.
    """
    context = make_context(dict(values or {}), request)
    try:
        return HttpResponse(Engine.get_default().get_template(template_name).render(context), status=status)
    finally:
        context.dicts.clear()


def show_screen(request: HttpRequest, screen: ReviewScreen, *, status: int = 200) -> HttpResponse:
    """The review screen as a page, or as the fragment that takes its place, with the address it has."""
    if not is_htmx(request):
        return render(request, "reviews/review.html", {"screen": screen}, status=status)
    response = render(request, "reviews/_review.html", {"screen": screen}, status=status)
    if status == 200:
        response["HX-Push-Url"] = resolve_url("review", screen.assignment_id)
    return response


def go_to(request: HttpRequest, name: str, *args: int) -> HttpResponse:
    """Send the browser to another page after a POST: 303, or, where a script asked, a header that does the same."""
    if is_htmx(request):
        return HttpResponseClientRedirect(resolve_url(name, *args))
    response = redirect(name, *args)
    response.status_code = 303
    return response


def posted_id(posted: Mapping[str, str], name: str) -> int:
    """The id of a row in a posted form; 0, which no row has, when the form says nothing readable."""
    text = posted.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def day_start(user: User) -> datetime:
    """When today began for her."""
    return timezone.now().astimezone(zone_of(user)).replace(hour=0, minute=0, second=0, microsecond=0)
