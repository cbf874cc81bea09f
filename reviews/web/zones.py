"""The reader's time zone: moments that the server writes, and where her day begins."""

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from reviews.models import User


def zone_of(user: User) -> ZoneInfo:
    """Hers, or the site's where she has none that is known."""
    return _zone(user.time_zone) or _zone(settings.TIME_ZONE) or ZoneInfo("UTC")


def remember_zone(user: User, name: str) -> None:
    """Take over the zone that her browser names, unless she has one already or the name is unknown."""
    if not user.time_zone and len(name) <= 64 and _zone(name):
        User.objects.filter(pk=user.pk, time_zone="").update(time_zone=name)


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Write moments in the zone of whoever is signed in."""

    def respond(request: HttpRequest) -> HttpResponse:
        # Without a session nobody is signed in, and nothing has to be asked.
        user = request.user if settings.SESSION_COOKIE_NAME in request.COOKIES else None
        if isinstance(user, User):
            with timezone.override(zone_of(user)):
                return get_response(request)
        return get_response(request)

    return respond


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
