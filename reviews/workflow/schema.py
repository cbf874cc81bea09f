"""JSON Schemas of feedback tasks: which ones are taken in, and whether a grade's values match one.

A schema comes from outside, so nothing in it may reach the network or the disk, loop, or take long: references are
local and acyclic, sizes are bounded before anything is compiled, and patterns run on an engine without backtracking.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import unquote

import jsonschema_rs
import orjson
from django.utils.translation import gettext as _

MOST_BYTES = 64 * 1024
MOST_NODES = 2_000
MOST_PROPERTIES = 500
MOST_DEPTH = 32
# Once every reference is replaced by what it names.
MOST_EXPANDED_NODES = 20_000
MOST_EXPANDED_DEPTH = 64
# A pattern of the largest size takes about 15 ms to compile, so this many stay under a second.
MOST_PATTERNS = 40
MOST_PATTERN_BYTES = 1024 * 1024

MOST_VALUE_BYTES = 1024 * 1024
MOST_VALUE_NODES = 100_000
MOST_VALUE_DEPTH = 64
# Products that bound the time of one check: values times schema nodes, bytes times patterns.
MOST_STEPS = 20_000_000
MOST_PATTERN_STEPS = 300_000
# Products under which all problems are collected. Each problem holds a copy of the value that has it, so that a long
# value against many alternatives would fill the memory.
MOST_PROBLEM_BYTES = 20_000_000
MOST_PROBLEM_STEPS = 200_000
MOST_PROBLEMS = 100
MOST_MESSAGE = 200
MOST_ENDING = 40
MOST_QUOTED = 60

_DRAFTS = frozenset(
    f"json-schema.org/{name}schema"
    for name in ("", "draft-04/", "draft-06/", "draft-07/", "draft/2019-09/", "draft/2020-12/")
)
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_PATTERN_OPTIONS = jsonschema_rs.RegexOptions(size_limit=MOST_PATTERN_BYTES, dfa_size_limit=MOST_PATTERN_BYTES)

Json = Any


class SchemaRefused(ValueError):
    """A schema that cannot be used; the text is a sentence a person can act on."""


@dataclass(frozen=True)
class Problem:
    """One failure: where, as a JSON pointer into the values ("" is the whole object), what is wrong there, and which
    keyword says so.
    """

    pointer: str
    message: str
    keyword: str = field(default="", compare=False)


class ValuesRefused(ValueError):
    """Values that do not match their schema; the text names the first failing place, `errors` holds them all."""

    def __init__(self, errors: Sequence[Problem]) -> None:
        self.errors = tuple(errors)
        super().__init__(_sentence(self.errors[0]))


@dataclass(frozen=True)
class _Weight:
    """What a part of a schema comes to once its references are followed."""

    nodes: int
    patterns: int
    height: int


@dataclass(frozen=True)
class _Compiled:
    validator: jsonschema_rs.Validator
    weight: _Weight


class _NotPlain(ValueError):
    """A value that is not plain JSON, or too large or too deep; the text is the end of a sentence."""


def check_schema(schema: object) -> None:
    """Raise SchemaRefused unless the schema is valid, describes an object and is safe to evaluate."""
    _compiled(_schema_text(schema))


def canonical(schema: object) -> str:
    """The schema as JSON text with sorted members: equal texts are the same revision. Raises SchemaRefused."""
    return _schema_text(schema).decode()


def validate(schema: object, values: object) -> None:
    """Check values, formats included. Raises ValuesRefused, or SchemaRefused when the schema itself cannot be used."""
    compiled = _compiled(_schema_text(schema))
    size, nodes = _measure(values)
    steps = compiled.weight.nodes * nodes
    if steps > MOST_STEPS or compiled.weight.patterns * size > MOST_PATTERN_STEPS:
        raise ValuesRefused([Problem("", _("the values are too large to be checked against this schema"))])
    if compiled.validator.is_valid(values):
        return
    if steps > MOST_PROBLEM_STEPS or compiled.weight.nodes * size > MOST_PROBLEM_BYTES:
        raise ValuesRefused([Problem("", _("the values do not match the schema (they are too large to say where)"))])
    found = [
        problem
        for error in itertools.islice(compiled.validator.iter_errors(values), MOST_PROBLEMS)
        for problem in problems_in(error)
    ]
    raise ValuesRefused(_in_order(found, schema))


def _measure(values: object) -> tuple[int, int]:
    """The size of the values in bytes and in nodes. Raises ValuesRefused."""
    if not isinstance(values, dict):
        raise ValuesRefused([Problem("", _("the values must be a JSON object"))])
    try:
        nodes = _nodes(values, most_nodes=MOST_VALUE_NODES, most_depth=MOST_VALUE_DEPTH)
        size = len(_dumps(values))
    except _NotPlain as error:
        raise ValuesRefused([Problem("", _("the value %(is_so)s") % {"is_so": error})]) from error
    if size > MOST_VALUE_BYTES:
        words = _("the values take %(size)s bytes; at most %(most)s are accepted")
        raise ValuesRefused([Problem("", words % {"size": f"{size:,}", "most": f"{MOST_VALUE_BYTES:,}"})])
    return size, len(nodes)


# The schema, before it is compiled


def _schema_text(schema: object) -> bytes:
    """Canonical JSON of a schema of acceptable shape and size. Raises SchemaRefused."""
    if not isinstance(schema, dict):
        raise SchemaRefused(_("The schema must be a JSON object."))
    try:
        _nodes(schema, most_nodes=MOST_NODES, most_depth=MOST_DEPTH)
        text = _dumps(schema)
    except _NotPlain as error:
        raise SchemaRefused(_("The schema %(is_so)s.") % {"is_so": error}) from error
    if len(text) > MOST_BYTES:
        words = _("The schema takes %(size)s bytes; at most %(most)s are accepted.")
        raise SchemaRefused(words % {"size": f"{len(text):,}", "most": f"{MOST_BYTES:,}"})
    return text


def _dumps(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise _NotPlain(_("cannot be written as JSON: a text in it is not valid Unicode")) from error


def count_nodes(value: object, *, most: int) -> int:
    """How many values a JSON value holds, itself included. Raises ValueError where they are too many, or not JSON."""
    return len(_nodes(value, most_nodes=most, most_depth=MOST_VALUE_DEPTH))


def _nodes(value: object, *, most_nodes: int, most_depth: int) -> list[object]:
    """Every value in a JSON value, itself included. Raises _NotPlain as soon as a bound is passed."""
    found: list[object] = []
    level, depth = [value], 0
    while level:
        found += level
        depth += any(isinstance(node, dict | list) for node in level)
        if len(found) > most_nodes:
            raise _NotPlain(_("has more than %(most)s nodes") % {"most": f"{most_nodes:,}"})
        if depth > most_depth:
            raise _NotPlain(_("is nested more than %(most)d levels deep") % {"most": most_depth})
        level = [child for node in level for child in _children(node)]
    return found


def _children(node: object) -> Iterator[object]:
    if isinstance(node, dict):
        if not all(isinstance(name, str) for name in node):
            raise _NotPlain(_("has a member whose name is not text"))
        yield from node.values()
    elif isinstance(node, list):
        yield from node
    elif isinstance(node, float) and not math.isfinite(node):
        raise _NotPlain(_("has a number that is not finite"))
    elif isinstance(node, int) and not -(2**63) <= node < 2**64:
        raise _NotPlain(_("has an integer of more than 64 bits"))
    elif not isinstance(node, str | int | float | None):
        raise _NotPlain(_("has a %(kind)s, which is not JSON") % {"kind": type(node).__name__})


@lru_cache(maxsize=64)
def _compiled(text: bytes) -> _Compiled:
    """The validator of a canonical schema. Raises SchemaRefused (refusals are not cached)."""
    schema: dict[str, Json] = orjson.loads(text)
    _check_draft(schema)
    _check_describes_an_object(schema)
    # Nothing refers to the root by name, and a name could pass it off as a schema that the library knows.
    schema = {name: value for name, value in schema.items() if name not in ("$id", "id")}
    nodes = _nodes(schema, most_nodes=MOST_NODES, most_depth=MOST_DEPTH)
    objects: list[dict[str, Json]] = [node for node in nodes if isinstance(node, dict)]
    _check_counts(objects)
    weight = _Expansion(schema, _anchors(schema, objects)).weigh(schema)
    if weight.nodes > MOST_EXPANDED_NODES:
        words = _(
            "The schema comes to more than %(most)s nodes once its references are followed; "
            "refer to large parts less often."
        )
        raise SchemaRefused(words % {"most": f"{MOST_EXPANDED_NODES:,}"})
    return _Compiled(compiled(schema), weight)


def _check_draft(schema: Mapping[str, Json]) -> None:
    draft = schema.get("$schema")
    if draft is None:
        return
    name = draft.removesuffix("#").split("://", 1)[-1] if isinstance(draft, str) else ""
    if name not in _DRAFTS:
        words = _(
            "$schema is %(draft)s, which is not a known draft of JSON Schema; "
            'leave it out or use "https://json-schema.org/draft/2020-12/schema".'
        )
        raise SchemaRefused(words % {"draft": _quoted(draft)})


def _check_describes_an_object(schema: Mapping[str, Json]) -> None:
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        words = _('The schema must describe an object: its type must be "object", not %(kind)s.')
        raise SchemaRefused(words % {"kind": _quoted(kind)})


def _check_counts(objects: Sequence[Mapping[str, Json]]) -> None:
    properties = sum(len(part["properties"]) for part in objects if isinstance(part.get("properties"), dict))
    if properties > MOST_PROPERTIES:
        words = _("The schema has %(count)s properties; at most %(most)d are accepted.")
        raise SchemaRefused(words % {"count": f"{properties:,}", "most": MOST_PROPERTIES})
    patterns = {pattern for part in objects for pattern in _patterns(part)}
    if len(patterns) > MOST_PATTERNS:
        words = _("The schema has %(count)s patterns; at most %(most)d are accepted.")
        raise SchemaRefused(words % {"count": f"{len(patterns):,}", "most": MOST_PATTERNS})


def _patterns(part: Mapping[str, Json]) -> Iterator[str]:
    if isinstance(part.get("pattern"), str):
        yield part["pattern"]
    if isinstance(part.get("patternProperties"), dict):
        yield from part["patternProperties"]


def anchors_of(schema: Mapping[str, Json]) -> dict[str, Json]:
    """The parts of an accepted schema that have a name of their own."""
    nodes = _nodes(schema, most_nodes=MOST_NODES, most_depth=MOST_DEPTH)
    return _anchors(schema, [node for node in nodes if isinstance(node, dict)])


def _anchors(schema: Mapping[str, Json], objects: Sequence[dict[str, Json]]) -> dict[str, Json]:
    """The parts of the schema that have a name of their own. Raises SchemaRefused on a second name or a second root."""
    anchors: dict[str, Json] = {}
    for part in objects:
        for name in set(_names(part, draft=str(schema.get("$schema")))):
            if anchors.setdefault(name, part) is not part:
                words = _("The schema has two parts called %(name)s; a reference could mean either.")
                raise SchemaRefused(words % {"name": _quoted(name)})
    return anchors


def _names(part: Mapping[str, Json], *, draft: str) -> Iterator[str]:
    yield from (part[key] for key in ("$anchor", "$dynamicAnchor") if isinstance(part.get(key), str))
    for key in ("$id", "id") if "draft-04" in draft else ("$id",):
        name = part.get(key)
        if isinstance(name, str) and name.startswith("#"):
            yield name[1:]
        elif isinstance(name, str):
            # Such a part would change what the local references inside it mean.
            words = _("A part of the schema has the %(key)s %(name)s; only the schema itself may.")
            raise SchemaRefused(words % {"key": key, "name": _quoted(name)})


class _Expansion:
    """Follows the references of one schema. Any string member called $ref is followed, also where it is only data."""

    def __init__(self, root: dict[str, Json], anchors: Mapping[str, Json]) -> None:
        self._root = root
        self._anchors = anchors
        self._known: dict[int, _Weight] = {}
        self._open: set[int] = set()

    def weigh(self, part: Json, depth: int = 1) -> _Weight:
        """The weight of a part. Raises SchemaRefused on a reference that is remote, dangling or circular."""
        if not isinstance(part, dict | list):
            return _Weight(1, 0, 1)
        if id(part) in self._open:
            raise SchemaRefused(_("A $ref of the schema leads back to itself; references must not be circular."))
        weight = self._known.get(id(part))
        if weight is None:
            self._refuse_depth(depth)
            self._open.add(id(part))
            weight = self._known[id(part)] = self._sum(part, depth)
            self._open.discard(id(part))
        self._refuse_depth(depth + weight.height - 1)
        return weight

    def _refuse_depth(self, depth: int) -> None:
        if depth > MOST_EXPANDED_DEPTH:
            words = _("The schema is nested more than %(most)d levels deep once its references are followed.")
            raise SchemaRefused(words % {"most": MOST_EXPANDED_DEPTH})

    def _sum(self, part: dict[str, Json] | list[Json], depth: int) -> _Weight:
        inner = [*part.values(), *self._targets(part)] if isinstance(part, dict) else part
        own = sum(1 for _ in _patterns(part)) if isinstance(part, dict) else 0
        weights = [self.weigh(child, depth + 1) for child in inner]
        return _Weight(
            nodes=1 + sum(weight.nodes for weight in weights),
            patterns=own + sum(weight.patterns for weight in weights),
            height=1 + max((weight.height for weight in weights), default=0),
        )

    def _targets(self, part: Mapping[str, Json]) -> Iterator[Json]:
        for keyword in _REFERENCES:
            reference = part.get(keyword)
            if isinstance(reference, str):
                yield self._target(keyword, reference)

    def _target(self, keyword: str, reference: str) -> Json:
        if not reference.startswith("#"):
            words = _(
                '%(keyword)s is %(reference)s; only references inside the schema are followed, such as "#/$defs/name".'
            )
            raise SchemaRefused(words % {"keyword": keyword, "reference": _quoted(reference)})
        fragment = unquote(reference[1:])
        try:
            return part_named(fragment, self._root, self._anchors)
        except (LookupError, ValueError) as error:
            words = _("%(keyword)s is %(reference)s, but the schema has no such part.")
            raise SchemaRefused(words % {"keyword": keyword, "reference": _quoted(reference)}) from error


def part_named(fragment: str, root: Json, anchors: Mapping[str, Json]) -> Json:
    """The part of a schema that the fragment of a reference names. Raises LookupError or ValueError."""
    return _at(root, fragment) if fragment[:1] in ("", "/") else anchors[fragment]


def _at(root: Json, pointer: str) -> Json:
    """The part that a JSON pointer names. Raises LookupError or ValueError."""
    part = root
    for step in pointer.split("/")[1:]:
        if isinstance(part, list):
            part = part[int(step)]
        elif isinstance(part, dict):
            part = part[step.replace("~1", "/").replace("~0", "~")]
        else:
            raise KeyError(step)
    return part


def _retrieve_nothing(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is not fetched")


def compiled(schema: Json) -> jsonschema_rs.Validator:
    """Compile, which checks against the meta-schema too. Raises SchemaRefused."""
    try:
        return jsonschema_rs.validator_for(
            schema, validate_formats=True, retriever=_retrieve_nothing, pattern_options=_PATTERN_OPTIONS
        )
    except jsonschema_rs.ValidationError as error:
        raise SchemaRefused(_refusal(error)) from error
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        words = _("This is not a usable JSON Schema: %(why)s.") % {"why": _short(str(error))}
        raise SchemaRefused(words) from error


def _refusal(error: jsonschema_rs.ValidationError) -> str:
    where = _pointer(error.instance_path)
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Format) and error.kind.format == "regex":
        words = _(
            "The pattern %(pattern)s at %(where)s cannot be used. Patterns are matched in linear time: "
            "look-around, back-references and very large repetitions are not available."
        )
        return words % {"pattern": _quoted(error.instance), "where": where}
    if where:
        words = _("This is not a valid JSON Schema: at %(where)s, %(why)s.")
        return words % {"where": where, "why": _message(error)}
    return _("This is not a valid JSON Schema: %(why)s.") % {"why": _message(error)}


# What is wrong with values, in words


def problems_in(error: jsonschema_rs.ValidationError) -> list[Problem]:
    """One error of the library as problems: a required member, and each unexpected one, has its own place."""
    kind, path, kinds = error.kind, error.instance_path, jsonschema_rs.ValidationErrorKind
    if isinstance(kind, kinds.Required):
        return [Problem(_pointer([*path, kind.property]), _("a value is required"), kind.name)]
    if isinstance(kind, kinds.AdditionalProperties | kinds.UnevaluatedProperties):
        unexpected = _("the schema has no such property")
        return [Problem(_pointer([*path, name]), unexpected, kind.name) for name in kind.unexpected]
    return [Problem(_pointer(path), _message(error), kind.name)]


def _message(error: jsonschema_rs.ValidationError) -> str:
    """The library's message, without the failing value where that is long."""
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.FalseSchema):
        return _("no value is allowed here")
    start, message = _json(error.instance), error.message
    if len(start) > MOST_QUOTED and message.startswith(start):
        message = _("the value%(goes_on)s") % {"goes_on": message.removeprefix(start)}
    if len(message) <= MOST_MESSAGE:
        return message
    # Also where it quotes the schema first: what is wrong stands behind that.
    return f"{message[: MOST_MESSAGE - MOST_ENDING - 1]}…{message[-MOST_ENDING:]}"


def _json(value: Json) -> str:
    return orjson.dumps(value, default=str).decode()


def _in_order(problems: Sequence[Problem], schema: object) -> list[Problem]:
    """In the order of the schema's properties, which is the order of the form; what belongs to none comes last."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    ranks = {_pointer([name]): rank for rank, name in enumerate(properties if isinstance(properties, dict) else ())}
    return sorted(problems, key=lambda problem: ranks.get(_first_step(problem.pointer), len(ranks)))


def _first_step(pointer: str) -> str:
    return "/".join(pointer.split("/")[:2])


def _sentence(problem: Problem) -> str:
    steps = [step.replace("~1", "/").replace("~0", "~") for step in problem.pointer.split("/")[1:]]
    return f"{'.'.join(steps)}: {problem.message}" if steps else problem.message[:1].upper() + problem.message[1:]


def _pointer(path: Sequence[str | int]) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def _quoted(value: Json) -> str:
    return _short(_json(value), MOST_QUOTED)


def _short(text: str, most: int = MOST_MESSAGE) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
