"""The inbox of flags."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reviews.models import Assignment, AuditEvent, ItemState, QueueItem
from reviews.web import flags
from tests.web.scene import Scene, person, scene

pytestmark = pytest.mark.django_db


def _flagged(items: int = 1, *, slug: str = "acme") -> tuple[Scene, Client]:
    """A scene in which a reviewer flagged each item; and a lead's client."""
    made = scene(slug, items=items)
    for number in range(items):
        made.client.post(f"/reviews/{made.start()}/flag", {"reason": f"Reason {number}."})
    return made, person(f"lena-{slug}", made.organization, "lead")[1]


def _said(response: Any) -> list[str]:
    """The last sentence; earlier ones wait until a page shows them."""
    return [str(message) for message in get_messages(response.wsgi_request)][-1:]


def _item() -> QueueItem:
    return QueueItem.objects.get()


def test_it_shows_who_flagged_what_and_why() -> None:
    made, lead = _flagged()
    page = lead.get("/flags").context["page"]
    (row,) = page.rows
    assert (row.reason, row.by, row.queue_name, row.may_grade) == (
        "Reason 0.",
        made.user.username,
        "Support answers",
        True,
    )
    assert row.completion_id == made.completions[0].pk
    assert row.preview == "Which colour has the sky?"
    assert page.count.count == 1


def test_the_menu_says_how_many_wait() -> None:
    made, lead = _flagged(2)
    assert b'<b class="count">2' in lead.get("/").content
    reviewer = made.client.get("/").content
    assert b'href="/flags"' not in reviewer
    assert b'href="/feedback-tasks"' not in reviewer


def test_it_says_that_there_are_none() -> None:
    made = scene(role="lead")
    response = made.client.get("/flags")
    assert b"No flags wait" in response.content
    assert b'class="count"' not in response.content


def test_back_to_the_queue_offers_it_again_to_who_flagged_it() -> None:
    made, lead = _flagged()
    response = lead.post(f"/flags/{_item().pk}/back", {"back": f"queue={made.queue.pk}"})
    assert (response.status_code, response["Location"]) == (303, f"/flags?queue={made.queue.pk}")
    assert _said(response) == ["It is back in Support answers, for who skipped it, too."]
    assert made.start()
    assert AuditEvent.objects.get(action="item.unflag").user is not None


def test_the_second_press_is_told() -> None:
    _, lead = _flagged()
    pk = _item().pk
    lead.post(f"/flags/{pk}/back")
    assert _said(lead.post(f"/flags/{pk}/back")) == ["Somebody has dealt with this flag already."]


def test_it_closes_with_a_reason_and_never_without() -> None:
    _, lead = _flagged()
    pk = _item().pk
    assert _said(lead.post(f"/flags/{pk}/close", {"reason": " \x00"}))[0].startswith("Not closed")
    assert _said(lead.post(f"/flags/{pk}/close", {"reason": "x" * 151}))[0].startswith("Not closed")
    assert _item().state == ItemState.OPEN
    lead.post(f"/flags/{pk}/close", {"reason": "A test call."})
    assert (_item().state, _item().closed_because) == (ItemState.WITHDRAWN, "closed by a lead: A test call.")
    assert lead.get("/flags").context["page"].rows == ()


def test_grading_it_herself_opens_the_review_screen_and_comes_back() -> None:
    made, lead = _flagged()
    response = lead.post(f"/flags/{_item().pk}/grade")
    claim = Assignment.objects.held().get()
    assert response["Location"] == f"/reviews/{claim.pk}"
    # She grades what is in a queue that she does not review.
    made.queue.everyone = False
    made.queue.save()
    document = lead.get(f"/reviews/{claim.pk}").context["screen"].document_id
    done = lead.post(f"/reviews/{claim.pk}/submit", {"document": document, "v-verdict": '"good"'})
    assert done["Location"] == "/"
    assert _item().flagged_at is None


def test_it_says_when_others_hold_all_of_it() -> None:
    made = scene(items=1, role="lead")
    _, other = person("noor", made.organization)
    other.post(f"/queues/{made.queue.pk}/start")
    response = made.client.post(f"/flags/{_item().pk}/grade")
    assert _said(response) == ["Others hold all the reviews that this item needs."]


def test_a_flag_on_what_is_over_can_be_taken_off() -> None:
    _, lead = _flagged()
    item = _item()
    QueueItem.objects.update(state=ItemState.WITHDRAWN, closed_at=item.flagged_at, closed_because="no longer matches")
    (row,) = lead.get("/flags").context["page"].rows
    assert (row.over, row.may_grade) == ("no longer matches", False)
    assert _said(lead.post(f"/flags/{item.pk}/back")) == ["The flag was taken off."]


def test_many_are_paged_and_the_place_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flags, "PAGE", 2)
    _, lead = _flagged(3)
    page = lead.get("/flags").context["page"]
    assert [row.reason for row in page.rows] == ["Reason 0.", "Reason 1."]
    further = lead.get(page.further).context["page"]
    assert [row.reason for row in further.rows] == ["Reason 2."]
    assert (further.first, further.further) == ("/flags", "")
    response = lead.post(f"/flags/{further.rows[0].id}/back", {"back": further.back})
    assert response["Location"] == page.further
    assert b"No further flags." in lead.get(page.further).content


@pytest.mark.parametrize("query", ["after=x", "after=2026-01-01_5", "after=2026-01-01T00:00:00%2B00:00_x", "queue=x"])
def test_what_an_address_does_not_say_asks_for_nothing(query: str) -> None:
    _, lead = _flagged()
    assert len(lead.get(f"/flags?{query}").context["page"].rows) == 1


def test_it_filters_by_queue() -> None:
    made, lead = _flagged()
    assert len(lead.get(f"/flags?queue={made.queue.pk}").context["page"].rows) == 1
    assert lead.get("/flags?queue=999").context["page"].rows == ()


def test_it_asks_the_same_number_of_questions_for_many(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    _, lead = _flagged(6)
    with django_assert_max_num_queries(9):
        lead.get("/flags")


def test_neither_a_reviewer_nor_another_organization_may() -> None:
    made, lead = _flagged()
    other = scene("other", role="lead")
    pk = _item_of(made).pk
    assert made.client.get("/flags").status_code == 403
    assert other.client.get("/flags").context["page"].rows == ()
    for path in ("back", "close", "grade"):
        for client in (made.client, other.client):
            assert client.post(f"/flags/{pk}/{path}", {"reason": "No."}).status_code == 404
        assert lead.get(f"/flags/{pk}/{path}").status_code == 405
        assert Client().post(f"/flags/{pk}/{path}")["Location"].startswith("/sign-in")
    assert _item_of(made).flagged_at is not None


def _item_of(made: Scene) -> QueueItem:
    return QueueItem.objects.get(queue=made.queue)
