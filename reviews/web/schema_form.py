"""A feedback task's JSON Schema as a form: what the page shows, and the values that come back from it.

Every schema gives a form that can answer it. What has no plain control (arrays, objects, alternatives, references) is a
box for JSON with the same validation. A default is told in the help text and never fills a control, because a control
that is filled is submitted.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NoReturn

from reviews.workflow.schema import ValuesRefused, validate

MOST_SCALE_STEPS = 11
MOST_LINE_CHARACTERS = 120
WHOLE = "values"
PREFIX = "v-"
# The review screen itself listens to these.
RESERVED_KEYS = frozenset("sbejkhlu")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "123456789"
BIGGEST, SMALLEST = 2**64 - 1, -(2**63)
MOST_DIGITS = 40

# Texts of these formats never have line breaks.
_LINE_FORMATS = frozenset(
    {"date", "date-time", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "iri", "uuid", "regex"}
)
# Parts of a schema that can speak of further members; with these the properties alone may not tell the whole story.
_ALTERNATIVES = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_PLAIN = re.compile(r"[A-Za-z0-9_]")

_ABSENT = object()

Json = Any


@dataclass(frozen=True)
class Choice:
    """One radio button. `value` is an opaque token that the form posts, `key` the keyboard key that picks it or ""."""

    value: str
    label: str
    key: str
    selected: bool


@dataclass(frozen=True)
class Field:
    """One question of the form, ready to be drawn; `minimum`, `maximum` and `step` are HTML attributes or ""."""

    name: str
    html_name: str
    html_id: str
    label: str
    help: str
    kind: str
    required: bool
    choices: tuple[Choice, ...]
    value: str
    error: str
    minimum: str
    maximum: str
    step: str
    max_length: int | None


@dataclass(frozen=True)
class SchemaForm:
    """The questions in the schema's order; `error` is what is wrong with the answers as a whole, or ""."""

    fields: tuple[Field, ...]
    error: str


class _Unreadable(ValueError):
    """Posted text that cannot be the value of its field; the sentence is shown at the field."""


def unbound(schema: Mapping[str, Json], values: Mapping[str, Json] | None = None) -> SchemaForm:
    """The form of a schema, showing earlier values (a draft, or a grade to be amended) where given."""
    questions = _questions(schema, extra=values or ())
    texts = {question.name: _text(question, values) for question in questions}
    errors = {
        question.name: f"The earlier answer {texts[question.name]} is not one of the choices."
        for question in questions
        if question.members and texts[question.name] and texts[question.name] not in question.tokens
    }
    return _form(questions, texts, errors)


def bound(schema: Mapping[str, Json], post: Mapping[str, str]) -> tuple[dict[str, Json], SchemaForm, bool]:
    """The values in a posted form, the form with what was posted and what is wrong with it, and whether all is well.

    An empty field is absent from the values. Values that are not valid are returned for inspection only.
    """
    questions = _questions(schema, extra=_posted_names(post))
    texts = {question.name: _newlines(post.get(question.html_name, "")) for question in questions}
    values: dict[str, Json] = {}
    errors: dict[str, str] = {}
    for question in questions:
        try:
            value = _parse(question, texts[question.name])
        except _Unreadable as error:
            errors[question.name] = str(error)
        else:
            if value is not _ABSENT:
                values[question.name] = value
    if questions[0].is_whole:
        values = values.get("", {})
    overall = _collect_problems(schema, values, questions, errors)
    return values, _form(questions, texts, errors, overall), not errors and not overall


def _collect_problems(
    schema: Mapping[str, Json], values: Json, questions: Sequence["_Question"], errors: dict[str, str]
) -> str:
    """Add the first problem of each field to `errors`; return the first that belongs to none."""
    overall = ""
    unreadable = set(errors)
    names = {question.name for question in questions}
    try:
        validate(schema, values)
    except ValuesRefused as refused:
        for problem in refused.errors:
            steps = [step.replace("~1", "/").replace("~0", "~") for step in problem.pointer.split("/")[1:]]
            if questions[0].is_whole:
                errors.setdefault("", _told(steps, problem.message))
            elif steps and steps[0] in names:
                errors.setdefault(steps[0], _told(steps[1:], problem.message))
            elif not unreadable:
                # A count of members, say, is wrong merely because a field could not be read.
                overall = overall or _told(steps, problem.message)
    return overall


def _told(steps: Sequence[str], message: str) -> str:
    return f"{'.'.join(steps)}: {message}." if steps else f"{message[:1].upper()}{message[1:]}."


# Questions: what a property asks for


@dataclass(frozen=True)
class _Control:
    """How a property is answered. `members` are the values of the choices, in their order."""

    kind: str
    members: tuple[Json, ...] = ()
    labels: tuple[str, ...] = ()
    nullable: bool = False
    minimum: str = ""
    maximum: str = ""
    step: str = ""
    max_length: int | None = None


@dataclass(frozen=True)
class _Question:
    name: str
    html_name: str
    label: str
    help: str
    required: bool
    control: _Control

    @property
    def is_whole(self) -> bool:
        """Whether this is the one box for all values."""
        return self.html_name == WHOLE

    @property
    def members(self) -> tuple[Json, ...]:
        return self.control.members

    @property
    def tokens(self) -> tuple[str, ...]:
        return tuple(_compact(member) for member in self.members)


def _questions(schema: Mapping[str, Json], extra: Iterable[str]) -> list[_Question]:
    """One question for each property, and one for each further member that the values already have."""
    if not _is_flat(schema):
        return [_whole_question(schema)]
    required = _names(schema.get("required"))
    properties = {name: part for name, part in schema["properties"].items() if part is not False or name in required}
    rest = [name for name in (*required, *extra) if name not in schema["properties"]]
    parts = {**properties, **dict.fromkeys(rest, True)}
    return [_question(name, part, required=name in required) for name, part in parts.items()]


def _is_flat(schema: Mapping[str, Json]) -> bool:
    """Whether the properties name every member that the schema speaks of."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or all(part is False for part in properties.values()):
        return False
    if schema.get("patternProperties") or isinstance(schema.get("additionalProperties"), dict):
        return False
    if isinstance(schema.get("unevaluatedProperties"), dict) or any(keyword in schema for keyword in _REFERENCES):
        return False
    parts = [schema[keyword] for keyword in _ALTERNATIVES if keyword in schema]
    return set(_dependents(schema)) <= properties.keys() and all(_speaks_only_of(part, properties) for part in parts)


def _dependents(schema: Mapping[str, Json]) -> Iterator[str]:
    """The members that must be there when some other member is."""
    for keyword in ("dependentRequired", "dependencies"):
        for names in dict(schema.get(keyword) or {}).values():
            if isinstance(names, list):
                yield from _names(names)


def _speaks_only_of(part: Json, known: Iterable[str]) -> bool:
    if isinstance(part, list):
        return all(_speaks_only_of(inner, known) for inner in part)
    if not isinstance(part, dict):
        return True
    if any(keyword in part for keyword in (*_REFERENCES, "patternProperties")):
        return False
    named = {*_names(part.get("required")), *_names(part.get("properties"))}
    return named <= set(known) and all(_speaks_only_of(inner, known) for inner in part.values())


def _names(names: Json) -> list[str]:
    return [name for name in names if isinstance(name, str)] if isinstance(names, list | dict) else []


def _whole_question(schema: Mapping[str, Json]) -> _Question:
    label, help_text = _words(schema, fallback="Values")
    return _Question("", WHOLE, label, help_text, required=bool(schema.get("required")), control=_Control("json"))


def _question(name: str, part: Json, *, required: bool) -> _Question:
    schema = part if isinstance(part, dict) else {}
    label, help_text = _words(schema, fallback=_readable(name))
    return _Question(name, PREFIX + _encoded(name), label, help_text, required, _control(schema))


def _words(schema: Mapping[str, Json], fallback: str) -> tuple[str, str]:
    """Label and help text; the default is part of the help."""
    title, description = schema.get("title"), schema.get("description")
    label = title if isinstance(title, str) and title.strip() else fallback
    sentences = [description] if isinstance(description, str) and description.strip() else []
    if "default" in schema:
        default = schema["default"]
        sentences.append(f"Default: {default if isinstance(default, str) and default.strip() else _compact(default)}.")
    return label, " ".join(sentences)


def _readable(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else f'"{name}"'


def _control(schema: Mapping[str, Json]) -> _Control:
    kinds = _kinds(schema)
    nullable = "null" in kinds
    base = kinds - {"null"}
    if any(keyword in schema for keyword in _REFERENCES):
        # Beside a reference the older drafts ignore everything else, the type included.
        return _Control("json")
    if "enum" in schema or "const" in schema:
        return _choices(schema)
    if base == {"boolean"}:
        return _booleans(nullable=nullable)
    if base == {"string"}:
        return _string(schema, nullable=nullable)
    if base and base <= {"integer", "number"}:
        return _number(schema, integer=base == {"integer"}, nullable=nullable)
    return _Control("json")


def _kinds(schema: Mapping[str, Json]) -> set[str]:
    kind = schema.get("type")
    return {kind} if isinstance(kind, str) else set(_names(kind))


def _choices(schema: Mapping[str, Json]) -> _Control:
    listed = schema.get("enum", [schema.get("const")])
    members = tuple({_compact(member): member for member in listed}.values())
    if not members:
        return _Control("json")
    written = {_compact(member) for member in members if not isinstance(member, str)}
    labels = (
        member if isinstance(member, str) and member.strip() and member not in written else _compact(member)
        for member in members
    )
    return _Control("choice", members, tuple(labels))


def _booleans(*, nullable: bool) -> _Control:
    if nullable:
        return _Control("choice", (True, False, None), ("Yes", "No", "None"))
    return _Control("boolean", (True, False), ("Yes", "No"))


def _string(schema: Mapping[str, Json], *, nullable: bool) -> _Control:
    most = schema.get("maxLength")
    max_length = int(most) if isinstance(most, int | float) else None
    is_line = schema.get("format") in _LINE_FORMATS or (max_length is not None and max_length <= MOST_LINE_CHARACTERS)
    return _Control("text" if is_line else "prose", nullable=nullable, max_length=max_length)


def _number(schema: Mapping[str, Json], *, integer: bool, nullable: bool) -> _Control:
    step = _multiple(schema, integer=integer)
    low = _bound(schema, "minimum", "exclusiveMinimum", step, sign=1)
    high = _bound(schema, "maximum", "exclusiveMaximum", step, sign=-1)
    if integer and low is not None and high is not None and step and 0 <= (high - low) / step < MOST_SCALE_STEPS:
        return _scale(int(low), int(high), int(step), nullable=nullable)
    return _Control(
        "integer" if integer else "number",
        nullable=nullable,
        minimum=_written(low),
        maximum=_written(high),
        step=_written(step) or "any",
    )


def _scale(low: int, high: int, step: int, *, nullable: bool) -> _Control:
    members = tuple(range(low, high + 1, step))
    labels = tuple(str(member) for member in members)
    if nullable:
        return _Control("scale", (*members, None), (*labels, "None"))
    return _Control("scale", members, labels)


def _multiple(schema: Mapping[str, Json], *, integer: bool) -> Fraction | None:
    """The step between values: multipleOf where it can be one, 1 for other integers, else None."""
    multiple = _fraction(schema.get("multipleOf"))
    if integer:
        # An integer that is a multiple of p/q in lowest terms is a multiple of p.
        return Fraction(multiple.numerator) if multiple else Fraction(1)
    return multiple or None


def _bound(
    schema: Mapping[str, Json], keyword: str, exclusive_keyword: str, step: Fraction | None, sign: int
) -> Fraction | None:
    """The outermost allowed value, moved inwards to a multiple of `step`. `sign` is 1 for a minimum, -1 for a maximum.

    Without a step an exclusive bound is given as it is: HTML cannot say it, validation does.
    """
    inclusive, exclusive = _fraction(schema.get(keyword)), _fraction(schema.get(exclusive_keyword))
    if schema.get(exclusive_keyword) is True:
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
    return str(number.numerator) if number.denominator == 1 else _compact(float(number))


def _encoded(name: str) -> str:
    """A property name in letters, digits, `_` and `-xx`, which any HTML attribute can hold; names never collide."""
    return "".join(
        character if _PLAIN.fullmatch(character) else "".join(f"-{byte:02x}" for byte in character.encode())
        for character in name
    )


def _posted_names(post: Mapping[str, str]) -> Iterator[str]:
    """The property names that a posted form speaks of."""
    for html_name in post:
        if html_name.startswith(PREFIX):
            name = _decoded(html_name.removeprefix(PREFIX))
            # Anything that this form would not have sent under that name is none of its fields.
            if PREFIX + _encoded(name) == html_name:
                yield name


def _decoded(code: str) -> str:
    raw = re.sub(rb"-([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), code.encode(errors="replace"))
    return raw.decode(errors="replace")


# Texts: between a value and what a control holds


def _text(question: _Question, values: Mapping[str, Json] | None) -> str:
    """What the control of a question holds for these values; for choices, the token."""
    if values is None or (not question.is_whole and question.name not in values):
        return ""
    value = dict(values) if question.is_whole else values[question.name]
    if question.members:
        return _compact(_member(question, value))
    if question.control.kind == "json":
        return json.dumps(value, ensure_ascii=False, indent=2)
    if value is None and question.control.nullable:
        return ""
    return value if isinstance(value, str) and question.control.kind in ("text", "prose") else _compact(value)


def _member(question: _Question, value: Json) -> Json:
    """The member that equals a value as JSON Schema has it (1.0 is 1, true is not), else the value itself."""
    if isinstance(value, int | float) and not isinstance(value, bool) and _compact(value) not in question.tokens:
        numbers = [member for member in question.members if not isinstance(member, bool)]
        return next((number for number in numbers if number == value), value)
    return value


def _parse(question: _Question, text: str) -> Json:
    """The value that a posted text stands for, or _ABSENT. Raises _Unreadable."""
    if not text:
        return None if question.required and question.control.nullable and not question.members else _ABSENT
    kind = question.control.kind
    if question.members:
        return _chosen(question, text)
    if kind in ("text", "prose"):
        return text
    if not text.strip():
        return _ABSENT
    if kind == "json":
        return _parsed_json(text, whole=question.is_whole)
    return _parsed_number(text.strip(), integer=kind == "integer")


def _chosen(question: _Question, token: str) -> Json:
    for known, member in zip(question.tokens, question.members, strict=True):
        if known == token:
            return member
    raise _Unreadable("Pick one of the choices.")


def _parsed_number(text: str, *, integer: bool) -> int | float:
    """An int when it is written as one, else a float. Raises _Unreadable."""
    if _INTEGER.fullmatch(text):
        # The length is looked at first: Python takes quadratic time for long numbers, and refuses the longest.
        number = int(text) if len(text) <= MOST_DIGITS else BIGGEST + 1
        if not SMALLEST <= number <= BIGGEST:
            raise _Unreadable("This number is too large.")
        return number
    if not _NUMBER.fullmatch(text):
        raise _Unreadable("Write a whole number, such as 3." if integer else "Write a number, such as 3 or 0.5.")
    if not math.isfinite(float(text)):
        raise _Unreadable("This number is too large.")
    return float(text)


def _parsed_json(text: str, *, whole: bool) -> Json:
    """Strict JSON: no NaN, no member twice; an object when it is the `whole` answer. Raises _Unreadable."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_members)
    except _Unreadable:
        raise
    except json.JSONDecodeError as error:
        raise _Unreadable(f"This is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from error
    except ValueError as error:
        raise _Unreadable("A number in this JSON is too large.") from error
    except RecursionError as error:
        raise _Unreadable("This JSON is nested too deeply.") from error
    if whole and not isinstance(value, dict):
        raise _Unreadable('Write a JSON object, such as {"name": "value"}.')
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _Unreadable(f"{name} is not JSON.")


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Unreadable("This JSON has a member twice in one object.")
    return members


def _newlines(text: str) -> str:
    """Browsers send the lines of a text box with CR LF, whatever was put in."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# Drawing, and the keyboard


def _form(
    questions: Sequence[_Question], texts: Mapping[str, str], errors: Mapping[str, str], overall: str = ""
) -> SchemaForm:
    fields = (_field(question, texts[question.name], errors.get(question.name, "")) for question in questions)
    return SchemaForm(_with_keys(tuple(fields)), overall)


def _field(question: _Question, text: str, error: str) -> Field:
    control = question.control
    # A one-line box drops line breaks, so a text that has some needs the larger one.
    kind = "prose" if control.kind == "text" and "\n" in text else control.kind
    return Field(
        name=question.name,
        html_name=question.html_name,
        html_id=f"field-{question.html_name}",
        label=question.label,
        help=question.help,
        kind=kind,
        required=question.required and not (control.nullable and not question.members),
        choices=tuple(
            Choice(token, label, "", token == text)
            for token, label in zip(question.tokens, control.labels, strict=True)
        ),
        value=text,
        error=error,
        minimum=control.minimum,
        maximum=control.maximum,
        step=control.step,
        max_length=control.max_length,
    )


def _with_keys(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The fields with a key for each choice: digits for one field, letters for the others, none twice."""
    digits = _digit_field(fields)
    used = set(RESERVED_KEYS)
    return tuple(
        replace(field, choices=_with_digits(field) if field is digits else _with_letters(field, used))
        for field in fields
    )


def _digit_field(fields: Sequence[Field]) -> Field | None:
    """The first scale, or without one the first question with choices that must be answered."""
    scales = [field for field in fields if field.kind == "scale"]
    required = [field for field in fields if field.choices and field.required]
    return next(iter([*scales, *required]), None)


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
