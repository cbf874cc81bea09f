"""django-allauth as we use it: nobody signs up, mails and messages of its own are off, secrets are sealed, and the
pages it leads to are ours.
"""

import secrets
import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from gradebench.addresses import address_of
from reviews.access import user_of
from reviews.models import User
from reviews.web import required_factor
from reviews.web.sign_in_page import refused, unknown_to_us
from reviews.web.zones import remember_zone
from reviews.workflow import audit, second_factors
from reviews.workflow.audit import Actor

# A server behind a socket in the file system has no peer with an address.
NOWHERE = "0.0.0.0"  # noqa: S104 - it is shown, nothing listens there
ZONE_KEY = "time_zone"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """Accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or NOWHERE

    def is_safe_url(self, url: str) -> bool:
        request = self.request
        return url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Our pages say what happened, in our words."""

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        """Links are handed over; GradeBench writes to nobody."""

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """As above."""

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        return refused(request)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Signing in counts as well as confirming does: whoever came in a moment ago is not asked again."""
        return not proved_lately(self.request)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, str]]:
        return [{"id": "reauthenticate", "description": "", "url": reverse("account_reauthenticate")}]

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """She is in: tell the audit by what, and take over the zone of her browser."""
        by = "+".join(
            str(record.get("type") or record["method"]) for record in get_authentication_records(request, user)
        )
        audit.record_of(user, "sign_in", actor=Actor(user, address=address_of(request)), details=by)
        remember_zone(user, request.session.pop(ZONE_KEY, ""))
        required_factor.look(request, user)
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc] # as above
    """Second factors. What they keep in the database is of no use without our keys."""

    def encrypt(self, text: str) -> str:
        return second_factors.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return second_factors.unseal(encrypted_text)


class OpenIdAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc] # as above
    """OpenID Connect lets people in who are here already, and makes nobody."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Whom the provider means: who came this way before, or the one active user with the address it vouches for.

        From then on it is the provider's id of her that counts. Raises ImmediateHttpResponse with the sign-in page.
        """
        if sociallogin.state.get("process") != "login" or not _agree(sociallogin.account.extra_data):
            raise ImmediateHttpResponse(refused(request, status=403))
        if sociallogin.is_existing:
            return
        verified = [address.email for address in sociallogin.email_addresses if address.verified]
        found = list(User.objects.filter(is_active=True, email__iexact=verified[0])[:2]) if verified else []
        if len(found) != 1:
            name = verified[0] if verified else ""
            _failed(request, f"{settings.OIDC_NAME}: {name or 'unverified'}")
            raise ImmediateHttpResponse(unknown_to_us(request, name))
        account = sociallogin.account
        sociallogin.user = account.user = found[0]
        # What it says of her besides is of no use here.
        account.extra_data = {}
        account.save()
        audit.record_of(found[0], "openid.link", actor=Actor(found[0], address=address_of(request)))

    def on_authentication_error(self, request: HttpRequest, provider: Any, **kwargs: Any) -> None:
        """Raises ImmediateHttpResponse: back to the sign-in page."""
        _failed(request, f"{settings.OIDC_NAME}: {kwargs.get('error', '')}")
        raise ImmediateHttpResponse(refused(request, status=403, by_provider=True))

    def generate_state_param(self, state: dict[str, Any]) -> str:
        return secrets.token_urlsafe(32)


def proved_lately(request: HttpRequest) -> bool:
    """Whether she showed within the last minutes that it is she, by signing in or by confirming."""
    records = get_authentication_records(request, user_of(request))
    return bool(records) and time.time() - records[-1]["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def _agree(said: dict[str, Any]) -> bool:
    """The userinfo must speak of whom the ID token names."""
    ids = {part.get("sub") for part in (said.get("id_token"), said.get("userinfo")) if part}
    return len(ids) == 1 and None not in ids


def _failed(request: HttpRequest, details: str) -> None:
    nobody = User(pk=0)
    audit.record_of(nobody, "sign_in.failed", actor=Actor(address=address_of(request)), details=details)
