"""R13: answers that lie, and an upstream that sends the client elsewhere."""

from collections.abc import Iterator

import pytest

from reviews.models import PullState, Push, PushKind, PushState
from reviews.workflow import conflicts, upstreams
from reviews.workflow.conflicts import Choice
from tests.fake_upstream import FakeUpstream
from tests.faults import faults
from tests.faults.journal import EVERYTHING, FEEDBACK, LIST, LISTS, POSTS, UPDATE
from tests.faults.upstream import Fault
from tests.faults.world import World

LIES = [faults.html_ok, faults.empty_ok]


@pytest.mark.parametrize("on", [UPDATE, FEEDBACK])
@pytest.mark.parametrize("fault", LIES)
def test_it_does_not_take_a_page_for_an_answer(world: World, fault: Fault, on: str) -> None:
    world.start(2)
    world.review(2)
    world.server.switch_on(fault, on=[on], times=2)
    world.tick()
    assert world.states("update" if on == UPDATE else "feedback") == {"waiting": 2}
    failed = Push.objects.filter(attempts__gt=0, state=PushState.WAITING)
    assert failed.exists()
    assert all("not with JSON" in push.last_error for push in failed)
    world.settle()
    world.check_arrived("R13", acknowledged=4)


@pytest.mark.parametrize("on", LISTS)
@pytest.mark.parametrize("fault", LIES)
def test_it_does_not_take_a_page_for_a_list(world: World, fault: Fault, on: str) -> None:
    world.start(2)
    world.server.switch_on(fault, on=[on], times=1)
    row = world.pull()
    assert row.state in (PullState.FAILED, PullState.INCOMPLETE)
    assert (row.gone, bool(row.error)) == (0, True)


@pytest.mark.parametrize("applied", [False, True], ids=["not applied", "applied"])
def test_it_does_not_believe_an_echo_of_another_text(world: World, applied: bool) -> None:
    world.start(2)
    world.review(2)
    world.server.switch_on(faults.wrong_echo_though_applied if applied else faults.wrong_echo, on=[UPDATE], times=2)
    world.tick()
    assert "another text" in Push.objects.filter(kind=PushKind.UPDATE, attempts__gt=0)[0].last_error
    world.settle()
    world.check_arrived("R13", acknowledged=4)


@pytest.mark.parametrize("tells_more", [True, False], ids=["looked up by id", "listed only"])
@pytest.mark.parametrize("choice", [Choice.OURS, Choice.THEIRS, Choice.MERGED])
def test_an_edit_that_was_dropped_behind_a_right_echo_is_found_and_shown(
    world: World, tells_more: bool, choice: Choice
) -> None:
    world.server.tells_more = tells_more
    world.start(2)
    dropped, kept = world.review(2)
    world.server.switch_on(faults.drop, on=[UPDATE], times=1)
    world.settle(seconds=600)
    verdict = world.verdict("R13")
    assert verdict.clean, str(verdict)
    conflict = conflicts.find(world.completion(dropped.uid))
    assert conflict is not None, "The edit that was dropped is shown to nobody."
    assert conflict.leaves[0].ours.endswith(f"[{dropped.mark}]")
    assert dropped.mark not in conflict.leaves[0].theirs
    assert len(conflict.grades) == 1
    assert [row.uid for row in world.server.entries if row.kind == FEEDBACK] == [kept.uid]
    world.decide(dropped.uid, choice)
    world.settle(seconds=600)
    assert (dropped.mark in world.text_there(dropped.uid)) == (choice != Choice.THEIRS)
    world.check_equal(dropped.uid)
    assert {row.uid for row in world.server.entries if row.kind == FEEDBACK} == {kept.uid, dropped.uid}


def test_a_grade_that_was_dropped_behind_a_right_answer_is_not_lost(world: World) -> None:
    world.start(2)
    world.review(2, edits=False)
    world.server.switch_on(faults.drop, on=[FEEDBACK], times=1)
    world.settle(seconds=600)
    world.run(120, step=5)
    world.settle(seconds=600)
    verdict = world.verdict("R13")
    assert verdict.clean, str(verdict)


# Redirects --------------------------------------------------------------------------------------------------------


@pytest.fixture
def sink() -> Iterator[FakeUpstream]:
    """Somebody else's server."""
    with FakeUpstream() as server:
        yield server


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_and_no_token_follows_a_redirect(world: World, sink: FakeUpstream, status: int) -> None:
    world.start(2)
    world.review(2)
    world.server.switch_on(faults.redirect(sink.url, status), on=EVERYTHING)
    world.run(60, step=5)
    world.pass_time(120)
    world.run(60, step=5)
    assert world.server.of(*POSTS)
    assert world.server.of(*LISTS)[1:]
    assert sink.seen == []
    assert world.verdict("redirect").clean


def test_a_list_that_leads_elsewhere_by_its_pages_is_not_followed(world: World, sink: FakeUpstream) -> None:
    world.start(1)
    body = f'{{"completions":[],"truncated":true,"next":"{sink.url}/api/v1/completions/ungraded"}}'.encode()
    world.server.switch_on(faults.framed(body), on=[LIST], times=1)
    world.pull()
    assert sink.seen == []
    assert upstreams.troubles([world.organization.pk]) == []
