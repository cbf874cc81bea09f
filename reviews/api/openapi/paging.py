"""Offset and limit, as every list takes them."""

from reviews.api.openapi.operations import Parameter, Schema
from reviews.api.paging import FARTHEST, LIMIT, MOST

# Digits alone, and few: that is how the clients write it, and how it is read. Empty is as if it were not there.
_NUMBER: Schema = {"anyOf": [{"type": "integer", "minimum": 0, "maximum": FARTHEST}, {"const": ""}]}


def page(default: int = LIMIT) -> tuple[Parameter, Parameter]:
    """`offset`, and `limit` with what it is unless given."""
    return (
        Parameter("offset", "query", "How many rows to leave out at the beginning.", {**_NUMBER, "default": 0}),
        Parameter(
            "limit",
            "query",
            f"How many rows to list; more than {MOST:,} count as {MOST:,}.",
            {**_NUMBER, "default": default},
        ),
    )
