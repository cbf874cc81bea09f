"""Three texts side by side: marks, folding and clashes."""

import pytest

from reviews.web.display_conflicts import Heading, Mark, ThreeWay
from reviews.web.three_way import AROUND, FOLD_OVER, compare, place_words
from reviews.workflow import merging

HEADINGS = {"base": Heading("before"), "theirs": Heading("theirs"), "ours": Heading("ours")}


def compared(base: str, theirs: str, ours: str) -> ThreeWay:
    return compare(merging.merge(base, theirs=theirs, ours=ours), HEADINGS)


def plain(marks: tuple[Mark, ...], without: str) -> str:
    return "".join(mark.text for mark in marks if mark.kind != without)


def test_each_side_is_marked_against_the_text_that_both_started_from() -> None:
    base, theirs, ours = compared("one two three", "one 2 three", "one two").sides
    assert base.marks == (Mark("same", "one two three"),)
    assert theirs.marks == (Mark("same", "one "), Mark("gone", "two"), Mark("come", "2"), Mark("same", " three"))
    assert plain(ours.marks, "gone").rstrip() == "one two"
    assert Mark("gone", "three") in ours.marks


def test_words_that_only_a_blank_parts_are_one_change() -> None:
    theirs = compared("in 14 days or so", "in four weeks or so", "in 14 days or so").sides[1]
    assert theirs.html == "in <del>14 days</del><ins>four weeks</ins> or so"


def test_markup_in_a_text_is_text() -> None:
    theirs = compared("a <b> c", "a <i> c", "a <b> c").sides[1]
    assert "<b>" not in theirs.html
    assert "&lt;" in theirs.html


def test_white_space_that_came_or_went_is_shown_by_signs() -> None:
    assert compared("one\ntwo", "one two", "one\ntwo").sides[1].html == "one<del>↵\n</del><ins>·</ins>two"
    assert compared("one\ntwo", "one", "one\ntwo").sides[1].html == "one<del>↵\ntwo</del>"


def test_characters_that_no_page_can_carry_are_shown_by_a_picture() -> None:
    theirs = compared("a \x00 b", "a \x00 c", "a \x00 b").sides[1]
    assert "\x00" not in theirs.html
    assert "\u2400" in theirs.html


def test_a_short_text_is_shown_whole() -> None:
    shown = compared("word " * 20, "word " * 20 + "more", "word " * 20)
    assert not shown.folded


def test_a_long_text_is_folded_to_what_differs_on_all_sides_alike() -> None:
    long = "word " * 400
    shown = compared(f"{long}one {long}", f"{long}two {long}", f"{long}one {long}")
    assert shown.folded
    for side in shown.sides:
        assert len(plain(side.short, "gone")) < 4 * AROUND
        assert [mark.kind for mark in side.short][::-1][0] == "left_out"
        assert side.short[0].kind == "left_out"
    assert plain(shown.sides[1].marks, "gone") == f"{long}two {long}"


def test_a_text_that_changed_as_a_whole_is_cut() -> None:
    words = [f"w{number}" for number in range(2_000)]
    base, theirs = " ".join(words), " ".join(reversed(words))
    shown = compared(base, theirs, base)
    assert shown.folded
    assert len(plain(shown.sides[1].short, "")) < len(base) / 2
    assert len(base) > FOLD_OVER


def test_a_clash_is_told_with_the_words_around_it_and_its_place_in_the_box() -> None:
    shown = compared("Ü 🙂 it is red.\r\nEnd.", "Ü 🙂 it is blue.\r\nEnd.", "Ü 🙂 it is green.\r\nEnd.")
    (clash,) = shown.clashes
    assert (clash.before, clash.theirs, clash.ours) == ("Ü 🙂 it is", "blue", "green")
    # Browsers count the smiley as two.
    assert (clash.start, clash.end) == (11, 16)
    assert shown.merged == "Ü 🙂 it is green.\r\nEnd."


def test_changes_side_by_side_clash_as_one_phrase() -> None:
    shown = compared("within 14 days of it", "within 30 days of it", "within four weeks of it")
    (clash,) = shown.clashes
    assert (clash.theirs, clash.ours) == ("30 days", "four weeks")
    assert shown.merged == "within four weeks of it"


def test_neighbouring_words_of_two_sides_are_not_mixed_without_asking() -> None:
    shown = compared("within 14 days of it", "within 30 days of it", "within 14 weeks of it")
    (clash,) = shown.clashes
    assert (clash.theirs, clash.ours) == ("30 days", "14 weeks")


def test_the_box_starts_from_each_text_once() -> None:
    assert [key for key, *_ in compared("a or b", "x or b", "a or y").sources] == ["merged", "theirs", "ours"]
    assert [key for key, *_ in compared("a b", "a b", "a y").sources] == ["theirs", "ours"]


@pytest.mark.parametrize(
    ("pointer", "alone", "words"),
    [
        ("/response/choices/0/message/content", True, ""),
        ("/response/choices/1/message/content", False, "Answer 2"),
        ("/response/choices/0/message/content/2/text", False, "Answer 1, part 3"),
        ("/response/choices/0/text", False, "Answer 1"),
    ],
)
def test_a_text_is_called_by_its_place(pointer: str, alone: bool, words: str) -> None:
    assert place_words(pointer, alone=alone) == words
