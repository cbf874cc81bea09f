"""R9 and R10: an upstream that answers with errors, is not there, or asks to be left alone."""

from collections.abc import Callable

import pytest

from reviews.workflow import upstreams
from tests.faults import faults
from tests.faults.journal import EVERYTHING, LISTS, LOOKUP, POSTS, READS, busiest, too_early
from tests.faults.upstream import Fault
from tests.faults.world import World

MakeWorld = Callable[[int], World]
Record = Callable[[str, object], None]
CIRCUIT_SECONDS = 15.0
CIRCUIT_FAILURES = 5
TEN_MINUTES = 600


# R9 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "rate"), [(1, 0.1), (2, 0.5)])
def test_it_loses_nothing_while_some_requests_fail(
    make_world: MakeWorld, record_property: Record, seed: int, rate: float
) -> None:
    world = make_world(seed)
    world.start(8)
    world.server.switch_on(faults.any_error, on=EVERYTHING, rate=rate)
    world.review(8)
    record_property("simulated_seconds", round(world.settle(seconds=10_000)))
    record_property("requests", len(world.server.of()))
    world.check_arrived("R9", acknowledged=16)


@pytest.mark.parametrize("fault", [faults.outage, faults.any_error])
def test_it_asks_seldom_while_an_upstream_is_down_and_drains_afterwards(
    world: World, record_property: Record, fault: Fault
) -> None:
    world.start(10)
    world.review(5)
    down_at = world.clock()
    world.server.switch_on(fault)
    world.run(30)
    world.review(5)
    world.run(TEN_MINUTES - 30, step=6)
    asked = world.server.of(since=down_at)
    record_property("requests_in_ten_minutes", len(asked))
    assert busiest(asked[CIRCUIT_FAILURES:], CIRCUIT_SECONDS - 1) <= 1
    assert len(asked) >= CIRCUIT_FAILURES + 5, "It is not asked again at all."
    world.server.calm_down()
    record_property("simulated_seconds_to_drain", round(world.settle(seconds=120)))
    world.check_arrived("R9", acknowledged=20)


def test_it_asks_seldom_while_reads_are_answered_and_writes_are_not(world: World) -> None:
    world.start(6)
    world.review(6)
    down_at = world.clock()
    world.server.switch_on(faults.unavailable, on=POSTS)
    world.run(180, step=5)
    posts = world.server.of(*POSTS, since=down_at)
    assert busiest(posts[CIRCUIT_FAILURES:], CIRCUIT_SECONDS - 1) <= 1
    assert len(posts) >= CIRCUIT_FAILURES + 5
    world.server.calm_down()
    world.settle(seconds=120)
    world.check_arrived("R9", acknowledged=12)


def test_it_shows_since_when_how_often_and_with_what_words_an_upstream_fails(world: World) -> None:
    world.start(2)
    world.review(2)
    assert upstreams.troubles([world.organization.pk]) == []
    world.server.switch_on(faults.bad_gateway)
    world.run(120, step=5)
    (trouble,) = upstreams.troubles([world.organization.pk])
    assert (trouble.kind, trouble.name) == ("down", "fake")
    assert "502" in trouble.words
    assert "Bad Gateway" in trouble.words
    assert trouble.count >= CIRCUIT_FAILURES
    assert trouble.since is not None
    assert trouble.last is not None
    assert 60 < (trouble.last - trouble.since).total_seconds() < 120
    assert upstreams.troubles([world.organization.pk + 1]) == []
    world.server.calm_down()
    world.settle(seconds=120)
    world.pull()
    assert upstreams.troubles([world.organization.pk]) == []


def test_a_few_failures_are_no_trouble_to_show(world: World) -> None:
    world.start(2)
    world.review(2)
    world.server.switch_on(faults.failing, on=POSTS, times=2)
    world.run(5)
    assert upstreams.troubles([world.organization.pk]) == []
    world.settle()
    world.check_arrived("R9", acknowledged=4)


# R10 --------------------------------------------------------------------------------------------------------------


ASKED = [
    pytest.param(make, on, as_date, id=f"{status}, {name}, {'as a date' if as_date else 'in seconds'}")
    for make, status in ((faults.too_many, 429), (faults.too_busy, 503))
    for on, name in ((POSTS, "posts"), (LISTS, "lists"), ((LOOKUP,), "lookups"))
    for as_date in (False, True)
    # Each status with each kind, each spelling with each kind.
    if (status == 429) != as_date
]


@pytest.mark.parametrize(("make", "on", "as_date"), ASKED)
def test_it_waits_as_long_as_it_is_asked_to(
    world: World, make: Callable[..., Fault], on: tuple[str, ...], as_date: bool
) -> None:
    world.start(3)
    switch = world.server.switch_on(make(40, as_date=as_date), on=on, times=3)
    world.review(3)
    # Only a list that is too old is read again.
    world.pass_time(120)
    world.settle()
    world.run(120, step=10)
    assert switch.hits == 3
    assert too_early(world.server.of()) == []
    world.check_arrived("R10", acknowledged=6)


@pytest.mark.parametrize("as_date", [False, True], ids=["in seconds", "as a date"])
def test_it_keeps_to_a_rate_that_the_upstream_limits(
    make_world: MakeWorld, record_property: Record, as_date: bool
) -> None:
    world = make_world(10)
    world.start(10)
    world.server.switch_on(faults.rate_limit(3, as_date=as_date), on=EVERYTHING)
    world.review(10)
    record_property("simulated_seconds", round(world.settle()))
    refused = [row for row in world.server.of() if row.status == 429]
    record_property("refused", len(refused))
    assert refused
    assert too_early(world.server.of()) == []
    world.check_arrived("R10", acknowledged=20)


def test_a_wait_that_it_is_asked_for_is_no_end_to_reviewing(world: World) -> None:
    world.start(2)
    world.server.switch_on(faults.too_many(600), on=READS, times=1)
    world.pass_time(120)
    world.run(2)
    world.review(2)
    world.run(300, step=10)
    assert world.states() == {"waiting": 4}
    assert too_early(world.server.of()) == []
    world.run(310, step=10)
    world.settle()
    world.check_arrived("R10", acknowledged=4)
