"""What forms of the admin can write is what is listed here; whatever else is posted changes nothing."""

from typing import Any

import pytest
from django.test import Client, RequestFactory

from reviews.admin.site import site
from reviews.models import ApiToken, Member, Organization, User
from tests import factories
from tests.admin.filled import fill
from tests.admin.people import role_admin, site_staff

pytestmark = pytest.mark.django_db

TOKEN = ["can_admin", "can_feedback", "can_ingest", "can_read", "expiry", "last_day", "name"]
TASK = ["instruction", "json_schema", "name", "tags"]
UPSTREAM = ["name", "pull_seconds", "token", "upstream_organization", "url"]
QUEUE = ["blind", "claim_minutes", "everyone", "is_open", "order", "reviews_per_completion"]
PERSON = ["email", "first_name", "is_active", "last_name", "time_zone"]
# What a form reads when a row is made, and when it is changed; {} where there is no such form.
OF_AN_ADMIN: dict[str, tuple[list[str], list[str]]] = {
    "organization": ([], ["name", "retention_days"]),
    "member": (["role", "username"], ["role"]),
    "user": ([], PERSON),
    "apitoken": (TOKEN, []),
    "upstream": (UPSTREAM, sorted([*UPSTREAM, "enabled"])),
    "feedbacktask": (TASK, TASK),
    "queue": ([], QUEUE),
}
OF_SITE_STAFF: dict[str, tuple[list[str], list[str]]] = {
    "organization": (
        ["external_id", "name", "retention_days", "slug"],
        ["external_id", "name", "retention_days", "slug"],
    ),
    "member": (["organization", "role", "username"], ["role"]),
    "user": (
        ["password1", "password2", "usable_password", "username"],
        sorted([*PERSON, "is_staff", "is_superuser", "username"]),
    ),
    "apitoken": (sorted([*TOKEN, "organization"]), []),
    "upstream": (sorted([*UPSTREAM, "organization"]), sorted([*UPSTREAM, "enabled"])),
    "feedbacktask": (sorted([*TASK, "organization"]), TASK),
    "queue": ([], QUEUE),
}
EXTRA = {
    "id": "1",
    "pk": "1",
    "uid": "1",
    "organization": "1",
    "organization_id": "1",
    "external_id": "1",
    "slug": "1",
    "created_at": "1",
    "is_staff": "1",
    "is_superuser": "1",
    "password": "1",
    "hash": "1",
    "prefix": "1",
    "user": "1",
    "user_id": "1",
    "created_by": "1",
    "last_used_at": "1",
    "revoked_at": "1",
    "expires_at": "1",
    "fence": "1",
    "date_joined": "1",
    "last_login": "1",
    "groups": "1",
    "user_permissions": "1",
    "feedback_task": "1",
    "upstream": "1",
    "pulled": "1",
    "archived_at": "1",
    "current_revision": "1",
    "listed_at": "1",
    "token_refused_at": "1",
    "pull_failures": "1",
}


@pytest.fixture
def mine() -> Organization:
    return fill(factories.organization())


def request_of(client: Client) -> Any:
    """A request as the client would make it, with a POST behind it or not."""
    request = RequestFactory().get("/admin/")
    request.user = User.objects.get(pk=client.session["_auth_user_id"])
    request.session = client.session
    return request


def read(client: Client) -> dict[str, tuple[list[str], list[str]]]:
    """The fields that the forms read, by noun; of a new row, and of the newest one."""
    found = {}
    for model, admin in site._registry.items():
        request, obj = request_of(client), admin.get_queryset(request_of(client)).order_by("-pk").first()
        made = _fields(admin, request, None) if admin.has_add_permission(request) else []
        changed = _fields(admin, request, obj) if admin.has_change_permission(request, obj) else []
        if made or changed:
            found[str(model._meta.model_name)] = (made, changed)
    return found


def _fields(admin: Any, request: Any, obj: Any) -> list[str]:
    form = admin.get_form(request, obj, change=obj is not None)
    names = form(instance=obj).fields.items() if obj else form().fields.items()
    return sorted(name for name, field in names if not field.disabled)


def test_forms_of_an_admin_read_these_fields(mine: Organization) -> None:
    client = role_admin(mine)
    factories.member(mine)
    assert read(client) == OF_AN_ADMIN


def test_forms_of_site_staff_read_these_fields(mine: Organization) -> None:
    client = site_staff()
    factories.member(mine)
    assert read(client) == OF_SITE_STAFF


def kept(row: Any) -> dict[str, Any]:
    """The columns of a row as the database has them."""
    values: dict[str, Any] = type(row)._default_manager.filter(pk=row.pk).values().get()
    return values


def test_what_else_is_posted_changes_nothing(mine: Organization) -> None:
    client = role_admin(mine)
    factories.member(mine)
    assert len(EXTRA) >= 30
    for model, admin in site._registry.items():
        noun = str(model._meta.model_name)
        row = admin.get_queryset(request_of(client)).order_by("-pk").first()
        assert row is not None
        before, readable = kept(row), OF_AN_ADMIN.get(noun, ([], []))[1]
        values = {name: before[name] for name in readable if before.get(name) not in (None, False)}
        revision = getattr(row, "current_revision", None)
        said = {"instruction": "Read it.", "json_schema": revision.schema_text, "tags": ""} if revision else {}
        formset = {"queue_reviewers-TOTAL_FORMS": 0, "queue_reviewers-INITIAL_FORMS": 0} if noun == "queue" else {}
        client.post(f"/admin/reviews/{noun}/{row.pk}/change/", {**EXTRA, **values, **said, **formset})
        after = kept(row)
        moved = {name for name in before if before[name] != after[name]}
        assert moved <= {*readable, "current_revision_id"}, noun


def test_what_else_is_posted_for_a_new_row_is_not_in_it(mine: Organization) -> None:
    client = role_admin(mine)
    Organization.objects.filter(pk=mine.pk).update(slug="mine")
    client.post("/admin/reviews/apitoken/add/", {**EXTRA, "name": "app", "can_read": "on"})
    token = ApiToken.objects.get(name="app")
    assert (token.organization, token.created_by) == (mine, request_of(client).user)
    assert (token.revoked_at, token.last_used_at, token.expires_at, token.scopes) == (None, None, None, ("read",))
    assert "1" not in (token.hash, token.prefix)
    client.post("/admin/reviews/member/add/", {**EXTRA, "username": "mira", "role": "lead"})
    member = Member.objects.get(user__username="mira")
    assert (member.organization, member.role) == (mine, "lead")
    assert (member.user.is_staff, member.user.is_superuser, member.user.has_usable_password()) == (False, False, False)
