"""Three texts side by side: which words each side changed, what clashes, and what a long text leaves out."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from reviews.web.display_conflicts import Clash, Heading, Mark, Side, ThreeWay
from reviews.web.json_text import showable
from reviews.web.words import split_code
from reviews.workflow import merging
from reviews.workflow.merging import Merge, Stretch

# A text up to this long is shown whole; of a longer one the stretches that differ.
FOLD_OVER = 900
# Characters kept around a difference, and the most of one stretch that a folded text shows.
AROUND = 90
MOST_OF_ONE = 1_200
CLASH_AROUND = 48
LEFT_OUT = " … "

_PLACE = re.compile(r"/response/choices/(\d+)/(?:message/content/(\d+)/text)?")
# White space that came or went alone, as signs: nobody sees a space that is gone.
_SIGNS = str.maketrans({" ": "·", "\t": "→", "\n": "↵\n", "\r": "␍", "\u00a0": "⍽"})


def compare(
    merge: Merge,
    headings: Mapping[str, Heading],
    *,
    index: int = 0,
    label: str = "",
    our_word: str = "",
    missing: Mapping[str, str] | None = None,
) -> ThreeWay:
    """The texts of a merge, a column for each heading ("base", "theirs", "ours"); `missing` has a sentence for the
    side that has no text there.
    """
    parts = merge.stretches
    texts = {name: "".join(getattr(stretch, name) for stretch in parts) for name in ("base", "theirs", "ours")}
    folds = max(map(len, texts.values())) > FOLD_OVER
    sides = tuple(
        Side(
            key,  # type: ignore[arg-type]
            heading,
            marks=tuple(_joined(_all_marks(parts, key))),
            short=tuple(_joined(_shortened(parts, key) if folds else _all_marks(parts, key))),
            missing=(missing or {}).get(key, ""),
        )
        for key, heading in headings.items()
    )
    return ThreeWay(
        index=index,
        label=label,
        sides=sides,
        clashes=tuple(_clashes(parts)),
        theirs=texts["theirs"],
        ours=texts["ours"],
        merged=merge.text,
        folded=any(side.short != side.marks for side in sides),
        mono=any(part.code for text in texts.values() for part in split_code(text)),
        our_word=our_word or _("ours"),
    )


def difference_html(before: str, after: str) -> SafeString:
    """Two texts in one: the words that went and came marked, the middle of what stayed left out where it is long."""
    merge = merging.merge(before, theirs=after, ours=before)
    return compare(merge, {"theirs": Heading("")}).sides[0].short_html


def place_words(pointer: str, *, alone: bool) -> str:
    """Where a text stands in the answer, for a reader; empty when it is the only one."""
    found = _PLACE.match(pointer)
    if alone or found is None:
        return "" if alone else pointer
    choice, part = found.groups()
    if part:
        return _("Answer %(answer)d, part %(part)d") % {"answer": int(choice) + 1, "part": int(part) + 1}
    return _("Answer %(answer)d") % {"answer": int(choice) + 1}


# --- marks ---------------------------------------------------------------------------------------------------------


def _all_marks(stretches: Iterable[Stretch], key: str) -> Iterator[Mark]:
    return (mark for stretch in stretches for mark in _marks(stretch, key))


def _marks(stretch: Stretch, key: str) -> Iterator[Mark]:
    """A stretch as the column of one side shows it, against the base."""
    text: str = getattr(stretch, key)
    if text == stretch.base:
        yield Mark("same", showable(text))
        return
    for kind, words in _calm(merging.marked(stretch.base, text)):
        if kind == "same":
            yield Mark(kind, showable(words))
        elif not words.strip():
            yield Mark(kind, words.translate(_SIGNS))
        else:
            yield from _trimmed(Mark(kind, showable(words)))


def _trimmed(mark: Mark) -> Iterator[Mark]:
    """A mark without the blanks at its ends, which would stand there as a coloured nothing; line ends get a sign."""
    bare = mark.text.strip()
    before, _bare, after = mark.text.partition(bare)
    for text in (before, bare, after):
        if text == bare or "\n" not in text:
            yield Mark(mark.kind if text == bare else "same", text)
        else:
            yield Mark(mark.kind, text.translate(_SIGNS))


def _calm(pieces: Sequence[merging.Piece]) -> Iterator[merging.Piece]:
    """Changed words that only a blank parts are one change: read as a phrase, not word by word."""
    gone, come = "", ""
    for number, (kind, text) in enumerate(pieces, start=1):
        joins = bool(gone or come) and merging.is_gap(text) and number < len(pieces)
        if kind == "same" and not joins:
            yield from _change(gone, come)
            yield merging.Piece("same", text)
            gone, come = "", ""
            continue
        gone += text if kind != "come" else ""
        come += text if kind != "gone" else ""
    yield from _change(gone, come)


def _change(gone: str, come: str) -> Iterator[merging.Piece]:
    if gone:
        yield merging.Piece("gone", gone)
    if come:
        yield merging.Piece("come", come)


def _joined(marks: Iterable[Mark]) -> Iterator[Mark]:
    """Neighbours of one kind as one; empty ones dropped."""
    standing: Mark | None = None
    for mark in marks:
        if standing is not None and standing.kind == mark.kind:
            standing = Mark(mark.kind, standing.text + mark.text)
        elif mark.text:
            if standing is not None:
                yield standing
            standing = mark
    if standing is not None:
        yield standing


# --- folding -------------------------------------------------------------------------------------------------------


def _shortened(stretches: Sequence[Stretch], key: str) -> Iterator[Mark]:
    """The marks of a column without the middle of what is long: all columns leave out the same agreements."""
    last = len(stretches) - 1
    for number, stretch in enumerate(stretches):
        if stretch.kind == "same":
            yield from _around(showable(stretch.base), head=number > 0, tail=number < last)
            continue
        for mark in _marks(stretch, key):
            yield from _cut(mark)


def _around(text: str, *, head: bool, tail: bool) -> Iterator[Mark]:
    """Of a text on which all agree, the words next to what differs before (`head`) and after (`tail`) it."""
    if len(text) <= AROUND * (1 + head + tail):
        yield Mark("same", text)
        return
    if head:
        yield Mark("same", text[:AROUND].rpartition(" ")[0] or text[:AROUND])
    yield Mark("left_out", LEFT_OUT)
    if tail:
        yield Mark("same", text[-AROUND:].partition(" ")[2] or text[-AROUND:])


def _cut(mark: Mark) -> Iterator[Mark]:
    if len(mark.text) <= MOST_OF_ONE:
        yield mark
        return
    yield Mark(mark.kind, mark.text[: MOST_OF_ONE // 2])
    yield Mark("left_out", LEFT_OUT)
    yield Mark(mark.kind, mark.text[-MOST_OF_ONE // 2 :])


# --- clashes -------------------------------------------------------------------------------------------------------


def _clashes(stretches: Sequence[Stretch]) -> Iterator[Clash]:
    text = ""
    for number, stretch in enumerate(stretches):
        if stretch.kind == "clash":
            start = _browser_length(text)
            yield Clash(
                before=_line(text[-CLASH_AROUND:], cut_start=len(text) > CLASH_AROUND),
                theirs=_short_line(stretch.theirs),
                theirs_text=stretch.theirs,
                ours=_short_line(stretch.ours),
                ours_text=stretch.ours,
                after=_following(stretches[number + 1 :]),
                start=start,
                end=start + _browser_length(stretch.ours),
            )
        text += stretch.result


def _following(stretches: Sequence[Stretch]) -> str:
    text = ""
    for stretch in stretches:
        text += stretch.result
        if len(text) > CLASH_AROUND:
            return _line(text[:CLASH_AROUND], cut_end=True)
    return _line(text)


def _line(text: str, *, cut_start: bool = False, cut_end: bool = False) -> str:
    words = " ".join(showable(text).split())
    if cut_start:
        words = "… " + words.partition(" ")[2]
    return words.rpartition(" ")[0] + " …" if cut_end else words


def _short_line(text: str) -> str:
    words = " ".join(showable(text).split())
    return words if len(words) <= MOST_OF_ONE // 4 else words[: MOST_OF_ONE // 4].rpartition(" ")[0] + " …"


def _browser_length(text: str) -> int:
    """Length in a text box of a browser: line ends are one sign there, and signs beyond the basic plane are two."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return len(plain.encode("utf-16-le", errors="surrogatepass")) // 2
