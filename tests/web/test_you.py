"""What she says of herself, and her password."""

import pytest
from django.test import Client

from reviews.models import AuditEvent, User
from reviews.workflow import accounts
from tests import factories

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
NEW = "another battery staple"
TWICE = {"new_password1": NEW, "new_password2": NEW}


@pytest.fixture
def mira() -> User:
    return factories.member(factories.organization(), username="mira", password=PASSWORD).user


def _signed_in() -> Client:
    client = Client()
    client.post("/sign-in", {"username": "mira", "password": PASSWORD})
    return client


def test_the_menu_leads_there(mira: User) -> None:
    assert b'href="/you"' in _signed_in().get("/").content


def test_she_changes_her_name_and_zone_and_nothing_else(mira: User) -> None:
    posted = {"first_name": "Mira", "last_name": "Sol", "time_zone": "Asia/Tokyo"}
    more = {"username": "root", "email": "x@example.org", "is_superuser": "1", "is_staff": "1", "is_active": ""}
    assert _signed_in().post("/you/details", {**posted, **more}).status_code == 303
    mira.refresh_from_db()
    assert (mira.first_name, mira.last_name, mira.time_zone) == ("Mira", "Sol", "Asia/Tokyo")
    assert (mira.username, mira.email, mira.is_superuser, mira.is_staff) == ("mira", "", False, False)


@pytest.mark.parametrize("posted", [{"time_zone": "Mars/Base"}, {"first_name": "x" * 151}, {"first_name": "a\0b"}])
def test_what_will_not_do_is_refused_and_shown_again(mira: User, posted: dict[str, str]) -> None:
    answer = _signed_in().post("/you/details", posted)
    assert answer.status_code == 422
    assert b'role="alert"' in answer.content
    mira.refresh_from_db()
    assert (mira.first_name, mira.time_zone) == ("", "")


def test_a_new_password_ends_her_other_sessions_and_keeps_this_one(mira: User) -> None:
    here, there = _signed_in(), _signed_in()
    before = here.cookies["sessionid"].value
    assert here.post("/you/password", {"password": PASSWORD, **TWICE}).status_code == 303
    assert here.get("/").status_code == 200
    assert here.cookies["sessionid"].value != before
    assert there.get("/").status_code == 302
    assert [device.here for device in here.get("/you/sessions").context["devices"]] == [True]
    assert AuditEvent.objects.filter(action="password.change", user=mira).count() == 1
    mira.refresh_from_db()
    assert mira.check_password(NEW)


@pytest.mark.parametrize(
    "posted",
    [
        {"password": "no", **TWICE},
        TWICE,
        {"password": PASSWORD, "new_password1": NEW, "new_password2": "other"},
        {"password": PASSWORD, "new_password1": "mira", "new_password2": "mira"},
        {},
    ],
)
def test_it_wants_the_present_one_and_a_good_one(mira: User, posted: dict[str, str]) -> None:
    answer = _signed_in().post("/you/password", posted)
    assert answer.status_code == 422
    assert b'role="alert"' in answer.content
    mira.refresh_from_db()
    assert mira.check_password(PASSWORD)


def test_the_present_one_is_tried_ten_times(mira: User) -> None:
    client = _signed_in()
    wrong = {"password": "no", **TWICE}
    assert {client.post("/you/password", wrong).status_code for _ in range(10)} == {422}
    refused = client.post("/you/password", {"password": PASSWORD, **TWICE})
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert AuditEvent.objects.filter(action="sign_in.failed", target_id=str(mira.pk)).count() == 10
    assert AuditEvent.objects.filter(action="sign_in.throttled").count() == 1


def test_who_came_by_a_link_sets_her_first_password_right_after_it() -> None:
    user = factories.member(factories.organization()).user
    client = Client()
    client.post(f"/welcome/{accounts.create_sign_in_link(user)}")
    assert client.post("/you/password", TWICE).status_code == 303
    user.refresh_from_db()
    assert user.check_password(NEW)


def test_later_she_comes_in_again_first() -> None:
    client = Client()
    client.force_login(factories.member(factories.organization()).user)
    assert client.post("/you/password", TWICE)["Location"] == "/you/confirm?next=%2Fyou"
    assert "sign out and come in again" in client.get("/you/confirm").content.decode()
