"""What may be done in the admin, noun by noun: the table is the promise."""

import pytest
from django.test import Client

from reviews.admin.site import site
from reviews.models import AuditEvent, Member, Organization, Role, User
from tests import factories
from tests.admin.filled import fill
from tests.admin.people import page, role_admin, site_staff, visitor

pytestmark = pytest.mark.django_db

VIEW, ADD, CHANGE, DELETE = "view", "add", "change", "delete"
READ = {VIEW}
# The noun, what site staff may do, and what an admin may do within her organization.
TABLE: dict[str, tuple[set[str], set[str]]] = {
    "organization": ({VIEW, ADD, CHANGE}, {VIEW, CHANGE}),
    "member": ({VIEW, ADD, CHANGE, DELETE}, {VIEW, ADD, CHANGE, DELETE}),
    "user": ({VIEW, ADD, CHANGE}, {VIEW, CHANGE}),
    "apitoken": ({VIEW, ADD}, {VIEW, ADD}),
    "upstream": ({VIEW, ADD, CHANGE}, {VIEW, ADD, CHANGE}),
    "feedbacktask": ({VIEW, ADD, CHANGE}, {VIEW, ADD, CHANGE}),
    "queue": ({VIEW, CHANGE}, {VIEW, CHANGE}),
    "queueitem": (READ, READ),
    "assignment": (READ, READ),
    "claimevent": (READ, READ),
    "feedback": (READ, READ),
    "pull": (READ, READ),
    "pullrefusal": (READ, READ),
    "push": (READ, READ),
    "completion": (READ, READ),
    "revision": (READ, READ),
    "tag": (READ, READ),
    "session": (READ, READ),
    "auditevent": (READ, READ),
}


@pytest.fixture
def mine() -> Organization:
    return fill(factories.organization())


def allowed(client: Client, noun: str) -> set[str]:
    """What the admin does not refuse to her, asked of the newest row."""
    model = next(model for model in site._registry if model._meta.model_name == noun)
    row = model._default_manager.order_by("-pk").first()
    assert row is not None
    pages = {
        VIEW: client.get(f"/admin/reviews/{noun}/{row.pk}/change/"),
        ADD: client.post(f"/admin/reviews/{noun}/add/", {}),
        # Nothing is in it, so that what may be changed is not.
        CHANGE: client.post(f"/admin/reviews/{noun}/{row.pk}/change/", {"_nothing": ""}),
        DELETE: client.get(f"/admin/reviews/{noun}/{row.pk}/delete/"),
    }
    return {what for what, response in pages.items() if response.status_code != 403}


def test_every_noun_has_a_row_in_the_table() -> None:
    assert set(TABLE) == {model._meta.model_name for model in site._registry}


@pytest.mark.parametrize("noun", TABLE)
def test_site_staff_may(mine: Organization, noun: str) -> None:
    assert allowed(site_staff(), noun) == TABLE[noun][0]


@pytest.mark.parametrize("noun", TABLE)
def test_an_admin_may(mine: Organization, noun: str) -> None:
    client = role_admin(mine)
    # The newest is her own: a member whom she may change comes after her.
    factories.member(mine)
    assert allowed(client, noun) == TABLE[noun][1]


def test_an_admin_changes_the_name_of_hers_and_nothing_else(mine: Organization) -> None:
    path = f"/admin/reviews/organization/{mine.pk}/change/"
    role_admin(mine).post(path, {"name": "Acme", "slug": "acme", "external_id": "acme"})
    changed = Organization.objects.get()
    assert (changed.name, changed.slug, changed.external_id) == ("Acme", mine.slug, mine.external_id)
    role_admin(mine).post(path, {"name": ""})
    assert Organization.objects.get().name == mine.slug


# People ----------------------------------------------------------------------------------------------------------


def test_an_admin_sees_a_member_without_what_is_site_staffs(mine: Organization) -> None:
    mira = factories.member(mine, username="mira", password="four plain words 7").user
    html = page(role_admin(mine), f"reviews/user/{mira.pk}/change/")
    for hidden in ("pbkdf2", "algorithm", "hash", "is_staff", "is_superuser", "../password/"):
        assert hidden not in html, hidden


def test_an_admin_changes_a_member_who_is_hers_alone(mine: Organization) -> None:
    mira = factories.member(mine, username="mira").user
    role_admin(mine).post(f"/admin/reviews/user/{mira.pk}/change/", {"first_name": "Mira", "email": "m@example.org"})
    mira.refresh_from_db()
    assert (mira.first_name, mira.email, mira.is_active) == ("Mira", "m@example.org", False)
    event = AuditEvent.objects.get(action="user.change")
    assert (event.organization, event.details) == (mine, "is_active, first_name, email")


def shared(mine: Organization) -> User:
    """Somebody who is in another organization as well."""
    user = factories.member(mine, username="mira").user
    factories.member(factories.organization(), username="mira")
    return user


def staff(mine: Organization) -> User:
    """Site staff who is a member."""
    user = factories.user(is_superuser=True)
    factories.member(mine, username=user.username)
    return user


@pytest.mark.parametrize("somebody", [shared, staff])
def test_of_somebody_elses_an_admin_sees_the_name_and_changes_nothing(mine: Organization, somebody: object) -> None:
    assert callable(somebody)
    user: User = somebody(mine)
    User.objects.filter(pk=user.pk).update(email="private@example.org", password="pbkdf2$x")
    client, path = role_admin(mine), f"reviews/user/{user.pk}/"
    html = page(client, f"{path}change/")
    assert "site staff alone changes" in html
    for where in (html, page(client, "reviews/user/"), page(client, "reviews/member/")):
        assert "private@example.org" not in where
        assert "pbkdf2" not in where
    assert client.post(f"/admin/{path}change/", {"email": "mine@example.org"}).status_code == 403
    for noun in ("user", "member"):
        assert "mira" not in page(client, f"reviews/{noun}/?q=private").partition("result_list")[2]
    user.refresh_from_db()
    assert (user.is_active, user.email) == (True, "private@example.org")


def test_an_admin_sets_no_password_and_reads_no_history_of_anybody(mine: Organization) -> None:
    mira = factories.member(mine, username="mira").user
    client, password = role_admin(mine), "four plain words 7"
    for pk in (mira.pk, User.objects.get(memberships__role=Role.ADMIN).pk, 987_654_321):
        posted = {"usable_password": "true", "password1": password, "password2": password}
        assert client.post(f"/admin/reviews/user/{pk}/password/", posted).status_code == 403
        assert client.get(f"/admin/reviews/user/{pk}/history/").status_code == 403
    mira.refresh_from_db()
    assert not mira.has_usable_password()


def test_an_admin_does_not_lock_herself_out(mine: Organization) -> None:
    user = factories.member(mine, role=Role.ADMIN).user
    visitor(user).post(f"/admin/reviews/user/{user.pk}/change/", {"first_name": "Mira"})
    user.refresh_from_db()
    assert (user.first_name, user.is_active) == ("Mira", True)
    assert Member.objects.filter(user=user, role=Role.ADMIN).exists()
