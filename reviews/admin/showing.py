"""Stored JSON and bytes as a person reads them."""

import json
from typing import Any

import orjson
from django.utils.html import format_html
from django.utils.safestring import SafeString

LINE = 110
MOST_SHOWN = 200_000


def json_block(value: Any) -> SafeString:
    """A JSON value in a box."""
    return text_block(arranged(value))


def json_text_block(text: str | bytes) -> SafeString:
    """JSON text in a box, arranged where it can be read, as it is where it cannot."""
    try:
        return json_block(orjson.loads(text))
    except orjson.JSONDecodeError:
        return text_block(text if isinstance(text, str) else text.decode(errors="replace"))


def text_block(text: str) -> SafeString:
    """Text in a box, cut where it would make the page slow; the cut says so."""
    if len(text) <= MOST_SHOWN:
        return format_html('<pre class="json" tabindex="0">{}</pre>', text)
    return format_html(
        '<pre class="json" tabindex="0">{}</pre><p class="quiet">The first {} of {} characters.</p>',
        text[:MOST_SHOWN],
        f"{MOST_SHOWN:,}",
        f"{len(text):,}",
    )


def arranged(value: Any, depth: int = 0) -> str:
    """JSON with every object and list on one line where it fits, else one member a line."""
    line = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, dict | list) or len(line) + 2 * depth <= LINE:
        return line
    if isinstance(value, dict):
        members = [
            f"{json.dumps(name, ensure_ascii=False)}: {arranged(held, depth + 1)}" for name, held in value.items()
        ]
    else:
        members = [arranged(held, depth + 1) for held in value]
    inner = "  " * (depth + 1)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(members) + f"\n{'  ' * depth}{closing}"
