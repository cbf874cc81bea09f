"""Security 12: what a client sends beside what it is asked for changes no row."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from reviews.models import Completion, FeedbackTask, Member, User
from reviews.workflow import feedback_tasks
from tests.api.samples import document
from tests.security import world
from tests.security.asking import taken_back
from tests.security.world import Side

pytestmark = pytest.mark.django_db
Rows = dict[str, list[tuple[Any, ...]]]
ELSEWHERE = "2001-02-03T04:05:06Z"


def extras(there: Side) -> dict[str, Any]:
    """Thirty members and more that nobody asks for; each would tell in a row."""
    return {
        "pk": 4_242_424,
        "_id": "x",
        "uid": "chosen",
        "organization": there.organization.pk,
        "organization_slug": "zebra",
        "organizationSlug": "zebra",
        "tenant": "zebra",
        "reviewer": there.people["lead"].pk,
        "reviewer_id": there.people["lead"].pk,
        "user": there.people["lead"].pk,
        "user_id": there.people["lead"].pk,
        "author": there.people["lead"].pk,
        "created_by": there.people["lead"].pk,
        "api_token": there.token.pk,
        "api_token_id": there.token.pk,
        "received_at": ELSEWHERE,
        "updated_at": ELSEWHERE,
        "graded": True,
        "graded_at": ELSEWHERE,
        "archived_at": ELSEWHERE,
        "revision_count": 77,
        "revision": 77,
        "received": there.completions["one"].received_id,
        "current": there.completions["one"].current_id,
        "current_id": there.completions["one"].current_id,
        "upstream": there.upstream.pk,
        "upstream_id": there.upstream.pk,
        "upstream_uid": "chosen",
        "pulled": True,
        "origin": "review",
        "assignment": there.held["lead"].pk,
        "supersedes": 1,
        "state": "done",
        "priority": 99,
        "routed_through": 99,
        "queue": there.feedback_task.queue.pk,
        "is_staff": True,
        "is_superuser": True,
        "is_active": False,
        "role": "admin",
        "password": make_password("chosen"),
        "can_admin": True,
        "gone_upstream_at": ELSEWHERE,
        "flagged_at": ELSEWHERE,
        "held_until": ELSEWHERE,
        "reviews_needed": 9,
    }


# What two requests that say the same make differ in: numbers, ids, moments, hashes of those, and the client's document.
OWN = {"id", "uid", "hash", "data", "size", "prefix", "fields_text", "changes_text", "object_repr", "sort_key"}


def written(before: Rows, after: Rows, columns: dict[str, list[str]]) -> dict[str, list[dict[str, Any]]]:
    """The rows that are new or other than before, without what is their own."""
    found = {}
    for table, rows in after.items():
        old = set(before[table])
        if new := [row for row in rows if row not in old]:
            found[table] = sorted((_said(row, columns[table]) for row in new), key=repr)
    return found


def _said(row: tuple[Any, ...], names: list[str]) -> dict[str, Any]:
    """Of references, moments and hashes only whether there is one."""
    said = {name: value for name, value in zip(names, row, strict=True) if name not in OWN}
    return {name: bool(value) if _is_own(name, value) else value for name, value in said.items()}


def _is_own(name: str, value: Any) -> bool:
    return isinstance(value, datetime) or name.endswith(("_id", "_hash"))


def does(work: Callable[[], Any]) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """The status of what `work` is answered, and what it wrote; taken back again."""
    with taken_back():
        before = world.dump()
        answer = work()
        return answer.status_code, written(before, world.dump(), world.columns())


def api(here: Side, path: str, body: dict[str, Any], method: str = "POST") -> Callable[[], Any]:
    """A call with the organization's token."""
    headers = {"X-Log10-Token": here.secret}
    return lambda: Client().generic(method, path, orjson.dumps(body), content_type="application/json", headers=headers)


def calls(here: Side) -> list[tuple[str, dict[str, Any]]]:
    """Everything in the API that writes, each with a body that it takes."""
    uid, task = here.completions["one"].uid, FeedbackTask.objects.get(name=f"{here.word} local")
    plain = {name: value for name, value in document(tags=["walrus-local"]).items() if name != "organization_id"}
    schema = {"type": "object", "properties": {"score": {"type": "integer"}}}
    return [
        ("/api/v1/completions", plain),
        (f"/api/v1/completions/{uid}", {"status": "finished", "tags": ["walrus-local"]}),
        (f"/api/completions/{uid}", {"status": "finished", "kind": "chat", "tags": ["walrus-local"]}),
        ("/api/completions", {}),
        ("/api/sessions", {}),
        ("/api/v1/sessions", {}),
        (
            "/api/v1/feedback",
            {"task_id": task.uid, "json_values": {"score": 3}, "comment": "x", "completion_ids": [uid]},
        ),
        (
            "/api/v1/feedback_task",
            {"name": "n", "instruction": "i", "json_schema": schema, "completion_tags_selector": ["walrus-local"]},
        ),
    ]


def test_more_members_of_a_body_change_nothing() -> None:
    here, there = world.two()
    more = extras(there)
    assert len(more) >= 30
    for path, body in calls(here):
        plain, crowded = does(api(here, path, body)), does(api(here, path, {**more, **body}))
        assert plain[0] in (200, 201), (path, plain)
        assert crowded == plain, path


def test_a_document_does_not_say_where_it_belongs_and_when_it_came() -> None:
    here, there = world.two()
    body = {**document(), "organization_id": "walrus", **extras(there), "created_at": ELSEWHERE}
    uid = api(here, "/api/v1/completions", body)().json()["id"]
    row = Completion.objects.get(uid=uid)
    assert row.organization == here.organization
    assert row.received_at.year != 2001
    assert (row.upstream, row.revision_count, row.gone_upstream_at) == (None, 0, None)


# Pages -----------------------------------------------------------------------------------------------------------


def forms(here: Side) -> list[tuple[str, str, dict[str, Any]]]:
    """The forms that write, each as somebody fills it in."""
    held, task = here.held["reviewer"], FeedbackTask.objects.get(name=f"{here.word} local")
    current = held.item.completion.current_id
    queue = here.feedback_task.queue.pk
    made = {"name": "n", "instruction": "i", "schema": '{"type": "object"}', "tag": "walrus-local"}
    settings = {"name": "n", "everyone": "1", "blind": "1", "reviews": "2", "order": "oldest", "minutes": "15"}
    return [
        ("reviewer", f"/reviews/{held.pk}/submit", {"v-score": "4", "document": current, "comment": "x"}),
        ("reviewer", f"/reviews/{held.pk}/draft", {"v-score": "4", "document": current}),
        ("reviewer", f"/reviews/{held.pk}/skip", {"reason": "x"}),
        ("reviewer", f"/reviews/{held.pk}/flag", {"reason": "x"}),
        ("lead", f"/queues/{queue}/settings", settings),
        ("lead", f"/queues/{queue}/pause", {"open": "0"}),
        ("lead", f"/queues/{queue}/items/again", {"do": "reopen", "item": here.done["reviewer"].item_id}),
        ("lead", f"/flags/{here.flagged.pk}/back", {}),
        ("lead", f"/flags/{here.flagged.pk}/close", {"reason": "x"}),
        ("lead", f"/claims/{held.pk}/release", {}),
        ("lead", "/feedback-tasks/new", made),
        ("lead", f"/feedback-tasks/{task.pk}", {**made, "seen": feedback_tasks.standing(task)}),
        ("lead", f"/feedback-tasks/{task.pk}/archive", {}),
        ("lead", f"/sync/pushes/{here.grade.pk}/retry", {}),
        ("lead", f"/sync/pushes/{here.grade.pk}/give-up", {}),
        ("lead", f"/sync/refusals/{here.refusal.pk}/retry", {}),
        ("lead", f"/sync/upstreams/{here.upstream.pk}/pull", {}),
    ]


def test_more_fields_of_a_form_change_nothing() -> None:
    here, there = world.two()
    more = {name: str(value) for name, value in extras(there).items()}
    for role, path, fields in forms(here):
        client = here.client(role)
        others = {name: text for name, text in more.items() if not (path.endswith("/settings") and name == "reviewer")}
        plain, crowded = (does(lambda: client.post(path, data)) for data in (fields, {**others, **fields}))  # noqa: B023
        assert plain[0] in (200, 303), (path, plain)
        assert crowded == plain, path


def test_signing_in_makes_nobody_more_than_she_is() -> None:
    here, there = world.two()
    user = here.people["reviewer"]
    user.set_password("correct horse battery")
    user.save()
    posted = {name: str(value) for name, value in extras(there).items()}
    posted |= {"username": user.username, "password": "correct horse battery"}
    for path in ("/sign-in", f"/welcome/{here.sign_in_link}"):
        Client().post(path, posted)
    for one in User.objects.filter(username__startswith="walrus"):
        assert (one.is_staff, one.is_superuser, one.is_active) == (False, False, True)
    assert Member.objects.get(user=user).role == "reviewer"


# Admin -----------------------------------------------------------------------------------------------------------


# Fields of these forms.
TAKEN = ("role", "organization", "user", "can_admin", "expires_at")


def test_more_fields_of_a_form_of_the_admin_change_nothing() -> None:
    here, there = world.two()
    client = world.signed_in(world.site_staff())
    more = {name: str(value) for name, value in extras(there).items() if name not in TAKEN}
    member = Member.objects.get(user=here.people["reviewer"])
    posts: list[tuple[str, dict[str, Any]]] = [
        (f"/admin/reviews/organization/{here.organization.pk}/change/", {"slug": "w", "name": "W", "external_id": "w"}),
        (f"/admin/reviews/member/{member.pk}/change/", {"role": "lead"}),
        (
            "/admin/reviews/apitoken/add/",
            {"organization": here.organization.pk, "name": "more", "can_ingest": "on"},
        ),
    ]
    for path, fields in posts:
        plain, crowded = (does(lambda: client.post(path, data)) for data in (fields, {**more, **fields}))  # noqa: B023
        assert plain[0] == 302, (path, plain)
        assert crowded == plain, path


def test_a_membership_stays_in_its_organization_and_with_its_person() -> None:
    here, there = world.two()
    member = Member.objects.get(user=here.people["reviewer"])
    posted = {"role": "lead", "organization": there.organization.pk, "user": there.people["lead"].pk}
    world.signed_in(world.site_staff()).post(f"/admin/reviews/member/{member.pk}/change/", posted)
    member.refresh_from_db()
    assert (member.role, member.organization, member.user) == ("lead", here.organization, here.people["reviewer"])
