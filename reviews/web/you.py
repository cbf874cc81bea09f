"""What she says of herself and how she signs in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reviews.access import user_of
from reviews.models import User
from reviews.web import devices
from reviews.web.engine import proved_lately
from reviews.web.http import actor_of, go_to, render
from reviews.web.required_factor import KEY
from reviews.web.second_step import confirmed, try_password
from reviews.workflow import accounts, second_factors
from reviews.workflow.sealing import SealBroken


class Details(forms.ModelForm):  # type: ignore[type-arg] # Django has no such type at run time
    """What others see of her, and her zone."""

    class Meta:
        model = User
        fields = ("first_name", "last_name", "time_zone")

    def clean_time_zone(self) -> str:
        zone = str(self.cleaned_data["time_zone"])
        if zone and zone not in available_timezones():
            raise forms.ValidationError(_("There is no zone of that name. Choose one from the list."))
        return zone


@dataclass(frozen=True, slots=True)
class Factor:
    """One of her second factors. `key_id` is None for the app."""

    name: str
    key_id: int | None
    since: datetime
    used: datetime | None


@login_required
@never_cache
@require_GET
def you(request: HttpRequest) -> HttpResponse:
    """The page."""
    return _show(request, Details(instance=user_of(request)))


@login_required
@require_POST
def you_details(request: HttpRequest) -> HttpResponse:
    """Change name and zone."""
    user = User.objects.get(pk=user_of(request).pk)
    form = Details(request.POST, instance=user)
    if not form.is_valid():
        return _show(request, form, status=422)
    user.save(update_fields=list(form.changed_data) or ["time_zone"])
    messages.success(request, _("Saved."))
    return go_to(request, "you")


@login_required
@sensitive_post_parameters("password", "new_password1", "new_password2")
@never_cache
@require_http_methods(["GET", "POST"])
def you_password(request: HttpRequest) -> HttpResponse:
    """Change her password; who has none, because she came by a link or a provider, sets one right after that."""
    has_one = user_of(request).has_usable_password()
    return _password(request, wrong="") if has_one else _first_password(request)


@confirmed
def _first_password(request: HttpRequest) -> HttpResponse:
    return _password(request, wrong="")


def _password(request: HttpRequest, *, wrong: str) -> HttpResponse:
    user = User.objects.get(pk=user_of(request).pk)
    form = SetPasswordForm(user, request.POST or None)
    status, retry_after, has_one = 200, 0, user.has_usable_password()
    if request.method == "POST":
        if has_one:
            wrong, retry_after = try_password(request, user)
        if form.is_valid() and not wrong:
            return _change(request, user, form.cleaned_data["new_password1"])
        status = 429 if retry_after else 422
    context = {"form": form, "wrong": wrong, "has_one": has_one}
    response = render(request, "reviews/you_password.html", context, status=status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def _change(request: HttpRequest, user: User, password: str) -> HttpResponse:
    """Hers from now on, and this is the one session that goes on."""
    before = request.session.session_key
    accounts.set_password(user, password, actor=actor_of(request))
    update_session_auth_hash(request, user)
    UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)
    devices.end_others(request)
    record_authentication(request, user, method="password", reauthenticated=True)
    messages.success(request, _("Your password is changed. Everywhere else you are signed out."))
    return go_to(request, "you")


def _show(request: HttpRequest, form: Details, *, status: int = 200) -> HttpResponse:
    user = user_of(request)
    rows = list(Authenticator.objects.filter(user_id=user.pk).order_by("pk"))
    context: dict[str, Any] = {
        "form": form,
        "zones": sorted(available_timezones()),
        "site_zone": settings.TIME_ZONE,
        "factors": [_factor(row) for row in rows if row.type in second_factors.KINDS],
        "has_app": any(row.type == Authenticator.Type.TOTP for row in rows),
        "codes": _codes_left(rows),
        "sessions": len(devices.of(request)),
        "must_add": request.session.get(KEY, False),
        "confirmed": proved_lately(request),
    }
    return render(request, "reviews/you.html", context, status=status)


def _factor(row: Authenticator) -> Factor:
    if row.type == Authenticator.Type.TOTP:
        return Factor(_("Authenticator app"), None, row.created_at, row.last_used_at)
    return Factor(str(row.data.get("name", "")), row.pk, row.created_at, row.last_used_at)


def _codes_left(rows: list[Authenticator]) -> int | None:
    """How many recovery codes are left; None where she has none, or they cannot be read."""
    for row in rows:
        if row.type == Authenticator.Type.RECOVERY_CODES:
            try:
                return len(row.wrap().get_unused_codes())
            except SealBroken:
                return None
    return None
