"""R17: lists that are cut, doubled, shuffled, poisoned or in another frame. One bad item costs itself alone."""

from collections.abc import Callable

import orjson
import pytest

from reviews.models import Completion, PullRefusal, PullState, QueueItem
from reviews.workflow import documents, refusals
from reviews.workflow.audit import Actor
from tests.faults import faults
from tests.faults.journal import LIST, TASKS
from tests.faults.scenario import chat, feedback_task
from tests.faults.upstream import Fault
from tests.faults.world import World

COUNT = 20


@pytest.fixture
def listed(world: World) -> World:
    """A world whose upstream lists twenty completions, none of which is here yet."""
    world.server.feedback_tasks = [feedback_task(0)]
    for number in range(1, COUNT + 1):
        world.server.add(chat(f"c-{number:03}"))
    return world


def here() -> set[str]:
    return set(Completion.objects.values_list("uid", flat=True))


def uids(*numbers: int) -> set[str]:
    return {f"c-{number:03}" for number in numbers or range(1, COUNT + 1)}


CUTS: dict[str, Callable[[float], Fault]] = {
    "JSON that ends early": faults.truncated,
    "a connection that ends early": faults.cut_off,
    "a connection that breaks": lambda share: faults.cut_off(share, reset=True),
}


@pytest.mark.parametrize("share", [0.0, 0.01, 0.33, 0.5, 0.999])
@pytest.mark.parametrize("how", CUTS)
def test_a_list_that_is_cut_keeps_what_came_and_takes_nothing_for_gone(listed: World, how: str, share: float) -> None:
    came = whole_items(listed, share)
    listed.server.switch_on(CUTS[how](share), on=[LIST], times=1)
    row = listed.pull()
    assert row.state in (PullState.INCOMPLETE, PullState.FAILED)
    assert row.error
    assert (row.created, row.gone) == (came, 0)
    assert here() == {f"c-{number:03}" for number in range(1, came + 1)}
    listed.pass_time(60)
    again = listed.pull()
    assert (again.state, again.listed, again.created) == (PullState.COMPLETE, COUNT, COUNT - came)


def whole_items(listed: World, share: float) -> int:
    """How many items stand whole in this share of the bytes of the list."""
    rows = list(listed.server.completions.values())
    frame = len(b'{"completions":[')
    cut = int((frame + len(b",".join(rows)) + len(b"]}")) * share)
    return sum(frame + len(b",".join(rows[:number])) <= cut for number in range(1, COUNT + 1))


def test_a_list_that_is_cut_has_not_been_read_to_its_end(listed: World) -> None:
    listed.pull()
    listed.pass_time(10)
    before = listed.fresh().listed_at
    listed.server.switch_on(faults.truncated(0.5), on=[LIST], times=1)
    assert listed.pull().gone == 0
    assert listed.fresh().listed_at == before
    assert QueueItem.objects.open().count() == COUNT


def test_a_list_that_says_everything_twice_is_taken_once(listed: World) -> None:
    listed.server.switch_on(faults.repeated, on=[LIST])
    row = listed.pull()
    assert (row.state, row.listed, row.created, row.refused) == (PullState.COMPLETE, 2 * COUNT, COUNT, 0)
    assert QueueItem.objects.open().count() == COUNT
    row = listed.pull()
    assert (row.created, row.changed, row.conflicts, row.gone) == (0, 0, 0, 0)


def test_a_list_that_says_two_things_of_one_completion_does_not_lose_the_others(listed: World) -> None:
    other = chat("c-005") | {"duration": 9.5, "response": {**chat("c-005")["response"], "model": "another"}}
    listed.server.switch_on(faults.poisoned(orjson.dumps(other)), on=[LIST], times=1)
    row = listed.pull()
    assert (row.state, row.created) == (PullState.COMPLETE, COUNT)
    assert here() == uids()


def test_a_list_in_another_order_is_the_same_list(listed: World) -> None:
    listed.pull()
    listed.server.switch_on(faults.reordered, on=[LIST])
    for _ in range(3):
        row = listed.pull()
        assert (row.state, row.listed, row.created, row.changed, row.gone) == (PullState.COMPLETE, COUNT, 0, 0, 0)


POISON = {
    "NaN": b'{"id":"bad","request":{"temperature":NaN}}',
    "infinity": b'{"id":"bad","duration":-Infinity}',
    "a member twice": b'{"id":"bad","kind":"chat","kind":"prompt"}',
    "too deep": b'{"id":"bad","request":{"a":' + b"[" * 100 + b"]" * 100 + b"}}",
    "deeper than any parser goes": b'{"id":"bad","request":' + b'{"a":' * 200_000 + b"1" + b"}" * 200_001,
    "a lone surrogate": b'{"id":"bad","request":{"model":"\\ud800"}}',
    "not UTF-8": b'{"id":"bad","kind":"\xff\xfe"}',
    "a number beyond 64 bits": b'{"id":"bad","duration":1180591620717411303424}',
    "a text where an object belongs": b'{"id":"bad","request":"what?"}',
    "tags that are no texts": b'{"id":"bad","tags":[1,2]}',
    "no id": b'{"kind":"chat"}',
    "an id that is a number": b'{"id":7}',
    "an empty id": b'{"id":""}',
    "an id too long": b'{"id":"' + b"x" * 256 + b'"}',
    "a NUL in the id": b'{"id":"a\\u0000b"}',
    "no object": b"[1,2,3]",
    "null": b"null",
    "a bare text": b'"c-001"',
    "a control character": b'{"id":"bad","kind":"a\nb"}',
    "a comma too many": b'{"id":"bad","kind":"chat",}',
    "a single quote": b"{'id':'bad'}",
}


@pytest.mark.parametrize("name", POISON)
def test_a_bad_item_is_set_aside_with_its_reason_and_its_bytes_and_the_rest_is_taken(listed: World, name: str) -> None:
    listed.server.switch_on(faults.poisoned(POISON[name]), on=[LIST], times=2)
    row = listed.pull()
    assert (row.state, row.created, row.refused) == (PullState.COMPLETE, COUNT, 1), row.error
    assert here() == uids()
    refusal = PullRefusal.objects.get()
    assert documents.unpack(refusal.data) == POISON[name]
    assert refusal.reason.endswith(".")
    row = listed.pull()
    assert (row.state, row.created, row.refused, row.gone) == (PullState.COMPLETE, 0, 1, 0)
    assert PullRefusal.objects.count() == 1


def test_many_bad_items_at_once_are_each_set_aside(listed: World) -> None:
    listed.server.switch_on(faults.poisoned(*POISON.values()), on=[LIST], times=1)
    row = listed.pull()
    assert (row.state, row.created, row.refused) == (PullState.COMPLETE, COUNT, len(POISON)), row.error
    assert PullRefusal.objects.open().count() == len(POISON)


def test_what_was_set_aside_is_taken_when_it_comes_well_again(listed: World) -> None:
    bad = b'{"id":"c-007","request":"what?"}'
    listed.server.switch_on(faults.replaced("c-007", bad), on=[LIST], times=1)
    assert listed.pull().refused == 1
    assert here() == uids() - {"c-007"}
    row = listed.pull()
    assert (row.refused, row.created) == (0, 1)
    assert not PullRefusal.objects.open().exists()


def test_what_was_set_aside_can_be_tried_again_by_a_person(listed: World) -> None:
    listed.server.switch_on(faults.poisoned(b'{"id":"bad","request":"what?"}'), on=[LIST], times=1)
    listed.pull()
    refusals.try_again(PullRefusal.objects.get(), actor=Actor(user=listed.reviewer))
    listed.tick()
    refusal = PullRefusal.objects.get()
    assert (refusal.taken_at, refusal.retry_asked_at) == (None, None)
    assert refusal.reason


FRAMES = {
    "data instead of completions": b'{"data":[%s]}',
    "a bare list": b"[%s]",
    "a list within": b'{"result":{"completions":[%s]}}',
    "an object of items": b'{"completions":{"a":1}}',
    "a text": b'{"completions":"none"}',
    "an error with 200": b'{"error":"Come again."}',
    "two lists": b'{"completions":[%s]}{"completions":[]}',
    "no end": b'{"completions":[%s]',
    "a comma at the end": b'{"completions":[%s,]}',
    "items without commas": b'{"completions":[%s %s]}',
    "another closing bracket": b'{"completions":[%s}}',
    "HTML": b"<html><body>Please sign in</body></html>",
    "nothing": b"",
    "spaces": b"   \n  ",
    "cut and without a way on": b'{"completions":[%s],"truncated":true}',
    "a way on that is no text": b'{"completions":[%s],"next":7}',
    "UTF-16": '{"completions":[]}'.encode("utf-16"),
    "lines": b'{"id":"a"}\n{"id":"b"}\n',
}


@pytest.mark.parametrize("name", FRAMES)
def test_an_unknown_frame_is_no_list_and_takes_nothing_for_gone(listed: World, name: str) -> None:
    listed.pull()
    listed.server.switch_on(faults.framed(FRAMES[name]), on=[LIST], times=1)
    row = listed.pull()
    assert row.state in (PullState.INCOMPLETE, PullState.FAILED)
    assert row.error
    assert (row.gone, row.created, row.refused) == (0, 0, 0)
    assert QueueItem.objects.open().count() == COUNT
    assert listed.pull().state == PullState.COMPLETE


def test_a_list_whose_pages_go_in_a_circle_comes_to_an_end(listed: World) -> None:
    body = b'{"completions":[%s],"truncated":true,"next":"1"}'
    listed.server.switch_on(faults.framed(body), on=[LIST])
    row = listed.pull()
    assert (row.state, row.created, row.gone) == (PullState.INCOMPLETE, COUNT, 0)
    assert len(listed.server.of(LIST)) == 2


def test_members_that_nobody_knows_do_no_harm(listed: World) -> None:
    body = b'{"x":[{"id":"no"}],"completions":[%s],"y":{"completions":[{"id":"no"}]},"total":20}'
    listed.server.switch_on(faults.framed(body, content_type="text/plain"), on=[LIST], times=1)
    row = listed.pull()
    assert (row.state, row.created) == (PullState.COMPLETE, COUNT)
    assert here() == uids()


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"data":null}', b'"x"', b"[", b"<html>", b""])
def test_feedback_tasks_that_cannot_be_read_do_not_empty_the_queue(listed: World, body: bytes) -> None:
    listed.pull()
    listed.server.switch_on(faults.framed(body), on=[TASKS], times=1)
    row = listed.pull()
    assert row.state in (PullState.INCOMPLETE, PullState.FAILED)
    assert row.error
    assert QueueItem.objects.open().count() == COUNT


def test_one_bad_feedback_task_does_not_cost_the_others(listed: World) -> None:
    listed.server.feedback_tasks.insert(0, {"id": "bad", "name": "Bad", "json_schema": {"type": "wrong"}})
    row = listed.pull()
    assert (row.state, row.refused, row.feedback_tasks, row.created) == (PullState.COMPLETE, 1, 1, COUNT)
