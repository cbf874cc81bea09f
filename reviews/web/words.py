"""Words for figures, and texts cut for reading."""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of prose, or a fenced piece of code with the word that stood on its fence."""

    text: str
    code: bool = False
    language: str = ""


def characters(text: str) -> str:
    """The length of a text for a reader: "1 character", "1,940 characters"."""
    count = len(text)
    return ngettext("%(count)s character", "%(count)s characters", count) % {"count": f"{count:,}"}


def seconds_text(seconds: float) -> str:
    """A duration for a reader: "820 ms", "1.3 s", "41 s", "2 min 5 s", "3 h 10 min"."""
    if seconds < 0.9995:
        return _("%(count)s ms") % {"count": f"{max(seconds, 0) * 1000:.0f}"}
    if seconds < 9.95:
        return _("%(count)s s") % {"count": f"{seconds:.1f}"}
    whole = round(seconds)
    if whole < 60:
        return _("%(count)s s") % {"count": whole}
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
    return _("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}


def bytes_text(size: int) -> str:
    """A size for a reader, in powers of a thousand: "312 bytes", "12 kB", "3.4 MB"."""
    if size < 1000:
        return ngettext("%(count)s byte", "%(count)s bytes", size) % {"count": size}
    if size < 999_500:
        return _("%(count)s kB") % {"count": f"{size / 1000:.0f}"}
    return _("%(count)s MB") % {"count": f"{size / 1_000_000:.1f}"}


_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^\n`]*)\n(.*?)(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)


def split_code(text: str) -> tuple[Part, ...]:
    """`text` cut at its code fences, which become the language of the part; JSON as a whole is one code part."""
    bare = text.strip()
    if bare[:1] + bare[-1:] in ("{}", "[]") and len(bare) > 2 and ("\n" in bare or '"' in bare):
        return (Part(text, code=True),)
    parts: list[Part] = []
    position = 0
    for fence in _FENCE.finditer(text):
        _add_text(parts, text[position : fence.start()])
        parts.append(Part(fence[3].rstrip("\n"), code=True, language=fence[2].strip()))
        position = fence.end()
    _add_text(parts, text[position:])
    return tuple(parts)


def _add_text(parts: list[Part], text: str) -> None:
    # The line ends next to a box are the box's own margin.
    if text.strip():
        parts.append(Part(text.strip("\n")))


def preview(text: str, length: int = 150) -> str:
    """The first words of a text on one line, cut between words with an ellipsis."""
    start = " ".join(text[: length * 2].split())
    return start if len(start) <= length else start[:length].rsplit(" ", 1)[0] + " …"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two texts compared: what they share at both ends (shortened to `CONTEXT` characters) and what differs between."""

    lead: str
    removed: str
    added: str
    tail: str


CONTEXT = 160


def difference(before: str, after: str) -> Difference:
    """The one stretch of whole words that differs between two texts."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    shorter = min(len(old), len(new))
    same = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    room = shorter - same
    tail = next((at for at in range(room) if old[-1 - at] != new[-1 - at]), room)
    lead_text, tail_text = "".join(old[:same]), "".join(old[len(old) - tail :])
    return Difference(
        lead=lead_text if len(lead_text) <= CONTEXT else "… " + lead_text[-CONTEXT:].partition(" ")[2],
        removed="".join(old[same : len(old) - tail]),
        added="".join(new[same : len(new) - tail]),
        tail=tail_text if len(tail_text) <= CONTEXT else tail_text[:CONTEXT].rpartition(" ")[0] + " …",
    )
