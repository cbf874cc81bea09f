"""Organizations, members, tokens, and links that sign in once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from reviews.models import ApiToken, AuditEvent, Organization, Role, SignInLink, User
from reviews.workflow import accounts
from reviews.workflow.accounts import Taken
from reviews.workflow.audit import SYSTEM, Actor
from tests import factories

pytestmark = pytest.mark.django_db


def test_it_makes_an_organization() -> None:
    made = accounts.create_organization("acme")
    assert (made.name, made.external_id) == ("acme", "acme")
    assert AuditEvent.objects.get(action="organization.create").target_id == str(made.pk)


@pytest.mark.parametrize(("slug", "external_id"), [("acme", "org_2"), ("beta", "org_1")])
def test_it_does_not_make_an_organization_twice(slug: str, external_id: str) -> None:
    accounts.create_organization("acme", external_id="org_1")
    with pytest.raises(Taken, match="exists already"):
        accounts.create_organization(slug, external_id=external_id)
    assert Organization.objects.count() == 1
    assert AuditEvent.objects.count() == 1


def test_it_adds_a_member_who_can_sign_in_by_link_only() -> None:
    added = accounts.add_member("alice", organization=factories.organization(), role=Role.LEAD)
    assert added.role == Role.LEAD
    assert not added.user.has_usable_password()


def test_it_adds_a_known_user_and_leaves_her_password() -> None:
    accounts.add_member("alice", organization=factories.organization(), role=Role.LEAD, password="before 123")
    accounts.add_member("alice", organization=factories.organization(), role=Role.ADMIN, password="after 456")
    alice = User.objects.get(username="alice")
    assert alice.check_password("before 123")
    assert alice.memberships.count() == 2


def test_it_does_not_add_a_member_twice() -> None:
    organization = factories.organization()
    factories.member(organization, username="alice")
    with pytest.raises(Taken, match="alice is a member"):
        factories.member(organization, username="alice", role=Role.ADMIN)
    assert organization.members.get().role == Role.REVIEWER


def test_it_does_not_add_a_member_with_an_unknown_role() -> None:
    with pytest.raises(ValueError, match="“boss” is no role"):
        factories.member(factories.organization(), username="alice", role="boss")
    assert not User.objects.exists()


# Tokens ----------------------------------------------------------------------------------------------------------


def test_it_finds_a_token_by_its_secret_and_keeps_the_hash_alone() -> None:
    token, secret = factories.token(factories.organization())
    assert accounts.find_token(secret) == token
    assert secret.startswith(token.prefix)
    assert secret not in "".join(str(value) for value in ApiToken.objects.values_list().get())


@pytest.mark.parametrize("wrong", ["", "gb_", "GB_x", "\x00"])
def test_it_finds_no_token_for_another_secret(wrong: str) -> None:
    factories.token(factories.organization())
    assert accounts.find_token(wrong) is None


def test_it_does_not_name_two_tokens_alike() -> None:
    organization = factories.organization()
    accounts.create_token(organization, name="app")
    with pytest.raises(Taken, match="a token named “app”"):
        accounts.create_token(organization, name="app")
    accounts.create_token(factories.organization(), name="app")


def test_it_does_not_find_an_expired_token() -> None:
    _, secret = factories.token(factories.organization(), expires_at=timezone.now())
    assert accounts.find_token(secret) is None


def test_it_does_not_find_a_revoked_token() -> None:
    token, secret = factories.token(factories.organization())
    accounts.revoke_token(token, actor=SYSTEM)
    accounts.revoke_token(token, actor=SYSTEM)
    assert accounts.find_token(secret) is None
    assert AuditEvent.objects.filter(action="token.revoke").count() == 1


def test_it_notes_the_use_of_a_token_to_the_minute() -> None:
    token, _ = factories.token(factories.organization())
    accounts.note_use(token)
    token.refresh_from_db()
    first = token.last_used_at
    accounts.note_use(token)
    token.refresh_from_db()
    assert first is not None
    assert token.last_used_at == first


# Links -----------------------------------------------------------------------------------------------------------


def test_it_signs_in_once() -> None:
    alice = factories.user()
    secret = accounts.create_sign_in_link(alice)
    assert accounts.use_sign_in_link(secret, address="192.0.2.1") == alice
    assert accounts.use_sign_in_link(secret, address="192.0.2.1") is None
    assert AuditEvent.objects.get(action="link.use").address == "192.0.2.1"


def test_it_is_not_used_by_being_looked_at() -> None:
    alice = factories.user()
    secret = accounts.create_sign_in_link(alice)
    assert accounts.sign_in_link_user(secret) == alice
    assert accounts.use_sign_in_link(secret, address=None) == alice
    assert accounts.sign_in_link_user(secret) is None


def test_it_signs_nobody_in_when_somebody_else_was_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = accounts.create_sign_in_link(factories.user())
    first = accounts.sign_in_link(secret)
    accounts.use_sign_in_link(secret, address=None)
    monkeypatch.setattr(accounts, "sign_in_link", lambda _secret: first)
    assert accounts.use_sign_in_link(secret, address=None) is None


def test_it_signs_nobody_in_by_an_old_link() -> None:
    secret = accounts.create_sign_in_link(factories.user())
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert accounts.use_sign_in_link(secret, address=None) is None


def test_it_signs_nobody_in_who_left() -> None:
    alice = factories.user()
    secret = accounts.create_sign_in_link(alice)
    User.objects.update(is_active=False)
    assert accounts.use_sign_in_link(secret, address=None) is None


def test_it_keeps_who_acted() -> None:
    lead = factories.user()
    token, _ = accounts.create_token(factories.organization(), name="app", actor=Actor(user=lead))
    assert token.created_by == lead
