"""Who may enter the admin, and that every page of it answers."""

import pytest
from django.test import Client

from reviews.admin.site import site
from reviews.models import (
    ApiToken,
    AuditEvent,
    FeedbackTask,
    Member,
    Organization,
    Role,
    Upstream,
    User,
)
from tests import factories
from tests.admin.filled import fill
from tests.admin.people import page, site_staff, visitor

pytestmark = pytest.mark.django_db

NOUNS = sorted(model._meta.model_name or "" for model in site._registry)
ADDED = {model._meta.model_name for model in (ApiToken, FeedbackTask, Member, Organization, Upstream, User)}
CHANGED = (ADDED | {"queue"}) - {"apitoken"}


def changed_path(noun: str) -> str:
    """The page of the noun's first row."""
    model = next(model for model in site._registry if model._meta.model_name == noun)
    row = model._default_manager.first()
    assert row is not None, f"No {noun} to look at."
    return f"reviews/{noun}/{row.pk}/change/"


def test_it_shows_site_staff_every_list_and_every_row() -> None:
    client = site_staff()
    fill(factories.organization())
    for noun in NOUNS:
        assert 'id="result_list"' in page(client, f"reviews/{noun}/"), noun
        page(client, changed_path(noun))
        page(client, changed_path(noun).replace("/change/", "/history/"))


@pytest.mark.parametrize("noun", NOUNS)
def test_it_lets_site_staff_add_what_is_managed_and_nothing_else(noun: str) -> None:
    page(site_staff(), f"reviews/{noun}/add/", 200 if noun in ADDED else 403)


@pytest.mark.parametrize("path", ["", "password_change/", *(f"reviews/{noun}/" for noun in NOUNS)])
def test_it_sends_a_visitor_to_the_sign_in_page(path: str) -> None:
    response = Client().get(f"/admin/{path}", follow=True)
    assert response.redirect_chain[-1][0].startswith("/sign-in?next=/admin/")


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.LEAD])
@pytest.mark.parametrize("staff", [False, True])
def test_it_keeps_members_out_even_with_the_staff_flag(role: Role, staff: bool) -> None:
    user = factories.member(factories.organization(), role=role).user
    User.objects.filter(pk=user.pk).update(is_staff=staff)
    client = visitor(user)
    for path in ("", *(f"reviews/{noun}/{end}" for noun in NOUNS for end in ("", "add/", "1/change/"))):
        assert client.get(f"/admin/{path}", follow=True).status_code == 403, path


def test_it_keeps_a_deactivated_superuser_out() -> None:
    user = factories.user(is_superuser=True)
    client = visitor(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/admin/").status_code == 302


def test_it_refuses_to_change_what_is_read_only() -> None:
    client = site_staff()
    fill(factories.organization())
    for noun in set(NOUNS) - CHANGED:
        assert client.post(f"/admin/{changed_path(noun)}", {"name": "x"}).status_code == 403, noun
        if noun not in ADDED:
            assert client.post(f"/admin/reviews/{noun}/add/", {"name": "x"}).status_code == 403, noun


def test_it_deletes_nothing_but_memberships() -> None:
    client = site_staff()
    fill(factories.organization())
    for noun in set(NOUNS) - {"member"}:
        path = changed_path(noun)
        assert client.post(f"/admin/{path.replace('change', 'delete')}", {"post": "yes"}).status_code == 403, noun
        assert "delete_selected" not in page(client, f"reviews/{noun}/"), noun
        selected = {"action": "delete_selected", "_selected_action": [path.split("/")[2]], "post": "yes"}
        client.post(f"/admin/reviews/{noun}/", selected)
        page(client, path)


def test_it_signs_out_by_post_alone_and_says_so_in_the_audit() -> None:
    client = site_staff()
    assert client.get("/admin/logout/").status_code == 405
    assert client.post("/admin/logout/")["Location"] == "/sign-in"
    assert AuditEvent.objects.filter(action="sign_out").count() == 1


@pytest.mark.parametrize("odd", ["x", "9" * 30, "-1", "1.5", "_00", "%2500"])
def test_an_id_that_cannot_be_one_fails_nothing(odd: str) -> None:
    client = site_staff()
    for end in ("change/", "delete/", "history/"):
        for noun in ("member", "apitoken"):
            assert client.get(f"/admin/reviews/{noun}/{odd}/{end}", follow=True).status_code < 500
    for action in ("revoke", "nothing", ""):
        posted = {"action": action, "_selected_action": [odd]}
        assert client.post("/admin/reviews/apitoken/", posted, follow=True).status_code < 500
