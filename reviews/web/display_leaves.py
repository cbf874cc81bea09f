"""The texts of an answer, each with its tokens; frozen, filled by views and read by templates like `display.py`."""

from dataclasses import dataclass
from functools import cached_property

from django.utils.safestring import SafeString

from reviews.web.json_members import MemberConfidence, confidences, render_members
from reviews.web.tokens import Span, TokenRun, render_tokens
from reviews.web.words import split_code

# So many members stand open, the most doubtful first; the others are folded, and of very many the surest are left to
# the page that lists them all.
MOST_OPEN = 4
MOST_FOLDED = 100


def field_name(index: int, part: int) -> str:
    """The form field of a text: `edit-0`, and for further texts of the same choice `edit-0-2`."""
    return f"edit-{index}" if part == 1 else f"edit-{index}-{part}"


def prefix(index: int) -> str:
    """Makes the ids of a choice's tokens unique on the page."""
    return f"u{index}"


@dataclass(frozen=True)
class Leaf:
    """A text of an answer that can be edited: of which choice, the how many-th of its texts (from 1), and the JSON
    pointer of its place ("" where the document has no such place). `span` are the pieces of the run that are this text,
    None where they are another one. `list_at` is the address of the page that lists its uncertain words, "" where they
    are listed below it.
    """

    index: int
    part: int
    text: str
    pointer: str
    run: TokenRun | None = None
    span: Span | None = None
    list_at: str = ""

    @property
    def name(self) -> str:
        """The form field that carries an edit of it."""
        return field_name(self.index, self.part)

    @property
    def marked(self) -> bool:
        """Whether the probabilities can be shown in the text itself."""
        return self.run is not None and self.span is not None

    @property
    def tokens_html(self) -> SafeString:
        """The text with its uncertain tokens tinted, and a name on every certain one that a member leads to."""
        if self.run is None:
            return SafeString("")
        named = {member.number for member in self.members if not member.level}
        return render_tokens(self.run, prefix(self.index), self.span, named, list_at=self.list_at)

    @cached_property
    def members(self) -> tuple[MemberConfidence, ...]:
        """How sure the model was of each member, the most doubtful first; () where the text is no JSON."""
        return confidences(self.run, self.text, self.span) if self.run and self.span else ()

    @property
    def first_members_html(self) -> SafeString:
        """Those that stand open, as list items."""
        return render_members(self.members[:MOST_OPEN], self.prefix, self.name)

    @property
    def more_members(self) -> int:
        """How many do not stand open."""
        return max(len(self.members) - MOST_OPEN, 0)

    @property
    def unlisted_members(self) -> bool:
        """Whether some are neither open nor folded, because another page lists them all."""
        return bool(self.list_at) and self.more_members > MOST_FOLDED

    @property
    def more_members_html(self) -> SafeString:
        """Those that are folded."""
        last = MOST_OPEN + MOST_FOLDED if self.unlisted_members else None
        return render_members(self.members[MOST_OPEN:last], self.prefix, self.name)

    @property
    def all_members_html(self) -> SafeString:
        """All of them as list items, for the page that lists them."""
        return render_members(self.members, self.prefix)

    @property
    def prefix(self) -> str:
        """Begins the names of its tokens."""
        return prefix(self.index)

    @property
    def mono(self) -> bool:
        """Whether the text reads better in a fixed-width face: it is, or contains, code."""
        return any(part.code for part in split_code(self.text))
