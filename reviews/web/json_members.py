"""Where in a JSON text each of its values stands, and how sure the model was of each.

The text is scanned as it is, escapes and all, because its tokens are places in it: a parsed value has none.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from django.utils.safestring import SafeString, mark_safe

from reviews.web.json_text import showable
from reviews.web.tokens import Span, TokenRun, percent

# Deeper than that nobody reads a path.
DEEPEST = 200

_SIGN = re.compile(
    r"[ \t\n\r]*(?:"
    r'(?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")'
    r"|(?P<word>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)"
    r"|(?P<sign>[\[\]{},:])"
    r"|(?P<end>\Z))"
)
# An answer that is nothing but one fence says the same as what is in it.
_FENCED = re.compile(r"\s*```[ \t]*(?:json|JSON)?[ \t]*\r?\n(.*?)\r?\n?[ \t]*```\s*", re.DOTALL)
_PLAIN_NAME = re.compile(r"[^\s.\[\]{}\"',:]*[^\s.\[\]{}\"',:0-9][^\s.\[\]{}\"',:]*")
_CLOSES = {"]": "[", "}": "{"}


class Member(NamedTuple):
    """A value that holds no others, at `start` up to `end` of the text (a string with its quotes). `path` is for
    readers: `items.0.price`; names that are no plain words stand in it as JSON.
    """

    path: str
    start: int
    end: int


class MemberConfidence(NamedTuple):
    """The least likely piece of a member: its number in the run, and its probability from 0 to 1."""

    path: str
    probability: float
    number: int
    level: int

    @property
    def words(self) -> str:
        """The probability for a reader."""
        return percent(self.probability)


def members(text: str) -> tuple[Member, ...]:
    """The members of a text that is one JSON object or list, in their order; () for any other text, and for JSON that
    is not strictly so.
    """
    fenced = _FENCED.fullmatch(text)
    start, end = fenced.span(1) if fenced else (0, len(text))
    if text[start:end].lstrip(" \t\n\r")[:1] not in ("{", "["):
        return ()
    scan = _Scan(text, end)
    return tuple(scan.found) if scan.run(start) else ()


def confidences(run: TokenRun, text: str, span: Span) -> tuple[MemberConfidence, ...]:
    """The members of a text with the lowest probability of the pieces that touch each, the most doubtful first.

    `span` are the pieces whose text it is. Members of whose pieces none has a probability are left out.
    """
    first, after = span
    starts = run.starts[first : after + 1]
    found = (_confidence(run, member, starts, first) for member in members(text))
    return tuple(sorted(filter(None, found), key=lambda member: member.probability))


def render_members(found: Iterable[MemberConfidence], prefix: str, name: str = "") -> SafeString:
    """Members as list items, each a link to its least likely piece; `prefix` begins the ids of the pieces and `name` is
    the field of the text, both our own. Without a field the text is not on the page, and only an uncertain piece has a
    row there to lead to. The paths come from a document and pass `escape`.
    """
    field = f' data-member="{name}"' if name else ""
    rows = (
        f'<li><a href="#{prefix}-{number}"{field}>{escape(path)}</a> '
        f'<span class="w{level}">{percent(probability)}</span></li>'
        if name or level
        else f'<li><b>{escape(path)}</b> <span class="w{level}">{percent(probability)}</span></li>'
        for path, probability, number, level in found
    )
    return mark_safe("".join(rows))  # noqa: S308 - see the docstring


def _confidence(run: TokenRun, member: Member, starts: Sequence[int], first: int) -> MemberConfidence | None:
    begin = bisect_right(starts, starts[0] + member.start) - 1
    end = bisect_left(starts, starts[0] + member.end)
    known = [
        (probability, number)
        for number in range(first + begin, first + end)
        if (probability := run.pieces[number].probability) is not None
    ]
    if not known:
        return None
    probability, number = min(known)
    return MemberConfidence(member.path, probability, number, run.pieces[number].level)


class _Open:
    """A list or an object that is being read: where it begins, and the name or number of the value that comes next."""

    __slots__ = ("bracket", "name", "path", "start")

    def __init__(self, bracket: str, path: str, start: int) -> None:
        self.bracket, self.path, self.start = bracket, path, start
        self.name: str | int = 0

    def inner_path(self) -> str:
        name = str(self.name)
        return f"{self.path}.{name}" if self.path else name


class _Scan:
    """One pass over a text, sign by sign. `expected` are the kinds of sign that may come next."""

    def __init__(self, text: str, end: int) -> None:
        self.text, self.end = text, end
        self.found: list[Member] = []
        self.open: list[_Open] = []
        self.expected = "value"

    def run(self, at: int) -> bool:
        """Whether the text from `at` on is JSON; `found` has what is in it."""
        while (match := _SIGN.match(self.text, at, self.end)) is not None:
            kind, at = match.lastgroup or "", match.end()
            if kind == "end":
                return self.expected == "end"
            if not self._take(kind, match[kind], match.start(kind), at):
                return False
        return False

    def _take(self, kind: str, sign: str, start: int, end: int) -> bool:
        if kind == "sign":
            return self._sign(sign, start, end)
        if kind == "string" and self.expected in ("name", "first name"):
            self.open[-1].name = _shown_name(sign)
            self.expected = ":"
            return True
        return self._value(start, end)

    def _sign(self, sign: str, start: int, end: int) -> bool:
        if sign in "[{":
            return self._begin(sign, start)
        if sign in "]}":
            return self._finish(sign, end)
        if sign == ":":
            met, self.expected = self.expected == ":", "value"
            return met
        if self.expected != ",":
            return False
        inner = self.open[-1]
        if isinstance(inner.name, int):
            inner.name += 1
        self.expected = "value" if inner.bracket == "[" else "name"
        return True

    def _begin(self, sign: str, start: int) -> bool:
        if self.expected not in ("value", "first value") or len(self.open) == DEEPEST:
            return False
        path = self.open[-1].inner_path() if self.open else ""
        self.open.append(_Open(sign, path, start))
        self.expected = "first value" if sign == "[" else "first name"
        return True

    def _finish(self, sign: str, end: int) -> bool:
        empty = self.expected in ("first value", "first name")
        if not self.open or self.open[-1].bracket != _CLOSES[sign] or not (empty or self.expected == ","):
            return False
        inner = self.open.pop()
        if empty and self.open:
            self.found.append(Member(inner.path, inner.start, end))
        self.expected = "," if self.open else "end"
        return True

    def _value(self, start: int, end: int) -> bool:
        if self.expected not in ("value", "first value") or not self.open:
            return False
        self.found.append(Member(self.open[-1].inner_path(), start, end))
        self.expected = ","
        return True


def _shown_name(sign: str) -> str:
    name: str = json.loads(sign)
    return name if _PLAIN_NAME.fullmatch(name) else showable(sign)
