"""What stands on a page, and whether a document's texts do."""

import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

# No one reads base64: such data is exempt, and named on the page with its type and size.
_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+[;,]")
_BASE64 = re.compile(r"[A-Za-z0-9+/=_-]{200,}")
_UNSHOWABLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\u2400-\u241f\u2426\ufffd\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._unseen += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.texts.append(data)


def text_of(html: str) -> str:
    """All text of a page, folded text too, without attributes."""
    reader = _Texts()
    reader.feed(html)
    return "".join(reader.texts)


def tags_of(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """All tags that open on a page, with their attributes."""
    reader = _Texts()
    reader.feed(html)
    return reader.tags


def squashed(text: str) -> str:
    """Without white space and without the characters that no page can carry, and the pictures of them."""
    return "".join(_UNSHOWABLE.sub("", text).split())


def missing(document: Mapping[str, Any], html: str) -> list[str]:
    """The texts of a document that are not on the page."""
    page = squashed(text_of(html))
    return [text for text in texts(document) if not _stands(text, page)]


def texts(value: Any, name: str = "") -> Iterator[str]:
    """Every text that a reader may look for: not the types of parts, which choose how a part is shown, and of the
    logprobs not what else the model could have written, for the tokens together are the answer.
    """
    if isinstance(value, str):
        yield from [value] if name not in ("type", "role") else []
    elif isinstance(value, Mapping):
        for member, inner in value.items():
            if member != "logprobs" or not isinstance(inner, Mapping):
                yield from texts(inner, member)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, name)


def _stands(text: str, page: str) -> bool:
    if squashed(text) in page or _DATA_URL.match(text) or _BASE64.fullmatch(text):
        return True
    try:
        inner = json.loads(text)
    except ValueError:
        return False
    return isinstance(inner, dict | list) and all(_stands(leaf, page) for leaf in texts(inner))
