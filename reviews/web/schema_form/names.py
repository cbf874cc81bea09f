"""The names of a form's controls. Each has one of its own, so that a flat mapping of names to texts is the form.

A path names a place in the values: the members on the way to it, encoded and joined by `--`, rows by their number.
Before the path stands what the control is for.
"""

import re

# The root is no member, and no encoded name is a lone hyphen.
ROOT = "-"
WHOLE = "values"
# The answer itself; a box of JSON in place of the answer's control; the members that have no control.
PREFIX, JSON, REST = "v-", "j-", "r-"
# Hidden: the number of rows; a container that is there and empty; the conditions that held when the form was drawn.
COUNT, EMPTY, HELD = "n-", "e-", "i-"
# What a button asks for that is no submit: "add:PATH", "remove:PATH" or "show:".
DO = "form-do"

_PLAIN = re.compile(r"[A-Za-z0-9_]")


def encoded(name: str) -> str:
    """A property name in letters, digits, `_` and `-xx`, which any HTML attribute can hold; names never collide."""
    return "".join(
        character
        if _PLAIN.fullmatch(character)
        else "".join(f"-{byte:02x}" for byte in character.encode(errors="replace"))
        for character in name
    )


def member(path: str, name: str) -> str:
    """The path of a member of the object at `path`."""
    return encoded(name) if path == ROOT else f"{path}--{encoded(name)}"


def row(path: str, index: int) -> str:
    """The path of a row of the list at `path`."""
    return f"{path}--{index}"


def variant(path: str, key: str) -> str:
    """The name of the radio buttons that choose among the alternatives `key` of the answer at `path`."""
    return f"c{key}-{path}"
