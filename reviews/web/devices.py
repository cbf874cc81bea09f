"""Where she is signed in."""

import re
from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.models import Session
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from reviews.access import user_of
from reviews.web.http import actor_of, go_to, render
from reviews.workflow import audit

# The first that is found names it: each browser also names those it descends from.
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone|iPad", "iOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
UNKNOWN = gettext_lazy("Unknown device")


@dataclass(frozen=True, slots=True)
class Device:
    """One session of hers; `here` is the one that looks."""

    id: int
    name: str
    address: str
    since: datetime
    seen: datetime
    here: bool


@login_required
@never_cache
@require_GET
def sessions(request: HttpRequest) -> HttpResponse:
    """The list."""
    return render(request, "reviews/sessions.html", {"devices": of(request)})


@login_required
@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign out there."""
    row = UserSession.objects.filter(user_id=user_of(request).pk, pk=pk).first()
    if row is None:
        raise Http404
    here = row.session_key == request.session.session_key
    _end(request, row)
    if here:
        logout(request)
        return go_to(request, "sign_in")
    messages.success(request, _("%(device)s is signed out.") % {"device": name_of(row.user_agent)})
    return go_to(request, "sessions")


@login_required
@require_POST
def sessions_end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    count = end_others(request)
    if count:
        words = ngettext("%(count)s other session is ended.", "%(count)s other sessions are ended.", count)
        messages.success(request, words % {"count": count})
    return go_to(request, "sessions")


def of(request: HttpRequest) -> list[Device]:
    """Her sessions that still go on, this one first, then who was there last."""
    here = request.session.session_key
    rows = list(UserSession.objects.filter(user_id=user_of(request).pk).order_by("-last_seen_at"))
    lasting = Session.objects.filter(pk__in=[row.session_key for row in rows], expire_date__gt=timezone.now())
    keys = set(lasting.values_list("pk", flat=True))
    devices = [_device(row, here) for row in rows if row.session_key in keys]
    return sorted(devices, key=lambda device: not device.here)


def end_others(request: HttpRequest) -> int:
    """How many there were that still went on."""
    going_on = {device.id for device in of(request) if not device.here}
    others = UserSession.objects.filter(user_id=user_of(request).pk)
    for row in others.exclude(session_key=request.session.session_key):
        if row.pk in going_on:
            _end(request, row)
        else:
            row.delete()
    return len(going_on)


def name_of(user_agent: str) -> str:
    """ "Firefox on Linux" """
    browser = next((name for sign, name in BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in SYSTEMS if re.search(sign, user_agent)), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or str(UNKNOWN)


def _device(row: UserSession, here: str | None) -> Device:
    name = name_of(row.user_agent)
    return Device(row.pk, name, str(row.ip), row.created_at, row.last_seen_at, row.session_key == here)


def _end(request: HttpRequest, row: UserSession) -> None:
    audit.record_of(user_of(request), "session.end", actor=actor_of(request), details=str(row.ip), target=row)
    row.end()
