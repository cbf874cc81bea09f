"""What holds for every list of the admin: it costs what fifty rows cost, keeps to its order, and says how to search."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from reviews.admin import base
from reviews.admin.base import ReadOnly
from reviews.admin.site import site
from reviews.models import Completion, Member, Organization, Push, QueueItem, Revision
from tests import factories
from tests.admin.people import page, role_admin, site_staff, visitor
from tests.bench import asking, million

pytestmark = pytest.mark.django_db
ROWS = 1_200
SEARCHED = ("completion", "push", "queueitem", "assignment", "feedback", "revision", "organization")


def admins() -> dict[str, Any]:
    """The class behind every list, by its path."""
    return {f"reviews/{model._meta.model_name}/": found for model, found in site._registry.items()}


def admin_of(slug: str) -> Client:
    return visitor(Member.objects.get(organization__slug=slug, role="admin").user)


def queries(client: Client, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        page(client, path)
    return [query["sql"] for query in captured]


@pytest.mark.parametrize("who", ["site staff", "an admin"])
def test_it_asks_as_often_for_many_rows_as_for_one(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    million.fill(ROWS)
    client = site_staff() if who == "site staff" else admin_of("large")
    asked: dict[str, list[int]] = {}
    for path, found in admins().items():
        if client.get(f"/admin/{path}").status_code == 200:
            for rows in (1, 50):
                monkeypatch.setattr(found, "list_per_page", rows)
                asked.setdefault(path, []).append(len(queries(client, path)))
    assert {path: counts for path, counts in asked.items() if len(set(counts)) > 1} == {}
    assert max(max(counts) for counts in asked.values()) <= 13


def test_it_counts_nothing_that_grows() -> None:
    million.fill(60)
    client = site_staff()
    for path, found in admins().items():
        if isinstance(found, ReadOnly):
            assert not [sql for sql in queries(client, path) if "COUNT(" in sql and "LIMIT" not in sql], path


def test_every_filter_and_search_answers() -> None:
    million.fill(60)
    client = admin_of("small")
    for _, path in asking.lists(client, ""):
        for question in asking.questions(client, path):
            assert client.get(question).status_code == 200, question


@pytest.mark.parametrize("slug", ["", "small", "large"])
def test_a_list_that_is_read_in_parts_is_whole_and_in_order(slug: str) -> None:
    million.fill(ROWS)
    client = admin_of(slug) if slug else site_staff()
    pushes = Push.objects.filter(state="delivered", **({"completion__organization__slug": slug} if slug else {}))
    assert shown(client, "reviews/push/?state__exact=delivered") == list(pushes.order_by("-pk")[:50])
    items = QueueItem.objects.filter(**({"queue__organization__slug": slug} if slug else {}))
    assert shown(client, "reviews/queueitem/?p=2&state__exact=open") == list(
        items.filter(state="open").order_by("-pk")[50:100]
    )
    completions = Completion.objects.filter(status="failed", **({"organization__slug": slug} if slug else {}))
    assert shown(client, "reviews/completion/?status__exact=failed") == list(completions.order_by("-received_at")[:50])


def shown(client: Client, path: str) -> list[Any]:
    response = client.get(f"/admin/{path}")
    return list(response.context["cl"].result_list)


def test_it_keeps_to_its_order() -> None:
    organization = factories.organization()
    made = [factories.completion(organization, uid=uid) for uid in ("b", "a", "c")]
    assert shown(site_staff(), "reviews/completion/?o=1") == made[::-1]


@pytest.mark.parametrize("noun", SEARCHED)
def test_a_search_that_finds_nothing_says_so(noun: str) -> None:
    factories.completion(factories.organization())
    assert "Nothing found for “nowhere”." in page(site_staff(), f"reviews/{noun}/?q=nowhere")


def test_a_search_says_what_it_finds() -> None:
    html = page(site_staff(), "reviews/feedback/?q=nowhere")
    assert "A whole id, of feedback or of a completion, or a reviewer’s user name" in html


def test_a_search_finds_each_thing_that_it_may_mean() -> None:
    feedback_task = factories.feedback_task(factories.organization())
    made = factories.completion(feedback_task.organization)
    grade = factories.submit(factories.assignment(feedback_task)).feedback
    assert grade.reviewer is not None
    for text in (grade.uid, made.uid, grade.reviewer.username, f" {made.uid} "):
        assert shown(site_staff(), f"reviews/feedback/?q={text}") == [grade], text


def test_an_action_is_not_for_a_whole_list() -> None:
    factories.completion(factories.organization())
    posted = {"action": "export", "select_across": "1", "_selected_action": [Completion.objects.get().pk]}
    response = site_staff().post("/admin/reviews/completion/", posted, follow=True)
    assert "Tick the rows themselves" in response.content.decode()


def test_the_organization_is_no_column_where_there_is_one() -> None:
    organization = factories.organization()
    factories.completion(organization)
    assert "field-organization" not in page(role_admin(Organization.objects.get()), "reviews/completion/")


@pytest.mark.parametrize("slug", ["small", "large"])
def test_what_is_far_from_the_newest_is_found_and_in_order(slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    million.fill(ROWS)
    monkeypatch.setattr(base, "WINDOW", 100)
    hers = Revision.objects.filter(completion__organization__slug=slug).order_by("-pk")
    assert shown(admin_of(slug), "reviews/revision/") == list(hers[:50])
