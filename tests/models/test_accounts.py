"""What the database refuses of organizations, members, tokens, links and sessions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from reviews.models import ApiToken, Member, Session
from tests import factories
from tests.models import rows

pytestmark = pytest.mark.django_db


def _member() -> Member:
    return factories.member(factories.organization())


def _token() -> ApiToken:
    return factories.token(factories.organization())[0]


def _session() -> Session:
    return Session.objects.create(organization=factories.organization())


def _use_too_late() -> None:
    link = rows.sign_in_link()
    rows.change(link, used_at=link.expires_at + timedelta(seconds=1))


NOTHING = {"can_ingest": False, "can_read": False, "can_feedback": False, "can_admin": False}
BREAKS: dict[str, Callable[[], Any]] = {
    "organization_named": lambda: rows.change(factories.organization(), slug=""),
    "organization_retention": lambda: rows.change(factories.organization(), retention_days=0),
    "member_once": lambda: rows.again(_member()),
    "member_role": lambda: rows.change(_member(), role="owner"),
    "api_token_name": lambda: rows.again(_token(), hash="another"),
    "api_token_can_something": lambda: rows.change(_token(), **NOTHING),
    "sign_in_link_purpose": lambda: rows.change(rows.sign_in_link(), purpose="fun"),
    "sign_in_link_used_in_time": _use_too_late,
    "session_uid": lambda: rows.again(_session()),
}


@pytest.mark.parametrize("name", BREAKS)
def test_it_is_refused_by_the_database(name: str) -> None:
    with rows.refused(name):
        BREAKS[name]()


def test_it_wants_an_external_id_too() -> None:
    with rows.refused("organization_named"):
        rows.change(factories.organization(), external_id="")


def test_it_lets_a_link_be_used_in_time() -> None:
    link = rows.sign_in_link()
    rows.change(link, used_at=timezone.now())


def test_it_is_called_by_slug_and_external_id() -> None:
    organization = factories.organization("acme", external_id="org_1")
    assert organization.is_called("acme")
    assert organization.is_called("org_1")
    assert not organization.is_called("ACME")


@pytest.mark.parametrize(("role", "leads"), [("reviewer", False), ("lead", True), ("admin", True)])
def test_it_knows_who_leads(role: str, leads: bool) -> None:
    assert factories.member(factories.organization(), role=role).leads is leads
