"""The words of a field: its label, what helps to answer it, and within which limits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from reviews.web.schema_form.shapes import Group, Shape, compact, kinds_in, shape_of

MOST_EXAMPLES = 3
MOST_EXAMPLE_CHARACTERS = 80

# Every keyword of the drafts that we meet. What is none of these is told in the help, since nothing else can be done.
KNOWN_KEYWORDS = frozenset(
    {
        "$schema",
        "$id",
        "id",
        "$anchor",
        "$dynamicAnchor",
        "$recursiveAnchor",
        "$ref",
        "$dynamicRef",
        "$recursiveRef",
        "$defs",
        "definitions",
        "$comment",
        "$vocabulary",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "dependentSchemas",
        "dependentRequired",
        "dependencies",
        "properties",
        "patternProperties",
        "additionalProperties",
        "propertyNames",
        "unevaluatedProperties",
        "minProperties",
        "maxProperties",
        "required",
        "items",
        "prefixItems",
        "additionalItems",
        "unevaluatedItems",
        "contains",
        "minContains",
        "maxContains",
        "minItems",
        "maxItems",
        "uniqueItems",
        "type",
        "enum",
        "const",
        "multipleOf",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
    }
)

Json = Any


def label_of(plain: Mapping[str, Json], fallback: str) -> str:
    """The title, or the fallback where there is none."""
    title = plain.get("title")
    return title if isinstance(title, str) and title.strip() else fallback


def readable(name: str) -> str:
    """A member's name as a label."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else f'"{name}"'


def description_of(plain: Mapping[str, Json]) -> str:
    """The description, which may be markdown; "" where there is none."""
    description = plain.get("description")
    return description if isinstance(description, str) and description.strip() else ""


def help_of(plain: Mapping[str, Json]) -> str:
    """What helps to answer: the description first; a default is told here and never fills a control."""
    return " ".join(_sentences(plain))


def _sentences(plain: Mapping[str, Json]) -> Iterator[str]:
    if description_of(plain):
        yield description_of(plain)
    if plain.get("deprecated") is True:
        yield _("No longer used: leave it out where you can.")
    if "default" in plain:
        yield _("Default: %s.") % _told(plain["default"])
    if isinstance(plain.get("examples"), list) and plain["examples"]:
        yield _("For example: %s.") % ", ".join(_told(example) for example in plain["examples"][:MOST_EXAMPLES])
    if isinstance(plain.get("pattern"), str):
        yield _("It must match the pattern %s.") % plain["pattern"]
    yield from _formats(plain)
    unknown = {name: value for name, value in plain.items() if name not in KNOWN_KEYWORDS}
    if unknown:
        told = ", ".join(f"{name}: {_told(value)}" for name, value in unknown.items())
        yield _("The schema says more, which changes nothing here: %s.") % told


def _formats(plain: Mapping[str, Json]) -> Iterator[str]:
    match plain.get("format"):
        case "time":
            yield _("A time with its offset, such as 14:30:00Z.")
        case "date-time":
            yield _("A date and a time with its offset, such as 2026-03-31T14:30:00Z.")
        case "duration":
            yield _("A duration, such as P3D or PT2H30M.")
    content = [plain[word] for word in ("contentMediaType", "contentEncoding") if isinstance(plain.get(word), str)]
    if content:
        yield _("What is written here is %s.") % ", ".join(content)
    if "contentSchema" in plain:
        yield _("What it holds has a schema of its own, which is not checked.")


def _told(value: Json) -> str:
    text = value if isinstance(value, str) and value.strip() else compact(value)
    return text if len(text) <= MOST_EXAMPLE_CHARACTERS else f"{text[: MOST_EXAMPLE_CHARACTERS - 1]}…"


def limits_of(plain: Mapping[str, Json], minimum: str, maximum: str) -> str:
    """The limits of a number, a text or a list in a few words; "" without any."""
    kinds = kinds_in(plain)
    if minimum or maximum:
        return _between(minimum, maximum)
    if "string" in kinds or not kinds:
        text = _between(_count(plain.get("minLength")), _count(plain.get("maxLength")))
        if text:
            return _("%s characters") % text
    if "array" in kinds or not kinds:
        text = _between(_count(plain.get("minItems")), _count(plain.get("maxItems")))
        different = _("all different") if plain.get("uniqueItems") is True else ""
        return ", ".join(word for word in (text, different) if word)
    return ""


def _count(number: Json) -> str:
    return str(int(number)) if isinstance(number, int | float) and number > 0 else ""


def _between(least: str, most: str) -> str:
    if least and most:
        return least if least == most else f"{least}–{most}"
    if least:
        return _("at least %s") % least
    return _("at most %s") % most if most else ""


# Alternatives


def branch_labels(group: Group) -> list[str]:
    """What each alternative is called: by its title, the value that tells it apart, its type, or its number."""
    labels = [_branch_label(shape_of(branch)) for branch in group.branches]
    return [
        label if label and labels.count(label) == 1 else f"{label or _('Variant')} {number}"
        for number, label in enumerate(labels, start=1)
    ]


def _branch_label(shape: Shape) -> str:
    title = label_of(shape.plain, "")
    if title:
        return title
    for name, part in dict(shape.plain.get("properties") or {}).items():
        plain = shape_of(part).plain
        if "const" in plain and name in shape.plain.get("required", ()):
            return _told(plain["const"])
    if "const" in shape.plain:
        return _told(shape.plain["const"])
    required = shape.plain.get("required")
    if required and not kinds_in(shape.plain) - {"object"}:
        return ", ".join(readable(name) for name in required)
    return _kind_label(kinds_in(shape.plain))


def _kind_label(kinds: set[str]) -> str:
    names = {
        "string": _("Text"),
        "integer": _("Whole number"),
        "number": _("Number"),
        "boolean": _("Yes or no"),
        "array": _("List"),
        "object": _("Several fields"),
        "null": _("Nothing"),
    }
    return names[next(iter(kinds))] if len(kinds) == 1 else ""


def row_label(label: str, index: int) -> str:
    """What a row of a list is called."""
    return f"{label} {index + 1}"


def path_label(steps: Sequence[str]) -> str:
    """Where a field stands, for a list of errors."""
    return " › ".join(steps)
