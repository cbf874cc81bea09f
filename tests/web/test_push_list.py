"""The list of pushes on the sync page: what an address asks for, and what a row offers."""

import pytest

from reviews.models import Completion, Push, PushState
from reviews.web.display_sync import PushRow, SyncPage
from tests.web.scene import Scene, scene
from tests.web.sync_scene import another_upstream, arrived, edit, grade, pushed

pytestmark = pytest.mark.django_db


def _page(made: Scene, query: str = "") -> SyncPage:
    page: SyncPage = made.client.get(f"/sync{query}").context["page"]
    return page


def _ids(made: Scene, query: str) -> list[int | None]:
    return [row.id for row in _page(made, query).pushes.rows]


def _row(made: Scene, push: Push) -> PushRow:
    page = _page(made, f"?completion={push.completion.uid}")
    return next(row for row in page.pushes.rows if row.id == push.pk)


# Filters ---------------------------------------------------------------------------------------------------------


def test_the_address_says_which_state() -> None:
    made = pushed(reviews=2)
    refused, there = edit(state=PushState.ATTENTION), arrived(grade())
    way = list(Push.objects.exclude(pk__in=[refused.pk, there.pk]).order_by("-pk").values_list("pk", flat=True))
    assert _ids(made, "?state=person") == [refused.pk]
    assert _ids(made, "?state=arrived") == [there.pk]
    assert _ids(made, "?state=way") == way
    assert _ids(made, "?state=ended") == []


def test_a_filter_looks_at_all_states_and_at_no_list_on_top() -> None:
    made = pushed()
    refused = edit(state=PushState.ATTENTION)
    page = _page(made, "?kind=update")
    assert [row.id for row in page.pushes.rows] == [refused.pk]
    assert page.urgent is None


def test_the_address_says_which_kind_upstream_and_completion() -> None:
    made = pushed(reviews=2)
    other = another_upstream(made.organization, "other")
    moved = grade(upstream=other)
    assert _ids(made, f"?upstream={other.pk}") == [moved.pk]
    assert _ids(made, f"?upstream={other.pk}&kind=update") == []
    uid = made.completions[0].uid
    assert {row.completion_name for row in _page(made, f"?completion={uid}").pushes.rows} == {uid}
    assert _ids(made, "?completion=acme") == []


@pytest.mark.parametrize(
    "query", ["?state=x&kind=y&upstream=z&before=-1&after=a", "?before=9999999999999999999999", "?completion=%00"]
)
def test_what_cannot_be_read_in_an_address_asks_for_nothing(query: str) -> None:
    made = pushed()
    assert len(_ids(made, query)) == 2


def test_an_upstream_of_another_organization_is_as_unknown_as_one_that_is_not_there() -> None:
    made, other = pushed(), scene("other", pulled=True, role="lead")
    assert _ids(made, f"?upstream={other.upstream.pk}") == _ids(made, "?upstream=999999") == []


def test_choosing_a_state_keeps_the_other_filters() -> None:
    made = pushed()
    bar = _page(made, "?kind=update&state=way&before=99").filters
    addresses = {option.value: option.address for option in bar.groups}
    assert addresses["arrived"] == "/sync?state=arrived&kind=update"
    assert [option.value for option in bar.groups if option.chosen] == ["way"]


def test_it_leads_down_the_list_and_up_again() -> None:
    made = pushed(reviews=30)
    everything = list(Push.objects.order_by("-pk").values_list("pk", flat=True))
    first = _page(made)
    assert [row.id for row in first.pushes.rows] == everything[:50]
    assert first.pushes.newer == ""
    second = _page(made, first.pushes.older.removeprefix("/sync"))
    assert [row.id for row in second.pushes.rows] == everything[50:]
    assert second.pushes.older == ""
    again = _page(made, second.pushes.newer.removeprefix("/sync"))
    assert [row.id for row in again.pushes.rows] == everything[:50]


def test_a_place_in_the_list_that_is_empty_leads_to_its_start() -> None:
    made = pushed()
    page = _page(made, "?before=1&state=way")
    assert (page.pushes.rows, page.pushes.newer) == ((), "/sync?state=way")


# Rows ------------------------------------------------------------------------------------------------------------


def test_a_refused_edit_can_be_tried_again_or_decided() -> None:
    made = pushed()
    row = _row(made, edit(state=PushState.ATTENTION))
    assert (row.may_retry, row.may_decide, row.may_give_up, row.may_push_again) == (True, True, False, False)


def test_a_refused_grade_can_be_tried_again_or_given_up() -> None:
    made = pushed()
    row = _row(made, grade(state=PushState.ATTENTION))
    assert (row.may_retry, row.may_decide, row.may_give_up, row.may_push_again) == (True, False, True, False)


def test_a_conflict_is_decided_and_not_simply_sent() -> None:
    made = pushed()
    row = _row(made, edit(state=PushState.CONFLICT))
    assert (row.may_retry, row.may_decide, row.may_push_again) == (False, True, False)


def test_an_edit_that_arrived_can_be_pushed_again_while_its_text_stands() -> None:
    made = pushed()
    push = arrived(edit())
    assert _row(made, push).may_push_again
    Completion.objects.update(current=made.completions[0].received)
    assert not _row(made, push).may_push_again


def test_a_grade_that_arrived_is_not_sent_twice() -> None:
    made = pushed()
    assert not _row(made, arrived(grade())).may_push_again


def test_what_is_on_the_way_is_left_alone() -> None:
    made = pushed()
    row = _row(made, edit())
    assert not any((row.may_retry, row.may_decide, row.may_push_again, row.may_give_up))


def test_a_reviewer_is_offered_nothing() -> None:
    made = pushed(role="reviewer")
    for push in (edit(state=PushState.ATTENTION), grade(state=PushState.ATTENTION)):
        row = _row(made, push)
        assert not any((row.may_retry, row.may_decide, row.may_push_again, row.may_give_up))
