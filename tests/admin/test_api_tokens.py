"""API tokens in the admin: shown once, revoked at once."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from reviews.models import ApiToken, AuditEvent
from reviews.workflow import accounts
from tests import factories
from tests.admin.people import page, role_admin, site_staff

pytestmark = pytest.mark.django_db


def test_it_shows_the_secret_once_and_nowhere_later() -> None:
    organization, client = factories.organization(), site_staff()
    posted = {"organization": organization.pk, "name": "support-app", "can_read": "on"}
    response = client.post("/admin/reviews/apitoken/add/", posted, follow=True)
    found = re.search(r'<code class="secret">(gb_[\w-]{40,})</code>', response.content.decode())
    assert found is not None
    token = accounts.find_token(found[1])
    assert token is not None
    assert (token.name, token.organization) == ("support-app", organization)
    for path in ("", f"{token.pk}/change/", f"{token.pk}/history/"):
        assert found[1] not in page(client, f"reviews/apitoken/{path}")
    assert "no-store" in response["Cache-Control"]


def test_it_does_not_show_the_hash() -> None:
    token, _ = factories.token(factories.organization())
    assert token.hash not in page(site_staff(), f"reviews/apitoken/{token.pk}/change/")


def test_it_refuses_a_name_that_is_taken() -> None:
    token, _ = factories.token(factories.organization())
    posted = {"organization": token.organization.pk, "name": token.name, "can_read": "on"}
    assert site_staff().post("/admin/reviews/apitoken/add/", posted).status_code == 200
    assert ApiToken.objects.count() == 1


def made(client: Client, **posted: object) -> ApiToken | None:
    """The token that comes of a form, if any."""
    client.post("/admin/reviews/apitoken/add/", {"name": "app", **posted})
    return ApiToken.objects.first()


def test_an_admin_makes_one_for_hers_with_what_it_may_do() -> None:
    organization = factories.organization()
    token = made(role_admin(organization), can_read="on", can_admin="on")
    assert token is not None
    assert (token.organization, token.scopes, token.expires_at) == (organization, ("read", "admin"), None)
    assert AuditEvent.objects.get(action="token.create").details == "app: read, admin; ∞"


def test_it_offers_what_is_usual() -> None:
    html = page(role_admin(factories.organization()), "reviews/apitoken/add/")
    checked = [scope for scope in ApiToken.SCOPES if re.search(rf'name="can_{scope}"[^>]* checked', html)]
    assert tuple(checked) == ApiToken.USUAL_SCOPES


@pytest.mark.parametrize(("choice", "days"), [("30", 30), ("90", 90), ("365", 365)])
def test_it_ends_after_so_many_days(choice: str, days: int) -> None:
    token = made(role_admin(factories.organization()), can_read="on", expiry=choice)
    assert token is not None
    assert token.expires_at is not None
    assert timedelta(days=days, minutes=-5) < token.expires_at - timezone.now() <= timedelta(days=days)


def test_it_ends_with_a_day() -> None:
    today = timezone.localdate()
    token = made(role_admin(factories.organization()), can_read="on", expiry="date", last_day=today.isoformat())
    assert token is not None
    assert token.expires_at is not None
    assert timezone.localtime(token.expires_at).isoformat().startswith(f"{today + timedelta(days=1)}T00:00:00")
    assert ApiToken.objects.usable().exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"can_read": "on", "expiry": "31"},
        {"can_read": "on", "expiry": "date"},
        {"can_read": "on", "expiry": "date", "last_day": "2020-01-01"},
        {"can_read": "on", "expiry": "date", "last_day": "9999-12-31"},
        {"can_read": "on", "expiry": "date", "last_day": "soon"},
        {"can_read": "on", "name": ""},
    ],
)
def test_it_makes_none_of_what_makes_no_sense(wrong: dict[str, str]) -> None:
    assert made(role_admin(factories.organization()), **wrong) is None


def test_the_list_finds_what_is_not_used_and_what_expires_soon() -> None:
    organization, now = factories.organization(), timezone.now()
    long_ago = {"created_at": now - timedelta(days=100)}
    for name, columns in {
        "fresh": {},
        "idle": long_ago,
        "busy": {**long_ago, "last_used_at": now},
        "ending": {"last_used_at": now, "expires_at": now + timedelta(days=5)},
        "over": {"last_used_at": now, "expires_at": now - timedelta(days=5)},
    }.items():
        factories.token(organization, name=name, **columns)
    client = role_admin(organization)
    for query, names in {
        "used=90": {"idle"},
        "used=never": {"fresh", "idle"},
        "expires=30": {"ending"},
        "expires=past": {"over"},
        "expires=never": {"fresh", "idle", "busy"},
        "used=x&expires=x": {"fresh", "idle", "busy", "ending", "over"},
    }.items():
        html = page(client, f"reviews/apitoken/?{query}")
        assert set(re.findall(r'<th class="field-name"><a [^>]*>(\w+)</a>', html)) == names, query


def test_it_revokes() -> None:
    token, secret = factories.token(factories.organization())
    site_staff().post("/admin/reviews/apitoken/", {"action": "revoke", "_selected_action": [token.pk]})
    assert accounts.find_token(secret) is None
    assert AuditEvent.objects.filter(action="token.revoke").count() == 1
