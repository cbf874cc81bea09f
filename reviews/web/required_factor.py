"""Who must have a second factor and has none adds one before anything else (GRADEBENCH_REQUIRE_SECOND_FACTOR)."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from reviews.models import User
from reviews.workflow import second_factors

KEY = "wants_second_factor"
# What she needs for adding one, and the way out.
OPEN = {
    "you",
    "you_details",
    "account_reauthenticate",
    "app_add",
    "key_add",
    "recovery_codes",
    "you_password",
    "sign_out",
}


def look(request: HttpRequest, user: User) -> None:
    """Note in her session whether she has to add one: no page asks the database for it."""
    rule = settings.REQUIRE_SECOND_FACTOR
    if second_factors.must_have_one(user, rule) and not second_factors.has_one(user):
        request.session[KEY] = True
    else:
        request.session.pop(KEY, None)


class RequiredFactor:
    """Middleware: leads to the page that adds one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """A redirect, or None where she may go on."""
        if not getattr(view, "login_required", True) or not request.session.get(KEY):
            return None
        if request.resolver_match is not None and request.resolver_match.url_name in OPEN:
            return None
        return redirect("you")
