"""Every text that a template shows is marked for translation: by `translate`, `blocktranslate` or `_("…")`."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template.base import DebugLexer, Token, TokenType

from tests.instances import ROOT

# The same on both databases: once is enough.
pytestmark = pytest.mark.sqlite

# These blocks hold the names of classes, and this fragment attributes.
CLASSES = ("body_class", "bodyclass", "main_class")
ATTRIBUTES = ("_field_state.html",)
FOLDER = ROOT / "templates"
# What the admin says is Django's, and in Django's catalogues.
TEMPLATES = sorted(
    path for path in FOLDER.glob("**/*.html") if "admin" not in path.parts and path.name not in ATTRIBUTES
)
SHOWN = {"alt", "aria-description", "aria-label", "aria-roledescription", "label", "placeholder", "title"}
# What stands in them is typed or pressed, in every language.
UNSPOKEN = {"code", "kbd", "script", "style"}
NAMES = re.compile("GradeBench|JSON|session_id")
WORD = re.compile(r"[^\W\d_]{2,}|\b[^\W\d_]\b")
LITERAL = re.compile(r"""(?<!_\()("[^"]*"|'[^']*')""")
# Given to a fragment, these are for people: a sentence, or a word with a capital.
SPOKEN = re.compile(r"[A-Z]\w|\w \w")
# These filters show what they are given; `pluralize` knows the plurals of English alone.
FILTERS = re.compile(r"""\|(?:default|default_if_none|yesno):("[^"]*"|'[^']*')|\|(pluralize)""")
MARKED = ("translate", "trans", "blocktranslate", "blocktrans")
VALUE = "\ue000"


class Texts(HTMLParser):
    """The texts of a page, each with its line."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self._within: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Attributes that people see or hear."""
        if tag in UNSPOKEN:
            self._within.append(tag)
        for name, value in attrs:
            if name in SHOWN:
                self._note(value or "")

    def handle_endtag(self, tag: str) -> None:
        """Leave what is not spoken."""
        if tag in UNSPOKEN and tag in self._within:
            self._within.remove(tag)

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        if not self._within:
            self._note(data, data[: len(data) - len(data.lstrip())].count("\n"))

    def _note(self, text: str, below: int = 0) -> None:
        said = " ".join(text.replace(VALUE, " … ").split())
        if WORD.search(NAMES.sub("", said)):
            self.found.append((self.getpos()[0] + below, said))


def unmarked(source: str) -> list[str]:
    """What is shown and not marked, each with its line."""
    plain, said = _without_tags(DebugLexer(source).tokenize())
    return [f"line {line}: {text}" for line, text in sorted([*Texts(plain).found, *said])]


def _without_tags(tokens: list[Token]) -> tuple[str, list[tuple[int, str]]]:
    """The HTML with a sign in place of each value, and the words within tags that are for people and not marked."""
    html: list[str] = []
    said: list[tuple[int, str]] = []
    is_aside = False
    for token in tokens:
        name = token.contents.split(maxsplit=1)[0] if token.contents.strip() else ""
        is_aside = is_aside or _begins_aside(token, name)
        if token.token_type == TokenType.TEXT and not is_aside:
            html.append(token.contents)
        else:
            said += [(token.lineno or 0, text) for text in _spoken(token, name)]
            html.append(_sign(token, name) + "\n" * token.contents.count("\n"))
        if name in ("endblocktranslate", "endblocktrans", "endcomment", "endblock"):
            is_aside = False
    return "".join(html), said


def _begins_aside(token: Token, name: str) -> bool:
    """Whether what follows is marked, or not shown, up to the end of its block."""
    is_named = name == "block" and token.contents.split()[1] in CLASSES
    return token.token_type == TokenType.BLOCK and (is_named or name in ("blocktranslate", "blocktrans", "comment"))


def _sign(token: Token, name: str) -> str:
    """A value leaves a sign and what its filters show, a marked text a sign, a tag that decides or loops nothing."""
    if token.token_type == TokenType.VAR:
        return " ".join([VALUE, *("".join(texts).strip("\"'") for texts in FILTERS.findall(token.contents))])
    return VALUE if name in MARKED else ""


def _spoken(token: Token, name: str) -> Iterator[str]:
    if token.token_type == TokenType.BLOCK and name in ("include", "with", "firstof"):
        yield from (text for text in LITERAL.findall(token.contents)[name == "include" :] if SPOKEN.search(text))


@pytest.mark.parametrize("template", TEMPLATES, ids=[str(path.relative_to(FOLDER)) for path in TEMPLATES])
def test_every_text_is_marked(template: Path) -> None:
    assert unmarked(template.read_text()) == []


def test_it_finds_what_is_not_marked() -> None:
    source = """{% load i18n %}
<p title="Help">{{ name|default:"nobody" }} is {% if here %}here{% endif %}</p>
<p data-day="{{ day|default:"now" }}" aria-label="{% translate "Names" %}">7 · GradeBench</p>
{% blocktranslate %}Her name is {{ name }}{% endblocktranslate %}
<kbd>Esc</kbd>{# a note #}{% include "a.html" with title="Two words" form="day" said=_("Marked words") %}
{{ count|pluralize }}"""
    assert unmarked(source) == [
        "line 2: Help",
        "line 2: … nobody is here",
        'line 5: "Two words"',
        "line 6: … pluralize",
    ]
