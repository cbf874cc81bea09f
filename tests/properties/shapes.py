"""Strategies: documents in Log10's shape, odd in every place, schemas and values of feedback, and what spoils them."""

import copy
import random
from collections.abc import Callable
from typing import Any

import orjson
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

ODD_TEXTS = [
    "",
    "\x00",
    "a\x00b",
    "\u2028",
    "😀",
    "\U0010ffff",
    "\ufffe",
    "__proto__",
    "a/b~",
    '"\\',
    "\u202e",
    "x" * 300,
]
EDGES = [0, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63)]
ODD_FLOATS = [-0.0, 1.0, 0.1, 1e-7, 5e-324, 1e16, 1e22, 1e300, 1.7976931348623157e308, -1e308, -9999.0]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(ODD_TEXTS)
numbers = (
    st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from(EDGES)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(ODD_FLOATS)
)
leaves = st.none() | st.booleans() | numbers | texts
json = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8
)
maybe_text = st.none() | texts


def members(known: dict[str, SearchStrategy[Any]], *, most_unknown: int = 2) -> SearchStrategy[dict[str, Any]]:
    """Objects with some of the known members and some unknown ones, in any order."""

    @st.composite
    def build(draw: DrawFn) -> dict[str, Any]:
        names = draw(st.lists(st.sampled_from(list(known)), unique=True))
        drawn = [(name, draw(known[name])) for name in names]
        strange = draw(st.dictionaries(texts.filter(lambda name: name not in known), json, max_size=most_unknown))
        drawn += list(strange.items())
        return dict(draw(st.permutations(drawn)))

    return build()


# Completions -----------------------------------------------------------------------------------------------------

parts = members({"type": texts, "text": json, "image_url": json}, most_unknown=1)
messages = members(
    {
        "role": st.sampled_from(["system", "user", "assistant", "tool", "developer", ""]) | json,
        "content": texts | st.lists(parts, max_size=2) | json,
        "tool_calls": json | st.lists(members({"id": texts, "type": texts, "function": json}), max_size=2),
        "name": json,
    },
    most_unknown=1,
)
requests = members(
    {
        "model": texts | json,
        "messages": st.lists(messages, max_size=3) | json,
        "prompt": texts | json,
        "tools": json,
        "tool_choice": json,
        "response_format": json | st.just({"type": "json_schema", "json_schema": {}}),
        "stop": json,
        "max_tokens": numbers,
        "temperature": numbers,
    }
)
tokens = members({"token": texts, "logprob": numbers | json, "bytes": json, "top_logprobs": json}, most_unknown=1)
choices = members(
    {
        "index": numbers | json,
        "message": messages | json,
        "text": texts | json,
        "finish_reason": st.sampled_from(["stop", "length", "end_turn", "tool_use", None]) | json,
        "logprobs": json | st.fixed_dictionaries({"content": st.lists(tokens | json, max_size=4)}),
    },
    most_unknown=1,
)
usage = members(dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), numbers | json))
responses = members(
    {
        "id": json,
        "object": st.sampled_from(["chat.completion", "text_completion", "chat", "completion"]) | json,
        "created": numbers | json,
        "model": texts | json,
        "choices": st.lists(choices, max_size=3) | json,
        "usage": usage | json,
    }
)
tags = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8) | st.sampled_from(["support", "\x00"])
documents = members(
    {
        "organization_id": st.sampled_from(["acme", "acme-slug", "", None]),
        "kind": maybe_text | st.sampled_from(["chat", "prompt", "completion"]),
        "status": maybe_text | st.sampled_from(["started", "finished", "failed"]),
        "tags": st.none() | st.lists(tags, max_size=4),
        "request": st.none() | requests,
        "response": st.none() | responses,
        "duration": numbers | json,
        "stacktrace": json,
        "session_id": maybe_text,
        "failure_kind": maybe_text,
        "failure_reason": maybe_text,
        "created_at": json,
    }
).filter(lambda document: "id" not in document)


# Feedback --------------------------------------------------------------------------------------------------------

PATTERNS = [
    "(a+)+$",
    "(a|aa)*b",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "[",
    "\\1",
    "(?=a)a",
    "(a{1000}){1000}",
    "\\p{L}",
    ".*",
]
REFERENCES = [
    "#",
    "#/$defs/a",
    "#/$defs/b",
    "#a",
    "#/properties/a",
    "#/%",
    "",
    "b.json",
    "http://127.0.0.1:9/x",
    "file:///x",
]
KINDS = ["object", "array", "string", "integer", "number", "boolean", "null", "odd"]
FORMATS = ["date-time", "email", "uri", "regex", "uuid", "ipv6", "idn-email", "odd"]


def _with_keywords(inner: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    by_name = st.dictionaries(st.sampled_from(["a", "b", "c", "", "\x00"]), inner, max_size=3)
    several = st.lists(inner, max_size=3)
    return members(
        {
            "type": st.sampled_from(KINDS) | st.lists(st.sampled_from(KINDS), max_size=3),
            "enum": st.lists(leaves, max_size=3),
            "const": json,
            "pattern": st.sampled_from(PATTERNS),
            "format": st.sampled_from(FORMATS),
            "minimum": numbers,
            "multipleOf": numbers,
            "maxLength": numbers,
            "uniqueItems": st.booleans(),
            "$ref": st.sampled_from(REFERENCES),
            "$dynamicRef": st.sampled_from(REFERENCES),
            "$anchor": st.sampled_from(["a", "b"]),
            "$id": st.sampled_from(["a", "#a", "http://127.0.0.1:9/x", "https://json-schema.org/draft-07/schema"]),
            "properties": by_name,
            "patternProperties": st.dictionaries(st.sampled_from(PATTERNS), inner, max_size=2),
            "required": st.lists(st.sampled_from(["a", "b", "c"]), max_size=2) | json,
            "additionalProperties": inner,
            "items": inner,
            "contains": inner,
            "anyOf": several,
            "allOf": several,
            "oneOf": several,
            "not": inner,
            "if": inner,
            "then": inner,
            "propertyNames": inner,
            "dependentSchemas": by_name,
            "unevaluatedProperties": inner,
            "$defs": by_name,
        },
        most_unknown=1,
    )


sub_schemas = st.recursive(st.booleans() | _with_keywords(st.booleans()), _with_keywords, max_leaves=6)
schemas = st.builds(
    lambda root, by_name, defs: {**root, "type": "object", "properties": by_name, "$defs": defs},
    st.just({}) | _with_keywords(sub_schemas),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), sub_schemas, max_size=3),
    st.dictionaries(st.sampled_from(["a", "b"]), sub_schemas, max_size=2),
)
long_texts = st.sampled_from(["a" * 30_000 + "!", "ab" * 5_000, "\x00" * 100, "😀" * 1_000])
values = st.dictionaries(st.sampled_from(["a", "b", "c"]) | texts, json | long_texts, max_size=4)


# What spoils them ------------------------------------------------------------------------------------------------

# Each stands for a fault: of type, of size, of depth, of range.
WRONG: list[Callable[[Any], Any]] = [
    lambda _: None,
    lambda _: [],
    lambda _: {},
    lambda _: "",
    lambda _: "\x00",
    lambda _: True,
    lambda _: 2**64 - 1,
    lambda _: -1.5,
    lambda _: 1e308,
    lambda _: "x" * 70_000,
    lambda value: [value],
    lambda value: {"a": value},
    lambda value: orjson.dumps(value).decode(),
    lambda value: [value] * 1_100,
    lambda value: _deep(value, 30),
    lambda value: _deep(value, 70),
    lambda _: {str(number): number for number in range(2_100)},
]
SPLINTERS = [
    b"NaN",
    b"-Infinity",
    b"\x00",
    b"\xff",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"1e999",
    b"-",
    b"e5",
]
SPLINTERS += [
    b"18446744073709551616",
    b"-9223372036854775809",
    b"\\ud800",
    b'"a":1,"a":2',
    b"\xef\xbb\xbf",
    b"/*",
    b" " * 999,
]


def _deep(value: Any, levels: int) -> Any:
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def spoil(value: Any, chance: random.Random) -> Any:
    """A copy with one to three faults somewhere in it: a value that is wrong, a member lost, renamed or doubled."""
    spoilt = {"": copy.deepcopy(value)}
    for _ in range(chance.randint(1, 3)):
        container, key = chance.choice(_places(spoilt))
        fault = chance.randrange(len(WRONG) + 3)
        if fault < len(WRONG):
            container[key] = WRONG[fault](container[key])
        elif isinstance(container, list):
            container.insert(key, copy.deepcopy(chance.choice(container)))
        elif fault == len(WRONG) and key:
            del container[key]
        else:
            container[chance.choice(["id", "status", "tags", "task_id", "completion_ids", "json_schema", "\x00"])] = (
                copy.deepcopy(container[key])
            )
    return spoilt[""]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Where anything stands: in which object or list, under which name or number."""
    found: list[tuple[Any, Any]] = []
    level = [value]
    while level and len(found) < 400:
        inner = []
        for container in level:
            keys = list(container) if isinstance(container, dict) else range(len(container))
            found += [(container, key) for key in keys]
            inner += [container[key] for key in keys if isinstance(container[key], (dict, list))]
        level = inner
    return found


def splinter(raw: bytes, chance: random.Random) -> bytes:
    """The bytes with one to three faults: some lost, doubled, turned or put in; or all of them in another encoding."""
    if chance.random() < 0.05:
        return raw.decode().encode(chance.choice(["utf-16", "utf-16-le", "utf-32-be", "utf-8-sig"]))
    for _ in range(chance.randint(1, 3)):
        start, end = sorted(chance.randrange(len(raw) + 1) for _ in range(2))
        match chance.randrange(5):
            case 0:
                raw = raw[:start] + raw[min(end, start + chance.randint(1, 9)) :]
            case 1:
                raw = raw[:end] + raw[start:]
            case 2:
                raw = raw[:start] + bytes([chance.randrange(256)]) + raw[start + 1 :]
            case 3:
                raw = raw[:start]
            case _:
                raw = raw[:start] + chance.choice(SPLINTERS) + raw[start:]
    return raw
