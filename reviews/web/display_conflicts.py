"""What the pages show where two sides changed one answer: on the conflict page, and in a review that came too late.

Frozen dataclasses as in `display.py`, filled by views and read by templates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from reviews.web.words import characters

Choice = Literal["ours", "theirs", "merged"]


# --- texts side by side ------------------------------------------------------------------------------------------


class Mark(NamedTuple):
    """A stretch of a text that is shown against another: in both, gone from it, new in it, or left out here."""

    kind: Literal["same", "gone", "come", "left_out"]
    text: str


_MARKUP = {
    "same": "{}",
    "gone": "<del>{}</del>",
    "come": "<ins>{}</ins>",
    "left_out": '<span class="left-out">{}</span>',
}


@dataclass(frozen=True, slots=True)
class Heading:
    """Above a text: whose it is ("prod now") and since when, `word` between the two ("seen")."""

    name: str
    at: datetime | None = None
    word: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the texts that are compared. `short` leaves out the long stretches on which all of them agree."""

    key: Literal["base", "theirs", "ours"]
    heading: Heading
    marks: tuple[Mark, ...]
    short: tuple[Mark, ...]
    missing: str = ""

    @property
    def html(self) -> SafeString:
        """The whole text, its changed words marked."""
        return _html(self.marks)

    @property
    def short_html(self) -> SafeString:
        """The stretches that differ, each with a few words around it."""
        return _html(self.short)


@dataclass(frozen=True, slots=True)
class Clash:
    """A place where both sides changed the same words, with the words around it.

    `theirs` and `ours` are cut to a line, the texts beside them whole. `start` and `end` say where our words stand in
    the merged text, counted as browsers count (UTF-16, a line end as one).
    """

    before: str
    theirs: str
    theirs_text: str
    ours: str
    ours_text: str
    after: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """The texts at one place of the answer, side by side, and what can be put into the box below them."""

    index: int
    label: str
    sides: tuple[Side, ...]
    clashes: tuple[Clash, ...]
    theirs: str
    ours: str
    merged: str
    folded: bool
    mono: bool
    our_word: str

    @property
    def size(self) -> str:
        """The length of the longest text, for a reader."""
        return characters(max((self.theirs, self.ours, self.merged), key=len))

    @property
    def sources(self) -> tuple[tuple[str, str, str], ...]:
        """What the box can start from: key, word and text. A merge that is one of the sides goes by its name."""
        sides = (("theirs", _("theirs"), self.theirs), ("ours", self.our_word, self.ours))
        merged = (("merged", _("merged"), self.merged),) if self.merged not in (self.theirs, self.ours) else ()
        shown = {side.key for side in self.sides}
        return (*merged, *(source for source in sides if source[0] in shown))


def _html(marks: Sequence[Mark]) -> SafeString:
    return format_html_join("", "{}", ((format_html(_MARKUP[mark.kind], mark.text),) for mark in marks))


# --- the conflict page -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MergeBox:
    """The text that goes to the upstream when the merge is chosen, below the texts that it is made of."""

    three_way: ThreeWay
    name: str
    text: str
    editable: bool

    @property
    def html_id(self) -> str:
        """The id of the field."""
        return f"merged-{self.three_way.index}"

    @property
    def rows(self) -> int:
        """Lines the box opens with where the browser cannot size it by its content."""
        lines = self.text.count("\n") + 1 + len(self.text) // 90
        return min(max(lines, 3), 24)


@dataclass(frozen=True, slots=True)
class OtherChange:
    """What one side changed beside the texts, before and after cut to a line."""

    pointer: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class GradeQuestion:
    """A grade that waits for the decision. `withdrawn` is what was answered in a form that came back."""

    id: int
    by: str
    feedback_task: str
    values: tuple[tuple[str, str], ...]
    comment: str = ""
    withdrawn: bool = False

    @property
    def name(self) -> str:
        """The form field of the answer."""
        return f"grade-{self.id}"


@dataclass(frozen=True, slots=True)
class ChoiceButton:
    """One way out: what it is called, its key, and the sentence that says what will happen to which side."""

    value: Choice
    key: str
    label: str
    words: str
    primary: bool = False


@dataclass(frozen=True, slots=True)
class ConflictPage:
    """Everything the conflict page shows. `hidden_grades` counts the grades of a blind queue that she may not see,
    `waiting` the decisions that she may take, this one among them.
    """

    completion_id: int
    completion_name: str
    upstream: str
    title: str
    lead: str
    theirs_id: int
    ours_id: int
    words: str = ""
    box_heading: str = ""
    boxes: tuple[MergeBox, ...] = ()
    their_changes: tuple[OtherChange, ...] = ()
    our_changes: tuple[OtherChange, ...] = ()
    grades: tuple[GradeQuestion, ...] = ()
    hidden_grades: int = 0
    choices: tuple[ChoiceButton, ...] = ()
    waiting: int = 0
    errors: tuple[str, ...] = ()

    @property
    def ours_label(self) -> str:
        """What the way out is called with which every grade stands."""
        return next((choice.label for choice in self.choices if choice.value == "ours"), "")

    @property
    def their_title(self) -> str:
        """Over the list of what they changed beside the texts."""
        return _("Changed by %(upstream)s beside the text") % {"upstream": self.upstream}

    @property
    def offers_merge(self) -> bool:
        """Whether there is a box whose text can be sent."""
        return any(choice.value == "merged" for choice in self.choices)
