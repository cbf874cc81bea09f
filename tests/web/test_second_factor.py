"""Second factors: adding and removing them, and the second step of signing in. Keys are in tests/e2e."""

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.cache import cache
from django.test import Client, override_settings

from reviews.models import AuditEvent, Role, User
from reviews.workflow import accounts, second_factors
from reviews.workflow.accounts import NotYours
from reviews.workflow.audit import Actor
from tests import factories
from tests.totp import code_of

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
STEP = "/sign-in/second-step"
APP = "/you/second-factor/app"
CODES = "/you/second-factor/codes"


@pytest.fixture(autouse=True)
def _no_code_was_used() -> None:
    """The cache is a table that no test empties."""
    cache.clear()


@pytest.fixture
def mira() -> User:
    return factories.member(factories.organization(), username="mira", password=PASSWORD).user


def _first_step(**more: str) -> tuple[Client, Any]:
    client = Client()
    return client, client.post("/sign-in", {"username": "mira", "password": PASSWORD, **more})


def _with_app(mira: User) -> tuple[Client, str]:
    """Signed in, with an app, and the secret of it."""
    client, _ = _first_step()
    secret = client.get(APP).context["secret"]
    answer = client.post(APP, {"code": code_of(secret)})
    assert answer["Location"] == CODES
    return client, secret


def test_an_app_is_added_by_a_code_that_it_shows(mira: User) -> None:
    client, secret = _with_app(mira)
    page = client.get(CODES)
    assert len(page.context["codes"]) == 10
    assert client.get("/you").context["has_app"]
    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret.replace(" ", "") not in kept
    assert AuditEvent.objects.get(action="second_factor.add").details == "app"


def test_a_wrong_code_adds_nothing_and_keeps_the_picture(mira: User) -> None:
    client, _ = _first_step()
    secret = client.get(APP).context["secret"]
    answer = client.post(APP, {"code": "12"})
    assert answer.status_code == 422
    assert answer.context["secret"] == secret
    assert not Authenticator.objects.exists()


def test_the_picture_is_data_and_nothing_is_inline(mira: User) -> None:
    client, _ = _first_step()
    page = client.get(APP).content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    assert " style=" not in page
    assert "<script>" not in page


def test_the_password_alone_opens_nothing_then(mira: User) -> None:
    _, secret = _with_app(mira)
    client, answer = _first_step(next="/sync", time_zone="Asia/Tokyo")
    assert answer["Location"] == STEP
    assert client.get("/").status_code == 302
    before = client.cookies["sessionid"].value
    assert client.post(STEP, {"code": code_of(secret, ahead=1)})["Location"] == "/sync"
    assert client.get("/").status_code == 200
    assert client.cookies["sessionid"].value != before
    assert AuditEvent.objects.filter(action="sign_in").latest("pk").details == "password+totp"
    mira.refresh_from_db()
    assert mira.time_zone == "Asia/Tokyo"


def test_a_code_opens_once(mira: User) -> None:
    _, secret = _with_app(mira)
    code = code_of(secret, ahead=1)
    assert _first_step()[0].post(STEP, {"code": code}).status_code == 302
    assert _first_step()[0].post(STEP, {"code": code}).status_code == 422


def test_a_recovery_code_opens_once(mira: User) -> None:
    client, _ = _with_app(mira)
    code = client.get(CODES).context["codes"][0]
    assert _first_step()[0].post(STEP, {"code": code})["Location"] == "/"
    assert _first_step()[0].post(STEP, {"code": code}).status_code == 422
    assert client.get("/you").context["codes"] == 9


def test_new_recovery_codes_void_the_old_ones(mira: User) -> None:
    client, _ = _with_app(mira)
    old = client.get(CODES).context["codes"]
    client.post(CODES)
    assert not set(old) & set(client.get(CODES).context["codes"])


def test_a_link_asks_for_it_too(mira: User) -> None:
    _with_app(mira)
    secret = accounts.password_reset_link(mira)
    twice = {"new_password1": "another battery staple", "new_password2": "another battery staple"}
    assert Client().post(f"/welcome/{secret}", twice)["Location"] == STEP


def test_it_is_tried_ten_times_in_a_quarter_of_an_hour_from_wherever(mira: User) -> None:
    _, secret = _with_app(mira)
    client, _ = _first_step()
    tried = [client.post(STEP, {"code": "1"}, REMOTE_ADDR=f"192.0.2.{number}").status_code for number in range(10)]
    assert tried == [422] * 10
    refused = client.post(STEP, {"code": code_of(secret, ahead=1)})
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0


@pytest.mark.parametrize("posted", [{}, {"credential": "[]"}, {"credential": '{"id": 1}'}, {"credential": "\0"}])
def test_an_answer_that_no_key_gives_is_refused(mira: User, posted: dict[str, str]) -> None:
    _with_app(mira)
    client, _ = _first_step()
    assert client.post(STEP, posted).status_code == 422


@pytest.mark.parametrize("posted", [{}, {"credential": "[]"}, {"credential": '{"id": "a", "response": {}}'}])
def test_no_key_is_added_by_what_is_none(mira: User, posted: dict[str, str]) -> None:
    client, _ = _first_step()
    client.get("/you/second-factor/key")
    assert client.post("/you/second-factor/key", {"name": "x", **posted}).status_code == 422


def test_nobody_comes_to_the_second_step_without_the_first(mira: User) -> None:
    assert Client().get(STEP)["Location"] == "/sign-in"
    assert Client().post(STEP, {"code": "123456"})["Location"] == "/sign-in"


def test_removing_the_app_makes_the_password_enough(mira: User) -> None:
    client, _ = _with_app(mira)
    assert client.post(f"{APP}/remove")["Location"] == "/you"
    assert not Authenticator.objects.exists()
    assert _first_step()[1]["Location"] == "/"
    assert AuditEvent.objects.get(action="second_factor.remove").user == mira


@pytest.mark.parametrize("path", [f"{APP}/remove", "/you/second-factor/keys/1/remove"])
def test_what_is_not_there_is_not_removed(mira: User, path: str) -> None:
    client, _ = _first_step()
    assert client.post(path).status_code == 404
    assert client.get(path).status_code == 405


# Is it you? ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [APP, "/you/second-factor/key", CODES])
def test_an_old_session_is_asked_first(mira: User, path: str) -> None:
    client = Client()
    client.force_login(mira)
    asked = client.get(path)
    assert asked["Location"].startswith("/you/confirm?next=")
    assert client.post("/you/confirm", {"password": "no"}).status_code == 422
    answer = client.post("/you/confirm", {"password": PASSWORD, "next": path})
    assert answer["Location"] == path
    assert client.get(path).status_code in (200, 404)


def test_it_never_leads_to_another_site(mira: User) -> None:
    client = Client()
    client.force_login(mira)
    assert client.post("/you/confirm", {"password": PASSWORD, "next": "//evil.example"})["Location"] == "/you"


def test_a_code_confirms_as_well(mira: User) -> None:
    _, secret = _with_app(mira)
    client = Client()
    client.force_login(mira)
    assert client.post("/you/confirm", {"code": code_of(secret, ahead=1)})["Location"] == "/you"
    assert client.get(CODES).status_code == 200


# Who must have one -----------------------------------------------------------------------------------------------


@override_settings(REQUIRE_SECOND_FACTOR="everyone")
def test_who_must_have_one_adds_it_before_anything_else(mira: User) -> None:
    client, _ = _first_step()
    assert client.get("/")["Location"] == "/you"
    assert client.get("/you").status_code == 200
    secret = client.get(APP).context["secret"]
    client.post(APP, {"code": code_of(secret)})
    assert client.get("/").status_code == 200
    client.post(f"{APP}/remove")
    assert client.get("/")["Location"] == "/you"


@pytest.mark.parametrize(
    ("rule", "who"), [("none", []), ("staff", ["staff"]), ("admins", ["admin", "staff"]), ("everyone", None)]
)
def test_the_rule_says_who(rule: str, who: list[str] | None) -> None:
    organization = factories.organization()
    people = {role: factories.member(organization, role=role).user for role in Role.values}
    people["staff"] = factories.user(is_superuser=True)
    found = [name for name, user in people.items() if second_factors.must_have_one(user, rule)]
    assert sorted(found) == sorted(people if who is None else who)


# Lost ones, and keys that rotate ---------------------------------------------------------------------------------


def test_an_admin_removes_those_of_her_own_organization(mira: User) -> None:
    _with_app(mira)
    stranger = factories.member(factories.organization(), role=Role.ADMIN).user
    admin = factories.member(mira.memberships.get().organization, role=Role.ADMIN).user
    with pytest.raises(NotYours):
        second_factors.remove_all(mira, actor=Actor(user=stranger))
    assert second_factors.remove_all(mira, actor=Actor(user=admin)) == 1
    assert _first_step()[1]["Location"] == "/"


def test_its_secrets_are_sealed_by_the_first_key_after_a_rotation(mira: User) -> None:
    _, secret = _with_app(mira)
    with override_settings(ENCRYPTION_KEYS=["new", *settings.ENCRYPTION_KEYS]):
        assert second_factors.reseal_all() == []
    with override_settings(ENCRYPTION_KEYS=["new"]):
        assert _first_step()[0].post(STEP, {"code": code_of(secret, ahead=1)})["Location"] == "/"


def test_without_the_key_it_says_so(mira: User) -> None:
    _, secret = _with_app(mira)
    with override_settings(ENCRYPTION_KEYS=["another"]):
        answer = _first_step()[0].post(STEP, {"code": code_of(secret, ahead=1)})
        assert second_factors.reseal_all() == ["mira: totp", "mira: recovery_codes"]
    assert answer.status_code == 422
    assert "key that sealed it is missing" in answer.content.decode()
