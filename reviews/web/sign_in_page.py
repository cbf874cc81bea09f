"""The sign-in page, as several ways in show it."""

import math

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from reviews.web.http import render
from reviews.workflow.throttling import TooMany

WRONG = gettext_lazy(
    "User name and password do not match. Check both, or ask an admin of your organization for a sign-in link."
)
NOT_LET_IN = gettext_lazy(
    "%(provider)s did not let you in. Try again, or sign in another way; if it goes on, tell an admin."
)


def show(
    request: HttpRequest, *, error: str = "", username: str = "", following: str = "", status: int = 200
) -> HttpResponse:
    """The form, and the provider of OpenID Connect where there is one."""
    context = {
        "error": error,
        "username": username,
        "next": following,
        "openid": settings.OIDC_NAME if settings.SOCIALACCOUNT_PROVIDERS else "",
    }
    return render(request, "reviews/sign_in.html", context, status=status)


def refused(request: HttpRequest, *, status: int = 422, by_provider: bool = False) -> HttpResponse:
    """The same words whatever the reason is."""
    words = str(NOT_LET_IN) % {"provider": settings.OIDC_NAME} if by_provider else str(WRONG)
    return show(request, error=words, status=status)


def unknown_to_us(request: HttpRequest, email: str) -> HttpResponse:
    """The provider knows her, and GradeBench does not."""
    if email:
        words = _("Nobody here has the address %(email)s. Ask an admin of your organization for an invitation to it.")
    else:
        words = _("%(provider)s vouches for no address of yours. Sign in another way, or ask an admin.")
    return show(request, error=words % {"email": email, "provider": settings.OIDC_NAME}, status=403)


def too_often(error: TooMany) -> str:
    """The sentence for who has to wait."""
    minutes = math.ceil(error.retry_after / 60)
    return ngettext(
        "That was tried too often. Try again in %(minutes)s minute.",
        "That was tried too often. Try again in %(minutes)s minutes.",
        minutes,
    ) % {"minutes": minutes}


def waiting(response: HttpResponse, error: TooMany) -> HttpResponse:
    """The same answer, which says for how long."""
    response["Retry-After"] = str(error.retry_after)
    return response
