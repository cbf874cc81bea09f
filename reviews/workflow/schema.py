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
        raise ValuesRefused([Problem("", "the values are too large to be checked against this schema")])
    if compiled.validator.is_valid(values):
        return
    if steps > MOST_PROBLEM_STEPS or compiled.weight.nodes * size > MOST_PROBLEM_BYTES:
        raise ValuesRefused([Problem("", "the values do not match the schema (they are too large to say where)")])
    found = [
        problem
        for error in itertools.islice(compiled.validator.iter_errors(values), MOST_PROBLEMS)
        for problem in problems_in(error)
    ]
    raise ValuesRefused(_in_order(found, schema))


def _measure(values: object) -> tuple[int, int]:
    """The size of the values in bytes and in nodes. Raises ValuesRefused."""
    if not isinstance(values, dict):
        raise ValuesRefused([Problem("", "the values must be a JSON object")])
    try:
        nodes = _nodes(values, most_nodes=MOST_VALUE_NODES, most_depth=MOST_VALUE_DEPTH)
        size = len(_dumps(values))
    except _NotPlain as error:
        raise ValuesRefused([Problem("", f"the value {error}")]) from error
    if size > MOST_VALUE_BYTES:
        raise ValuesRefused([Problem("", f"the values take {size:,} bytes; at most {MOST_VALUE_BYTES:,} are accepted")])
    return size, len(nodes)


# The schema, before it is compiled


def _schema_text(schema: object) -> bytes:
    """Canonical JSON of a schema of acceptable shape and size. Raises SchemaRefused."""
    if not isinstance(schema, dict):
        raise SchemaRefused("The schema must be a JSON object.")
    try:
        _nodes(schema, most_nodes=MOST_NODES, most_depth=MOST_DEPTH)
        text = _dumps(schema)
    except _NotPlain as error:
        raise SchemaRefused(f"The schema {error}.") from error
    if len(text) > MOST_BYTES:
        raise SchemaRefused(f"The schema takes {len(text):,} bytes; at most {MOST_BYTES:,} are accepted.")
    return text


def _dumps(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise _NotPlain("cannot be written as JSON: a text in it is not valid Unicode") from error


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
            raise _NotPlain(f"has more than {most_nodes:,} nodes")
        if depth > most_depth:
            raise _NotPlain(f"is nested more than {most_depth} levels deep")
        level = [child for node in level for child in _children(node)]
    return found


def _children(node: object) -> Iterator[object]:
    if isinstance(node, dict):
        if not all(isinstance(name, str) for name in node):
            raise _NotPlain("has a member whose name is not text")
        yield from node.values()
    elif isinstance(node, list):
        yield from node
    elif isinstance(node, float) and not math.isfinite(node):
        raise _NotPlain("has a number that is not finite")
    elif isinstance(node, int) and not -(2**63) <= node < 2**64:
        raise _NotPlain("has an integer of more than 64 bits")
    elif not isinstance(node, str | int | float | None):
        raise _NotPlain(f"has a {type(node).__name__}, which is not JSON")


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
        raise SchemaRefused(
            f"The schema comes to more than {MOST_EXPANDED_NODES:,} nodes once its references are followed; "
            "refer to large parts less often."
        )
    return _Compiled(compiled(schema), weight)


def _check_draft(schema: Mapping[str, Json]) -> None:
    draft = schema.get("$schema")
    if draft is None:
        return
    name = draft.removesuffix("#").split("://", 1)[-1] if isinstance(draft, str) else ""
    if name not in _DRAFTS:
        raise SchemaRefused(
            f"$schema is {_quoted(draft)}, which is not a known draft of JSON Schema; "
            'leave it out or use "https://json-schema.org/draft/2020-12/schema".'
        )


def _check_describes_an_object(schema: Mapping[str, Json]) -> None:
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise SchemaRefused(f'The schema must describe an object: its type must be "object", not {_quoted(kind)}.')


def _check_counts(objects: Sequence[Mapping[str, Json]]) -> None:
    properties = sum(len(part["properties"]) for part in objects if isinstance(part.get("properties"), dict))
    if properties > MOST_PROPERTIES:
        raise SchemaRefused(f"The schema has {properties:,} properties; at most {MOST_PROPERTIES} are accepted.")
    patterns = {pattern for part in objects for pattern in _patterns(part)}
    if len(patterns) > MOST_PATTERNS:
        raise SchemaRefused(f"The schema has {len(patterns):,} patterns; at most {MOST_PATTERNS} are accepted.")


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
                raise SchemaRefused(f"The schema has two parts called {_quoted(name)}; a reference could mean either.")
    return anchors


def _names(part: Mapping[str, Json], *, draft: str) -> Iterator[str]:
    yield from (part[key] for key in ("$anchor", "$dynamicAnchor") if isinstance(part.get(key), str))
    for key in ("$id", "id") if "draft-04" in draft else ("$id",):
        name = part.get(key)
        if isinstance(name, str) and name.startswith("#"):
            yield name[1:]
        elif isinstance(name, str):
            # Such a part would change what the local references inside it mean.
            raise SchemaRefused(f"A part of the schema has the {key} {_quoted(name)}; only the schema itself may.")


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
            raise SchemaRefused("A $ref of the schema leads back to itself; references must not be circular.")
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
            raise SchemaRefused(
                f"The schema is nested more than {MOST_EXPANDED_DEPTH} levels deep once its references are followed."
            )

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
            raise SchemaRefused(
                f"{keyword} is {_quoted(reference)}; only references inside the schema are followed, "
                'such as "#/$defs/name".'
            )
        fragment = unquote(reference[1:])
        try:
            return part_named(fragment, self._root, self._anchors)
        except (LookupError, ValueError) as error:
            raise SchemaRefused(f"{keyword} is {_quoted(reference)}, but the schema has no such part.") from error


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
        raise SchemaRefused(f"This is not a usable JSON Schema: {_short(str(error))}.") from error


def _refusal(error: jsonschema_rs.ValidationError) -> str:
    where = _pointer(error.instance_path)
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Format) and error.kind.format == "regex":
        return (
            f"The pattern {_quoted(error.instance)} at {where} cannot be used. Patterns are matched in linear time: "
            "look-around, back-references and very large repetitions are not available."
        )
    return f"This is not a valid JSON Schema: {f'at {where}, ' if where else ''}{_message(error)}."


# What is wrong with values, in words


def problems_in(error: jsonschema_rs.ValidationError) -> list[Problem]:
    """One error of the library as problems: a required member, and each unexpected one, has its own place."""
    kind, path, kinds = error.kind, error.instance_path, jsonschema_rs.ValidationErrorKind
    if isinstance(kind, kinds.Required):
        return [Problem(_pointer([*path, kind.property]), "a value is required", kind.name)]
    if isinstance(kind, kinds.AdditionalProperties | kinds.UnevaluatedProperties):
        unexpected = "the schema has no such property"
        return [Problem(_pointer([*path, name]), unexpected, kind.name) for name in kind.unexpected]
    return [Problem(_pointer(path), _message(error), kind.name)]


def _message(error: jsonschema_rs.ValidationError) -> str:
    """The library's message, without the failing value where that is long."""
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.FalseSchema):
        return "no value is allowed here"
    start, message = _json(error.instance), error.message
    if len(start) > MOST_QUOTED and message.startswith(start):
        message = f"the value{message.removeprefix(start)}"
    return _short(message)


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
