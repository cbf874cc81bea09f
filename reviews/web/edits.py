"""The edit boxes of a review screen, and what a posted form changed in them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reviews.web.display import AnswerChoice, Conversation, EditBox
from reviews.web.display_leaves import Leaf

_REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class ChangedLeaf:
    """One text a reviewer changed."""

    index: int
    pointer: str
    before: str
    after: str


def edit_boxes(conversation: Conversation, posted: Mapping[str, str] | None = None) -> tuple[EditBox, ...]:
    """An edit box for every text of the answers that can be edited, holding what was posted, if anything was."""
    boxes = (_box(choice, leaf) for choice in conversation.choices for leaf in choice.leaves if leaf.pointer)
    return tuple(replace(box, text=_posted_text(box, posted)) if posted else box for box in boxes)


def changed_leaves(conversation: Conversation, posted: Mapping[str, str]) -> tuple[ChangedLeaf, ...]:
    """The texts that differ from the conversation's. Line ends, which browsers rewrite, are put back as they were."""
    boxes = edit_boxes(conversation, posted)
    return tuple(ChangedLeaf(box.index, box.pointer, box.original, box.text) for box in boxes if box.changed)


def _box(choice: AnswerChoice, leaf: Leaf) -> EditBox:
    parts = len(choice.leaves)
    return EditBox(choice.index, leaf.text, leaf.text, pointer=leaf.pointer, part=leaf.part, parts=parts)


def _posted_text(box: EditBox, posted: Mapping[str, str]) -> str:
    value = posted.get(box.name)
    return box.original if value is None else as_written(value, box.original)


def as_written(value: str, original: str) -> str:
    """A text as it was meant: what a browser makes of NUL and line ends in `original`, the box's first text, undone."""
    value = _plain_lines(value)
    # A text box cannot hold NUL: the browser shows its replacement, and sends that back.
    if "\x00" in original and _REPLACEMENT not in original:
        value = value.replace(_REPLACEMENT, "\x00")
    if value == _plain_lines(original):
        return original
    return value.replace("\n", "\r\n") if original.count("\r\n") * 2 > original.count("\n") else value


def _plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
