"""Members in the admin: added by name, given a role, let in by links that are shown once, removed."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from reviews.models import AuditEvent, LinkPurpose, Member, Organization, Role, SignInLink, User
from reviews.workflow import accounts
from tests import factories
from tests.admin.people import page, role_admin, site_staff, visitor

pytestmark = pytest.mark.django_db
LINK = re.compile(r'<code class="secret">http://testserver/welcome/([\w-]{40,})</code>')


def _let_in_by(secret: str) -> User | None:
    """Whom the link of a secret would let in."""
    link = accounts.sign_in_link(secret)
    return link.user if link else None


@pytest.fixture
def mine() -> Organization:
    return factories.organization()


def add(client: Client, **posted: object) -> str:
    """The page that follows when a member is added."""
    return client.post("/admin/reviews/member/add/", {"role": "reviewer", **posted}, follow=True).content.decode()


def act(client: Client, action: str, *members: Member) -> str:
    """The page that follows an action on members."""
    posted = {"action": action, "_selected_action": [member.pk for member in members]}
    return client.post("/admin/reviews/member/", posted, follow=True).content.decode()


def test_it_adds_somebody_new_and_shows_how_she_comes_in_once(mine: Organization) -> None:
    client = role_admin(mine)
    html = add(client, username="mira", role="lead")
    member = Member.objects.get(user__username="mira")
    assert (member.organization, member.role, member.user.has_usable_password()) == (mine, "lead", False)
    [secret] = LINK.findall(html)
    assert _let_in_by(secret) == member.user
    for path in ("reviews/member/", f"reviews/member/{member.pk}/history/", "reviews/auditevent/"):
        assert secret not in page(client, path)
    assert secret not in str(dict(client.session))
    assert AuditEvent.objects.get(action="member.add", organization=mine, target_id=member.pk).details == "mira: lead"


def test_site_staff_adds_to_the_organization_that_she_names(mine: Organization) -> None:
    factories.organization()
    add(site_staff(), username="mira", organization=mine.pk)
    assert Member.objects.get().organization == mine


def test_somebody_known_keeps_her_password_and_gets_no_link(mine: Organization) -> None:
    factories.member(factories.organization(), username="mira", password="four plain words 7")
    html = add(role_admin(mine), username="mira")
    assert "mira was here before" in html
    assert not LINK.search(html)
    assert User.objects.get(username="mira").check_password("four plain words 7")
    assert Member.objects.filter(user__username="mira").count() == 2


@pytest.mark.parametrize("name", ["", "with blank", "x" * 151, "nul\x00", "mira", "m\uff49ra"])
def test_it_adds_nobody_without_a_name_of_her_own(mine: Organization, name: str) -> None:
    factories.member(mine, username="mira", role=Role.LEAD)
    html = add(role_admin(mine), username=name)
    assert "errorlist" in html
    assert Member.objects.count() == 2


def test_it_changes_a_role(mine: Organization) -> None:
    member = factories.member(mine, username="mira")
    role_admin(mine).post(f"/admin/reviews/member/{member.pk}/change/", {"role": "lead"})
    member.refresh_from_db()
    assert member.role == "lead"
    assert AuditEvent.objects.get(action="member.role").details == "mira: reviewer → lead"


def test_it_removes_a_member_after_asking(mine: Organization) -> None:
    member = factories.member(mine, username="mira")
    client, path = role_admin(mine), f"reviews/member/{member.pk}/delete/"
    assert "Her grades and edits stay" in page(client, path)
    client.post(f"/admin/{path}", {"post": "yes"})
    assert not Member.objects.filter(user__username="mira").exists()
    assert User.objects.filter(username="mira", is_active=True).exists()
    assert AuditEvent.objects.get(action="member.remove").details == "mira: reviewer; claims released: 0"


def test_she_says_no_to_herself(mine: Organization) -> None:
    admin = factories.member(mine, role=Role.ADMIN)
    client = visitor(admin.user)
    for path, posted in (("delete", {"post": "yes"}), ("change", {"role": "reviewer"})):
        response = client.post(f"/admin/reviews/member/{admin.pk}/{path}/", posted, follow=True)
        assert "ask another admin" in response.content.decode()
    assert Member.objects.get().role == Role.ADMIN
    assert not AuditEvent.objects.filter(action__in=["member.role", "member.remove"]).exists()


def test_it_makes_an_invitation_again_and_the_old_one_is_void(mine: Organization) -> None:
    client = role_admin(mine)
    [old] = LINK.findall(add(client, username="mira"))
    member = Member.objects.get(user__username="mira")
    [new] = LINK.findall(act(client, "invite", member))
    assert _let_in_by(old) is None
    assert _let_in_by(new) == member.user
    assert new not in page(client, "reviews/member/")


def test_it_makes_a_password_reset_link(mine: Organization) -> None:
    member, other = factories.member(mine, password="four plain words 7"), factories.member(mine)
    found = LINK.findall(act(role_admin(mine), "reset_password", member, other))
    assert [_let_in_by(secret) for secret in found] == sorted([member.user, other.user], key=lambda user: user.username)
    assert set(SignInLink.objects.values_list("purpose", flat=True)) == {LinkPurpose.PASSWORD_RESET}
    assert AuditEvent.objects.filter(action="link.create", organization=mine).count() == 2


def test_it_hands_over_no_way_into_another_organization(mine: Organization) -> None:
    shared = factories.member(mine, username="mira")
    factories.member(factories.organization(), username="mira")
    staff = factories.member(mine, username=factories.user(is_superuser=True).username)
    for action in ("invite", "reset_password"):
        html = act(role_admin(mine), action, shared, staff)
        assert not LINK.search(html)
        assert "mira is not in your organizations alone" in html
        assert "is site staff: only site staff" in html
    assert not SignInLink.objects.exists()
    assert LINK.search(act(site_staff(), "reset_password", shared))


def test_an_admin_of_both_may(mine: Organization) -> None:
    other = factories.organization()
    shared = factories.member(mine, username="mira")
    factories.member(other, username="mira")
    assert LINK.search(act(role_admin(mine, other), "reset_password", shared))


def test_it_removes_the_second_factors_of_who_lost_hers_after_asking(mine: Organization) -> None:
    client = role_admin(mine)
    here, elsewhere = factories.member(mine), factories.member(mine)
    factories.member(factories.organization(), username=elsewhere.user.username)
    for member in (here, elsewhere):
        Authenticator.objects.create(user=member.user, type=Authenticator.Type.TOTP, data={})
    chosen = {"action": "remove_second_factors", "_selected_action": [here.pk, elsewhere.pk]}
    assert "with their passwords alone" in client.post("/admin/reviews/member/", chosen).content.decode()
    assert Authenticator.objects.count() == 2
    done = client.post("/admin/reviews/member/", {**chosen, "confirmed": "yes"}, follow=True).content.decode()
    assert "Second factors removed for members: 1." in done
    assert f"{elsewhere.user} is not in your organizations alone" in done
    assert Authenticator.objects.get().user == elsewhere.user
