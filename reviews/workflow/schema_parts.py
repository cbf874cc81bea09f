"""Parts of an accepted schema on their own: references replaced by what they name, and whether a value matches a part.

A form asks this to decide which variant of a schema an answer is, and which conditions hold.
"""

import itertools
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import jsonschema_rs
import orjson
from django.utils.translation import gettext as _

from reviews.workflow import schema as schemas
from reviews.workflow.schema import Problem, SchemaRefused

MOST_PART_NODES = 20_000

# Where a schema has further schemas: alone, in a list, or as the members of an object.
_ALONE = (
    "items",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "contentSchema",
)
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_NAMED = ("properties", "patternProperties", "dependentSchemas", "dependencies")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Names and definitions mean nothing in a part that has no references any more.
_DROPPED = frozenset({*_REFERENCES, "$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$defs", "definitions"})
_ALONE_BESIDE_REFERENCE = ("draft-04", "draft-06", "draft-07")

Json = Any


def inlined(schema: Mapping[str, Json]) -> dict[str, Json]:
    """An accepted schema with each local reference replaced by the part that it names; parts are shared, not copied."""
    found: dict[str, Json] = _Inlining(schema).part(schema)
    return found


class _Inlining:
    def __init__(self, root: Mapping[str, Json]) -> None:
        self._root = root
        self._anchors = schemas.anchors_of(root)
        # Older drafts ignore what stands beside a reference.
        self._reference_rules = any(draft in str(root.get("$schema")) for draft in _ALONE_BESIDE_REFERENCE)
        self._known: dict[int, Json] = {}

    def part(self, part: Json) -> Json:
        if not isinstance(part, dict):
            return part
        if id(part) not in self._known:
            self._known[id(part)] = self._inlined(part)
        return self._known[id(part)]

    def _inlined(self, part: dict[str, Json]) -> Json:
        targets = [self.part(self._target(part[word])) for word in _REFERENCES if isinstance(part.get(word), str)]
        if targets and self._reference_rules:
            return targets[0]
        own = {word: self._member(word, value) for word, value in part.items() if word not in _DROPPED}
        if targets:
            own["allOf"] = [*targets, *own.get("allOf", [])]
        return own

    def _target(self, reference: str) -> Json:
        try:
            return schemas.part_named(unquote(reference[1:]), self._root, self._anchors)
        except (LookupError, ValueError):
            # No accepted schema has such a reference. One that is still being written may.
            return True

    def _member(self, keyword: str, value: Json) -> Json:
        if isinstance(value, list) and keyword in _LISTED:
            return [self.part(inner) for inner in value]
        if isinstance(value, dict) and keyword in _NAMED:
            return {name: self.part(inner) for name, inner in value.items()}
        return self.part(value) if keyword in _ALONE else value


def matches(part: Json, value: Json, *, draft: Json = None) -> bool:
    """Whether a value matches a part without references. What is too large to be looked at matches nothing."""
    validator = _validator(part, value, draft)
    try:
        return validator is not None and validator.is_valid(value)
    except ValueError:
        # An integer of more than 64 bits, which validation refuses wherever it stands.
        return False


def problems_of(part: Json, value: Json, *, draft: Json = None) -> Sequence[Problem]:
    """What is wrong with a value by a part without references; pointers start at the value."""
    validator = _validator(part, value, draft)
    if validator is None:
        return ()
    errors = itertools.islice(validator.iter_errors(value), schemas.MOST_PROBLEMS)
    return [problem for error in errors for problem in schemas.problems_in(error)]


def _validator(part: Json, value: Json, draft: Json) -> jsonschema_rs.Validator | None:
    schema = {**part, "$schema": draft} if draft and isinstance(part, dict) else part
    try:
        nodes = schemas.count_nodes(value, most=schemas.MOST_VALUE_NODES)
        found, weight = _compiled(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS))
    except (ValueError, orjson.JSONEncodeError):
        return None
    return found if nodes * weight <= schemas.MOST_PROBLEM_STEPS * 10 else None


@lru_cache(maxsize=256)
def _compiled(text: bytes) -> tuple[jsonschema_rs.Validator, int]:
    """The validator of a part and its size in nodes. Raises SchemaRefused."""
    part = orjson.loads(text)
    weight = schemas.count_nodes(part, most=MOST_PART_NODES)
    if text.count(b'"pattern') > schemas.MOST_PATTERNS:
        raise SchemaRefused(_("This part of the schema has too many patterns."))
    return schemas.compiled(part), weight
