"""Code in colours: a few classes that the stylesheet knows, nothing where the language is not known.

Pygments reads a language's rules when the first code in it is shown.
"""

from collections.abc import Iterator
from functools import lru_cache
from html import escape
from itertools import groupby
from typing import Final

from django.utils.safestring import SafeString, mark_safe
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

# Longer code stays plain: colouring it would take longer than the rest of the page.
LONGEST: Final = 50_000
_CLASSES: Final = (
    ("Token.Comment", "cc"),
    ("Token.Keyword", "ck"),
    ("Token.Operator.Word", "ck"),
    ("Token.Literal.String", "cs"),
    ("Token.Literal", "cn"),
    ("Token.Name.Tag", "cf"),
    ("Token.Name.Function", "cf"),
    ("Token.Name.Class", "cf"),
    ("Token.Name.Decorator", "cf"),
    ("Token.Name.Attribute", "cf"),
    ("Token.Generic.Deleted", "cd"),
    ("Token.Generic.Inserted", "ci"),
    ("Token.Generic.Heading", "ck"),
)


@lru_cache(maxsize=64)
def highlight(code: str, language: str) -> SafeString:
    """`code` as HTML, every character of it kept; only escaped where the language is unknown or the code too long."""
    lexer = _lexer(language) if language and len(code) <= LONGEST else None
    runs = list(_runs(lexer, code)) if lexer else []
    if "".join(text for _look, text in runs) != code:
        return SafeString(escape(code, quote=False))
    shown = (
        f'<span class="{look}">{escape(text, quote=False)}</span>' if look else escape(text, quote=False)
        for look, text in runs
    )
    return mark_safe("".join(shown))  # noqa: S308 - all text is escaped above, the classes are ours


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    """The lexer of a word that stood on a fence, or None."""
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def _runs(lexer: Lexer, code: str) -> Iterator[tuple[str, str]]:
    """The code in stretches of one look."""
    for look, tokens in groupby(lexer.get_tokens(code), key=lambda token: _look(str(token[0]))):
        yield look, "".join(text for _kind, text in tokens)


@lru_cache(maxsize=512)
def _look(kind: str) -> str:
    return next((look for name, look in _CLASSES if kind == name or kind.startswith(f"{name}.")), "")
