"""Texts compared and merged by words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.workflow import merging
from reviews.workflow.merging import Piece, Stretch, marked, merge

WORDS = st.sampled_from(
    ["the", "cat", "sat", "on", "Ünïcode", "日本", " ", " ", "\n", "\r\n", "\t", ".", ",", "🙂", ""]
)
texts = st.lists(WORDS, max_size=30).map("".join)


@given(texts, texts)
def test_it_rebuilds_both_texts_from_the_pieces(before: str, after: str) -> None:
    pieces = marked(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "come") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == after


@given(texts, texts, texts)
def test_it_rebuilds_all_three_texts_from_the_stretches(base: str, theirs: str, ours: str) -> None:
    stretches = merge(base, theirs=theirs, ours=ours).stretches
    assert "".join(stretch.base for stretch in stretches) == base
    assert "".join(stretch.theirs for stretch in stretches) == theirs
    assert "".join(stretch.ours for stretch in stretches) == ours


@given(texts, texts)
def test_it_takes_what_only_one_side_changed(base: str, changed: str) -> None:
    for merged in (
        merge(base, theirs=base, ours=changed),
        merge(base, theirs=changed, ours=base),
        merge(base, theirs=changed, ours=changed),
    ):
        assert (merged.text, merged.clashes) == (changed, 0)


def test_it_joins_changes_in_different_places() -> None:
    merged = merge(
        "We open at nine and close at six.",
        theirs="We open at nine sharp and close at six.",
        ours="They open at nine and close at seven.",
    )
    assert (merged.text, merged.clashes) == ("They open at nine sharp and close at seven.", 0)


def test_it_says_where_both_changed_the_same_words() -> None:
    merged = merge("At nine.", theirs="At ten.", ours="At noon.")
    assert merged.clashes == 1
    assert merged.text == "At noon."
    assert Stretch("clash", "nine", "ten", "noon") in merged.stretches


def test_it_does_not_make_a_phrase_of_two_that_nobody_wrote() -> None:
    merged = merge("Within 14 days.", theirs="Within 30 days.", ours="Within 14 weeks.")
    assert (merged.text, merged.clashes) == ("Within 14 weeks.", 1)


def test_it_takes_a_change_that_both_made_beside_one_that_one_made() -> None:
    merged = merge("Within 14 days.", theirs="Within 30 days.", ours="Within 30 weeks.")
    assert (merged.text, merged.clashes) == ("Within 30 weeks.", 0)


def test_it_marks_words_and_not_letters() -> None:
    assert marked("It costs 40 euros.", "It costs 45 euros.") == [
        Piece("same", "It costs "),
        Piece("gone", "40"),
        Piece("come", "45"),
        Piece("same", " euros."),
    ]


@pytest.mark.parametrize("words", [merging.MOST_DIFFERENCES // 2, merging.MOST_DIFFERENCES * 4])
def test_it_takes_texts_with_nothing_in_common_as_one_change(words: int) -> None:
    before, after = "a " * words, "b\n" * words
    pieces = marked(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "come") == before
    assert merge(before, theirs=after, ours="c\t" * words).clashes >= 1


def test_it_finds_few_changes_in_a_long_text() -> None:
    words = [f"word{number}" for number in range(20_000)]
    changed = [*words]
    changed[500] = changed[19_000] = "other"
    pieces = marked(" ".join(words), " ".join(changed))
    assert [piece.text for piece in pieces if piece.kind == "come"] == ["other", "other"]
