"""Signing in by OpenID Connect, where the operator named a provider."""

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect import views
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from requests import RequestException

from reviews.web import sign_in_page
from reviews.web.http import render

# A provider that is down, or that answers otherwise than the standard says.
BROKEN = (RequestException, OAuth2Error, ValueError, KeyError, TypeError)


@login_not_required
@never_cache
@require_POST
def openid_start(request: HttpRequest) -> HttpResponse:
    """On to the provider: by a page, because a form may lead to no other site (the policy's form-action)."""
    if not settings.SOCIALACCOUNT_PROVIDERS:
        raise Http404
    following = request.POST.get("next", "")
    here = url_has_allowed_host_and_scheme(following, {request.get_host()}, require_https=request.is_secure())
    provider = get_adapter().get_provider(request, "oidc")
    try:
        answer = provider.redirect(request, "login", next_url=following if following and here else None)
    except BROKEN:
        return sign_in_page.refused(request, status=503, by_provider=True)
    if "Location" not in answer:
        return sign_in_page.refused(request, status=503, by_provider=True)
    return render(request, "reviews/openid.html", {"name": settings.OIDC_NAME, "url": answer["Location"]})


@login_not_required
@never_cache
@require_GET
def openid_callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """She comes back from it."""
    try:
        response: HttpResponse = views.callback(request, provider_id)
    except BROKEN:
        return sign_in_page.refused(request, status=503, by_provider=True)
    return response
