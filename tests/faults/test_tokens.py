"""R20: the upstream refuses the token, in the middle of everything."""

from collections.abc import Callable

import pytest

from reviews.models import PushState
from reviews.workflow import upstreams
from reviews.workflow.audit import Actor
from tests.fake_upstream import TOKEN
from tests.faults import faults
from tests.faults.journal import POSTS, busiest
from tests.faults.world import World

MOST_PER_MINUTE = 3


@pytest.mark.parametrize("when", ["before a pull", "before a push"])
def test_a_token_that_is_rotated_costs_nothing_but_time(
    world: World, when: str, record_property: Callable[[str, object], None]
) -> None:
    world.start(6)
    world.review(3)
    if when == "before a pull":
        world.settle()
        world.pass_time(61)
    world.server.token = "another"
    world.run(60)
    world.review(3)
    world.run(300, step=5)

    dead = [row for row in world.server.of() if not row.token_known]
    record_property("requests_with_the_dead_token", len(dead))
    assert len(dead) >= 1
    assert busiest(dead, 60) <= MOST_PER_MINUTE
    (trouble,) = upstreams.troubles([world.organization.pk])
    assert (trouble.kind, trouble.name) == ("token", "fake")
    assert "No such token" in trouble.words
    assert world.states()["waiting"] >= 6
    assert not {PushState.ATTENTION, PushState.CONFLICT, PushState.ABSENT} & set(world.states())

    upstreams.change(world.fresh(), url=world.server.url, token="another", actor=Actor(user=world.reviewer))
    assert upstreams.troubles([world.organization.pk]) == []
    world.settle(seconds=120)
    world.check_arrived("R20", acknowledged=12)


def test_the_same_dead_token_entered_again_shows_one_banner_still(world: World) -> None:
    world.start(1)
    world.review(1)
    world.server.token = "another"
    world.run(10)
    for _ in range(3):
        upstreams.change(world.fresh(), url=world.server.url, token=TOKEN, actor=Actor(user=world.reviewer))
        world.run(30, step=5)
    (trouble,) = upstreams.troubles([world.organization.pk])
    assert trouble.kind == "token"
    upstreams.change(world.fresh(), url=world.server.url, token="another", actor=Actor(user=world.reviewer))
    world.settle(seconds=120)
    world.check_arrived("R20", acknowledged=2)


def test_a_403_is_said_about_one_push_and_is_no_refused_token(world: World) -> None:
    world.start(2)
    world.review(2)
    world.server.switch_on(faults.forbidden, on=POSTS, times=1)
    world.run(5)
    assert upstreams.troubles([world.organization.pk]) == []
    assert world.states("update") == {"attention": 1, "delivered": 1}
    verdict = world.verdict("R20")
    assert verdict.clean, str(verdict)
