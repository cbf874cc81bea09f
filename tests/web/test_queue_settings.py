"""The page of a queue's settings, and what a lead does there."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reviews.models import Assignment, AssignmentState, AuditEvent, Queue, QueueItem
from tests.web.scene import Scene, person, scene

pytestmark = pytest.mark.django_db


def _said(response: Any) -> list[str]:
    """The last sentence; earlier ones wait until a page shows them."""
    return [str(message) for message in get_messages(response.wsgi_request)][-1:]


def _path(made: Scene, rest: str = "settings") -> str:
    return f"/queues/{made.queue.pk}/{rest}"


def _form(made: Scene, **posted: Any) -> dict[str, Any]:
    """What the browser posts for the form as it stands, with `posted` on top."""
    form = made.client.get(_path(made)).context["page"].form
    return {
        "seen": form.seen,
        "name": form.name,
        "everyone": "1" if form.everyone else "0",
        "reviewer": [member.value for member in form.members if member.chosen],
        "reviews": form.reviews,
        "order": next(order.value for order in form.orders if order.chosen),
        "blind": "1" if form.blind else "0",
        "minutes": form.minutes,
        **posted,
    }


def test_it_shows_how_far_the_queue_is_and_who_does_what() -> None:
    made = scene(items=3, role="lead")
    noor, other = person("noor", made.organization)
    other.post(_path(made, "start"))
    first = made.start()
    made.client.post(f"/reviews/{first}/submit", made.form(first))
    page = made.client.get(_path(made)).context["page"]
    assert (page.waiting, page.in_review, page.done, page.total, page.open) == (0, 2, 1, 3, 2)
    rows = {row.name: row for row in page.reviewers}
    assert (rows[made.user.username].done, rows[made.user.username].today) == (1, 1)
    (held,) = rows["noor"].held
    assert held.completion_id == QueueItem.objects.get(assignments__reviewer=noor).completion_id


def test_it_saves_and_says_what_follows() -> None:
    made = scene(items=2, role="lead")
    noor, _ = person("noor", made.organization)
    posted = _form(
        made, name=" Tone ", everyone="0", reviewer=[noor.pk], reviews="2", order="newest", blind="0", minutes="30"
    )
    response = made.client.post(_path(made), posted)
    assert (response.status_code, response["Location"]) == (303, _path(made))
    assert _said(response) == ["Saved. 2 open items follow. 2 open items stand in the new order."]
    queue = Queue.objects.get()
    assert (queue.name, queue.everyone, queue.reviews_per_completion, queue.blind) == ("Tone", False, 2, False)
    assert (queue.order, queue.claim_minutes, list(queue.reviewers.all())) == ("newest", 30, [noor])
    assert set(QueueItem.objects.values_list("reviews_needed", flat=True)) == {2}
    assert AuditEvent.objects.get(action="queue.change").user == made.user


def test_it_says_when_nothing_changes() -> None:
    made = scene(role="lead")
    assert _said(made.client.post(_path(made), _form(made))) == ["Nothing was changed."]


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"name": " "}, "name"),
        ({"reviews": "eleven"}, "reviews_per_completion"),
        ({"reviews": "11"}, "reviews_per_completion"),
        ({"minutes": ""}, "claim_minutes"),
        ({"order": "random"}, "order"),
        ({"everyone": "0", "reviewer": []}, "reviewers"),
        ({"everyone": "0", "reviewer": ["999999"]}, "reviewers"),
    ],
)
def test_it_says_what_cannot_be_and_keeps_what_was_written(changed: dict[str, Any], name: str) -> None:
    made = scene(role="lead")
    response = made.client.post(_path(made), _form(made, **{"minutes": "33", **changed}))
    form = response.context["page"].form
    assert response.status_code == 422
    assert list(form.errors) == [name]
    assert form.errors[name].encode() in response.content
    assert form.minutes == changed.get("minutes", "33")
    assert form.reviews == changed.get("reviews", "1")
    assert not AuditEvent.objects.filter(action__startswith="queue.").exists()


def test_the_second_of_two_leads_sees_both_and_loses_nothing() -> None:
    made = scene(role="lead")
    _, other = person("lena", made.organization, "lead")
    hers = _form(made, minutes="20", name="Hers")
    other.post(_path(made), _form(made, minutes="40", order="newest"))
    response = made.client.post(_path(made), hers)
    form = response.context["page"].form
    assert response.status_code == 409
    assert form.overtaken == "lena changed these settings while you had them open."
    assert (form.name, form.minutes, form.theirs) == ("Hers", "20", {"claim_minutes": "Saved in the meantime: 40"})
    # What she did not touch is theirs.
    assert next(order.value for order in form.orders if order.chosen) == "newest"
    assert b"Saved in the meantime: 40" in response.content
    again = {**hers, "seen": form.seen, "order": "newest"}
    assert made.client.post(_path(made), again).status_code == 303
    queue = Queue.objects.get()
    assert (queue.name, queue.claim_minutes, queue.order) == ("Hers", 20, "newest")


@pytest.mark.parametrize("seen", ["", "{", "[]", "{}", '{"reviewer_ids": 3}'])
def test_a_form_that_does_not_say_what_it_saw_is_taken_as_it_is(seen: str) -> None:
    made = scene(role="lead")
    assert made.client.post(_path(made), _form(made, seen=seen, minutes="20")).status_code == 303
    assert Queue.objects.get().claim_minutes == 20


def test_a_paused_queue_lets_who_holds_an_item_finish() -> None:
    made = scene(items=2, role="lead")
    _, reviewer = person("noor", made.organization)
    reviewer.post(_path(made, "start"))
    response = made.client.post(_path(made, "pause"), {"open": "0"})
    assert _said(response) == ["Paused. 1 item is held, and who holds it may finish."]
    claim = Assignment.objects.held().get()
    screen = reviewer.get(f"/reviews/{claim.pk}").context["screen"]
    done = reviewer.post(f"/reviews/{claim.pk}/submit", {"document": screen.document_id, "v-verdict": '"good"'})
    assert done["Location"] == "/"
    assert _said(done) == ["Done. This queue is paused, so no further item was opened."]
    # Paused ones are no longer on the list of queues, but a lead finds them there.
    assert reviewer.get("/").context["queues"] == []
    assert b"paused" in made.client.get("/").content
    made.client.post(_path(made, "pause"), {"open": "1"})
    assert Queue.objects.get().is_open
    assert AuditEvent.objects.filter(action="queue.change").count() == 2


def test_an_item_is_taken_back_and_its_reviewer_told() -> None:
    made = scene(items=1, role="lead")
    _, reviewer = person("noor", made.organization)
    reviewer.post(_path(made, "start"))
    claim = Assignment.objects.held().get()
    response = made.client.post(f"/claims/{claim.pk}/release")
    assert _said(response) == ["Taken back from noor, who is told. The item is offered again."]
    assert b"A lead took this item back" in reviewer.get(f"/reviews/{claim.pk}/claim").content
    claim.refresh_from_db()
    assert claim.state == AssignmentState.RELEASED
    assert _said(made.client.post(f"/claims/{claim.pk}/release")) == ["Nobody holds this item any more."]


def test_the_list_of_queues_leads_a_lead_to_it() -> None:
    made = scene(role="lead")
    _, reviewer = person("noor", made.organization)
    link = f'href="{_path(made)}"'.encode()
    assert link in made.client.get("/").content
    assert link not in reviewer.get("/").content


def test_it_asks_the_same_number_of_questions_for_many(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    made = scene(items=6, role="lead")
    for number in range(6):
        person(f"noor-{number}", made.organization)[1].post(_path(made, "start"))
    with django_assert_max_num_queries(16):
        made.client.get(_path(made))


def test_neither_a_reviewer_nor_another_organization_may() -> None:
    made = scene(items=1)
    claim = made.start()
    other = scene("other", role="lead")
    for client in (made.client, other.client):
        assert client.get(_path(made)).status_code == 404
        assert client.post(_path(made), {"name": "x"}).status_code == 404
        assert client.post(_path(made, "pause"), {"open": "0"}).status_code == 404
        assert client.post(f"/claims/{claim}/release").status_code == 404
    assert Client().get(_path(made))["Location"].startswith("/sign-in")
    _, lead = person("lena", made.organization, "lead")
    assert lead.get(_path(made, "pause")).status_code == 405
    assert lead.get(f"/claims/{claim}/release").status_code == 405
    made.queue.refresh_from_db()
    assert made.queue.is_open
