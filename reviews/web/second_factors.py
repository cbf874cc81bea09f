"""Adding and removing second factors: an app that shows codes, security keys, and codes to print."""

import base64
import json
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal import flows as recovery_flows
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal import flows as totp_flows
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.internal import flows as webauthn_flows
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from reviews.access import user_of
from reviews.web import required_factor, sign_in_page
from reviews.web.http import actor_of, go_to, render
from reviews.web.second_step import GARBLED, UNREADABLE, WRONG_CODE, confirmed
from reviews.workflow import audit, throttling
from reviews.workflow.sealing import SealBroken

NOT_ADDED = gettext_lazy("The key was not added: its answer did not fit, or it took too long. Try again.")
LONGEST_NAME = 60


@confirmed
@require_http_methods(["GET", "POST"])
def app_add(request: HttpRequest) -> HttpResponse:
    """An authenticator app: a picture to scan, and a code to show that it worked."""
    user = user_of(request)
    if Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).exists():
        return redirect("you")
    if request.method == "GET":
        return _app_page(request, ActivateTOTPForm(user=user))
    key = throttling.key_of("second_step", str(user.pk))
    form = ActivateTOTPForm(user=user, data=request.POST)
    try:
        throttling.attempt(key)
    except throttling.TooMany as error:
        page = _app_page(request, form, error=sign_in_page.too_often(error), status=429)
        return sign_in_page.waiting(page, error)
    if not form.is_valid():
        return _app_page(request, form, error=str(WRONG_CODE), status=422)
    throttling.succeeded(key)
    _row, codes = totp_flows.activate_totp(request, form)
    return _added(request, "app", codes)


@confirmed
@require_http_methods(["GET", "POST"])
def key_add(request: HttpRequest) -> HttpResponse:
    """A security key, or what a phone or a computer has of one."""
    user = user_of(request)
    if request.method == "GET":
        return _key_page(request)
    form = AddWebAuthnForm(user=user, data=request.POST)
    try:
        fits = form.is_valid()
    except GARBLED:
        fits = False
    if not fits:
        return _key_page(request, error=str(NOT_ADDED), status=422)
    name = form.cleaned_data["name"][:LONGEST_NAME]
    _row, codes = webauthn_flows.add_authenticator(request, name, form.cleaned_data["credential"])
    return _added(request, "key", codes)


@confirmed
@require_POST
def app_remove(request: HttpRequest) -> HttpResponse:
    """Codes of the app are asked for no longer."""
    row = _found(request, type=Authenticator.Type.TOTP)
    totp_flows.deactivate_totp(request, row)
    return _removed(request, "app")


@confirmed
@require_POST
def key_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """The key opens nothing any more."""
    row = _found(request, type=Authenticator.Type.WEBAUTHN, pk=pk)
    webauthn_flows.remove_authenticator(request, row)
    return _removed(request, "key")


@confirmed
@require_http_methods(["GET", "POST"])
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """The codes that are left; a POST makes ten new ones, and the old ones are void."""
    user = user_of(request)
    if request.method == "POST":
        if not recovery_flows.can_generate_recovery_codes(user):
            raise Http404
        recovery_flows.generate_recovery_codes(request)
        audit.record_of(user, "second_factor.add", actor=actor_of(request), details="recovery_codes")
        return go_to(request, "recovery_codes")
    row = _found(request, type=Authenticator.Type.RECOVERY_CODES)
    try:
        codes, error = row.wrap().get_unused_codes(), ""
    except SealBroken:
        codes, error = [], str(UNREADABLE)
    return render(request, "reviews/recovery_codes.html", {"codes": codes, "error": error})


def _app_page(request: HttpRequest, form: ActivateTOTPForm, *, error: str = "", status: int = 200) -> HttpResponse:
    adapter = get_adapter()
    url = adapter.build_totp_url(user_of(request), form.secret)
    picture = base64.b64encode(adapter.build_totp_svg(url).encode()).decode()
    context = {
        "error": error,
        "picture": f"data:image/svg+xml;base64,{picture}",
        "secret": " ".join(form.secret[at : at + 4] for at in range(0, len(form.secret), 4)),
    }
    return render(request, "reviews/app_add.html", context, status=status)


def _key_page(request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    user = user_of(request)
    context = {
        "error": error,
        "options": json.dumps(auth.begin_registration(user, passwordless=False)),
        "name": _("Key %(number)s") % {"number": len(auth.get_credentials(user)) + 1},
        # A security key is bound to a name; browsers refuse it for an address made of numbers.
        "by_number": request.get_host().partition(":")[0].replace(".", "").isdigit(),
        "by_name": f"{request.scheme}://localhost:{request.get_port()}",
    }
    return render(request, "reviews/key_add.html", context, status=status)


def _added(request: HttpRequest, what: str, codes: Authenticator | None) -> HttpResponse:
    user = user_of(request)
    audit.record_of(user, "second_factor.add", actor=actor_of(request), details=what)
    required_factor.look(request, user)
    messages.success(request, _("Added. From the next sign-in on you are asked for it."))
    return go_to(request, "recovery_codes" if codes else "you")


def _removed(request: HttpRequest, what: str) -> HttpResponse:
    user = user_of(request)
    audit.record_of(user, "second_factor.remove", actor=actor_of(request), details=what)
    required_factor.look(request, user)
    messages.success(request, _("Removed."))
    return go_to(request, "you")


def _found(request: HttpRequest, **which: Any) -> Authenticator:
    row = Authenticator.objects.filter(user_id=user_of(request).pk, **which).first()
    if row is None:
        raise Http404
    return row
