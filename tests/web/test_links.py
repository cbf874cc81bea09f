"""One-time links that set a password: invitations and resets."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from reviews.models import AuditEvent, Role, SignInLink, User
from reviews.workflow import accounts
from reviews.workflow.audit import Actor
from tests import factories

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
TWICE = {"new_password1": PASSWORD, "new_password2": PASSWORD}


def _invited(email: str = "") -> tuple[User, str]:
    member, secret = accounts.invite("nadia", organization=factories.organization(), role="reviewer", email=email)
    assert secret is not None
    return member.user, f"/welcome/{secret}"


def test_an_invitation_sets_the_first_password_and_signs_in_once() -> None:
    user, address = _invited("nadia@acme.example")
    client = Client()
    assert b"Set password and sign in" in client.get(address).content
    assert client.post(address, TWICE)["Location"] == "/"
    assert client.get("/").status_code == 200
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert user.email == "nadia@acme.example"
    assert Client().post(address, TWICE).status_code == 410
    done = list(
        AuditEvent.objects.exclude(action="organization.create").order_by("pk").values_list("action", flat=True)
    )
    assert done == ["member.add", "link.create", "link.use", "password.change", "sign_in"]


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (PASSWORD, "another one", "match"),
        ("password1", "password1", "common"),
        ("short", "short", "at least 8"),
        ("", "", "required"),
    ],
)
def test_a_password_that_will_not_do_is_refused_with_the_reason_and_the_link_stays(
    first: str, second: str, why: str
) -> None:
    user, address = _invited()
    answer = Client().post(address, {"new_password1": first, "new_password2": second})
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert SignInLink.objects.get().used_at is None
    user.refresh_from_db()
    assert not user.has_usable_password()


def test_a_reset_ends_her_sessions_and_voids_her_other_links() -> None:
    user = factories.member(factories.organization(), password="former battery staple").user
    before = Client()
    before.force_login(user)
    other = accounts.create_sign_in_link(user)
    address = f"/welcome/{accounts.password_reset_link(user)}"
    assert before.get("/").status_code == 200
    assert Client().post(address, TWICE).status_code == 302
    assert before.get("/").status_code == 302
    assert Client().post(f"/welcome/{other}").status_code == 410


def test_an_invitation_lasts_a_week_and_the_others_a_day() -> None:
    user, _ = _invited()
    accounts.password_reset_link(user)
    accounts.create_sign_in_link(user)
    lives = {link.purpose: link.expires_at - link.created_at for link in SignInLink.objects.all()}
    days = {purpose: round(life / timedelta(days=1)) for purpose, life in lives.items()}
    assert days == {"invitation": 7, "password_reset": 1, "sign_in": 1}


def test_an_old_link_opens_nothing() -> None:
    _, address = _invited()
    SignInLink.objects.update(expires_at=timezone.now())
    assert Client().get(address).status_code == 410
    assert Client().post(address, TWICE).status_code == 410


def test_a_link_to_sign_in_sets_no_password() -> None:
    user = factories.user()
    Client().post(f"/welcome/{accounts.create_sign_in_link(user)}", TWICE)
    user.refresh_from_db()
    assert not user.has_usable_password()


def test_a_link_to_set_a_password_signs_nobody_in_without_one() -> None:
    _, address = _invited()
    secret = address.removeprefix("/welcome/")
    assert accounts.use_sign_in_link(secret, address=None) is None


def test_who_was_here_before_gets_no_link_by_being_invited() -> None:
    user = factories.member(factories.organization()).user
    member, secret = accounts.invite(user.username, organization=factories.organization(), role="lead")
    assert (member.user, secret) == (user, None)


def test_a_second_invitation_voids_the_first() -> None:
    user, address = _invited()
    member = user.memberships.get()
    again = accounts.invitation_link(member)
    assert Client().get(address).status_code == 410
    assert Client().get(f"/welcome/{again}").status_code == 200


def test_an_admin_hands_over_links_to_those_of_her_organizations_alone() -> None:
    ours, theirs = factories.organization(), factories.organization()
    admin = factories.member(ours, role=Role.ADMIN).user
    lead = factories.member(ours, role=Role.LEAD).user
    mine = factories.member(ours).user
    shared = factories.member(ours).user
    accounts.add_member(shared.username, organization=theirs, role="reviewer")
    staff = factories.user(is_superuser=True)
    accounts.add_member(staff.username, organization=ours, role="reviewer")
    assert accounts.password_reset_link(mine, actor=Actor(user=admin))
    assert accounts.password_reset_link(shared, actor=Actor(user=staff))
    refused = [(shared, admin), (staff, admin), (mine, lead), (factories.user(), admin)]
    for user, actor in refused:
        with pytest.raises(accounts.NotYours, match="site staff"):
            accounts.password_reset_link(user, actor=Actor(user=actor))
