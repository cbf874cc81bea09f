"""Organizations and users in the admin."""

import pytest

from reviews.models import AuditEvent, Organization, User
from tests import factories
from tests.admin.people import page, site_staff, visitor

pytestmark = pytest.mark.django_db


def test_it_makes_an_organization_whose_external_id_is_its_slug() -> None:
    user = factories.user(is_superuser=True)
    visitor(user).post("/admin/reviews/organization/add/", {"slug": "acme", "name": "", "external_id": ""})
    made = Organization.objects.get()
    assert (made.name, made.external_id) == ("acme", "acme")
    event = AuditEvent.objects.get(action="organization.create")
    assert (event.user, event.address) == (user, "127.0.0.1")


def test_it_refuses_a_slug_that_is_another_ones_external_id() -> None:
    factories.organization("acme", external_id="over-there")
    posted = {"slug": "over-there", "name": "", "external_id": ""}
    response = site_staff().post("/admin/reviews/organization/add/", posted)
    assert "already exists" in response.content.decode()
    assert Organization.objects.count() == 1


def test_it_changes_an_organization_and_says_what() -> None:
    made = factories.organization()
    posted = {"slug": made.slug, "name": "Acme", "external_id": made.external_id}
    site_staff().post(f"/admin/reviews/organization/{made.pk}/change/", posted)
    assert Organization.objects.get().name == "Acme"
    assert AuditEvent.objects.get(action="organization.change").details == "name"


def test_it_makes_a_user() -> None:
    password = "four plain words 7"
    posted = {"username": "mira", "usable_password": "true", "password1": password, "password2": password}
    site_staff().post("/admin/reviews/user/add/", posted)
    assert User.objects.get(username="mira").check_password(password)
    assert AuditEvent.objects.filter(action="user.create", details="mira").count() == 1


def test_it_deactivates_a_user_and_says_so() -> None:
    user = factories.user("mira")
    site_staff().post(f"/admin/reviews/user/{user.pk}/change/", {"username": "mira", "email": "m@example.org"})
    user.refresh_from_db()
    assert (user.is_active, user.email) == (False, "m@example.org")
    assert AuditEvent.objects.get(action="user.change").details == "is_active, email"


def test_it_lets_nobody_lock_herself_out() -> None:
    user = factories.user(is_superuser=True)
    visitor(user).post(f"/admin/reviews/user/{user.pk}/change/", {"username": user.username, "first_name": "Mira"})
    user.refresh_from_db()
    assert (user.first_name, user.is_active, user.is_superuser, user.is_staff) == ("Mira", True, True, True)


def test_it_sets_a_password_and_says_that_but_not_which() -> None:
    user, password = factories.user("mira"), "four plain words 7"
    posted = {"usable_password": "true", "password1": password, "password2": password}
    site_staff().post(f"/admin/reviews/user/{user.pk}/password/", posted)
    user.refresh_from_db()
    assert user.check_password(password)
    assert AuditEvent.objects.get(action="user.password").details == "mira"
    assert password not in page(site_staff(), f"reviews/user/{user.pk}/history/")
