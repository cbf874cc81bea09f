"""What a posted form changed, whatever browsers do to line ends."""

from typing import Any

import pytest

from reviews.web.conversation import read
from reviews.web.display import Conversation
from reviews.web.edits import changed_leaves, edit_boxes


def conversation(*texts: Any) -> Conversation:
    choices = [{"message": {"role": "assistant", "content": text}} for text in texts]
    return read({"response": {"choices": choices}})


def test_it_opens_each_box_with_the_text_as_it_stands() -> None:
    first, second = edit_boxes(conversation("One", "Two"))
    assert (first.name, first.text, first.changed) == ("edit-0", "One", False)
    assert second.text == "Two"


def test_it_opens_no_box_where_there_is_no_text() -> None:
    assert edit_boxes(conversation(None)) == ()


def test_it_finds_the_changed_leaf_alone() -> None:
    change = changed_leaves(conversation("One", "Two"), {"edit-0": "One", "edit-1": "Three"})
    assert [(leaf.pointer, leaf.before, leaf.after) for leaf in change] == [
        ("/response/choices/1/message/content", "Two", "Three")
    ]


@pytest.mark.parametrize("original", ["a\nb", "a\r\nb", "a\rb", "a\x00b\n", "\n\nlead"])
def test_it_sees_no_change_in_what_a_browser_rewrites(original: str) -> None:
    posted = original.replace("\x00", "\ufffd").replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    assert changed_leaves(conversation(original), {"edit-0": posted}) == ()


@pytest.mark.parametrize(
    ("original", "posted", "after"),
    [("a\nb", "a\r\nc", "a\nc"), ("a\r\nb", "a\r\nc", "a\r\nc"), ("a\x00b", "a\ufffdc", "a\x00c")],
)
def test_it_keeps_line_ends_as_they_were(original: str, posted: str, after: str) -> None:
    assert changed_leaves(conversation(original), {"edit-0": posted})[0].after == after


def test_it_takes_an_emptied_box_for_an_edit() -> None:
    assert changed_leaves(conversation("One"), {"edit-0": ""})[0].after == ""
