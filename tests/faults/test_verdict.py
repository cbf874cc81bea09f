"""The verdict on hand-made journals: it finds each kind of wrong, and only what is wrong."""

from typing import Any

import pytest

from tests.faults.journal import ELSEWHERE, FEEDBACK, UPDATE, Entry
from tests.faults.verdict import Edit, Grade, Ledger, Verdict, judge, percentile


def edit(number: int, *, acknowledged: bool = True, uid: str = "a") -> Edit:
    return Edit(uid, f"edit-0-{number}", float(number), acknowledged)


def grade(number: int, *, acknowledged: bool = True) -> Grade:
    return Grade("a", f"grade-0-{number}", float(number), acknowledged)


def update(*numbers: int, at: float, told: bool = True, over: tuple[str, ...] = (), **given: Any) -> Entry:
    """An update whose text has the marks of these edits."""
    marks = tuple(f"edit-0-{number}" for number in numbers)
    return Entry(UPDATE, "a", marks[-1], marks, over, **{"asked_at": at, "at": at, "told": told, **given})


def feedback(number: int, *, at: float, told: bool = True) -> Entry:
    mark = f"grade-0-{number}"
    return Entry(FEEDBACK, "a", mark, (mark,), (), at, at, told=told)


def elsewhere(*, at: float, shown_at: float | None) -> Entry:
    return Entry(ELSEWHERE, "a", "theirs-0-1", ("theirs-0-1",), (), at, at, shown_at=shown_at)


def text(*numbers: int) -> dict[str, str]:
    return {"a": "Noon." + "".join(f" [edit-0-{number}]" for number in numbers)}


def verdict(
    edits: list[Edit], entries: list[Entry], final: dict[str, str], *, grades: list[Grade] | None = None, **more: Any
) -> Verdict:
    return judge("R0", Ledger(edits, grades or []), entries, final, **more)


def wrongs(found: Verdict) -> tuple[int, int, int, int]:
    """Lost, duplicated, late, blind, each of them said in a sentence."""
    counts = (found.lost, found.duplicated, found.late, found.blind)
    assert len(found.wrong) == sum(counts) or found.duplicated > 1
    assert found.clean == (counts == (0, 0, 0, 0))
    return counts


def test_it_finds_nothing_wrong_where_all_arrived_once() -> None:
    found = verdict(
        [edit(1), edit(2)],
        [update(1, at=3), update(1, 2, at=4), feedback(5, at=6)],
        text(1, 2),
        grades=[grade(5)],
    )
    assert (wrongs(found), found.acknowledged, found.repeated) == ((0, 0, 0, 0), 3, 0)


def test_it_finds_a_lost_edit() -> None:
    found = verdict([edit(1)], [], text())
    assert wrongs(found) == (1, 0, 0, 0)
    assert found.wrong == ["lost: the edit edit-0-1 of a, which ends with no mark"]


def test_it_finds_that_the_newest_of_several_edits_is_lost() -> None:
    assert wrongs(verdict([edit(1), edit(2)], [update(1, at=3)], text(1))) == (1, 0, 0, 0)


def test_it_finds_an_edit_lost_whose_update_was_applied_but_does_not_stand() -> None:
    assert verdict([edit(1)], [update(1, at=3)], text()).lost == 1


def test_it_finds_a_completion_lost_that_is_not_there_at_all() -> None:
    assert wrongs(verdict([edit(1)], [update(1, at=3)], {})) == (1, 0, 0, 0)


def test_it_does_not_ask_for_what_nobody_was_told_is_saved() -> None:
    assert wrongs(verdict([edit(1), edit(2, acknowledged=False)], [update(1, at=3)], text(1))) == (0, 0, 0, 0)


def test_it_takes_an_edit_that_nobody_was_told_of_for_a_right_one() -> None:
    assert wrongs(verdict([edit(1), edit(2, acknowledged=False)], [update(1, 2, at=3)], text(1, 2))) == (0, 0, 0, 0)


def test_it_finds_a_lost_grade() -> None:
    found = verdict([], [feedback(5, at=6)], text(), grades=[grade(5), grade(6), grade(7, acknowledged=False)])
    assert wrongs(found) == (1, 0, 0, 0)
    assert found.wrong == ["lost: the grade grade-0-6 of a"]


@pytest.mark.parametrize("how", ["held", "given_up"])
def test_it_does_not_call_lost_what_a_person_decides_about(how: str) -> None:
    found = verdict([edit(1)], [], text(), grades=[grade(5)], **{how: ["edit-0-1", "grade-0-5"]})
    assert wrongs(found) == (0, 0, 0, 0)


def test_it_calls_lost_what_waits_for_nobody_beside_what_does() -> None:
    assert verdict([edit(1), edit(2)], [update(1, at=3)], text(1), held=["edit-0-1"]).lost == 1


@pytest.mark.parametrize("entries", [[update(1, at=3), update(1, at=4)], [feedback(1, at=3), feedback(1, at=4)]])
def test_it_finds_what_was_sent_again_after_a_true_answer(entries: list[Entry]) -> None:
    found = verdict([], entries, text(1))
    assert (wrongs(found), found.repeated) == ((0, 1, 0, 0), 0)
    assert "was sent 2 times" in found.wrong[0]


def test_it_counts_every_needless_time() -> None:
    found = verdict([], [feedback(1, at=3), feedback(1, at=4, told=False), feedback(1, at=5)], text())
    assert (found.duplicated, found.repeated) == (1, 1)


def test_it_allows_to_send_again_what_ended_without_an_answer() -> None:
    found = verdict([edit(1)], [update(1, at=3, told=False), update(1, at=4)], text(1))
    assert (wrongs(found), found.repeated) == ((0, 0, 0, 0), 1)


def test_it_looks_at_when_a_request_came_not_at_when_it_was_applied() -> None:
    late_but_first = update(1, at=9, told=False, asked_at=3.0)
    assert wrongs(verdict([edit(1)], [update(1, at=4), late_but_first], text(1))) == (0, 0, 0, 0)


def test_it_allows_to_send_again_what_a_kill_may_have_cut_short() -> None:
    entries = [feedback(1, at=3), feedback(1, at=90)]
    assert verdict([], entries, text(), kills=[3.5]).duplicated == 0
    assert verdict([], entries, text(), kills=[2.5]).duplicated == 1
    assert verdict([], entries, text(), kills=[60.0]).duplicated == 1


def test_it_allows_to_send_again_what_a_person_asked_for() -> None:
    assert verdict([], [update(1, at=3), update(1, at=4)], text(1), sent_again=["edit-0-1"]).duplicated == 0


def test_it_finds_an_older_edit_that_was_applied_after_a_newer_and_stands() -> None:
    found = verdict([edit(1), edit(2)], [update(1, 2, at=3), update(1, at=9, told=False)], text(1))
    assert wrongs(found) == (1, 0, 1, 0)
    assert "late: the edit edit-0-1 of a was applied after edit-0-2 and stands" in found.wrong


def test_it_finds_a_late_one_also_where_nobody_was_told_of_the_newer() -> None:
    found = verdict([edit(1), edit(2, acknowledged=False)], [update(1, 2, at=3), update(1, at=9)], text(1))
    assert wrongs(found) == (0, 0, 1, 0)


def test_it_does_not_call_late_what_was_put_right() -> None:
    entries = [update(1, 2, at=3), update(1, at=9, told=False), update(1, 2, at=12)]
    found = verdict([edit(1), edit(2)], entries, text(1, 2), sent_again=["edit-0-2"])
    assert wrongs(found) == (0, 0, 0, 0)


def test_it_does_not_call_late_what_is_shown_to_a_person() -> None:
    entries = [update(1, 2, at=3), update(1, at=9, told=False)]
    assert wrongs(verdict([edit(1), edit(2)], entries, text(1), held=["edit-0-2"])) == (0, 0, 0, 0)


def test_it_finds_an_update_over_a_change_that_was_not_shown() -> None:
    entries = [elsewhere(at=2, shown_at=None), update(1, at=3, over=("theirs-0-1",))]
    found = verdict([edit(1)], entries, text(1))
    assert wrongs(found) == (0, 0, 0, 1)
    assert found.wrong == ["blind: edit-0-1 overwrote theirs-0-1 of a, which had not been shown"]


def test_it_finds_an_update_over_a_change_that_was_shown_too_late() -> None:
    entries = [elsewhere(at=2, shown_at=4), update(1, at=3, over=("theirs-0-1",))]
    assert wrongs(verdict([edit(1)], entries, text(1), decided=["theirs-0-1"])) == (0, 0, 0, 1)


def test_it_finds_an_update_over_a_change_that_nobody_decided_about() -> None:
    entries = [elsewhere(at=2, shown_at=2.5), update(1, at=3, over=("theirs-0-1",))]
    found = verdict([edit(1)], entries, text(1))
    assert wrongs(found) == (0, 0, 0, 1)
    assert "was decided by nobody" in found.wrong[0]
    assert wrongs(verdict([edit(1)], entries, text(1), decided=["theirs-0-1"])) == (0, 0, 0, 0)


def test_it_does_not_call_blind_what_was_made_on_the_change() -> None:
    on_it = Entry(UPDATE, "a", "edit-0-1", ("theirs-0-1", "edit-0-1"), ("theirs-0-1",), 3, 3, told=True)
    found = verdict([edit(1)], [elsewhere(at=2, shown_at=2.5), on_it], text(1))
    assert wrongs(found) == (0, 0, 0, 0)


def test_it_counts_a_change_that_was_overwritten_once() -> None:
    over = ("theirs-0-1",)
    entries = [elsewhere(at=2, shown_at=None), update(1, at=3, over=over, told=False), update(1, at=4, over=over)]
    assert verdict([edit(1)], entries, text(1)).blind == 1


def test_it_keeps_completions_apart() -> None:
    other = Entry(UPDATE, "b", "edit-0-2", ("edit-0-2",), (), 4, 4, told=True)
    found = verdict([edit(1), edit(2, uid="b")], [update(1, at=3), other], {**text(1), "b": "Six."})
    assert (wrongs(found), "of b" in found.wrong[0]) == ((1, 0, 0, 0), True)


def test_it_prints_a_row() -> None:
    found = verdict([edit(1)], [update(1, at=3)], text(1), kills=[1.0, 2.0], recoveries=[1.0, 3.0], seed=7)
    assert str(found) == "R0: 2 kills, 1 acknowledged, 0 lost, 0 duplicated, 0 late, 0 blind; recovery p95 3.0 s"
    assert found.row == "| R0 | 2 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 3.0 | 7 |"
    assert found.row.count("|") == Verdict.HEAD.splitlines()[0].count("|")


def test_it_takes_percentiles_that_were_measured() -> None:
    assert percentile([5.0], 0.95) == 5.0
    assert percentile(map(float, range(1, 21)), 0.95) == 19.0
    assert percentile([1.0, 2.0], 0.5) == 1.0
