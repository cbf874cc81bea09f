"""R15 and R19: what others do upstream while somebody works on it here."""

import pytest
from django.test import Client

from reviews.models import (
    Assignment,
    AssignmentState,
    ClaimChange,
    ClaimEvent,
    Completion,
    ItemState,
    Push,
    PushKind,
    PushState,
    Queue,
    QueueItem,
)
from reviews.workflow import conflicts, documents, grading, queues
from reviews.workflow.audit import Actor
from reviews.workflow.conflicts import Choice
from reviews.workflow.queues import ClaimLost
from tests.e2e.steps import Forms
from tests.faults import faults
from tests.faults.journal import FEEDBACK, UPDATE
from tests.faults.marks import marks_in
from tests.faults.scenario import chat
from tests.faults.world import World

A_LIST_IS_TOO_OLD = 61


# R15 --------------------------------------------------------------------------------------------------------------


def test_a_hundred_changes_upstream_are_a_hundred_conflicts_and_every_choice_ends_with_both_sides_equal(
    world: World,
) -> None:
    world.start(100)
    edits = world.review(100)
    changes = {edit.uid: world.server.change(edit.uid) for edit in edits}
    world.pass_time(A_LIST_IS_TOO_OLD)
    world.run(10)

    assert world.states("update") == {"conflict": 100}
    assert world.states("feedback") == {"waiting": 100}
    assert Completion.objects.filter(conflict_document__isnull=False).count() == 100
    assert [row for row in world.server.entries if row.kind in (UPDATE, FEEDBACK)] == []
    for edit in edits:
        conflict = conflicts.find(world.completion(edit.uid))
        assert conflict is not None
        assert (conflict.reason, len(conflict.leaves), len(conflict.grades)) == ("changed", 1, 1)
        assert conflict.leaves[0].theirs.endswith(f"[{changes[edit.uid]}]")
        assert conflict.leaves[0].ours.endswith(f"[{edit.mark}]")
        assert conflict.leaves[0].base in conflict.leaves[0].ours

    choices = {edit.uid: list(Choice)[number % 3] for number, edit in enumerate(edits)}
    for uid, choice in choices.items():
        world.decide(uid, choice)
    world.settle(seconds=300)

    verdict = world.verdict("R15")
    assert verdict.clean, str(verdict)
    assert (verdict.held, verdict.acknowledged) == (0, 200)
    for edit in edits:
        standing = marks_in(world.text_there(edit.uid))
        expected = {
            Choice.OURS: (edit.mark,),
            Choice.THEIRS: (changes[edit.uid],),
            Choice.MERGED: (changes[edit.uid], edit.mark),
        }
        assert standing == expected[choices[edit.uid]]
        world.check_equal(edit.uid)
    assert {row.uid for row in world.server.entries if row.kind == FEEDBACK} == set(choices)


def test_a_change_of_a_fifth_is_a_conflict_of_a_fifth_and_the_others_arrive(world: World) -> None:
    world.start(20)
    edits = world.review(20)
    changed = [edit for edit in edits if world.server.chance.random() < 0.2]
    for edit in changed:
        world.server.change(edit.uid)
    world.pass_time(A_LIST_IS_TOO_OLD)
    world.settle()
    assert 0 < len(changed) < 10
    assert world.states("update") == {"conflict": len(changed), "delivered": 20 - len(changed)}
    verdict = world.verdict("R15")
    assert verdict.clean, str(verdict)
    assert verdict.held == 2 * len(changed)


def test_a_change_that_comes_within_a_minute_of_the_list_is_not_overwritten_either(world: World) -> None:
    world.start(10)
    edits = world.review(10)
    world.pass_time(20)
    for edit in edits:
        world.server.change(edit.uid)
    world.run(10)
    world.settle()
    verdict = world.verdict("R15")
    assert verdict.clean, str(verdict)
    assert world.states("update") == {"conflict": 10}


def test_a_change_beside_the_answer_is_a_conflict_too(world: World) -> None:
    world.start(1)
    (edit,) = world.review(1)
    theirs = world.server.stored(edit.uid)
    theirs["request"]["temperature"] = 0.25
    world.server.change(edit.uid, theirs)
    world.pass_time(A_LIST_IS_TOO_OLD)
    world.run(5)
    conflict = conflicts.find(world.completion(edit.uid))
    assert conflict is not None
    assert [(change.pointer, change.before, change.after) for change in conflict.their_changes] == [
        ("/request/temperature", 1.0, 0.25)
    ]
    assert [row for row in world.server.entries if row.kind == UPDATE] == []


def test_a_change_upstream_of_what_nobody_touched_here_is_taken_over(world: World) -> None:
    world.start(3)
    mark = world.server.change("c-002")
    row = world.pull()
    assert (row.changed, row.conflicts) == (1, 0)
    assert marks_in(world.text(world.completion("c-002"))) == (mark,)
    edits = world.review(3)
    world.settle()
    verdict = world.check_arrived("R15", acknowledged=6)
    assert verdict.blind == 0
    (edit,) = [edit for edit in edits if edit.uid == "c-002"]
    assert marks_in(world.text_there("c-002")) == (mark, edit.mark)


def test_a_change_upstream_of_what_was_graded_here_is_a_conflict(world: World) -> None:
    world.start(1)
    world.server.switch_on(faults.unavailable, on=[FEEDBACK], times=1)
    world.review(1, edits=False)
    world.server.change("c-001")
    world.tick()
    world.pass_time(A_LIST_IS_TOO_OLD)
    row = world.pull()
    assert (row.changed, row.conflicts) == (0, 1)
    world.run(60, step=5)
    assert [row for row in world.server.entries if row.kind == FEEDBACK] == []
    conflict = conflicts.find(world.completion("c-001"))
    assert conflict is not None
    assert len(conflict.grades) == 1
    world.decide("c-001", Choice.THEIRS)
    world.settle()
    assert [row.kind for row in world.server.entries if row.kind == FEEDBACK] == [FEEDBACK]
    world.check_equal("c-001")


def test_a_change_that_is_taken_back_upstream_is_no_conflict_any_more(world: World) -> None:
    world.start(1)
    before = world.server.stored("c-001")
    world.review(1)
    world.server.change("c-001")
    world.pass_time(A_LIST_IS_TOO_OLD)
    world.run(3)
    assert world.states("update") == {"conflict": 1}
    world.server.change("c-001", before)
    world.pass_time(A_LIST_IS_TOO_OLD)
    world.run(3)
    world.settle()
    assert world.states() == {"delivered": 2}
    world.check_equal("c-001")


def test_a_second_change_upstream_moves_what_is_decided_about(world: World) -> None:
    world.start(1)
    (edit,) = world.review(1)
    world.server.change(edit.uid)
    world.pass_time(A_LIST_IS_TOO_OLD)
    world.run(3)
    shown = conflicts.find(world.completion(edit.uid))
    assert shown is not None
    second = world.server.change(edit.uid)
    world.pull()
    with pytest.raises(conflicts.Moved):
        conflicts.resolve(
            shown.completion.pk,
            choice=Choice.OURS,
            theirs_id=shown.theirs_id,
            ours_id=shown.ours_id,
            actor=Actor(user=world.reviewer),
        )
    again = conflicts.find(world.completion(edit.uid))
    assert again is not None
    assert again.leaves[0].theirs.endswith(f"[{second}]")
    assert [row for row in world.server.entries if row.kind == UPDATE] == []


# R19 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", ["grade", "delete"])
def test_what_others_grade_or_delete_leaves_the_queue_and_whoever_holds_it_is_told(world: World, gone: str) -> None:
    world.start(10)
    held = queues.claim_next(Queue.objects.get(), reviewer=world.reviewer)
    assert held is not None
    uids = [held.item.completion.uid, "c-005", "c-009"]
    for uid in uids:
        getattr(world.server, gone)(uid)
    row = world.pull()
    assert (row.gone, row.listed) == (3, 7)
    assert set(QueueItem.objects.exclude(state=ItemState.OPEN).values_list("completion__uid", flat=True)) == set(uids)
    assert {item.state for item in QueueItem.objects.filter(completion__uid__in=uids)} == {ItemState.WITHDRAWN}
    held.refresh_from_db()
    assert held.state == AssignmentState.RELEASED
    event = ClaimEvent.objects.filter(assignment=held).latest("pk")
    assert (event.change, event.reason) == (ClaimChange.RELEASED, "graded or deleted upstream")
    with pytest.raises(ClaimLost, match="graded or deleted upstream"):
        grading.submit(
            held,
            values={"score": 4},
            base_id=held.item.completion.current_id,
            actor=Actor(user=world.reviewer),
        )
    assert not Assignment.objects.held().exists()
    world.review(7)
    world.settle()
    world.check_arrived("R19", acknowledged=14)
    assert queues.claim_next(Queue.objects.get(), reviewer=world.reviewer) is None


def test_whoever_submits_what_is_gone_upstream_is_told_so_and_keeps_what_she_wrote(
    world: World, client: Client
) -> None:
    world.start(1)
    held = queues.claim_next(Queue.objects.get(), reviewer=world.reviewer)
    assert held is not None
    client.force_login(world.reviewer)
    form = Forms(client.get(f"/reviews/{held.pk}").text).forms["grade"]
    world.server.grade("c-001")
    world.pull()
    values = {name: choices[0] for name, choices in form.choices.items()}
    answer = client.post(form.action, {**form.fields, **values, "comment": "Kept, whatever happens."})
    assert answer.status_code == 409
    assert "graded or deleted upstream" in answer.text
    assert "Kept, whatever happens." in answer.text


def test_what_is_gone_from_a_list_that_is_not_whole_stays(world: World) -> None:
    world.start(10)
    world.server.delete("c-010")
    world.server.switch_on(faults.truncated(0.5), times=1)
    assert world.pull().gone == 0
    assert QueueItem.objects.open().count() == 10
    assert world.pull().gone == 1


@pytest.mark.parametrize("gone", ["grade", "delete"])
def test_an_edit_of_what_others_graded_or_deleted_waits_for_a_person(world: World, gone: str) -> None:
    world.start(2)
    first, second = world.review(2)
    getattr(world.server, gone)(first.uid)
    world.pass_time(A_LIST_IS_TOO_OLD)
    world.settle()
    assert Push.objects.get(kind=PushKind.UPDATE, completion__uid=second.uid).state == PushState.DELIVERED
    push = Push.objects.get(kind=PushKind.UPDATE, completion__uid=first.uid)
    # Where the upstream can be asked for it by id it is compared all the same.
    if push.state != PushState.DELIVERED:
        assert push.state == PushState.ABSENT
        assert conflicts.find(world.completion(first.uid)) is not None
    verdict = world.verdict("R19")
    assert verdict.clean, str(verdict)


def test_an_edit_of_what_others_graded_is_not_sent_over_a_change_of_theirs(world: World) -> None:
    world.start(1)
    (edit,) = world.review(1)
    world.server.change(edit.uid)
    world.server.grade(edit.uid)
    world.pass_time(A_LIST_IS_TOO_OLD)
    world.run(120, step=5)
    assert [row for row in world.server.entries if row.kind == UPDATE] == []
    verdict = world.verdict("R19")
    assert verdict.clean, str(verdict)
    assert verdict.held == 2


def test_what_comes_back_goes_on_where_it_was(world: World) -> None:
    world.server.tells_more = False
    world.start(2)
    first, _ = world.review(2)
    raw = world.server.completions[first.uid]
    world.server.delete(first.uid)
    world.pass_time(A_LIST_IS_TOO_OLD)
    world.run(5)
    assert Push.objects.get(kind=PushKind.UPDATE, completion__uid=first.uid).state == PushState.ABSENT
    world.server.add(raw, first.uid)
    world.pass_time(A_LIST_IS_TOO_OLD)
    world.run(5)
    world.settle()
    world.check_arrived("R19", acknowledged=4)


def test_a_completion_that_leaves_while_it_is_unread_here_leaves_no_orphan(world: World) -> None:
    world.start(5)
    for uid in list(world.server.completions):
        world.server.delete(uid)
    assert world.pull().gone == 5
    assert not QueueItem.objects.open().exists()
    assert not Push.objects.exists()
    world.server.add(chat("c-003"))
    assert world.pull().created == 0
    assert [item.completion.uid for item in QueueItem.objects.open()] == ["c-003"]
    assert documents.read(world.completion("c-003").current)["id"] == "c-003"
