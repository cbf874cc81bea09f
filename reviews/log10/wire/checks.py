"""Checks of members: what a member is shown as to a class of one type; None leaves it out."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

Check = Callable[[Any], Any]


def text(value: Any) -> str | None:
    """Text as it is."""
    return value if isinstance(value, str) else None


def number(value: Any) -> int | float | None:
    """An integer or a float; true and false are none."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def integer(value: Any) -> int | None:
    """A whole number, in whichever spelling."""
    found = number(value)
    if isinstance(found, float):
        return whole(found) if found.is_integer() else None
    return found


def whole(value: Any) -> int | None:
    """A number without its fraction. One of more than 64 bits, as a float can spell it, no JSON of ours could hold."""
    found = number(value)
    return int(found) if found is not None and -(2**63) <= found < 2**64 else None


def flag(value: Any) -> bool | None:
    """True or false."""
    return value if isinstance(value, bool) else None


def an_object(value: Any) -> dict[str, Any] | None:
    """A JSON object as it is."""
    return value if isinstance(value, dict) else None


def texts(value: Any) -> list[str] | None:
    """The texts of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else None


def one_of(*known: str) -> Check:
    """One of these texts."""
    return lambda value: value if isinstance(value, str) and value in known else None


def list_of(check: Check) -> Check:
    """A list of the items that pass."""

    def passing(value: Any) -> list[Any] | None:
        if not isinstance(value, list):
            return None
        return [shown for item in value if (shown := check(item)) is not None]

    return passing


def as_text(value: Any) -> str:
    """Text as it is, any other value as its JSON, null as nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def checked(value: Mapping[str, Any], checks: Mapping[str, Check]) -> dict[str, Any]:
    """The members of an object, those that have a check as that shows them; what is null is left out."""
    shown = {}
    for name, member in value.items():
        kept = checks[name](member) if name in checks and member is not None else member
        if kept is not None:
            shown[name] = kept
    return shown
