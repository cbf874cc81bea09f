"""A schema as a form sees it: what allOf says put together, alternatives to choose among, conditions to look at.

Putting together is for drawing alone. What cannot be said in one (two patterns, say) loses here, and nothing is lost:
the values are always validated against the schema itself.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

# The keywords that this module takes apart; whatever else a schema says stays as it is.
_TAKEN = frozenset(
    {"allOf", "anyOf", "oneOf", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies"}
)
_SCALARS = frozenset({"string", "integer", "number", "boolean"})
_NULL = "null"
# What a branch must have to show something: more than a bound on what is there.
_SHOWN = frozenset({"properties", "enum", "const", "items", "prefixItems", "required"})

Json = Any


@dataclass(frozen=True)
class Group:
    """Alternatives, of which one is chosen. With `only` none is drawn: what is not null must be that one."""

    branches: tuple[Json, ...]
    only: Json = None


@dataclass(frozen=True)
class Condition:
    """A schema to look at, and what holds if a value matches it or does not; True where that says nothing."""

    test: Json
    then: Json
    otherwise: Json


@dataclass(frozen=True)
class Shape:
    """A schema taken apart. `labels` names members of its enum, by their JSON; `fixed` are members with one value."""

    plain: dict[str, Json]
    groups: tuple[Group, ...] = ()
    conditions: tuple[Condition, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Grown:
    """A shape with what was chosen and what holds: the groups and conditions on the way, each with a key of its own."""

    shape: Shape
    groups: tuple[tuple[str, Group], ...]
    conditions: tuple[tuple[str, Condition], ...]


def compact(value: Json) -> str:
    """A value as JSON without spaces, in which 1, 1.0 and true differ."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def names_in(names: Json) -> list[str]:
    """The texts in a list or the names of an object; none in anything else."""
    return [name for name in names if isinstance(name, str)] if isinstance(names, list | dict) else []


def kinds_in(plain: Mapping[str, Json]) -> set[str]:
    """The types that a schema allows, as it says so; none where it says nothing."""
    kind = plain.get("type")
    return {kind} if isinstance(kind, str) else set(names_in(kind))


def shape_of(part: Json) -> Shape:
    """A part without references, taken apart."""
    if not isinstance(part, dict):
        return Shape({}) if part is not False else Shape({"not": {}})
    shape = Shape(
        {word: value for word, value in part.items() if word not in _TAKEN}, conditions=tuple(_conditions(part))
    )
    for inner in part.get("allOf", ()):
        shape = merged(shape, shape_of(inner))
    for keyword in ("oneOf", "anyOf"):
        if keyword in part:
            shape = _with_group(shape, [branch for branch in part[keyword] if branch is not False])
    return _with_types(shape)


def _conditions(part: Mapping[str, Json]) -> Iterator[Condition]:
    if "if" in part and ("then" in part or "else" in part):
        yield Condition(part["if"], part.get("then", True), part.get("else", True))
    for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
        for name, wanted in dict(part.get(keyword) or {}).items():
            then = {"required": names_in(wanted)} if isinstance(wanted, list) else wanted
            yield Condition({"type": "object", "required": [name]}, then, otherwise=True)


# Alternatives


def _with_group(shape: Shape, branches: Sequence[Json]) -> Shape:
    """The shape with alternatives: as an enum, as null beside the rest, or to choose from where that shows anything."""
    shapes = [shape_of(branch) for branch in branches]
    if shapes and all(_members(inner) is not None for inner in shapes):
        return merged(shape, _enumeration(shapes))
    others = [(branch, inner) for branch, inner in zip(branches, shapes, strict=True) if not _is_null(inner)]
    if len(others) == 1 and len(shapes) > 1 and _is_scalar(others[0][1]):
        branch, inner = others[0]
        grown = merged(shape, _nullable(inner))
        return replace(grown, groups=(*grown.groups, Group((), only=branch)))
    if any(_shows(inner, shape.plain) for inner in shapes):
        return replace(shape, groups=(*shape.groups, Group(tuple(branches))))
    return shape


def _members(shape: Shape) -> list[Json] | None:
    """The values of a branch that is nothing but a list of values."""
    plain = shape.plain
    if shape.groups or shape.conditions or not ("const" in plain or plain.get("enum")) or "properties" in plain:
        return None
    return [plain["const"]] if "const" in plain else list(plain["enum"])


def _enumeration(shapes: Sequence[Shape]) -> Shape:
    members: dict[str, Json] = {}
    labels: dict[str, str] = {}
    for shape in shapes:
        own = _members(shape) or []
        title = shape.plain.get("title")
        members |= {compact(value): value for value in own}
        labels |= shape.labels
        if len(own) == 1 and isinstance(title, str) and title.strip():
            labels[compact(own[0])] = title
    return Shape({"enum": list(members.values())}, labels=labels)


def _is_null(shape: Shape) -> bool:
    return kinds_in(shape.plain) == {_NULL} or _members(shape) == [None]


def _is_scalar(shape: Shape) -> bool:
    if shape.groups or shape.conditions:
        return False
    return bool(_members(shape)) or (bool(kinds_in(shape.plain)) and kinds_in(shape.plain) <= _SCALARS)


def _nullable(shape: Shape) -> Shape:
    members = _members(shape)
    if members is None:
        return replace(shape, plain={**shape.plain, "type": [*sorted(kinds_in(shape.plain)), _NULL]})
    plain = {word: value for word, value in shape.plain.items() if word not in ("type", "const")}
    return replace(shape, plain={**plain, "enum": [*members, None]})


def _shows(branch: Shape, plain: Mapping[str, Json]) -> bool:
    """Whether choosing a branch would show anything that is not shown without it."""
    known = names_in(plain.get("properties"))
    if known:
        deep = any(_is_deep(inner) for inner in dict(branch.plain.get("properties") or {}).values())
        return deep or not set(_spoken_of(branch)) <= set(known)
    return bool(branch.groups) or bool(_SHOWN & set(branch.plain)) or bool(kinds_in(branch.plain) - kinds_in(plain))


def _is_deep(part: Json) -> bool:
    """Whether a member's schema may speak of members of its own."""
    return isinstance(part, dict) and any(word in part for word in ("properties", "items", "prefixItems", *_TAKEN))


def _spoken_of(shape: Shape) -> Iterator[str]:
    """The members that a shape names, at its own level."""
    yield from names_in(shape.plain.get("properties"))
    yield from names_in(shape.plain.get("required"))
    yield from names_in(shape.plain.get("patternProperties"))
    parts = [branch for group in shape.groups for branch in group.branches]
    for condition in shape.conditions:
        parts += [condition.then, condition.otherwise]
    for part in parts:
        yield from _spoken_of(shape_of(part))


def _with_types(shape: Shape) -> Shape:
    """Several types are alternatives too, but for null beside a plain one and for the two kinds of number."""
    kinds = kinds_in(shape.plain)
    rest = kinds - {_NULL}
    is_plain = len(kinds) < 2 or rest <= {"integer", "number"} or (len(rest) == 1 and rest <= _SCALARS)
    if is_plain or "enum" in shape.plain or "const" in shape.plain:
        return shape
    branches = tuple({"type": kind} for kind in names_in(shape.plain["type"]))
    return replace(shape, groups=(Group(branches), *shape.groups))


# Putting together


def merged(first: Shape, second: Shape) -> Shape:
    """What both say."""
    plain = _with_properties(first.plain, second.plain)
    for word, value in second.plain.items():
        if word not in plain:
            plain[word] = value
        elif word in _JOINED:
            plain[word] = _JOINED[word](plain[word], value)
    _join_members(plain, first.plain, second.plain)
    return Shape(
        plain,
        (*first.groups, *second.groups),
        (*first.conditions, *second.conditions),
        {**second.labels, **first.labels},
        first.fixed | second.fixed,
    )


def _with_properties(first: Mapping[str, Json], second: Mapping[str, Json]) -> dict[str, Json]:
    """The first schema's keywords, with the properties of both in it."""
    plain = dict(first)
    if "properties" in first or "properties" in second:
        own, other = first.get("properties") or {}, second.get("properties") or {}
        plain["properties"] = {name: _property(name, first, second) for name in {**own, **other}}
    return plain


def _property(name: str, first: Mapping[str, Json], second: Mapping[str, Json]) -> Json:
    """A member's schema by both; where one does not name it, by what that one says of members it does not name."""
    parts = [part for part in (_said_of(name, first), _said_of(name, second)) if part is not True and part != {}]
    if False in parts:
        return False
    if len(parts) < 2:
        return parts[0] if parts else True
    return parts[0] if parts[0] == parts[1] else {"allOf": parts}


def _said_of(name: str, plain: Mapping[str, Json]) -> Json:
    properties = plain.get("properties") or {}
    if name in properties:
        return properties[name]
    # Whether a pattern fits is for the validator to say.
    return True if plain.get("patternProperties") else plain.get("additionalProperties", True)


def _join_members(plain: dict[str, Json], first: Mapping[str, Json], second: Mapping[str, Json]) -> None:
    """Put into `plain` the values that both allow, where both list some."""
    lists = [
        part["enum"] if "enum" in part else [part["const"]] for part in (first, second) if {"enum", "const"} & set(part)
    ]
    if len(lists) == 2:
        allowed = {compact(value) for value in lists[1]}
        plain.pop("const", None)
        plain["enum"] = [value for value in lists[0] if compact(value) in allowed]


def _joined_types(first: Json, second: Json) -> Json:
    one, other = kinds_in({"type": first}), kinds_in({"type": second})
    both = one & other
    if "number" in one | other and "integer" in one | other:
        both |= {"integer"}
    return sorted(both) if len(both) != 1 else both.pop()


def _joined_multiples(first: Json, second: Json) -> Json:
    try:
        one, other = Fraction(repr(first)), Fraction(repr(second))
    except ValueError:
        return first
    common = Fraction(math.lcm(one.numerator, other.numerator), math.gcd(one.denominator, other.denominator))
    return common.numerator if common.denominator == 1 else float(common)


def _tightest(pick: Callable[..., Json]) -> Callable[[Json, Json], Json]:
    """`pick` of two numbers; a flag, as draft 4 has for exclusive bounds, stays with the first."""
    return lambda first, second: first if isinstance(first, bool) or isinstance(second, bool) else pick(first, second)


_JOINED: dict[str, Callable[[Json, Json], Json]] = {
    "type": _joined_types,
    "required": lambda first, second: list(dict.fromkeys([*names_in(first), *names_in(second)])),
    "multipleOf": _joined_multiples,
    "uniqueItems": lambda first, second: first or second,
    "patternProperties": lambda first, second: {**second, **first},
    "additionalProperties": lambda first, second: {"allOf": [first, second]} if first and second else False,
    "items": lambda first, second: first if second is True else {"allOf": [first, second]},
    **dict.fromkeys(
        ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"), _tightest(max)
    ),
    **dict.fromkeys(
        ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"), _tightest(min)
    ),
}


# Growing


def grow(base: Shape, picks: Mapping[str, int], held: frozenset[str]) -> Grown:
    """The shape with the branches picked, by the key of their group, and with what the held conditions say."""
    grown = Grown(replace(base, groups=(), conditions=()), (), ())
    return _grow(grown, base, "", picks, held)


def _grow(grown: Grown, shape: Shape, prefix: str, picks: Mapping[str, int], held: frozenset[str]) -> Grown:
    for number, group in enumerate(shape.groups):
        key = f"{prefix}{number}"
        grown = replace(grown, groups=(*grown.groups, (key, group)))
        if 0 <= picks.get(key, -1) < len(group.branches):
            branch = shape_of(group.branches[picks[key]])
            grown = _joined(grown, replace(branch, fixed=_fixed(branch.plain)), f"{key}_{picks[key]}_", picks, held)
    for number, condition in enumerate(shape.conditions):
        key = f"{prefix}i{number}"
        grown = replace(grown, conditions=(*grown.conditions, (key, condition)))
        branch, way = (condition.then, "t") if key in held else (condition.otherwise, "e")
        if branch is not True:
            grown = _joined(grown, shape_of(branch), f"{key}{way}_", picks, held)
    return grown


def _joined(grown: Grown, branch: Shape, prefix: str, picks: Mapping[str, int], held: frozenset[str]) -> Grown:
    alone = replace(branch, groups=(), conditions=())
    grown = replace(grown, shape=_in_front(alone, grown.shape))
    return _grow(grown, branch, prefix, picks, held)


def _in_front(branch: Shape, base: Shape) -> Shape:
    """Both, with the words of the base and its members first."""
    words = {word: value for word, value in branch.plain.items() if word not in ("title", "description", "default")}
    return merged(base, replace(branch, plain=words))


def _fixed(plain: Mapping[str, Json]) -> frozenset[str]:
    """The members that a chosen branch leaves no choice about: they tell branches apart, and nobody writes them."""
    properties, required = plain.get("properties") or {}, names_in(plain.get("required"))
    return frozenset(name for name in required if "const" in shape_of(properties.get(name)).plain)
