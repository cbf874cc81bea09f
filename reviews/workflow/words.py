"""Words: what a completion is found by. Made alike of what is stored and of what is searched.

A word is a run of letters and digits, without regard to case and to the ways in which Unicode writes the same. Scripts
that put no spaces between words are taken two characters at a time, and the last one of a run alone.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# The rest of a longer one says nothing more; what is encoded as text is no word at all.
LONGEST = 40
MOST_CHARACTERS = 4_000
# Of one text: to read all words of a megabyte would take longer than to store it.
MOST_READ = 20_000
SHORTEST_BEGINNING = 2

# Thai to Myanmar, Khmer, kana, Han, Hangul.
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# Signs written upon letters, which are no letters themselves: without them no word of Hindi would be whole.
_MARKS = r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0966-\u0dff"
_RUNS = re.compile(rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])[^\W_]|[{_MARKS}])+")
_PLAIN_RUNS = re.compile(r"[0-9a-z]+")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")


@dataclass(frozen=True, slots=True)
class Asked:
    """A word that is looked for, or the beginning of one."""

    word: str
    beginning: bool = False


def column(texts: Iterable[str]) -> str:
    """The words of these texts, each once, the first ones where there are too many, as the column of a row has them.

    A space stands before them: by it the index tells them from the text that former versions kept there.
    """
    found: dict[str, None] = {}
    left = MOST_CHARACTERS
    for text in texts:
        for word in _words(text[:MOST_READ]):
            if word not in found:
                left -= len(word) + 1
                if left < 0:
                    break
                found[word] = None
    return " " + " ".join(found) if found else ""


def asked(text: str) -> tuple[Asked, ...]:
    """The words that a search asks for. The last may be the beginning of one."""
    runs = list(_runs(text))
    found: dict[Asked, None] = {}
    for place, run in enumerate(runs):
        if not _IS_UNSPACED.match(run):
            is_last = place == len(runs) - 1
            word = run[:LONGEST]
            found[Asked(word, beginning=is_last and len(word) >= SHORTEST_BEGINNING)] = None
        elif len(run) == 1:
            # Wherever it stands in a run, a pair begins with it or it is the last.
            found[Asked(run, beginning=True)] = None
        else:
            found |= dict.fromkeys(Asked(run[at : at + 2]) for at in range(len(run) - 1))
    return tuple(found)


def _words(text: str) -> Iterator[str]:
    for run in _runs(text):
        if run.isascii() or not _IS_UNSPACED.match(run):
            yield run[:LONGEST]
        else:
            yield from (run[at : at + 2] for at in range(len(run)))


def _runs(text: str) -> list[str]:
    if text.isascii():
        return _PLAIN_RUNS.findall(text.lower())
    return _RUNS.findall(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))
