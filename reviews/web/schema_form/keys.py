"""The keyboard keys of a form: digits for one question, letters for the others, none twice."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from reviews.web.schema_form.fields import Choice, Field

# The review screen itself listens to these.
RESERVED_KEYS = frozenset("sbejkhlu")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "123456789"


def with_keys(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The fields with a key for each choice."""
    digits = _digit_field(list(_with_choices(fields)))
    return _keyed(fields, digits, set(RESERVED_KEYS))


def _with_choices(fields: Sequence[Field]) -> Iterator[Field]:
    for field in fields:
        if field.choices:
            yield field
        yield from _with_choices(field.fields)


def _keyed(fields: tuple[Field, ...], digits: str, used: set[str]) -> tuple[Field, ...]:
    return tuple(
        replace(
            field,
            choices=_with_digits(field) if field.html_name == digits else _with_letters(field, used),
            fields=_keyed(field.fields, digits, used),
        )
        for field in fields
    )


def _digit_field(fields: Sequence[Field]) -> str:
    """The name of the first scale, or without one of the first question with choices that must be answered."""
    scales = [field for field in fields if field.kind == "scale"]
    required = [field for field in fields if field.required]
    return next((field.html_name for field in (*scales, *required)), "")


def _with_digits(field: Field) -> tuple[Choice, ...]:
    """A label that is a digit is its own key; the other choices of a list take what is left, in order."""
    own = {choice.label for choice in field.choices if re.fullmatch("[0-9]", choice.label)}
    rest = iter(() if field.kind == "scale" else [digit for digit in DIGITS if digit not in own])
    return tuple(
        replace(choice, key=choice.label if choice.label in own else next(rest, "")) for choice in field.choices
    )


def _with_letters(field: Field, used: set[str]) -> tuple[Choice, ...]:
    if field.kind == "scale":
        return field.choices
    return tuple(replace(choice, key=_letter(choice.label, used)) for choice in field.choices)


def _letter(label: str, used: set[str]) -> str:
    """The first free letter of the label, else any free letter, else none; it is added to `used`."""
    wanted = [character for character in label.lower() if character in LETTERS]
    key = next((letter for letter in (*wanted, *LETTERS) if letter not in used), "")
    used.add(key)
    return key
