"""API tokens in the admin: shown once, revoked at once."""

import re

import pytest

from reviews.models import ApiToken, AuditEvent
from reviews.workflow import accounts
from tests import factories
from tests.admin.people import page, site_staff

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
    made, _ = factories.token(factories.organization())
    assert made.hash not in page(site_staff(), f"reviews/apitoken/{made.pk}/change/")


def test_it_refuses_a_name_that_is_taken() -> None:
    made, _ = factories.token(factories.organization())
    posted = {"organization": made.organization.pk, "name": made.name, "can_read": "on"}
    assert site_staff().post("/admin/reviews/apitoken/add/", posted).status_code == 200
    assert ApiToken.objects.count() == 1


def test_it_revokes() -> None:
    made, secret = factories.token(factories.organization())
    site_staff().post("/admin/reviews/apitoken/", {"action": "revoke", "_selected_action": [made.pk]})
    assert accounts.find_token(secret) is None
    assert AuditEvent.objects.filter(action="token.revoke").count() == 1
