"""A session lasts for twelve hours after the last request. It is prolonged, and the moment noted, once in some minutes:
a write for every request would cost more than it tells.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from gradebench.addresses import address_of

log = logging.getLogger(__name__)
STEP = timedelta(minutes=5)
# A page that was left open asks for these by itself.
BY_ITSELF = {"review_claim", "sync_live"}


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Prolong the session of whoever is there."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if _is_due(request):
            try:
                _prolong(request, response)
            except OperationalError:
                # Where nothing can be written, a full disk say, reading goes on.
                log.warning("A session could not be prolonged.", exc_info=True)
        return response

    return respond


def _is_due(request: HttpRequest) -> bool:
    """Whether a signed-in person asked for a page, some minutes after her session was last written."""
    ends = getattr(request.session, "expires_at", None)
    if ends is None or request.session.modified:
        return False
    match = request.resolver_match
    if match is not None and match.url_name in BY_ITSELF:
        return False
    life = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return timezone.now() + life - ends > STEP and request.user.is_authenticated


def _prolong(request: HttpRequest, response: HttpResponse) -> None:
    """By the row, not through the session: what others write into it meanwhile stays."""
    key, now = request.session.session_key, timezone.now()
    ends = now + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    if not Session.objects.filter(session_key=key).update(expire_date=ends):
        return
    seen = UserSession.objects.filter(session_key=key)
    if not seen.update(last_seen_at=now, **({"ip": address} if (address := address_of(request)) else {})):
        UserSession.objects.create_from_request(request)
    response.set_cookie(
        settings.SESSION_COOKIE_NAME,
        key or "",
        max_age=settings.SESSION_COOKIE_AGE,
        domain=settings.SESSION_COOKIE_DOMAIN,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=settings.SESSION_COOKIE_HTTPONLY,
        samesite="Lax",
    )
