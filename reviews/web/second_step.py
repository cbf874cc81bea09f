"""The second step of signing in, and confirming later that it is still she."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.stages import LoginStageController
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm, ReauthenticateWebAuthnForm
from allauth.mfa.webauthn.internal import auth
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from gradebench.addresses import address_of
from reviews.access import user_of
from reviews.models import User
from reviews.web import sign_in_page
from reviews.web.accounts import note_failure
from reviews.web.engine import proved_lately
from reviews.web.http import render
from reviews.workflow import throttling
from reviews.workflow.sealing import SealBroken

log = logging.getLogger(__name__)
WRONG_CODE = gettext_lazy(
    "That code does not fit. One of an app lasts half a minute, and each works once: wait for the next one."
)
WRONG_KEY = gettext_lazy("That was not one of your security keys, or it took too long. Try again, or use a code.")
UNREADABLE = gettext_lazy(
    "GradeBench cannot read its own part of your second factor: the key that sealed it is missing. Tell whoever runs "
    "GradeBench; nothing of yours is lost."
)
WRONG_PASSWORD = gettext_lazy("That is not your password.")
# What the libraries raise over an answer of a security key that is no such answer.
GARBLED = (ValueError, TypeError, KeyError, AttributeError, IndexError)

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Ways:
    """How she may show that it is she. `options` are what her browser asks a security key."""

    password: bool
    code: bool
    app: bool
    options: str


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """A code or a security key, after the password was right; nothing for who did not come that far."""
    stage = LoginStageController.enter(request, AuthenticateStage.key)
    if request.user.is_authenticated:
        return redirect("queues")
    user = stage.login.user if stage else None
    if user is None or not user.is_active:
        return redirect("sign_in")
    form, said, retry_after = None, "", 0
    if request.method == "POST":
        posted = AuthenticateForm if "code" in request.POST else AuthenticateWebAuthnForm
        form, said, retry_after = _try(request, user, posted)
    if form is None:
        return _show(request, "reviews/second_step.html", ways_of(user, password=False), said, retry_after)
    form.save()
    response: HttpResponse = stage.exit()
    return response


@login_required
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Before she changes how she signs in: her password, a code, or a security key."""
    user, said, retry_after = user_of(request), "", 0
    if request.method == "POST":
        if "password" in request.POST:
            said, retry_after = try_password(request, user)
            if not said:
                record_authentication(request, user, method="password", reauthenticated=True)
        else:
            posted = ReauthenticateForm if "code" in request.POST else ReauthenticateWebAuthnForm
            form, said, retry_after = _try(request, user, posted)
            if form is not None:
                form.save()
        if not said:
            return _on(request)
    return _show(request, "reviews/confirm.html", ways_of(user, password=True), said, retry_after)


def confirmed(view: View) -> View:
    """A view for who showed within the last minutes that it is she; others are asked first."""

    @login_required
    @never_cache
    @wraps(view)
    def ask_first(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if proved_lately(request):
            return view(request, *args, **kwargs)
        back = request.path if request.method == "GET" else "/you"
        response = redirect("account_reauthenticate")
        response["Location"] += f"?{urlencode({'next': back})}"
        return response

    return ask_first


def try_password(request: HttpRequest, user: User) -> tuple[str, int]:
    """What is wrong with the password she posted, "" if nothing; and how long she has to wait, if she has to."""
    key = throttling.key_of("password", user.get_username(), address_of(request))
    try:
        throttling.attempt(key)
    except throttling.TooMany as error:
        return _told(request, user, error), error.retry_after
    if not user.check_password(request.POST.get("password", "")):
        note_failure(request, user.get_username(), user=user)
        return str(WRONG_PASSWORD), 0
    throttling.succeeded(key)
    return "", 0


def ways_of(user: User, *, password: bool) -> Ways:
    """The ways she has."""
    types = set(Authenticator.objects.filter(user_id=user.pk).values_list("type", flat=True))
    kinds = Authenticator.Type
    return Ways(
        password=password and user.has_usable_password(),
        code=bool(types & {kinds.TOTP, kinds.RECOVERY_CODES}),
        app=kinds.TOTP in types,
        options=json.dumps(auth.begin_authentication(user)) if kinds.WEBAUTHN in types else "",
    )


def _try(request: HttpRequest, user: User, form_class: type[Any]) -> tuple[Any, str, int]:
    """The form when what was posted fits; else what to say, and how long she has to wait, if she has to.

    Counted by account alone: whoever comes this far has the password, and may come from anywhere.
    """
    key = throttling.key_of("second_step", str(user.pk))
    try:
        throttling.attempt(key)
    except throttling.TooMany as error:
        return None, _told(request, user, error), error.retry_after
    form = form_class(user=user, data=request.POST)
    try:
        fits = form.is_valid()
    except SealBroken:
        log.exception("The second factor of user %s cannot be read.", user.pk)
        return None, str(UNREADABLE), 0
    except GARBLED:
        fits = False
    if fits:
        throttling.succeeded(key)
        return form, "", 0
    note_failure(request, user.get_username(), action="second_factor.failed", user=user)
    return None, str(WRONG_CODE if "code" in request.POST else WRONG_KEY), 0


def _told(request: HttpRequest, user: User, error: throttling.TooMany) -> str:
    """The sentence for who has to wait; the audit hears of it once."""
    if error.first:
        note_failure(request, user.get_username(), action="sign_in.throttled", user=user)
    return sign_in_page.too_often(error)


def _show(request: HttpRequest, template: str, ways: Ways, said: str, retry_after: int) -> HttpResponse:
    status = 429 if retry_after else 422 if said else 200
    context = {"ways": ways, "error": said, "next": request.POST.get("next", request.GET.get("next", ""))}
    response = render(request, template, context, status=status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def _on(request: HttpRequest) -> HttpResponse:
    following = request.POST.get("next", "")
    here = url_has_allowed_host_and_scheme(following, {request.get_host()}, require_https=request.is_secure())
    return redirect(following if following and here else "you")
