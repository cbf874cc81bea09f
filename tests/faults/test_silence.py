"""R11, R12 and R14: an upstream that does not answer, does not end its answers, or applies what it never answered."""

from collections.abc import Callable

import pytest

from reviews.log10 import client
from reviews.models import PullState, Push, PushKind
from reviews.workflow.conflicts import Choice
from tests.fake_upstream import Answer
from tests.faults import faults
from tests.faults.journal import FEEDBACK, LIST, POSTS, TASKS, UPDATE, too_early
from tests.faults.scenario import chat
from tests.faults.upstream import Call, Fault
from tests.faults.world import World

MakeWorld = Callable[[int], World]
Record = Callable[[str, object], None]


# R11: what the processes make of it is in test_hanging.py ----------------------------------------------------------


@pytest.fixture
def short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is over after a second, where the real one has a minute."""
    monkeypatch.setattr(client, "TOTAL_SECONDS", 1.0)


@pytest.mark.parametrize("on", [TASKS, LIST, UPDATE, FEEDBACK])
@pytest.mark.parametrize("fault", [faults.never_answer, faults.drip(0.1)], ids=["never", "a byte at a time"])
def test_it_gives_a_silent_upstream_up_and_comes_again(
    world: World, short_deadline: None, fault: Fault, on: str
) -> None:
    world.start(2)
    world.review(2)
    world.pass_time(120)
    switch = world.server.switch_on(fault, on=[on], times=1)
    world.tick()
    assert switch.hits == 1
    world.settle()
    world.check_arrived("R11", acknowledged=4)


def test_it_keeps_what_a_list_said_before_it_fell_silent(world: World, short_deadline: None) -> None:
    world.start(1)
    for number in range(2, 6):
        world.server.add(chat(f"c-{number:03}"))
    world.server.switch_on(faults.falls_silent(0.7), on=[LIST], times=1)
    row = world.pull()
    assert (row.state, row.listed, row.created, row.gone) == (PullState.INCOMPLETE, 3, 2, 0)
    assert row.error
    row = world.pull()
    assert (row.state, row.listed, row.created) == (PullState.COMPLETE, 5, 2)


# R12 --------------------------------------------------------------------------------------------------------------

APPLIED = [faults.apply_then_hang, faults.apply_then_reset, faults.apply_then_fail]


@pytest.mark.parametrize("on", [UPDATE, FEEDBACK])
@pytest.mark.parametrize("fault", APPLIED)
def test_it_repeats_what_ended_without_an_answer_until_it_ends_cleanly(world: World, fault: Fault, on: str) -> None:
    world.start(3)
    world.review(3)
    world.server.switch_on(fault, on=[on], times=3)
    world.settle()
    world.check_arrived("R12", acknowledged=6)


@pytest.mark.parametrize("fault", APPLIED)
def test_it_does_not_send_a_grade_again_that_it_can_see_there(world: World, fault: Fault) -> None:
    world.start(3)
    world.review(3)
    world.server.switch_on(fault, on=[FEEDBACK], times=3)
    world.settle()
    assert world.check_arrived("R12", acknowledged=6).repeated == 0


@pytest.mark.parametrize("fault", APPLIED)
def test_it_brings_grades_to_an_upstream_that_tells_only_what_is_ungraded(world: World, fault: Fault) -> None:
    world.server.tells_more = False
    world.start(3)
    world.review(3)
    world.server.switch_on(fault, on=POSTS, times=3)
    world.settle()
    world.check_arrived("R12", acknowledged=6)


def test_it_loses_nothing_while_ends_are_doubtful_again_and_again(
    make_world: MakeWorld, record_property: Record
) -> None:
    world = make_world(12)
    world.start(8)
    world.review(8)
    for fault in APPLIED:
        world.server.switch_on(fault, on=POSTS, rate=0.2)
    record_property("simulated_seconds", round(world.settle(seconds=5_000)))
    record_property("verdict", str(world.check_arrived("R12", acknowledged=16)))


# R14 --------------------------------------------------------------------------------------------------------------


def test_it_lets_a_newer_edit_wait_for_one_that_may_still_be_applied(world: World) -> None:
    world.start(1)
    first, second = edit_while_the_first_hangs(world)
    world.settle()
    newest = world.server.of(UPDATE)[-1]
    applied_late = next(row for row in world.server.entries if row.mark == first)
    assert newest.at > applied_late.at
    assert 8.0 <= applied_late.at - applied_late.asked_at < 12
    assert newest.at - world.server.of(UPDATE)[0].at > 50
    assert world.text_there("c-001").endswith(f"[{first}] [{second}]")
    verdict = world.verdict("R14")
    assert verdict.clean, str(verdict)


def edit_while_the_first_hangs(world: World) -> tuple[str, str]:
    """An edit that the upstream takes without an answer and applies eight seconds later, and a newer one made at once;
    their marks.
    """
    world.server.switch_on(faults.apply_late(8.0), on=[UPDATE], times=1)
    first = world.edit("c-001")
    world.tick()
    (push,) = Push.objects.filter(kind=PushKind.UPDATE)
    assert push.ambiguous
    second = world.edit("c-001")
    return first.mark, second.mark


class Held:
    """A fault that takes a request and applies it when it is told to."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> Answer:
        self.calls.append(call)
        return Answer(hang=faults.FOREVER)

    def apply(self) -> None:
        """Apply all of them now."""
        for call in self.calls:
            call.carry_out()


@pytest.mark.parametrize("tells_more", [True, False], ids=["looked up by id", "listed only"])
def test_an_edit_that_is_applied_after_a_newer_one_is_not_left_standing(world: World, tells_more: bool) -> None:
    world.server.tells_more = tells_more
    world.start(1)
    held = Held()
    switch = world.server.switch_on(held, on=[UPDATE], times=1)
    world.edit("c-001")
    world.tick()
    second = world.edit("c-001")
    world.settle()
    assert world.text_there("c-001").endswith(f"[{second.mark}]")
    assert switch.hits == 1
    held.apply()
    assert second.mark not in world.text_there("c-001")
    world.run(180, step=5)
    verdict = world.verdict("R14")
    assert (verdict.late, verdict.lost, verdict.blind, verdict.duplicated) == (0, 0, 0, 0), str(verdict)
    if second.mark not in world.text_there("c-001"):
        world.decide("c-001", Choice.OURS)
        world.settle()
    assert world.text_there("c-001").endswith(f"[{second.mark}]")
    world.check_equal("c-001")


def test_it_leaves_no_older_edit_standing_when_all_are_applied_late(
    make_world: MakeWorld, record_property: Record
) -> None:
    world = make_world(14)
    world.start(6)
    world.server.switch_on(faults.apply_late(8.0), on=[UPDATE], rate=0.5)
    for _ in range(2):
        for number in range(1, 7):
            world.edit(f"c-{number:03}")
        world.tick()
    world.review(6)
    record_property("simulated_seconds", round(world.settle(seconds=5_000)))
    world.server.calm_down()
    world.run(120, step=5)
    verdict = world.verdict("R14")
    record_property("verdict", str(verdict).splitlines()[0])
    assert verdict.clean, str(verdict)
    assert too_early(world.server.of()) == []
