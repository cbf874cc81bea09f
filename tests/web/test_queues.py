"""The queues page, starting a queue, and its end."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reviews.models import Assignment, Queue
from tests.web.scene import person, scene

pytestmark = pytest.mark.django_db


def test_it_shows_how_far_each_queue_is() -> None:
    made = scene(items=3)
    made.start()
    card = made.client.get("/").context["queues"][0]
    assert (card.waiting, card.in_review, card.done, card.total) == (2, 1, 0, 3)
    assert card.resume_id is not None


def test_it_says_what_would_fill_it_when_there_is_no_queue() -> None:
    made = scene()
    Queue.objects.update(is_open=False)
    response = made.client.get("/")
    assert response.context["queues"] == []
    assert b"queue" in response.content


def test_it_asks_the_same_number_of_questions_for_one_queue_and_many(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    made = scene(items=20)
    with django_assert_max_num_queries(7):
        made.client.get("/")


def test_it_claims_only_by_post() -> None:
    made = scene()
    assert made.client.get(f"/queues/{made.queue.pk}/start").status_code == 405
    assert not Assignment.objects.exists()


def test_starting_again_goes_back_to_the_item_she_holds() -> None:
    made = scene()
    assert made.start() == made.start()
    assert Assignment.objects.count() == 1


def test_it_shows_the_end_when_nothing_is_left() -> None:
    made = scene(items=0)
    response = made.client.post(f"/queues/{made.queue.pk}/start")
    assert response["Location"] == f"/queues/{made.queue.pk}/done"
    assert made.client.get(response["Location"]).status_code == 200


def test_it_does_not_know_a_queue_of_another_organization() -> None:
    made, other = scene("acme"), scene("other")
    assert made.client.post(f"/queues/{other.queue.pk}/start").status_code == 404
    assert made.client.get(f"/queues/{other.queue.pk}/done").status_code == 404
    assert [card.id for card in made.client.get("/").context["queues"]] == [made.queue.pk]


def test_it_does_not_know_a_queue_that_she_is_not_assigned_to() -> None:
    made = scene()
    Queue.objects.update(everyone=False)
    assert made.client.post(f"/queues/{made.queue.pk}/start").status_code == 404
    made.queue.queue_reviewers.create(user=made.user)
    assert made.client.post(f"/queues/{made.queue.pk}/start").status_code == 303


def test_it_asks_a_visitor_to_sign_in() -> None:
    made = scene()
    response = Client().post(f"/queues/{made.queue.pk}/start")
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in")


def test_two_reviewers_never_hold_the_same_item() -> None:
    made = scene(items=1)
    made.start()
    _, second = person("noor", made.organization)
    assert second.post(f"/queues/{made.queue.pk}/start")["Location"].endswith("/done")
