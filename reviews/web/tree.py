"""JSON as a tree that can be read: names and values, what is small on one line, what is large folded.

All text that comes from a document passes `escape` here; the rest is literals and numbers.
"""

import json
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Final

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reviews.web.json_text import showable
from reviews.web.words import bytes_text

# Longer JSON stays text: a tree of it would weigh more than it helps.
LONGEST: Final = 50_000
DEEPEST: Final = 60
LINE: Final = 76  # characters of plain values that stand on one line
OPEN_LEVELS: Final = 2
OPEN_ENTRIES: Final = 24
_BASE64 = re.compile(r"(?:data:[^,]{1,100},)?[A-Za-z0-9+/=_-]{1000,}")
_SHOWN_OF_BASE64 = 48


class _Members(list[tuple[str, Any]]):
    """An object as it was written: its members in their order, one that came twice as well."""


class _Figure(str):
    """A number, as it was written."""

    __slots__ = ()


def tree(text: str) -> SafeString:
    """The tree of a JSON object or list; empty for any other text, and for what is too long or too deep."""
    value = _parsed(text)
    if not value or not isinstance(value, list):
        return SafeString("")
    try:
        html = _inline(value) or _branches(value, 0)
    except RecursionError:
        return SafeString("")
    return mark_safe(html)  # noqa: S308 - see the docstring of the module


def _parsed(text: str) -> Any:
    if len(text) > LONGEST or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(
            text, object_pairs_hook=_Members, parse_int=_Figure, parse_float=_Figure, parse_constant=_Figure
        )
    except (ValueError, RecursionError):
        return None


def _branches(value: Sequence[Any], level: int) -> str:
    if level > DEEPEST:
        raise RecursionError
    return f'<ul class="tree">{"".join(_branch(name, inner, level) for name, inner in _entries(value))}</ul>'


def _entries(value: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """The members of an object under their names, the entries of a list under their numbers, which count from one."""
    if isinstance(value, _Members):
        yield from ((_text(name), inner) for name, inner in value)
    else:
        yield from ((str(number), inner) for number, inner in enumerate(value, start=1))


def _branch(name: str, value: Any, level: int) -> str:
    line = _inline(value)
    if line:
        return f'<li><i dir="auto">{name}</i> {line}</li>'
    opened = " open" if level + 1 < OPEN_LEVELS and len(value) <= OPEN_ENTRIES else ""
    head = f'<summary><i dir="auto">{name}</i> <small>{_count(value)}</small></summary>'
    return f"<li><details{opened}>{head}{_branches(value, level + 1)}</details></li>"


def _inline(value: Any) -> str:
    """The value on one line; empty where it needs more."""
    if not isinstance(value, list):
        return _plain(value)
    if not value:
        return "{}" if isinstance(value, _Members) else "[]"
    inner = [one for _name, one in value] if isinstance(value, _Members) else value
    names = sum(len(name) + 3 for name, _one in value) if isinstance(value, _Members) else 0
    if any(isinstance(one, list) for one in inner) or names + sum(len(str(one)) + 2 for one in inner) > LINE:
        return ""
    if isinstance(value, _Members):
        pairs = (f'<i dir="auto">{_text(name)}</i> {_plain(one)}' for name, one in value)
        return "".join(f'<span class="pair">{pair}</span>' for pair in pairs)
    return ", ".join(map(_plain, inner))


def _plain(value: Any) -> str:
    if isinstance(value, _Figure) or not isinstance(value, str):
        word = value if isinstance(value, _Figure) else {True: "true", False: "false"}.get(value, "null")
        return f'<span class="n">{_text(word)}</span>'
    if _BASE64.fullmatch(value):
        said = _("%(size)s of base64") % {"size": bytes_text(len(value))}
        return f'<span class="s">{_text(value[:_SHOWN_OF_BASE64])}…</span> <small>{said}</small>'
    look = "s long" if "\n" in value or len(value) > LINE else "s"
    return f'<span class="{look}" dir="auto">{_text(value)}</span>'


def _text(value: str) -> str:
    """For the space between tags alone, where quotes do no harm."""
    return escape(showable(value), quote=False)


def _count(value: Sequence[Any]) -> str:
    if isinstance(value, _Members):
        return ngettext("%(count)d member", "%(count)d members", len(value)) % {"count": len(value)}
    return ngettext("%(count)d entry", "%(count)d entries", len(value)) % {"count": len(value)}
