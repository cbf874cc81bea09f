"""The edit boxes of a review screen, and what a posted form changed in them."""

from collections.abc import Mapping
from dataclasses import dataclass

from reviews.web.display import AnswerChoice, Conversation, EditBox

_REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class ChangedLeaf:
    """One text a reviewer changed."""

    index: int
    pointer: str
    before: str
    after: str


def edit_boxes(conversation: Conversation, posted: Mapping[str, str] | None = None) -> tuple[EditBox, ...]:
    """An edit box for every choice that has an editable text, holding what was posted, if anything was."""
    return tuple(
        EditBox(choice.index, _posted_text(choice, posted), choice.text)
        for choice in conversation.choices
        if choice.pointer
    )


def changed_leaves(conversation: Conversation, posted: Mapping[str, str]) -> tuple[ChangedLeaf, ...]:
    """The texts that differ from the conversation's. Line ends, which browsers rewrite, are put back as they were."""
    return tuple(
        ChangedLeaf(box.index, conversation.choices[box.index].pointer, box.original, box.text)
        for box in edit_boxes(conversation, posted)
        if box.changed
    )


def _posted_text(choice: AnswerChoice, posted: Mapping[str, str] | None) -> str:
    value = posted.get(f"edit-{choice.index}") if posted else None
    return choice.text if value is None else as_written(value, choice.text)


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
