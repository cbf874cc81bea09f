"""What a lead does on the sync page."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from reviews.models import AuditEvent, Completion, Push, PushState, Upstream
from reviews.web import push_list
from tests.web.scene import Scene, person, scene
from tests.web.sync_scene import arrived, edit, grade, pushed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def _said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def _state(push: Push) -> str:
    return str(Push.objects.get(pk=push.pk).state)


# One push --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [PushState.ATTENTION, PushState.ABSENT])
def test_it_pushes_again_what_waited_for_a_person(state: PushState) -> None:
    made, push = pushed(), edit(state=state)
    response = made.client.post(f"/sync/pushes/{push.pk}/retry")
    assert (response.status_code, response["Location"]) == (303, "/sync")
    assert _state(push) == PushState.WAITING
    assert AuditEvent.objects.get(action="push.retry").user == made.user


def test_it_pushes_an_edit_again_that_had_arrived() -> None:
    made, push = pushed(), edit()
    arrived(push)
    assert made.client.post(f"/sync/pushes/{push.pk}/retry").status_code == 303
    assert _state(push) == PushState.WAITING


def test_it_says_why_a_push_cannot_go_again() -> None:
    made, push = pushed(), edit()
    arrived(push)
    Completion.objects.update(current=made.completions[0].received)
    response = made.client.post(f"/sync/pushes/{push.pk}/retry")
    assert response.status_code == 303
    assert _said(response) == ["A newer text stands here now: this one is not sent again."]
    assert _state(push) == PushState.DELIVERED


def test_it_goes_back_to_the_list_as_it_was() -> None:
    made, push = pushed(), edit(state=PushState.ATTENTION)
    back = "state=person&kind=update&before=99"
    response = made.client.post(f"/sync/pushes/{push.pk}/retry", {"back": back})
    assert response["Location"] == "/sync?state=person&kind=update&before=99"


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example/?state=person", "state=//evil.example"])
def test_it_goes_nowhere_else(back: str) -> None:
    made, push = pushed(), edit(state=PushState.ATTENTION)
    location = made.client.post(f"/sync/pushes/{push.pk}/retry", {"back": back})["Location"]
    assert location.startswith("/sync")
    assert "evil" not in location


def test_a_script_gets_the_parts_and_what_was_done() -> None:
    made, push = pushed(), edit(state=PushState.ATTENTION)
    response = made.client.post(f"/sync/pushes/{push.pk}/retry", {"back": "state=person"}, headers=HTMX)
    assert response.status_code == 200
    assert b"It is on its way again." in response.content
    assert response.context["page"].filters.group == "person"
    assert response.context["page"].pushes.rows == ()
    assert b"<html" not in response.content


def test_a_script_is_told_too_what_could_not_be_done() -> None:
    made, push = pushed(), edit()
    response = made.client.post(f"/sync/pushes/{push.pk}/retry", headers=HTMX)
    assert response.status_code == 409
    assert b"Only a push that needs attention or has arrived" in response.content


def test_it_gives_up_a_grade_that_is_refused() -> None:
    made, push = pushed(), grade(state=PushState.ATTENTION)
    assert b'popovertarget="giving-up-' in made.client.get("/sync").content
    assert made.client.post(f"/sync/pushes/{push.pk}/give-up").status_code == 303
    assert _state(push) == PushState.DISCARDED
    assert AuditEvent.objects.get(action="push.discard").user == made.user


def test_it_does_not_give_up_an_edit_or_a_grade_on_its_way() -> None:
    made = pushed()
    for push in (edit(state=PushState.ATTENTION), grade()):
        state = push.state
        assert made.client.post(f"/sync/pushes/{push.pk}/give-up").status_code == 303
        assert _state(push) == state


# Many at once ----------------------------------------------------------------------------------------------------


def test_it_pushes_all_again_that_were_refused_and_match() -> None:
    made = pushed(reviews=3)
    Push.objects.update(state=PushState.ATTENTION)
    absent = edit(state=PushState.ABSENT)
    page = made.client.get("/sync?kind=update").context["page"]
    assert page.pushes.again.count == 2
    response = made.client.post("/sync/pushes/retry", {"filter": "kind=update", "back": "kind=update"})
    assert response["Location"] == "/sync?kind=update"
    assert _said(response) == ["2 are on their way again."]
    waiting = Push.objects.filter(state=PushState.WAITING)
    assert [push.kind for push in waiting] == ["update", "update"]
    # Nothing there can be compared with it: that is decided one by one.
    assert _state(absent) == PushState.ABSENT


def test_it_pushes_no_more_than_a_hundred_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_list, "MOST_AT_ONCE", 3)
    made = pushed(reviews=2)
    Push.objects.update(state=PushState.ATTENTION)
    page = made.client.get("/sync")
    assert page.context["page"].urgent.again.text == "3+"
    assert b"Try 3 of the refused ones again" in page.content
    made.client.post("/sync/pushes/retry", {"filter": "state=person"})
    assert Push.objects.filter(state=PushState.ATTENTION).count() == 1


def test_it_touches_nothing_where_she_is_not_a_lead() -> None:
    made = pushed(role="reviewer")
    Push.objects.update(state=PushState.ATTENTION)
    response = made.client.post("/sync/pushes/retry", {"filter": ""})
    assert _said(response) == ["0 are on their way again."]
    other = scene("other", role="lead", pulled=True)
    other.client.post("/sync/pushes/retry", {"filter": "state=person"})
    assert not Push.objects.filter(state=PushState.WAITING).exists()


# Pull now --------------------------------------------------------------------------------------------------------


def test_pull_now_makes_the_next_pull_due() -> None:
    made = scene(role="lead", pulled=True)
    Upstream.objects.update(next_pull_at=timezone.now() + timedelta(hours=1))
    assert made.client.post(f"/sync/upstreams/{made.upstream.pk}/pull").status_code == 303
    assert Upstream.objects.get().next_pull_at <= timezone.now()


# Who may ---------------------------------------------------------------------------------------------------------


def _paths(made: Scene, push: Push) -> list[str]:
    return [
        f"/sync/pushes/{push.pk}/retry",
        f"/sync/pushes/{push.pk}/give-up",
        f"/sync/upstreams/{made.upstream.pk}/pull",
    ]


def test_neither_a_reviewer_nor_another_organization_may() -> None:
    made, push = pushed(), grade(state=PushState.ATTENTION)
    _, reviewer = person("noor", made.organization)
    other = scene("other", role="lead")
    for path in _paths(made, push):
        assert reviewer.post(path).status_code == 404
        assert other.client.post(path).status_code == 404
    assert _state(push) == PushState.ATTENTION


def test_nothing_is_done_by_get() -> None:
    made, push = pushed(), grade(state=PushState.ATTENTION)
    for path in [*_paths(made, push), "/sync/pushes/retry"]:
        assert made.client.get(path).status_code == 405
    assert _state(push) == PushState.ATTENTION
