"""The lists of a queue's items, and offering them again."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from pytest_django import DjangoAssertNumQueries

from reviews.models import Assignment, AuditEvent, ItemState, QueueItem
from reviews.web import queue_items
from tests.web.scene import Scene, person, scene

pytestmark = pytest.mark.django_db


def _said(response: Any) -> list[str]:
    """The last sentence; earlier ones wait until a page shows them."""
    return [str(message) for message in get_messages(response.wsgi_request)][-1:]


def _list(made: Scene, name: str, client: Any = None) -> Any:
    return (client or made.client).get(f"/queues/{made.queue.pk}/items?list={name}").context["page"]


def _act(made: Scene, client: Any = None, **posted: Any) -> Any:
    return (client or made.client).post(f"/queues/{made.queue.pk}/items/again", posted)


def test_each_list_says_what_became_of_its_items() -> None:
    made = scene(items=3, role="lead")
    first = made.start()
    made.client.post(f"/reviews/{first}/submit", made.form(first))
    made.client.post(f"/reviews/{Assignment.objects.held().get().pk}/skip")
    (done,), (skipped,), (held,) = (_list(made, name).rows for name in ("done", "skipped", "held"))
    name = made.user.username
    assert [note.words for note in done.notes] == [f"graded by {name}"]
    assert skipped.notes[0].words.startswith(f"skipped by {name}")
    assert (held.notes[0].words, held.reviews) == (f"held by {name} until", "0 of 1")
    assert held.notes[0].until is not None
    assert _list(made, "withdrawn").rows == ()
    assert _list(made, "nonsense").lists[0].chosen


def test_what_was_skipped_is_offered_again() -> None:
    made = scene(items=2, role="lead")
    for _ in range(2):
        made.client.post(f"/reviews/{made.start()}/skip")
    one, other = _list(made, "skipped").rows
    response = _act(made, do="requeue", item=[one.id], shown=[one.id, other.id], back="list=skipped")
    assert response["Location"] == f"/queues/{made.queue.pk}/items?list=skipped"
    assert _said(response) == ["1 item is offered again."]
    assert [row.id for row in _list(made, "skipped").rows] == [other.id]
    assert made.start()


def test_all_on_the_page_are_done_at_once() -> None:
    made = scene(items=2, role="lead")
    for _ in range(2):
        claim = made.start()
        made.client.post(f"/reviews/{claim}/submit", made.form(claim))
    ids = [row.id for row in _list(made, "done").rows]
    response = _act(made, do="reopen", shown=ids, all="1")
    assert _said(response) == ["2 items are offered again."]
    assert QueueItem.objects.open().filter(reviews_needed=2).count() == 2
    assert AuditEvent.objects.filter(action="item.reopen", user=made.user).count() == 2


def test_what_is_held_is_taken_back() -> None:
    made = scene(items=1, role="lead")
    made.start()
    _act(made, do="release", item=[QueueItem.objects.get().pk])
    assert not Assignment.objects.held().exists()


def test_it_says_when_somebody_was_faster_and_when_nothing_is_ticked() -> None:
    made = scene(items=1, role="lead")
    pk = QueueItem.objects.get().pk
    assert _said(_act(made, do="requeue", item=[pk])) == ["Nobody skips this item any more."]
    assert _said(_act(made, do="release", item=[pk])) == ["Nobody holds this item any more."]
    assert _said(_act(made, do="reopen", item=[pk])) == ["This item is open already."]
    assert _said(_act(made, do="reopen")) == ["Tick at least one item."]
    assert _said(_act(made, do="delete", item=[pk])) == ["Tick at least one item."]
    assert _said(_act(made, do="reopen", item=["x", "99999999999999999999"])) == ["Tick at least one item."]


def test_the_items_of_another_queue_are_left_alone() -> None:
    made, other = scene(items=1, role="lead"), scene("other", items=1, role="lead")
    foreign = QueueItem.objects.get(queue=other.queue)
    QueueItem.objects.filter(pk=foreign.pk).update(state=ItemState.WITHDRAWN, closed_at=foreign.created_at)
    assert _said(_act(made, do="reopen", item=[foreign.pk])) == ["Tick at least one item."]
    foreign.refresh_from_db()
    assert foreign.state == ItemState.WITHDRAWN


def test_many_are_paged_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_items, "PAGE", 2)
    made = scene(items=5, role="lead")
    pages = [_list(made, "waiting")]
    while pages[-1].older:
        pages.append(made.client.get(pages[-1].older).context["page"])
    ids = [row.id for page in pages for row in page.rows]
    assert ids == list(QueueItem.objects.order_by("-pk").values_list("pk", flat=True))
    back = made.client.get(pages[2].newer).context["page"]
    assert back.rows == pages[1].rows
    assert made.client.get(back.newer).context["page"].rows == pages[0].rows
    assert pages[0].newer == ""


def test_it_asks_the_same_number_of_questions_for_many(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    made = scene(items=8, role="lead")
    for _ in range(6):
        made.client.post(f"/reviews/{made.start()}/skip")
    with django_assert_max_num_queries(9):
        _list(made, "skipped")


def test_a_lead_reopens_on_the_page_of_the_completion() -> None:
    made = scene(items=1, role="lead")
    claim = made.start()
    made.client.post(f"/reviews/{claim}/submit", made.form(claim))
    address = f"/completions/{made.completions[0].pk}"
    page = made.client.get(address)
    (item,) = page.context["led_items"]
    assert [action.do for action in item.actions] == ["reopen"]
    response = _act(made, do="reopen", item=[item.id], completion=str(made.completions[0].pk))
    assert response["Location"] == address
    assert made.client.get(address).context["led_items"][0].actions == ()
    _, reviewer = person("noor", made.organization)
    assert reviewer.get(address).context["led_items"] == ()


def test_neither_a_reviewer_nor_another_organization_may() -> None:
    made = scene(items=1)
    other = scene("other", role="lead")
    for client in (made.client, other.client):
        assert client.get(f"/queues/{made.queue.pk}/items").status_code == 404
        assert _act(made, client, do="reopen", item=["1"]).status_code == 404
    _, lead = person("lena", made.organization, "lead")
    assert lead.get(f"/queues/{made.queue.pk}/items/again").status_code == 405
