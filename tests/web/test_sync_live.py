"""The parts of the sync page that are asked for again while somebody looks."""

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from reviews.models import AuditEvent, PullState, Push, PushState, Upstream
from tests.web.scene import Scene, scene
from tests.web.sync_scene import another_upstream, edit, pull, pushed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def _seen(made: Scene, query: str = "") -> str:
    seen: str = made.client.get(f"/sync{query}").context["seen"]
    return seen


def test_it_says_nothing_while_nothing_changed() -> None:
    made = pushed()
    response = made.client.get(f"/sync/live?seen={_seen(made)}", headers=HTMX)
    assert (response.status_code, response.content) == (204, b"")


def test_it_brings_the_parts_that_changed_and_no_others() -> None:
    made = pushed()
    seen = _seen(made)
    pull(made.upstream, listed=3)
    response = made.client.get(f"/sync/live?seen={seen}", headers=HTMX)
    assert response.status_code == 200
    assert response.context["parts"] == ["upstreams"]
    assert b'id="upstreams" hx-swap-oob="true"' in response.content
    assert b'id="figures"' not in response.content
    assert b"<html" not in response.content


def test_what_it_brought_is_seen() -> None:
    made = pushed()
    seen = _seen(made)
    edit(state=PushState.ATTENTION)
    response = made.client.get(f"/sync/live?seen={seen}", headers=HTMX)
    assert response.context["parts"] == ["figures", "urgent", "pushes"]
    again = made.client.get(f"/sync/live?seen={response.context['seen']}", headers=HTMX)
    assert again.status_code == 204


def test_it_answers_for_the_list_that_is_open() -> None:
    made = pushed()
    seen = _seen(made, "?state=arrived")
    assert made.client.get(f"/sync/live?state=arrived&seen={seen}").status_code == 204
    assert made.client.get("/sync?state=arrived").context["page"].live == "/sync/live?state=arrived"


@pytest.mark.parametrize("seen", ["", "a", "a-b-c-d-e-f", "%00", "-" * 200])
def test_whatever_was_seen_it_brings_what_there_is(seen: str) -> None:
    made = pushed()
    response = made.client.get(f"/sync/live?seen={seen}", headers=HTMX)
    assert response.context["parts"] == ["figures", "urgent", "upstreams", "pushes"]


def test_it_is_asked_often_only_while_something_moves() -> None:
    made = scene(role="lead", pulled=True)
    assert made.client.get("/sync").context["page"].every == 10
    running = pull(made.upstream, state=PullState.RUNNING, ended_at=None)
    assert made.client.get("/sync").context["page"].every == 2
    running.delete()
    assert pushed("other").client.get("/sync").context["page"].every == 2


def test_it_tells_a_script_that_the_session_is_over() -> None:
    assert Client().get("/sync/live", headers=HTMX).status_code == 401


def test_it_writes_nothing() -> None:
    made = pushed()
    before = (Push.objects.values_list().first(), Upstream.objects.values_list().first(), AuditEvent.objects.count())
    for path in ("/sync", "/sync/live", "/sync?state=person", "/sync/refusals"):
        made.client.get(path)
    after = (Push.objects.values_list().first(), Upstream.objects.values_list().first(), AuditEvent.objects.count())
    assert after == before
    assert made.client.post("/sync/live").status_code == 405


def test_it_does_not_ask_for_the_banner(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    made = pushed(reviews=5)
    another_upstream(made.organization, "down", pull_failures=9, failing_since=timezone.now())
    with django_assert_max_num_queries(21):
        response = made.client.get("/sync/live", headers=HTMX)
    assert b"banner" not in response.content
