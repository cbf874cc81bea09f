"""Lists of pushes."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from reviews.models import Completion, Push, PushState, Upstream
from reviews.workflow import pushes
from reviews.workflow.pushes import Group, Wanted
from tests import factories

pytestmark = pytest.mark.django_db
ALL = tuple(PushState)


@pytest.fixture
def upstream() -> Upstream:
    """An upstream with seven edits, oldest first."""
    organization = factories.organization()
    upstream = factories.upstream(organization)
    task = factories.feedback_task(organization, upstream=upstream)
    reviewer = factories.reviewer(organization)
    for _ in range(7):
        factories.completion(organization, upstream=upstream)
        factories.submit(factories.assignment(task, reviewer=reviewer), answer="Better.")
    return upstream


def _edits() -> list[int]:
    return list(Push.objects.filter(kind="update").order_by("-pk").values_list("pk", flat=True))


def _wanted(upstream: Upstream, *states: PushState, **narrower: str) -> Wanted:
    return Wanted((upstream.pk,), states or ALL, **{"kind": "update", **narrower})


def _ids(found: pushes.Slice) -> list[int]:
    return [push.pk for push in found.pushes]


def test_it_walks_down_from_the_newest_and_back_up(upstream: Upstream) -> None:
    edits, wanted = _edits(), _wanted(upstream)
    first = pushes.newest(wanted, most=3)
    second = pushes.newest(wanted, most=3, before=edits[2])
    third = pushes.newest(wanted, most=3, before=edits[5])
    assert [_ids(found) for found in (first, second, third)] == [edits[:3], edits[3:6], edits[6:]]
    assert [(found.newer, found.older) for found in (first, second, third)] == [
        (False, True),
        (True, True),
        (True, False),
    ]
    back = pushes.after(wanted, most=3, pk=edits[6])
    assert (_ids(back), back.newer, back.older) == (edits[3:6], True, True)
    top = pushes.after(wanted, most=3, pk=edits[3])
    assert (_ids(top), top.newer, top.older) == (edits[:3], False, True)


def test_states_are_merged_in_order(upstream: Upstream) -> None:
    edits = _edits()
    Push.objects.filter(pk__in=edits[::2]).update(state=PushState.ATTENTION)
    both = _wanted(upstream, PushState.WAITING, PushState.ATTENTION)
    assert _ids(pushes.newest(both, most=4)) == edits[:4]
    assert _ids(pushes.newest(_wanted(upstream, PushState.ATTENTION), most=9)) == edits[::2]


def test_it_finds_the_pushes_of_one_completion_by_its_whole_id(upstream: Upstream) -> None:
    uid = Completion.objects.order_by("pk").values_list("uid", flat=True)[2]
    assert [push.completion.uid for push in pushes.newest(_wanted(upstream, uid=uid), most=9).pushes] == [uid]
    assert pushes.newest(_wanted(upstream, uid=uid[:-1]), most=9).pushes == ()


def test_it_counts_no_further_than_it_must(upstream: Upstream) -> None:
    assert pushes.count(_wanted(upstream), most=10) == 7
    assert pushes.count(_wanted(upstream), most=3) == 4


def test_it_knows_the_oldest(upstream: Upstream) -> None:
    edits = _edits()
    Push.objects.filter(pk=edits[-1]).update(state=PushState.SUPERSEDED)
    oldest = pushes.oldest_at(_wanted(upstream, *Group.WAY.states))
    assert oldest == Push.objects.get(pk=edits[-2]).created_at
    assert pushes.oldest_at(_wanted(upstream, PushState.ABSENT)) is None


def test_it_counts_what_arrived_since(upstream: Upstream) -> None:
    edits, now = _edits(), timezone.now()
    for pk, age in ((edits[0], 1), (edits[1], 30), (edits[2], 2)):
        Push.objects.filter(pk=pk).update(state=PushState.DELIVERED, delivered_at=now - timedelta(hours=age))
    assert pushes.arrived_since([upstream.pk], now - timedelta(hours=12)) == 2
    assert pushes.arrived_since([], now) == 0


def test_every_state_stands_in_one_group() -> None:
    states = [state for group in Group for state in group.states]
    assert sorted(states) == sorted(PushState)


def test_many_upstreams_are_asked_in_few_questions(
    upstream: Upstream, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    many = Wanted((upstream.pk, *range(10_000, 10_050)), ALL, "update")
    with django_assert_num_queries(4):
        found = pushes.newest(many, most=2)
    assert _ids(found) == _edits()[:2]


def test_no_text_of_a_completion_is_read(upstream: Upstream) -> None:
    for push in pushes.newest(_wanted(upstream), most=2).pushes:
        assert "search_text" in push.completion.get_deferred_fields()
        assert push.revision is not None
        assert "changes_text" in push.revision.get_deferred_fields()
