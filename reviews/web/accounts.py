"""Signing in and out."""

from django.contrib.auth import login, logout
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from reviews.access import user_of
from reviews.web.http import render
from reviews.web.zones import remember_zone
from reviews.workflow import accounts, audit
from reviews.workflow.audit import Actor

BACKEND = "django.contrib.auth.backends.ModelBackend"
WRONG = gettext_lazy(
    "User name and password do not match. Check both, or ask an admin of your organization for a sign-in link."
)


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The form; a POST signs in and goes where the visitor wanted to go."""
    if request.user.is_authenticated and request.method == "GET":
        return redirect("queues")
    following = request.POST.get("next", request.GET.get("next", ""))
    context = {"error": "", "username": request.POST.get("username", ""), "next": following}
    if request.method == "GET":
        return render(request, "reviews/sign_in.html", context)
    form = AuthenticationForm(request, data=request.POST)
    if not form.is_valid():
        return render(request, "reviews/sign_in.html", {**context, "error": str(WRONG)}, status=422)
    user = form.get_user()
    login(request, user)
    remember_zone(user_of(request), request.POST.get("time_zone", ""))
    audit.record("sign_in", user, organization=None, actor=_from(request))
    here = url_has_allowed_host_and_scheme(following, {request.get_host()}, require_https=request.is_secure())
    return redirect(following if following and here else "queues")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    if request.user.is_authenticated:
        audit.record("sign_out", user_of(request), organization=None, actor=_from(request))
    logout(request)
    return redirect("sign_in")


@never_cache
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest, secret: str) -> HttpResponse:
    """A one-time sign-in link: a page with a button, because mail programs and chats open links by themselves."""
    if request.method == "GET":
        known = accounts.sign_in_link_user(secret)
        context = {"usable": known is not None, "username": known.get_username() if known else ""}
        return render(request, "reviews/welcome.html", context, status=200 if known else 410)
    user = accounts.use_sign_in_link(secret, address=request.META.get("REMOTE_ADDR"))
    if user is None:
        return render(request, "reviews/welcome.html", {"usable": False, "username": ""}, status=410)
    login(request, user, backend=BACKEND)
    remember_zone(user, request.POST.get("time_zone", ""))
    return redirect("queues")


def _from(request: HttpRequest) -> Actor:
    return Actor(user=user_of(request), address=request.META.get("REMOTE_ADDR"))
