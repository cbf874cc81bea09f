"""Offset and limit, as the Log10 clients send them."""

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError

LIMIT = 100
MOST = 1_000
FARTHEST = 10_000_000


def window(parameters: Mapping[str, Any], *, default: int = LIMIT) -> slice:
    """The rows that `offset` and `limit` name, at most 1,000; without a limit, `default` of them. Raises ParseError."""
    offset = _number(parameters, "offset", 0, FARTHEST)
    return slice(offset, offset + min(MOST, _number(parameters, "limit", default, FARTHEST)))


def _number(parameters: Mapping[str, Any], name: str, default: int, most: int) -> int:
    value = parameters.get(name)
    if value in (None, ""):
        return default
    text = str(value)
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) > most:
        raise ParseError(f"“{name}” must be a whole number from 0 to {most:,}.")
    return int(text)
