"""Markdown as HTML that is safe to show and says everything that its source says.

HTML in it stays text, pictures become words with their address, links show where they lead. What is made of it passes
nh3 last. A text of which any word would be lost is not rendered; the page has the text as it was written in any case.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from html import escape, unescape
from importlib import import_module
from typing import Any, Final

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from reviews.web.highlight import highlight
from reviews.web.json_text import showable

# Longer texts are shown as they were written: rendering takes about 0.4 ms for 1,000 characters.
LONGEST: Final = 60_000
# Only texts up to this length are kept, so that their memory has an end: instructions, which come again and again.
LONGEST_KEPT: Final = 12_000

_SIGNS = re.compile(r"[*_`#\[<|~]|^ {0,3}(?:[-+>]|\d{1,9}[.)]|[-=]{3,}) ?|^ {4}|://", re.MULTILINE)
_PLAIN_TOKENS = {"paragraph_open", "paragraph_close", "inline"}
_PLAIN_INLINE = {"text", "softbreak", "text_special"}
# What a backslash sets free; before brackets and others it is TeX, and stays.
_ESCAPED = "*_`#|~<>!+-."
_WORD = re.compile(r"\w+")
_SCHEMES = ("http://", "https://", "mailto:")
_NUMBER_OF_ITEM = re.compile(r"^[ \t>*+-]*\d{1,9}[.)](?=\s|$)", re.MULTILINE)
_TAGS = {
    *("p", "br", "hr", "strong", "em", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span", "div"),
    *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {
    "a": {"href"},
    "ol": {"start"},
    "span": {"class"},
    "div": {"class"},
    "pre": {"tabindex", "role", "aria-label"},
    **{name: {"class", "dir"} for name in ("p", "li", "th", "td", "h3", "h4", "h5", "h6")},
}


def render(text: str) -> SafeString:
    """The HTML of a text that has markdown; empty where it has none, is too long, or would lose a word."""
    if len(text) > LONGEST or not _SIGNS.search(text):
        return SafeString("")
    return _kept(text) if len(text) <= LONGEST_KEPT else _rendered(text)


def _rendered(text: str) -> SafeString:
    parser = _parser()
    tokens = parser.parse(text)
    if _is_plain(tokens):
        return SafeString("")
    # What was written as an entity, or encoded in an address, is a character by now.
    html = showable(_clean(parser.renderer.render(tokens, parser.options, {})))
    if _lost(text, html):
        return SafeString("")
    return mark_safe(html)  # noqa: S308 - nh3 cleaned it


_kept = lru_cache(maxsize=128)(_rendered)


def _is_plain(tokens: Sequence[Any]) -> bool:
    """Whether a text is paragraphs of words, for which nothing is to be done."""
    return all(
        token.type in _PLAIN_TOKENS and all(inner.type in _PLAIN_INLINE for inner in token.children or ())
        for token in tokens
    )


def _clean(html: str) -> str:
    cleaned: str = import_module("nh3").clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow ugc",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return cleaned


def _lost(text: str, html: str) -> bool:
    said = Counter(_WORD.findall(unescape(_NUMBER_OF_ITEM.sub("", text))))
    return bool(
        said - Counter(_WORD.findall(unescape(re.sub(r"</?(?:span|strong|em|code)[^>]*>|<[^>]*>", _gap, html))))
    )


def _gap(tag: re.Match[str]) -> str:
    """Nothing for a tag that may stand within a word, a space for all others."""
    return "" if re.match(r"</?(?:span|strong|em|code)\b", tag[0]) else " "


# --- the parser ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _parser() -> Any:
    """Made, and imported, when the first text is rendered: a process that shows none does without its memory."""
    parser = import_module("markdown_it").MarkdownIt("commonmark", {"html": False, "breaks": True})
    # A definition of a reference would vanish from the page.
    parser.enable("table").disable("reference")
    parser.inline.ruler.at("escape", _backslash)
    parser.renderer.rules |= {
        "fence": _fence,
        "code_block": _fence,
        "image": _image,
        "link_open": _link_open,
        "link_close": _link_close,
        "heading_open": _heading,
        "heading_close": _heading,
        "table_open": lambda *_: '<div class="scroll"><table>',
        "table_close": lambda *_: "</table></div>",
    }
    for name in ("paragraph", "list_item", "th", "td"):
        parser.renderer.rules[f"{name}_open"] = _auto
    return parser


def _backslash(state: Any, silent: bool) -> bool:
    """The escape of a sign that markdown gives a meaning."""
    here = state.pos
    if state.src[here] != "\\" or state.src[here + 1 : here + 2] not in tuple(_ESCAPED):
        return False
    if not silent:
        state.pending += state.src[here + 1]
    state.pos += 2
    return True


def _auto(tokens: Sequence[Any], at: int, _options: Any, _env: Any) -> str:
    """A block in the direction of its own words."""
    token = tokens[at]
    return "" if token.hidden else f'<{token.tag} dir="auto">'


def _heading(tokens: Sequence[Any], at: int, _options: Any, _env: Any) -> str:
    """Two levels down, because the page has headings of its own."""
    token = tokens[at]
    tag = f"h{min(int(token.tag[1]) + 2, 6)}"
    return f'<{tag} dir="auto">' if token.nesting == 1 else f"</{tag}>"


def _fence(tokens: Sequence[Any], at: int, _options: Any, _env: Any) -> str:
    token = tokens[at]
    about = unescape(token.info).strip()
    word = f'<p class="id">{escape(about)}</p>' if about else ""
    code = highlight(token.content.rstrip("\n"), about.split(maxsplit=1)[0].lower() if about else "")
    return (
        f'<div class="box code">{word}'
        f'<pre tabindex="0" role="group" aria-label="{escape(_("Code"))}">{code}</pre></div>'
    )


def _image(tokens: Sequence[Any], at: int, _options: Any, _env: Any) -> str:
    """Words and an address: nothing is loaded from anywhere."""
    token = tokens[at]
    source, title = str(token.attrs.get("src", "")), str(token.attrs.get("title", ""))
    words = " ".join(filter(None, (token.content, title)))
    return f"<a{_leading(source)}>{escape(_('picture'))}: {escape(words)}</a>{_address(source)}"


def _link_open(tokens: Sequence[Any], at: int, _options: Any, _env: Any) -> str:
    return f"<a{_leading(str(tokens[at].attrs.get('href', '')))}>"


def _link_close(tokens: Sequence[Any], at: int, _options: Any, _env: Any) -> str:
    opened = next(token for token in reversed(tokens[:at]) if token.type == "link_open")
    if opened.markup == "autolink":
        return "</a>"
    title = str(opened.attrs.get("title", ""))
    return f"</a>{_address(str(opened.attrs.get('href', '')), title)}"


def _leading(source: str) -> str:
    """The attribute of a link that may lead there; nothing for one that would lead into GradeBench itself, or run."""
    return f' href="{escape(source)}"' if source.lower().startswith(_SCHEMES) else ""


def _address(source: str, title: str = "") -> str:
    """Where a link leads, in view."""
    shown = " ".join(filter(None, (title, _parser().normalizeLinkText(source))))
    return f' <span class="address">{escape(shown)}</span>'
