"""Where she is signed in, and signing out elsewhere."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from reviews.models import AuditEvent, User
from reviews.web.devices import name_of
from tests import factories

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile Safari/604.1"
EDGE = f"{CHROME} Edg/140.0"


@pytest.fixture
def mira() -> User:
    return factories.member(factories.organization(), username="mira", password=PASSWORD).user


def _signed_in(name: str = "mira", agent: str = FIREFOX, address: str = "192.0.2.1") -> Client:
    client = Client(headers={"user-agent": agent}, REMOTE_ADDR=address)
    assert client.post("/sign-in", {"username": name, "password": PASSWORD}).status_code == 302
    return client


def test_it_lists_her_sessions_this_one_first(mira: User) -> None:
    here = _signed_in()
    _signed_in(agent=CHROME, address="2001:db8::1")
    devices = here.get("/you/sessions").context["devices"]
    assert [(device.name, device.address, device.here) for device in devices] == [
        ("Firefox on Linux", "192.0.2.1", True),
        ("Chrome on Windows", "2001:db8::1", False),
    ]


def test_it_ends_one(mira: User) -> None:
    here, there = _signed_in(), _signed_in(agent=CHROME, address="192.0.2.9")
    other = here.get("/you/sessions").context["devices"][1]
    assert here.post(f"/you/sessions/{other.id}/end")["Location"] == "/you/sessions"
    assert there.get("/").status_code == 302
    assert here.get("/").status_code == 200
    assert AuditEvent.objects.get(action="session.end").details == "192.0.2.9"


def test_ending_this_one_signs_out(mira: User) -> None:
    here = _signed_in()
    row = UserSession.objects.get()
    assert here.post(f"/you/sessions/{row.pk}/end")["Location"] == "/sign-in"
    assert here.get("/").status_code == 302


def test_it_ends_all_others(mira: User) -> None:
    here, *others = [_signed_in() for _ in range(3)]
    assert here.post("/you/sessions/end-others").status_code == 303
    assert [client.get("/").status_code for client in others] == [302, 302]
    assert here.get("/").status_code == 200


def test_those_of_others_are_not_there(mira: User) -> None:
    factories.member(factories.organization(), username="nadia", password=PASSWORD)
    here, nadia = _signed_in(), _signed_in("nadia")
    theirs = UserSession.objects.get(user__username="nadia")
    assert here.post(f"/you/sessions/{theirs.pk}/end").status_code == 404
    here.post("/you/sessions/end-others")
    assert nadia.get("/").status_code == 200


def test_what_is_over_is_not_shown_and_looking_writes_nothing(mira: User) -> None:
    here = _signed_in()
    _signed_in(agent=CHROME)
    gone = UserSession.objects.latest("pk")
    Session.objects.filter(pk=gone.session_key).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert len(here.get("/you/sessions").context["devices"]) == 1
    assert UserSession.objects.count() == 2


def test_it_notes_when_she_was_last_seen_to_some_minutes(mira: User) -> None:
    here = _signed_in()
    seen = UserSession.objects.get().last_seen_at
    here.get("/")
    assert UserSession.objects.get().last_seen_at == seen
    Session.objects.update(expire_date=timezone.now() + timedelta(hours=11))
    here.get("/", REMOTE_ADDR="192.0.2.77")
    row = UserSession.objects.get()
    assert row.last_seen_at > seen
    assert row.ip == "192.0.2.77"


def test_a_session_of_before_is_taken_into_the_list(mira: User) -> None:
    client = Client()
    client.force_login(mira)
    Session.objects.update(expire_date=timezone.now() + timedelta(hours=11))
    client.get("/")
    assert UserSession.objects.get().session_key == client.session.session_key


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (CHROME, "Chrome on Windows"),
        (EDGE, "Edge on Windows"),
        (SAFARI, "Safari on iOS"),
        ("curl/8.5", "Unknown device"),
        ("", "Unknown device"),
    ],
)
def test_it_names_a_device(agent: str, name: str) -> None:
    assert name_of(agent) == name
