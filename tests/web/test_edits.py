"""What a posted form changed, whatever browsers do to line ends."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def parts(*texts: str) -> Conversation:
    """An answer of several text parts, with a picture among them."""
    made = [{"type": "text", "text": text} for text in texts]
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    return conversation([made[0], picture, *made[1:]])


def test_it_opens_a_box_for_each_text_of_an_answer() -> None:
    first, second = edit_boxes(parts("One", "Two"))
    assert (first.name, first.text, first.label) == ("edit-0", "One", "Text of part 1 of the answer")
    assert (second.name, second.text, second.label) == ("edit-0-2", "Two", "Text of part 2 of the answer")


def test_it_finds_the_leaves_that_changed_among_several() -> None:
    change = changed_leaves(parts("One", "Two", "Three"), {"edit-0": "One", "edit-0-2": "2", "edit-0-3": "3"})
    assert [(leaf.pointer, leaf.after) for leaf in change] == [
        ("/response/choices/0/message/content/2/text", "2"),
        ("/response/choices/0/message/content/3/text", "3"),
    ]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4), st.data())
def test_it_keeps_formatting_exactly(texts: list[str], data: st.DataObject) -> None:
    read = parts(*texts) if len(texts) > 1 else conversation(texts[0])
    posted = {box.name: in_browser(box.text) for box in edit_boxes(read)}
    assert changed_leaves(read, posted) == ()
    name = data.draw(st.sampled_from(sorted(posted)))
    after = posted[name] + " \t"
    (change,) = changed_leaves(read, {**posted, name: after})
    assert in_browser(change.after) == in_browser(after)


def in_browser(text: str) -> str:
    """What a text box makes of a text and sends back."""
    plain = text.replace("\x00", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")
    return plain.replace("\n", "\r\n")


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
