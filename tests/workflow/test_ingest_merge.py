"""Merging: what becomes of the posts of one completion, in whatever order they come."""

from itertools import permutations, product
from typing import Any

import pytest

from reviews.models import Completion, Document, Organization, Push, Revision
from reviews.workflow import documents, ingest
from reviews.workflow.ingest import Outcome, merge
from tests import factories

STARTED = {"status": "started", "request": {"a": 1}, "tags": ["x"], "only started": 1}
FAILED = {"status": "failed", "failure_kind": "Timeout", "duration": 3, "tags": ["x"], "only failed": 1}
FINISHED = {"status": "finished", "response": {"b": 2}, "duration": 4, "tags": ["x"], "only finished": 1}


def _merged(posts: Any, *, logged: bool = False) -> dict[str, Any]:
    standing: dict[str, Any] = {}
    for post in posts:
        standing = merge(standing, post, logged=logged)
    return standing


# Ranks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("logged", [False, True])
@pytest.mark.parametrize("order", list(permutations([STARTED, FAILED, FINISHED])))
def test_it_is_the_union_in_every_order(order: tuple[dict[str, Any], ...], logged: bool) -> None:
    assert _merged(order, logged=logged) == STARTED | FAILED | FINISHED
    assert _merged(order * 2, logged=logged) == STARTED | FAILED | FINISHED


@pytest.mark.parametrize("order", list(permutations(["started", "failed", "cancelled", "finished"])))
def test_it_ends_finished_in_every_order(order: tuple[str, ...]) -> None:
    assert _merged({"status": status} for status in order)["status"] == "finished"


@pytest.mark.parametrize(("lower", "higher"), [("started", "failed"), ("started", "finished"), ("failed", "finished")])
def test_it_lets_no_lower_rank_replace_a_value_of_a_higher(lower: str, higher: str) -> None:
    low, high = {"status": lower, "x": 1}, {"status": higher, "x": 2}
    assert merge(low, high) == merge(high, low) == high


def test_it_takes_the_last_of_equal_rank() -> None:
    for status in ("started", "failed", "finished", None):
        assert merge({"status": status, "x": 1}, {"status": status, "x": 2})["x"] == 2
    assert merge({"status": "failed"}, {"status": "cancelled"}) == {"status": "cancelled"}


@pytest.mark.parametrize("status", ["started", "finished", "cancelled"])
def test_it_takes_every_member_of_a_post_without_a_status(status: str) -> None:
    standing = {"status": status, "x": 1, "y": 2}
    assert merge(standing, {"x": None, "z": 3}) == {"status": status, "x": None, "y": 2, "z": 3}
    assert merge(standing, {"x": 5, "status": None}) == {"status": status, "x": 5, "y": 2}


@pytest.mark.parametrize("status", ["started", "failed", "finished", "cancelled"])
def test_it_takes_the_first_status_that_comes(status: str) -> None:
    assert merge({"x": 1}, {"status": status}) == {"x": 1, "status": status}
    assert merge({"status": None}, {"status": status}) == {"status": status}


@pytest.mark.parametrize("odd", [7, ["finished"], {}, True])
def test_it_ranks_a_status_that_is_no_text_as_ended(odd: object) -> None:
    assert merge({"status": odd}, {"status": "started"}) == {"status": odd}
    assert merge({"status": odd}, {"status": "finished"}) == {"status": "finished"}


# Null ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), list(product(["started", "failed", "finished"], repeat=2)))
@pytest.mark.parametrize("logged", [False, True])
def test_it_lets_no_null_of_a_row_replace_a_value(first: str, second: str, logged: bool) -> None:
    assert merge({"status": first, "x": 1}, {"status": second, "x": None}, logged=logged)["x"] == 1
    assert merge({"status": first, "x": None}, {"status": second, "x": 1}, logged=logged)["x"] == 1


def test_it_clears_a_member_by_an_update_without_a_status() -> None:
    standing = {"status": "finished", "x": 1}
    assert merge(standing, {"x": None})["x"] is None
    assert merge(standing, {"x": None}, logged=True)["x"] == 1


def test_it_keeps_what_filled_a_gap_when_the_row_with_the_gap_comes_again() -> None:
    failed, started = {"status": "failed", "request": None}, {"status": "started", "request": {"a": 1}}
    assert _merged([failed, started, failed])["request"] == {"a": 1}


@pytest.mark.parametrize("gap", [{}, {"x": None}])
def test_it_keeps_falsy_values_that_are_there(gap: dict[str, Any]) -> None:
    falsy: list[Any] = ["", 0, False, [], {}]
    for value in falsy:
        assert merge({"status": "finished", "x": value}, {"status": "started", "x": 1})["x"] == value
        assert merge({"status": "finished", **gap}, {"status": "started", "x": value})["x"] == value


# Order of members, repeats ---------------------------------------------------------------------------------------


def test_it_keeps_members_in_their_places_and_adds_new_ones_at_the_end() -> None:
    standing = {"b": 1, "status": "finished", "a": None}
    assert list(merge(standing, {"c": 1, "a": 2, "b": 3})) == ["b", "status", "a", "c"]
    assert list(merge(standing, {"c": 1, "a": 2, "status": "started", "b": 3}).items()) == [
        ("b", 1),
        ("status", "finished"),
        ("a", 2),
        ("c", 1),
    ]


@pytest.fixture
def organization(db: None) -> Organization:
    return factories.organization()


def _stands() -> dict[str, Any]:
    return documents.read(Completion.objects.select_related("current").get().current)


@pytest.mark.parametrize("logged", [False, True])
@pytest.mark.parametrize("order", list(permutations([STARTED, FAILED, FINISHED])))
def test_it_writes_nothing_for_a_repeat_of_what_stands(
    organization: Organization, order: tuple[dict[str, Any], ...], logged: bool
) -> None:
    for post in order:
        ingest.receive(organization, "one", post, logged=logged)
    before = (Document.objects.count(), Revision.objects.count(), Push.objects.count(), list(_stands()))
    for post in (STARTED, FINISHED, FAILED):
        assert ingest.receive(organization, "one", post, logged=logged).outcome == Outcome.UNCHANGED
    assert (Document.objects.count(), Revision.objects.count(), Push.objects.count(), list(_stands())) == before


def test_it_sends_a_repeat_to_no_upstream(organization: Organization) -> None:
    upstream = factories.upstream(organization)
    factories.pulled(upstream, "one", {"status": "finished", "x": 1})
    for post in ({"status": "started", "x": 2}, {"status": "failed", "x": 2}, {"status": "finished", "x": 1}):
        assert ingest.receive(organization, "one", post).outcome == Outcome.UNCHANGED
    assert not Push.objects.exists()


def test_it_puts_a_late_gap_filler_into_the_queues(organization: Organization) -> None:
    wanted = factories.feedback_task(organization)
    tags = [tag.name for tag in wanted.selector.all()]
    ingest.receive(organization, "one", {"status": "finished", "response": {}}, logged=True)
    assert not wanted.queue.items.exists()
    ingest.receive(organization, "one", {"status": "started", "tags": tags}, logged=True)
    assert wanted.queue.items.exists()


# What was edited here --------------------------------------------------------------------------------------------


def _edit(organization: Organization, answer: str) -> None:
    """A reviewer's edit of the one completion there is."""
    wanted = factories.feedback_task(organization)
    factories.submit(factories.assignment(wanted), answer=answer)


@pytest.mark.parametrize("repeat", [{}, {"status": "started", "response": None}, {"duration": 9}])
def test_it_undoes_no_edit_by_a_repeat_of_what_was_received(organization: Organization, repeat: dict[str, Any]) -> None:
    first = factories.document(answer="First.")
    ingest.receive(organization, "one", first, logged=True)
    _edit(organization, "Ours.")
    ingest.receive(organization, "one", first | repeat, logged=True)
    assert _stands()["response"] == factories.document(answer="Ours.")["response"]
    assert _stands().get("duration") == repeat.get("duration", first.get("duration"))


def test_it_undoes_no_edit_by_a_repeat_of_what_was_merged_in(organization: Organization) -> None:
    started = {**factories.document(), "status": "started"}
    del started["response"]
    finished = factories.document(answer="First.")
    for post in (started, finished):
        ingest.receive(organization, "one", post, logged=True)
    _edit(organization, "Ours.")
    for post in (started, finished, started):
        assert ingest.receive(organization, "one", post, logged=True).outcome == Outcome.UNCHANGED
    assert _stands()["response"] == factories.document(answer="Ours.")["response"]


def test_it_takes_what_an_application_has_to_say_anew(organization: Organization) -> None:
    ingest.receive(organization, "one", factories.document(answer="First."), logged=True)
    _edit(organization, "Ours.")
    ingest.receive(organization, "one", factories.document(answer="Second."), logged=True)
    assert _stands()["response"] == factories.document(answer="Second.")["response"]


def test_it_takes_every_member_of_an_update_that_is_not_logged(organization: Organization) -> None:
    first = factories.document(answer="First.")
    ingest.receive(organization, "one", first)
    _edit(organization, "Ours.")
    assert ingest.receive(organization, "one", first).outcome == Outcome.CHANGED
    assert _stands()["response"] == first["response"]


def test_it_fills_gaps_of_what_was_edited(organization: Organization) -> None:
    ingest.receive(organization, "one", factories.document(answer="First."), logged=True)
    _edit(organization, "Ours.")
    ingest.receive(organization, "one", {"status": "started", "session_id": "s"}, logged=True)
    assert (_stands()["session_id"], _stands()["status"]) == ("s", "finished")
