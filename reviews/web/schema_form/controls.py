"""How one value is asked for: which control, what it holds for a value, and which value a posted text stands for."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _

from reviews.web.schema_form import json_text
from reviews.web.schema_form.json_text import Unreadable
from reviews.web.schema_form.shapes import Shape, compact, kinds_in
from reviews.workflow.schema_parts import matches

MOST_SCALE_STEPS = 11
MOST_LINE_CHARACTERS = 120
BIGGEST, SMALLEST = 2**64 - 1, -(2**63)
MOST_DIGITS = 40
ABSENT = object()

# Texts of these formats never have line breaks.
_LINE_FORMATS = frozenset(
    {
        "date",
        "date-time",
        "time",
        "duration",
        "email",
        "idn-email",
        "hostname",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "iri",
        "iri-reference",
        "uri-template",
        "uuid",
        "regex",
        "json-pointer",
        "relative-json-pointer",
    }
)
# Browsers give these back as they were written. A time or a date-time of theirs has no offset, which the format wants.
_INPUT_TYPES = {"date": "date", "email": "email", "uri": "url"}
_TIGHT = re.compile(r"[\x21-\x7e]+")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

Json = Any


@dataclass(frozen=True)
class Control:
    """How a value is asked for. `members` are the values of the choices, in their order."""

    kind: str
    members: tuple[Json, ...] = ()
    labels: tuple[str, ...] = ()
    nullable: bool = False
    minimum: str = ""
    maximum: str = ""
    step: str = ""
    max_length: int | None = None
    input_type: str = "text"

    @property
    def tokens(self) -> tuple[str, ...]:
        """What is posted for each choice."""
        return tuple(compact(member) for member in self.members)


def control_of(shape: Shape) -> Control:
    """The control of a shape without alternatives; of kind json where none of the plain ones will do."""
    plain = shape.plain
    kinds = kinds_in(plain)
    nullable = "null" in kinds
    base = kinds - {"null"}
    if "enum" in plain or "const" in plain:
        return _choices(shape)
    if base == {"boolean"}:
        return _booleans(nullable=nullable)
    if base == {"string"}:
        return _string(plain, nullable=nullable)
    if base and base <= {"integer", "number"}:
        return _number(plain, integer=base == {"integer"}, nullable=nullable)
    return Control("json")


def _choices(shape: Shape) -> Control:
    kinds = kinds_in(shape.plain)
    listed = shape.plain.get("enum", [shape.plain.get("const")])
    members = tuple({compact(member): member for member in listed if _is_of(member, kinds)}.values())
    if not members:
        return Control("json")
    written = {compact(member) for member in members if not isinstance(member, str)}
    return Control("choice", members, tuple(_label(member, written, shape.labels) for member in members))


def _is_of(member: Json, kinds: set[str]) -> bool:
    """Whether a value is of one of the types, as far as a plain look can tell."""
    if not kinds or member is None:
        return not kinds or "null" in kinds
    if isinstance(member, bool):
        return "boolean" in kinds
    if isinstance(member, int | float):
        return "number" in kinds or ("integer" in kinds and float(member).is_integer())
    return ("string" if isinstance(member, str) else "array" if isinstance(member, list) else "object") in kinds


def _label(member: Json, written: set[str], labels: Mapping[str, str]) -> str:
    if compact(member) in labels:
        return labels[compact(member)]
    return member if isinstance(member, str) and member.strip() and member not in written else compact(member)


def _booleans(*, nullable: bool) -> Control:
    if nullable:
        return Control("choice", (True, False, None), (_("Yes"), _("No"), _("None")))
    return Control("boolean", (True, False), (_("Yes"), _("No")))


def _string(plain: Mapping[str, Json], *, nullable: bool) -> Control:
    most, form = plain.get("maxLength"), plain.get("format")
    max_length = int(most) if isinstance(most, int | float) else None
    is_line = form in _LINE_FORMATS or (max_length is not None and max_length <= MOST_LINE_CHARACTERS)
    input_type = _INPUT_TYPES.get(form, "text") if isinstance(form, str) else "text"
    return Control("text" if is_line else "prose", nullable=nullable, max_length=max_length, input_type=input_type)


def _number(plain: Mapping[str, Json], *, integer: bool, nullable: bool) -> Control:
    step = _multiple(plain, integer=integer)
    low = _bound(plain, "minimum", "exclusiveMinimum", step, sign=1)
    high = _bound(plain, "maximum", "exclusiveMaximum", step, sign=-1)
    members: tuple[Json, ...] = ()
    if low is not None and high is not None and step and 0 <= (high - low) / step < MOST_SCALE_STEPS:
        members = _steps(low, high, step, plain)
    labels = tuple(compact(member) for member in members)
    if members and nullable:
        members, labels = (*members, None), (*labels, _("None"))
    return Control(
        "scale" if members else "integer" if integer else "number",
        members,
        labels,
        nullable=nullable and not members,
        minimum=_written(low),
        maximum=_written(high),
        step=_written(step) or "any",
    )


def _steps(low: Fraction, high: Fraction, step: Fraction, plain: Mapping[str, Json]) -> tuple[Json, ...]:
    """Every value on a scale; none where some of them are not exactly what the schema allows."""
    values = [low + step * number for number in range(int((high - low) / step) + 1)]
    members = tuple(int(value) if value.denominator == 1 else float(value) for value in values)
    if all(isinstance(member, int) for member in members):
        return members
    limits = {word: plain[word] for word in ("minimum", "maximum", "multipleOf") if word in plain}
    return members if all(matches(limits, member) for member in members) else ()


def _multiple(plain: Mapping[str, Json], *, integer: bool) -> Fraction | None:
    """The step between values: multipleOf where it can be one, 1 for other integers, else None."""
    multiple = _fraction(plain.get("multipleOf"))
    if integer:
        # An integer that is a multiple of p/q in lowest terms is a multiple of p.
        return Fraction(multiple.numerator) if multiple else Fraction(1)
    return multiple or None


def _bound(
    plain: Mapping[str, Json], keyword: str, exclusive_keyword: str, step: Fraction | None, sign: int
) -> Fraction | None:
    """The outermost allowed value, moved inwards to a multiple of `step`. `sign` is 1 for a minimum, -1 for a maximum.

    Without a step an exclusive bound is given as it is: HTML cannot say it, validation does.
    """
    inclusive, exclusive = _fraction(plain.get(keyword)), _fraction(plain.get(exclusive_keyword))
    if plain.get(exclusive_keyword) is True:
        # Draft 4 spells it as a flag beside the bound.
        inclusive, exclusive = None, inclusive
    found = []
    if inclusive is not None:
        found.append(sign * math.ceil(sign * inclusive / step) * step if step else inclusive)
    if exclusive is not None:
        found.append(sign * (math.floor(sign * exclusive / step) + 1) * step if step else exclusive)
    return max(found, key=lambda value: sign * value, default=None)


def _fraction(number: Json) -> Fraction | None:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return Fraction(repr(number))


def _written(number: Fraction | None) -> str:
    if number is None:
        return ""
    return str(number.numerator) if number.denominator == 1 else compact(float(number))


# Texts: between a value and what a control holds


def text_of(control: Control, value: Json) -> str:
    """What a control holds for a value; for choices, the token."""
    if control.members:
        return compact(_member(control, value))
    if control.kind == "json":
        return json_text.written(value)
    if value is None and control.nullable:
        return ""
    return value if isinstance(value, str) and control.kind in ("text", "prose") else compact(value)


def _member(control: Control, value: Json) -> Json:
    """The member that equals a value as JSON Schema has it (1.0 is 1, true is not), else the value itself."""
    if isinstance(value, int | float) and not isinstance(value, bool) and compact(value) not in control.tokens:
        numbers = [member for member in control.members if not isinstance(member, bool)]
        return next((number for number in numbers if number == value), value)
    return value


def value_of(control: Control, text: str, *, required: bool) -> Json:
    """The value that a posted text stands for, or ABSENT. Raises Unreadable."""
    if not text:
        return None if required and control.nullable and not control.members else ABSENT
    if control.members:
        return chosen(control, text)
    if control.kind in ("text", "prose"):
        return text
    if not text.strip():
        return ABSENT
    if control.kind == "json":
        return json_text.parsed(text, whole=False)
    return _parsed_number(text.strip(), integer=control.kind == "integer")


def chosen(control: Control, token: str) -> Json:
    """The member that a token stands for. Raises Unreadable."""
    for known, member in zip(control.tokens, control.members, strict=True):
        if known == token:
            return member
    raise Unreadable(_("Pick one of the choices."))


def _parsed_number(text: str, *, integer: bool) -> int | float:
    """An int when it is written as one, else a float. Raises Unreadable."""
    if _INTEGER.fullmatch(text):
        # The length is looked at first: Python takes quadratic time for long numbers, and refuses the longest.
        number = int(text) if len(text) <= MOST_DIGITS else BIGGEST + 1
        if not SMALLEST <= number <= BIGGEST:
            raise Unreadable(_("This number is too large."))
        return number
    if not _NUMBER.fullmatch(text):
        raise Unreadable(_("Write a whole number, such as 3.") if integer else _("Write a number, such as 3 or 0.5."))
    if not math.isfinite(float(text)):
        raise Unreadable(_("This number is too large."))
    return float(text)


def kind_for(control: Control, text: str) -> tuple[str, str]:
    """The kind of field and the type of input that show this text unchanged."""
    if control.kind == "text" and "\n" in text:
        # A one-line box drops line breaks, so a text that has some needs the larger one.
        return "prose", "text"
    return control.kind, control.input_type if not text or _fits(control.input_type, text) else "text"


def _fits(input_type: str, text: str) -> bool:
    """Whether a browser's input of this type shows a text as it is; one that is no date it would throw away."""
    if input_type != "date":
        return bool(_TIGHT.fullmatch(text))
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
