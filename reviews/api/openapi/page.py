"""The description as a page shows it: frozen, in the order of reading, words already turned into HTML."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from gradebench.version import VERSION
from reviews.api.openapi import common, components
from reviews.api.openapi.document import Route, routes
from reviews.api.openapi.operations import Body, Operation, Parameter, Schema

_CODE = re.compile(r"`([^`]+)`")
_COMPONENT = "#/components/schemas/"


@dataclass(frozen=True)
class Line:
    """A member of an object, or a parameter: its name, what it may be, what it means."""

    name: str
    kind: SafeString
    words: SafeString
    is_needed: bool
    place: str = ""


@dataclass(frozen=True)
class Example:
    """A body, as JSON text."""

    name: str
    text: str


@dataclass(frozen=True)
class Said:
    """A body or an answer; `status` is empty for what is sent."""

    words: SafeString
    kind: SafeString
    media_types: str
    examples: tuple[Example, ...]
    status: str = ""


@dataclass(frozen=True)
class Refusal:
    """A status of failure, and what it means."""

    status: int
    words: SafeString


@dataclass(frozen=True)
class Entry:
    """One operation."""

    anchor: str
    method: str
    path: str
    summary: str
    details: SafeString
    scope: str
    is_public: bool
    is_keyed: bool
    parameters: tuple[Line, ...]
    body: Said | None
    answers: tuple[Said, ...]
    refusals: tuple[Refusal, ...]
    as_everywhere: tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """Operations that belong together."""

    anchor: str
    name: str
    words: SafeString
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Shape:
    """An object that goes over the wire."""

    anchor: str
    name: str
    words: SafeString
    members: tuple[Line, ...]


@dataclass(frozen=True)
class Page:
    """All of it."""

    version: str
    about: tuple[SafeString, ...]
    groups: tuple[Group, ...]
    organization: tuple[Line, ...]
    key: tuple[Line, ...]
    refusals: tuple[Refusal, ...]
    shapes: tuple[Shape, ...]


@lru_cache(maxsize=1)
def page() -> Page:
    """The page; it changes with the code alone. Raises document.Undescribed."""
    found = routes()
    return Page(
        version=VERSION,
        about=tuple(_html(text) for text in common.ABOUT.strip().split("\n\n")),
        groups=tuple(
            Group(_anchor(name), name, _html(words), entries)
            for name, words in common.GROUPS.items()
            if (entries := tuple(_entries(found, name)))
        ),
        organization=tuple(_parameter(it) for it in common.ORGANIZATION),
        key=(_parameter(common.KEY),),
        refusals=tuple(_refusals(common.ERRORS)),
        shapes=tuple(
            Shape(_anchor(name), name, _html(schema.get("description", "")), tuple(_members(schema)))
            for name, schema in components.SCHEMAS.items()
        ),
    )


def _entries(found: Iterable[Route], group: str) -> Iterable[Entry]:
    for route in found:
        for method, operation in route.operations.items():
            if operation.group == group:
                yield _entry(route, method, operation)


def _entry(route: Route, method: str, operation: Operation) -> Entry:
    is_keyed = route.is_keyed(method)
    return Entry(
        anchor=_anchor(f"{method} {route.path}"),
        method=method,
        path=route.path,
        summary=operation.summary,
        details=_html(operation.details),
        scope=route.needs.get(method, ""),
        is_public=operation.is_public,
        is_keyed=is_keyed,
        parameters=tuple(_parameter(parameter) for parameter in operation.parameters),
        body=_sent(operation.body) if operation.body else None,
        answers=tuple(
            Said(
                _html(answer.description),
                _whole(answer.schema, answer.line),
                answer.media_type,
                _examples(answer.examples),
                str(status),
            )
            for status, answer in operation.answers.items()
        ),
        refusals=tuple(_refusals({**({304: operation.unchanged} if operation.unchanged else {}), **operation.errors})),
        as_everywhere=tuple(common.errors(operation, is_keyed=is_keyed)),
    )


def _sent(body: Body) -> Said:
    media_types = " or ".join(body.media_types)
    return Said(_html(body.description), _whole(body.schema, body.line), media_types, _examples(body.examples))


def _whole(schema: Schema, line: Schema | None) -> SafeString:
    return _kind(schema) if line is None else format_html("a line each: {}", _kind(line))


def _refusals(errors: Mapping[int, str]) -> Iterable[Refusal]:
    return (Refusal(status, _html(words)) for status, words in errors.items())


def _parameter(parameter: Parameter) -> Line:
    words = _html(parameter.description)
    return Line(parameter.name, _kind(parameter.schema), words, parameter.required, parameter.place)


def _members(schema: Schema) -> Iterable[Line]:
    needed = schema.get("required", [])
    properties: Mapping[str, Schema] = schema.get("properties", {})
    for name in (*properties, *(name for name in needed if name not in properties)):
        member = properties.get(name, {})
        yield Line(name, _kind(member), _html(member.get("description", "")), name in needed)


def _examples(examples: Mapping[str, Any]) -> tuple[Example, ...]:
    return tuple(
        Example(name, value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
        for name, value in examples.items()
    )


_TYPES = {
    "object": "object",
    "array": "list",
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}


def _kind(schema: Schema) -> SafeString:
    """What a value may be, in words; a shape is a link to where it is described."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_COMPONENT)
        return format_html('<a href="#{}">{}</a>', _anchor(name), name)
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema:
            return format_html_join(mark_safe(" or "), "{}", ((_kind(part),) for part in schema[keyword]))
    if "const" in schema:
        return format_html("<code>{}</code>", orjson.dumps(schema["const"]).decode())
    if "enum" in schema:
        return format_html_join(mark_safe(", "), "<code>{}</code>", ((value,) for value in schema["enum"]))
    named = schema.get("type", [])
    types = [named] if isinstance(named, str) else named
    if "array" in types and "items" in schema:
        listed = format_html("list of {}", _kind(schema["items"]))
        others = [_TYPES[kind] for kind in types if kind != "array"]
        return format_html_join(mark_safe(" or "), "{}", ((part,) for part in (listed, *others)))
    return escape(" or ".join(_TYPES[kind] for kind in types) + _bounds(schema))


def _bounds(schema: Schema) -> str:
    if "maxLength" in schema:
        return f", {schema.get('minLength', 0):,} to {schema['maxLength']:,} characters"
    if "maximum" in schema:
        return f", {schema.get('minimum', 0):,} to {schema['maximum']:,}"
    return f", {schema['format']}" if "format" in schema else ""


def _html(text: str) -> SafeString:
    """Text with what stands between backticks as code."""
    pieces = _CODE.split(text)
    marked = (format_html("<code>{}</code>", piece) if at % 2 else piece for at, piece in enumerate(pieces))
    return format_html_join("", "{}", ((piece,) for piece in marked))


def _anchor(name: str) -> str:
    return re.sub(r"\W+", "-", name.lower()).strip("-")
