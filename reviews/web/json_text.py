"""JSON values as text for a reader, and careful looks at values of unknown shape."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
LINE = 84  # characters that fit into a box on a desktop
# Those that turn the direction of what follows have no picture of their own.
BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
BIDI_PICTURE = "\N{SYMBOL FOR SUBSTITUTE FORM TWO}"
_UNSHOWABLE = re.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff{BIDI}]")


def pretty(value: Any) -> str:
    """A value as a reader wants it: text as it is, everything else as indented JSON."""
    if isinstance(value, str):
        return showable(value)
    try:
        return _arranged(json.dumps(value, ensure_ascii=False, default=str))
    except (ValueError, TypeError, RecursionError):
        return _("(nested too deeply to be shown)")


def _arranged(text: str) -> str:
    """JSON with every object and list on one line where it fits, else one member a line."""
    tokens = [_readable(token) for token in _JSON_TOKEN.findall(text)]
    return showable("".join(_lines(tokens, _fitting(tokens))))


def _fitting(tokens: Sequence[str]) -> set[int]:
    """The places of the opening brackets whose content fits on one line."""
    fitting: set[int] = set()
    open_at: list[tuple[int, int]] = []
    length = 0
    for at, token in enumerate(tokens):
        if token in ("{", "["):
            name = len(tokens[at - 2]) + 2 if at > 1 and tokens[at - 1] == ":" else 0
            open_at.append((at, length - name))
        length += len(token) + (token in (",", ":"))
        if token in ("}", "]") and open_at:
            start, before = open_at.pop()
            if length - before + 2 * len(open_at) <= LINE:
                fitting.add(start)
    return fitting


def _lines(tokens: Sequence[str], fitting: set[int]) -> Iterator[str]:
    broken: list[bool] = []  # one entry for each open bracket: does it break its content into lines?
    for at, sign in enumerate(tokens):
        if sign in ("}", "]") and broken:
            yield ("\n" + "  " * sum(broken[:-1]) if broken[-1] else "") + sign
            broken.pop()
        elif sign in ("{", "["):
            broken.append(at not in fitting)
            yield sign + ("\n" + "  " * sum(broken) if broken[-1] else "")
        elif sign == ",":
            yield ",\n" + "  " * sum(broken) if broken and broken[-1] else ", "
        else:
            yield ": " if sign == ":" else sign


def _readable(token: str) -> str:
    """A JSON string with its escapes opened where that is safe and stays on one line."""
    if "\\u" not in token:
        return token
    inner = json.loads(token)
    return token if _UNSHOWABLE.search(inner) else json.dumps(inner, ensure_ascii=False)


def showable(text: str) -> str:
    """`text` with the characters that no page can carry (controls, lone surrogates), and those by which a text looks
    other than it is (bidirectional controls), replaced by their picture.
    """
    return _UNSHOWABLE.sub(_picture, text) if _UNSHOWABLE.search(text) else text


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else BIDI_PICTURE


def words(value: Any) -> str:
    """The value if it is text, fit for a page, else empty."""
    return showable(value) if isinstance(value, str) else ""


def one_line(value: Any) -> str:
    """A value on one line, empty when it says nothing."""
    return "" if says_nothing(value) else pretty(value) if isinstance(value, str) else pretty(value).replace("\n", " ")


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def says_nothing(value: Any) -> bool:
    """Whether a value is null or empty, so that leaving it out hides nothing."""
    return value is None or (isinstance(value, str | list | Mapping) and not value)


def opened(value: Any) -> Any:
    """A member that an older client sent as JSON in a string, opened; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        inner = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return inner if isinstance(inner, dict | list) else value
