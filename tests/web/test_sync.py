"""The sync page: figures, what needs a person, upstreams."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from reviews.models import Completion, PullState, PushState, Upstream
from reviews.web.display_sync import SyncPage
from tests.web.scene import Scene, scene
from tests.web.sync_scene import another_upstream, arrived, edit, grade, pull, pushed, refusal

pytestmark = pytest.mark.django_db


def _page(made: Scene, query: str = "") -> SyncPage:
    page: SyncPage = made.client.get(f"/sync{query}").context["page"]
    return page


# Figures ---------------------------------------------------------------------------------------------------------


def test_it_counts_what_needs_a_person_what_is_on_the_way_and_what_arrived() -> None:
    made = pushed(reviews=3)
    arrived(edit())
    grade(state=PushState.ATTENTION)
    refusal(made.upstream)
    figures = _page(made).figures
    counts = (figures.person.text, figures.way.text, figures.arrived_today.text, figures.refused.text)
    assert counts == ("1", "4", "1", "1")
    assert figures.oldest_at is not None


def test_what_arrived_yesterday_did_not_arrive_today() -> None:
    made = pushed()
    arrived(edit(), delivered_at=timezone.now() - timedelta(days=1))
    assert _page(made).figures.arrived_today.count == 0


def test_a_conflict_of_which_no_push_waits_needs_a_person_too() -> None:
    made = pushed()
    arrived(edit())
    Completion.objects.update(conflict_document=made.completions[0].received)
    page = _page(made)
    assert page.urgent is not None
    assert page.figures.person.count == 1
    assert [(row.what, row.id) for row in page.urgent.rows] == [("Conflict", None)]


# What needs a person ---------------------------------------------------------------------------------------------


def test_what_needs_a_person_stands_first_and_not_twice() -> None:
    made = pushed()
    refused = edit(state=PushState.ATTENTION, last_error="The upstream answered 403: no")
    page = _page(made)
    assert page.urgent is not None
    assert [row.id for row in page.urgent.rows] == [refused.pk]
    assert [row.what for row in page.pushes.rows] == ["Grade"]


def test_it_says_what_the_upstream_said() -> None:
    made = pushed()
    edit(state=PushState.ATTENTION, last_error="The upstream answered 403: <b>no</b>")
    page = made.client.get("/sync").content
    assert b"403: &lt;b&gt;no&lt;/b&gt;" in page
    assert b"<b>no</b>" not in page


def test_nothing_stands_there_when_nothing_needs_a_person() -> None:
    assert b"urgent-title" not in pushed().client.get("/sync").content


def test_it_says_what_would_fill_it_when_there_is_nothing() -> None:
    made = scene(role="lead")
    page = made.client.get("/sync").content
    assert b"No upstream yet." in page
    assert b"Nothing has been pushed yet." in page


# Upstreams -------------------------------------------------------------------------------------------------------


def test_it_shows_what_the_last_pull_did() -> None:
    made = scene(role="lead", pulled=True)
    pull(made.upstream, listed=9, created=4, changed=3, conflicts=2, gone=1)
    last = _page(made).upstreams[0].last
    assert last is not None
    assert dict(last.counts) == {"came": 9, "new": 4, "changed": 3, "conflicts": 2, "gone": 1, "refused": 0}


def test_it_says_that_a_pull_runs_and_what_the_one_before_did() -> None:
    made = scene(role="lead", pulled=True)
    pull(made.upstream, listed=7)
    pull(made.upstream, state=PullState.RUNNING, ended_at=None)
    card = _page(made).upstreams[0]
    assert card.running is not None
    assert card.last is not None
    assert card.last.came == 7


def test_it_shows_what_was_set_aside_by_reason() -> None:
    made = scene(role="lead", pulled=True)
    for number in range(3):
        refusal(made.upstream, uid=f"odd-{number}")
    refusal(made.upstream, uid="bad", reason="No <i>id</i>.")
    response = made.client.get("/sync")
    card = response.context["page"].upstreams[0]
    assert [(row.reason, row.count) for row in card.refused] == [("No response.", 3), ("No <i>id</i>.", 1)]
    assert b"No &lt;i&gt;id" in response.content


@pytest.mark.parametrize(
    ("columns", "head", "tone"),
    [
        ({}, "Well", "good"),
        ({"enabled": False}, "Switched off", "calm"),
        ({"token_refused_at": timedelta(), "last_error": "401"}, "Token refused", "bad"),
        ({"token_refused_at": timedelta(), "token_sealed": "gibberish"}, "Token cannot be opened", "bad"),
        ({"pull_failures": 5, "failing_since": timedelta()}, "Down", "bad"),
        ({"push_failures": 1, "failing_since": timedelta()}, "Failing", "calm"),
        ({"quiet_until": timedelta(hours=1)}, "Asked us to wait", "calm"),
    ],
)
def test_it_says_in_words_how_an_upstream_is(columns: dict[str, object], head: str, tone: str) -> None:
    made = scene(role="lead", pulled=True)
    # From now on: the parameters are written when the tests are collected, which may be an hour ago.
    now = timezone.now()
    Upstream.objects.update(
        **{name: now + value if isinstance(value, timedelta) else value for name, value in columns.items()}
    )
    health = _page(made).upstreams[0].health
    assert (health.head, health.tone) == (head, tone)


def test_an_upstream_that_needs_somebody_comes_first() -> None:
    made = scene(role="lead", pulled=True)
    another_upstream(made.organization, "zeta", pull_failures=9, failing_since=timezone.now())
    another_upstream(made.organization, "alpha", enabled=False)
    assert [card.name for card in _page(made).upstreams] == ["zeta", "prod", "alpha"]


# Who may see it --------------------------------------------------------------------------------------------------


def test_a_reviewer_may_look_but_is_offered_nothing_to_do() -> None:
    made = pushed(role="reviewer")
    edit(state=PushState.ATTENTION)
    grade(state=PushState.ATTENTION)
    refusal(made.upstream)
    response = made.client.get("/sync")
    assert response.status_code == 200
    assert b"Try again" not in response.content
    assert b"Pull now" not in response.content
    assert b"Give up" not in response.content


def test_it_shows_nothing_of_another_organization() -> None:
    pushed()
    edit(state=PushState.ATTENTION)
    other = scene("other", role="lead", pulled=True)
    page = _page(other)
    assert page.urgent is not None
    assert (page.urgent.rows, page.pushes.rows) == ((), ())
    assert [card.id for card in page.upstreams] == [other.upstream.pk]
    assert page.figures.person.count == page.figures.way.count == 0


def test_it_asks_a_visitor_to_sign_in() -> None:
    assert Client().get("/sync")["Location"].startswith("/sign-in")


def test_it_asks_the_same_number_of_questions_for_many(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    made = pushed(reviews=12)
    grade(state=PushState.ATTENTION)
    for number in range(5):
        upstream = another_upstream(made.organization, f"more-{number}")
        pull(upstream)
        pull(upstream)
        refusal(upstream)
    with django_assert_max_num_queries(28):
        made.client.get("/sync")
