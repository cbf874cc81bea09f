"""The door: how often one may try, what is told of unknown names, what a session is, and who is let in without one."""

from collections.abc import Callable
from datetime import timedelta
from http.cookies import Morsel
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.sessions.models import Session
from django.test import Client, override_settings
from django.utils import timezone
from django.views import View

from reviews.models import AuditEvent, SignInAttempt, User
from reviews.web.urls import urlpatterns
from reviews.workflow import throttling
from tests import factories
from tests.web.scene import scene

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
SECURE = {
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "SESSION_COOKIE_NAME": "__Host-sessionid",
    "CSRF_COOKIE_NAME": "__Host-csrftoken",
}


@pytest.fixture
def mira() -> User:
    return factories.member(factories.organization(), username="mira", password=PASSWORD).user


def _try(client: Client, password: str = PASSWORD, name: str = "mira", **headers: str) -> Any:
    return client.post("/sign-in", {"username": name, "password": password}, **headers)  # type: ignore[arg-type]


# Throttling ------------------------------------------------------------------------------------------------------


def test_it_refuses_the_eleventh_try_with_a_sentence_and_says_when_to_come_again(mira: User) -> None:
    client = Client()
    assert [_try(client, "no").status_code for _ in range(10)] == [422] * 10
    refused = _try(client)
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 15 * 60
    assert "Try again in" in refused.content.decode()
    assert _try(client).status_code == 429
    assert AuditEvent.objects.filter(action="sign_in.throttled").count() == 1
    assert AuditEvent.objects.filter(action="sign_in.failed", target_id=str(mira.pk)).count() == 10


def test_it_lets_her_in_after_nine_failures_and_counts_from_nothing_then(mira: User) -> None:
    client = Client()
    for _ in range(9):
        _try(client, "no")
    assert _try(client).status_code == 302
    assert not SignInAttempt.objects.exists()


def test_it_locks_nobody_out_for_longer_than_the_window(mira: User) -> None:
    client = Client()
    for _ in range(14):
        _try(client, "no")
    SignInAttempt.objects.update(at=timezone.now() - throttling.WINDOW)
    assert _try(client).status_code == 302


def test_it_counts_by_account_and_address(mira: User) -> None:
    client = Client()
    for _ in range(11):
        _try(client, "no")
    assert _try(client, "no", name="MIRA").status_code == 429
    assert _try(client, "no", name="nadia").status_code == 422
    assert _try(client, REMOTE_ADDR="192.0.2.7").status_code == 302


def test_many_addresses_of_one_network_are_one(mira: User) -> None:
    for number in range(10):
        _try(Client(), "no", REMOTE_ADDR=f"2001:db8::{number}")
    assert _try(Client(), REMOTE_ADDR="2001:db8::ffff").status_code == 429


def test_it_takes_no_address_from_whoever_is_no_proxy(mira: User) -> None:
    for number in range(10):
        _try(Client(), "no", HTTP_X_FORWARDED_FOR=f"192.0.2.{number}")
    assert _try(Client(), HTTP_X_FORWARDED_FOR="192.0.2.99").status_code == 429


# Unknown names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mira", "nobody", "left", "invited", "\0", "x" * 300])
def test_a_failure_says_the_same_and_hashes_once_whoever_it_is(
    mira: User, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    hashed = []
    encode = MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    left = factories.member(factories.organization(), username="left", password=PASSWORD).user
    User.objects.filter(pk=left.pk).update(is_active=False)
    factories.member(factories.organization(), username="invited")
    known = _try(Client(), "no")
    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    answer = _try(Client(), "no", name=name)
    assert answer.status_code == 422
    assert answer.context["error"] == known.context["error"]
    # What cannot be a name is refused before anything is looked up.
    assert len(hashed) == (0 if name == "\0" else 1)


def test_who_left_is_not_let_in_with_the_right_password(mira: User) -> None:
    User.objects.update(is_active=False)
    assert _try(Client()).status_code == 422


# Sessions --------------------------------------------------------------------------------------------------------


def test_signing_in_gives_a_new_session_key_and_the_old_one_opens_nothing(mira: User) -> None:
    client = Client()
    client.get("/sign-in")
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["sessionid"] = planted = session.session_key or ""
    _try(client)
    assert client.cookies["sessionid"].value != planted
    other = Client()
    other.cookies["sessionid"] = planted
    assert other.get("/").status_code == 302


def _leave(client: Client) -> None:
    client.post("/sign-out")


def _forbid(client: Client) -> None:
    User.objects.update(is_active=False)


def _change(client: Client) -> None:
    user = User.objects.get()
    user.set_password("another battery staple")
    user.save()


def test_somebody_else_signs_in_where_she_is_still_signed_in(mira: User) -> None:
    nadia = factories.member(factories.organization(), username="nadia", password=PASSWORD).user
    client = Client()
    _try(client)
    before = client.cookies["sessionid"].value
    _try(client, name="nadia")
    assert client.get("/you").context["user"] == nadia
    assert AuditEvent.objects.get(action="sign_in", user=nadia).details == "password"
    client.cookies["sessionid"] = before
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("end", [_leave, _forbid, _change])
def test_a_session_ends_at_the_next_request(mira: User, end: Callable[[Client], None]) -> None:
    client = Client()
    _try(client)
    key = client.cookies["sessionid"].value
    assert client.get("/").status_code == 200
    end(client)
    thief = Client()
    thief.cookies["sessionid"] = key
    assert thief.get("/").status_code == 302


def test_a_session_ends_after_twelve_hours_without_a_request(mira: User) -> None:
    client = Client()
    _try(client)
    ends = Session.objects.get().expire_date
    assert timedelta(hours=11, minutes=59) < ends - timezone.now() <= timedelta(hours=12)
    Session.objects.update(expire_date=timezone.now())
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(("minutes", "prolonged"), [(1, False), (30, True)])
def test_a_request_prolongs_it_once_in_some_minutes(mira: User, minutes: int, prolonged: bool) -> None:
    client = Client()
    _try(client)
    earlier = timezone.now() + timedelta(hours=12, minutes=-minutes)
    Session.objects.update(expire_date=earlier)
    answer = client.get("/")
    assert (Session.objects.get().expire_date > earlier) == prolonged
    assert ("sessionid" in answer.cookies) == prolonged


def test_a_page_that_asks_by_itself_prolongs_nothing(mira: User) -> None:
    client = Client()
    _try(client)
    earlier = timezone.now() + timedelta(hours=1)
    Session.objects.update(expire_date=earlier)
    client.get("/sync/live")
    assert Session.objects.get().expire_date == earlier


def _flags(cookie: "Morsel[str]") -> tuple[object, ...]:
    return cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]


def test_behind_tls_the_cookies_belong_to_this_host_and_to_no_script(mira: User) -> None:
    with override_settings(**SECURE):
        client = Client()
        client.get("/sign-in", secure=True)
        client.post("/sign-in", {"username": "mira", "password": PASSWORD}, secure=True)
    for name in ("__Host-sessionid", "__Host-csrftoken"):
        assert _flags(client.cookies[name]) == (True, True, "Lax", "/", ""), name


def test_a_form_of_another_site_signs_nobody_in_or_out(mira: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert _try(client).status_code == 403
    client.force_login(mira)
    assert client.post("/sign-out").status_code == 403
    assert client.get("/").status_code == 200


def test_no_site_may_frame_the_page() -> None:
    answer = Client().get("/sign-in")
    assert answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


# Default deny ----------------------------------------------------------------------------------------------------

OPEN = {
    "sign_in",
    "account_login",
    "mfa_authenticate",
    "openid_start",
    "openid_connect_callback",
    "sign_out",
    "welcome",
    "healthz",
    "metrics",
    "readyz",
    "scripts",
}
# They answer 401 themselves: a script asks for them, which would follow a redirect.
ASKED_BY_SCRIPTS = {"job_live", "queue_prefetch", "review_claim", "review_draft", "sync_live"}


def test_without_a_session_only_these_pages_answer() -> None:
    open_to_all = {pattern.name for pattern in urlpatterns if not getattr(pattern.callback, "login_required", True)}
    assert open_to_all == OPEN | ASKED_BY_SCRIPTS


def test_a_view_that_says_nothing_is_closed() -> None:
    made = scene()
    assert getattr(View.as_view(), "login_required", True)
    answer = Client().get(f"/queues/{made.queue.pk}/done")
    assert answer["Location"].startswith("/sign-in?next=/queues/")


def test_a_request_of_the_api_reads_no_session() -> None:
    assert "Cookie" not in Client().get("/api/v1/completions/ungraded").get("Vary", "")


def test_signing_in_takes_no_more_questions_than_needed(mira: User, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(24):
        assert _try(Client()).status_code == 302
