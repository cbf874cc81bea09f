"""Signing in and out."""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.usersessions.models import UserSession
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from gradebench.addresses import address_of
from reviews.access import user_of
from reviews.models import SignInLink, User
from reviews.web import sign_in_page
from reviews.web.engine import ZONE_KEY
from reviews.web.http import actor_of, render
from reviews.workflow import accounts, audit, throttling
from reviews.workflow.audit import Actor


@login_not_required
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The form; a POST signs in, or asks for the second step, and goes where the visitor wanted to go."""
    if request.method == "GET":
        if request.user.is_authenticated:
            return redirect("queues")
        return sign_in_page.show(request, following=request.GET.get("next", ""))
    name, following = request.POST.get("username", ""), request.POST.get("next", "")
    key = throttling.key_of("password", name, address_of(request))
    try:
        throttling.attempt(key)
    except throttling.TooMany as error:
        if error.first:
            note_failure(request, name, action="sign_in.throttled")
        words = sign_in_page.too_often(error)
        page = sign_in_page.show(request, error=words, username=name, following=following, status=429)
        return sign_in_page.waiting(page, error)
    form = AuthenticationForm(request, data=request.POST)
    if not form.is_valid():
        note_failure(request, name)
        words = str(sign_in_page.WRONG)
        return sign_in_page.show(request, error=words, username=name, following=following, status=422)
    throttling.succeeded(key)
    return enter(request, form.get_user(), by="password", following=following)


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    if request.user.is_authenticated:
        audit.record_of(user_of(request), "sign_out", actor=actor_of(request))
        UserSession.objects.filter(session_key=request.session.session_key).delete()
    logout(request)
    return redirect("sign_in")


@login_not_required
@sensitive_post_parameters("new_password1", "new_password2")
@never_cache
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest, secret: str) -> HttpResponse:
    """A one-time link: a page with a button, because mail programs and chats open links by themselves; by an
    invitation or a reset she sets a password on it.
    """
    link = accounts.sign_in_link(secret)
    if link is None:
        return _used_up(request)
    form = SetPasswordForm(link.user, request.POST or None) if link.wants_password else None
    if request.method == "GET":
        return _welcome(request, link, form)
    if form is not None and not form.is_valid():
        return _welcome(request, link, form, status=422)
    password = form.cleaned_data["new_password1"] if form else None
    user = accounts.use_sign_in_link(secret, address=address_of(request), password=password)
    return enter(request, user, by="link") if user else _used_up(request)


def enter(request: HttpRequest, user: User, *, by: str, following: str = "") -> HttpResponse:
    """The first step is done: sign her in, or ask for the second. A `following` on another site is not followed."""
    if request.user.is_authenticated and request.user.pk != user.pk:
        logout(request)
    request.session[ZONE_KEY] = request.POST.get("time_zone", "")[:64]
    record_authentication(request, user, by)
    here = url_has_allowed_host_and_scheme(following, {request.get_host()}, require_https=request.is_secure())
    response: HttpResponse = perform_login(request, user, redirect_url=following if following and here else None)
    return response


def note_failure(request: HttpRequest, name: str, *, action: str = "sign_in.failed", user: User | None = None) -> None:
    """For the audit: who could not come in, by the name that was typed."""
    target = user or User.objects.filter(username=name.replace("\0", "")[:150]).first() or User(pk=0)
    audit.record_of(target, action, actor=Actor(address=address_of(request)), details=_printable(name))


def _printable(name: str) -> str:
    """As it may be kept: PostgreSQL has no NUL."""
    return "".join(letter for letter in name if letter.isprintable())[:150]


def _welcome(
    request: HttpRequest, link: SignInLink, form: "SetPasswordForm[User] | None", *, status: int = 200
) -> HttpResponse:
    context = {"usable": True, "username": link.user.get_username(), "purpose": link.purpose, "form": form}
    return render(request, "reviews/welcome.html", context, status=status)


def _used_up(request: HttpRequest) -> HttpResponse:
    return render(request, "reviews/welcome.html", {"usable": False, "username": ""}, status=410)
