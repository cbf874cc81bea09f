"""Texts compared and merged by words: what changed, and what two people changed in the same text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

# Words, single signs and runs of blanks: joined they are the text again.
_TOKENS = re.compile(r"\w+|\n|[^\S\n]+|[^\w\s]")
# Beyond so many differences in one place nobody reads word by word, and the cost grows with their square.
MOST_DIFFERENCES = 600


class Piece(NamedTuple):
    """A stretch of two compared texts: in both, in the former alone, or in the later alone."""

    kind: Literal["same", "gone", "come"]
    text: str


Kind = Literal["same", "ours", "theirs", "both", "clash"]


class Stretch(NamedTuple):
    """A stretch of three texts. `ours` and `theirs` name the side that alone changed the base, `both` that they made
    the same change, `clash` that they made different ones.
    """

    kind: Kind
    base: str
    theirs: str
    ours: str

    @property
    def result(self) -> str:
        """What the merge takes; in a clash ours, because a person is about to look at it."""
        return self.theirs if self.kind == "theirs" else self.ours


@dataclass(frozen=True, slots=True)
class Merge:
    """Three texts as stretches in their order."""

    stretches: tuple[Stretch, ...]

    @property
    def text(self) -> str:
        """The merged text, with ours where both sides changed the same words."""
        return "".join(stretch.result for stretch in self.stretches)

    @property
    def clashes(self) -> int:
        """In how many places a person has to decide."""
        return sum(stretch.kind == "clash" for stretch in self.stretches)


def marked(before: str, after: str) -> list[Piece]:
    """The word diff of two texts: the pieces that are not `come` make `before`, those that are not `gone` `after`."""
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    pieces: list[Piece] = []
    for start, end, new_start, new_end, same_to in _hunks(old, new):
        pieces += _pieces(("gone", old[start:end]), ("come", new[new_start:new_end]), ("same", old[end:same_to]))
    return pieces


def _pieces(*parts: tuple[Literal["same", "gone", "come"], Sequence[str]]) -> Iterator[Piece]:
    for kind, tokens in parts:
        if tokens:
            yield Piece(kind, "".join(tokens))


def merge(base: str, *, theirs: str, ours: str) -> Merge:
    """What two sides made of one text, joined. Changes that touch the same words, or have no word between them, clash:
    of "30 days" and "four weeks" nobody wants "30 weeks".
    """
    old, left, right = _TOKENS.findall(base), _TOKENS.findall(theirs), _TOKENS.findall(ours)
    return Merge(tuple(_phrases(_joined(_stretches(old, left, right)))))


def _stretches(old: list[str], left: list[str], right: list[str]) -> Iterator[Stretch]:
    in_left, in_right = _matches(old, left), _matches(old, right)
    at = at_left = at_right = 0
    while at < len(old) or at_left < len(left) or at_right < len(right):
        stable = at
        while stable < len(old) and (
            in_left.get(stable) == at_left + stable - at and in_right.get(stable) == at_right + stable - at
        ):
            stable += 1
        if stable > at:
            same = "".join(old[at:stable])
            yield Stretch("same", same, same, same)
            at, at_left, at_right = stable, at_left + stable - at, at_right + stable - at
            continue
        end, end_left, end_right = _next_anchor(old, left, right, in_left, in_right, at, at_left, at_right)
        yield _changed("".join(old[at:end]), "".join(left[at_left:end_left]), "".join(right[at_right:end_right]))
        at, at_left, at_right = end, end_left, end_right


def _next_anchor(
    old: list[str],
    left: list[str],
    right: list[str],
    in_left: dict[int, int],
    in_right: dict[int, int],
    at: int,
    at_left: int,
    at_right: int,
) -> tuple[int, int, int]:
    """The next word of the base that both sides kept, and where it stands in each; the ends when there is none."""
    for place in range(at, len(old)):
        here, there = in_left.get(place), in_right.get(place)
        if here is not None and there is not None and here >= at_left and there >= at_right:
            return place, here, there
    return len(old), len(left), len(right)


def _changed(base: str, theirs: str, ours: str) -> Stretch:
    if theirs == ours:
        return Stretch("both", base, theirs, ours)
    if theirs == base:
        return Stretch("ours", base, theirs, ours)
    return Stretch("theirs" if ours == base else "clash", base, theirs, ours)


def is_gap(text: str) -> bool:
    """Whether a text only parts two words of one line."""
    return text.isspace() and "\n" not in text


def _phrases(stretches: Iterator[Stretch]) -> list[Stretch]:
    """The stretches, changes that only a blank parts as one, because people change phrases and not words."""
    found: list[Stretch] = []
    for stretch in stretches:
        after_gap = len(found) > 1 and found[-1].kind == "same" and is_gap(found[-1].base)
        if stretch.kind != "same" and after_gap and found[-2].kind != "same":
            gap, first = found.pop(), found.pop()
            base, theirs, ours = map("".join, zip(first[1:], gap[1:], stretch[1:], strict=True))
            found.append(Stretch(_kind_of_both(first.kind, stretch.kind), base, theirs, ours))
        else:
            found.append(stretch)
    return found


def _kind_of_both(first: Kind, second: Kind) -> Kind:
    """What two changes are as one; what both sides made alike goes with what one of them made."""
    if "both" in (first, second):
        return second if first == "both" else first
    return first if first == second else "clash"


def _joined(stretches: Iterator[Stretch]) -> Iterator[Stretch]:
    """Neighbours of one kind as one."""
    standing: Stretch | None = None
    for stretch in stretches:
        if standing is not None and standing.kind == stretch.kind:
            standing = Stretch(
                stretch.kind,
                standing.base + stretch.base,
                standing.theirs + stretch.theirs,
                standing.ours + stretch.ours,
            )
            continue
        if standing is not None:
            yield standing
        standing = stretch
    if standing is not None:
        yield standing


def _matches(old: list[str], new: list[str]) -> dict[int, int]:
    """For each word of the former text that the later one kept, its place there."""
    found: dict[int, int] = {}
    for _, end, _, new_end, same_to in _hunks(old, new):
        for step in range(same_to - end):
            found[end + step] = new_end + step
    return found


def _hunks(old: list[str], new: list[str]) -> Iterator[tuple[int, int, int, int, int]]:
    """(start, end) of what is gone from `old`, (start, end) of what came in `new`, and where in `old` the words that
    both share after it end. Together they cover both texts.
    """
    runs = _common_runs(old, new)
    at = new_at = 0
    for start, new_start, length in [*runs, (len(old), len(new), 0)]:
        if start > at or new_start > new_at or length:
            yield at, start, new_at, new_start, start + length
        at, new_at = start + length, new_start + length


def _common_runs(old: list[str], new: list[str]) -> list[tuple[int, int, int]]:
    """(place in old, place in new, length) of the runs that both share, in order, ends first: most edits are small."""
    head = 0
    while head < len(old) and head < len(new) and old[head] == new[head]:
        head += 1
    tail, room = 0, min(len(old), len(new)) - head
    while tail < room and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    middle = _middle(old[head : len(old) - tail], new[head : len(new) - tail])
    runs = [(0, 0, head)] if head else []
    runs += [(place + head, other + head, length) for place, other, length in middle]
    return [*runs, (len(old) - tail, len(new) - tail, tail)] if tail else runs


def _middle(old: list[str], new: list[str]) -> list[tuple[int, int, int]]:
    """The runs of a shortest edit script (Myers, "An O(ND) Difference Algorithm", 1986); none where it is long."""
    trace = _trace(old, new)
    if trace is None:
        return []
    steps: list[tuple[int, int, int]] = []
    x, y = len(old), len(new)
    for depth in range(len(trace) - 1, -1, -1):
        reach, line = trace[depth], x - y
        down = line == -depth or (line != depth and reach.get(line - 1, -1) < reach.get(line + 1, -1))
        former = line + 1 if down else line - 1
        start = 0 if depth == 0 else reach[former]
        begin = start if down or depth == 0 else start + 1
        if x > begin:
            steps.append((begin, begin - line, x - begin))
        x, y = start, start - former
    return steps[::-1]


def _trace(old: list[str], new: list[str]) -> list[dict[int, int]] | None:
    """The furthest reaching points before each round; None when more than MOST_DIFFERENCES rounds are needed."""
    reach: dict[int, int] = {1: 0}
    trace: list[dict[int, int]] = []
    for depth in range(min(len(old) + len(new), MOST_DIFFERENCES) + 1):
        trace.append(dict(reach))
        for line in range(-depth, depth + 1, 2):
            down = line == -depth or (line != depth and reach.get(line - 1, -1) < reach.get(line + 1, -1))
            x = reach.get(line + 1, 0) if down else reach.get(line - 1, 0) + 1
            while x < len(old) and x - line < len(new) and old[x] == new[x - line]:
                x += 1
            reach[line] = x
            if x >= len(old) and x - line >= len(new):
                return trace
    return None
