"""The OpenAPI document, made by walking the routes that Django serves under /api."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import get_converters

from gradebench.version import VERSION
from reviews.api.openapi import common, components
from reviews.api.openapi.operations import Answer, Body, Operation, Parameter, Schema

ROOT = "api/"
# An answer to HEAD is that of GET without its body, and OPTIONS says what the view is called.
_UNDESCRIBED = {"head", "options"}
# An id is `uid` in our code, beside the integer key, and `id` on the wire.
_ON_THE_WIRE = {"uid": "id"}
_ID = Parameter("id", "path", "The id, percent-encoded.", {"type": "string", "minLength": 1}, required=True)


class Undescribed(Exception):
    """A route that says other methods of itself than it serves."""


@dataclass(frozen=True)
class Route:
    """One path that is served, and what its view says of each of its methods."""

    path: str
    name: str
    needs: Mapping[str, str]
    operations: Mapping[str, Operation]
    takes_keys: bool

    def is_keyed(self, method: str) -> bool:
        """Whether an Idempotency-Key counts there."""
        return self.takes_keys and method == "POST"


def routes() -> list[Route]:
    """Every path under /api, in the order in which Django tries them. Raises Undescribed."""
    return [_route(path, pattern) for path, pattern in _patterns(get_resolver().url_patterns, "") if _is_ours(path)]


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole description, as JSON values. Raises Undescribed. Callers do not change what they get."""
    return {
        "openapi": "3.1.0",
        "info": {"title": common.TITLE, "version": VERSION, "description": common.ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": words} for name, words in common.GROUPS.items()],
        "paths": {
            route.path: {
                method.lower(): _operation(route, method, operation) for method, operation in route.operations.items()
            }
            for route in routes()
        },
        "components": {
            "schemas": components.SCHEMAS,
            "parameters": {it.name: _parameter(it) for it in (common.KEY, *common.ORGANIZATION)},
            "responses": {str(status): _error(words) for status, words in common.ERRORS.items()},
            "securitySchemes": {
                common.SECURITY: {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Log10-Token",
                    "description": "Made by an admin, or by `manage.py create_token`; shown once.",
                }
            },
        },
    }


def _patterns(patterns: list[Any], before: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            # The pages and the admin are not described; what they serve need not be gone through.
            if route.startswith(ROOT) or ROOT.startswith(route):
                yield from _patterns(pattern.url_patterns, route)
        else:
            yield route, pattern


def _is_ours(path: str) -> bool:
    return path.startswith(ROOT)


def _route(path: str, pattern: URLPattern) -> Route:
    view: Any = getattr(pattern.callback, "cls", None)
    operations: Mapping[str, Operation] = getattr(view, "operations", {})
    served = {name.upper() for name in getattr(view, "http_method_names", ()) if hasattr(view, name)}
    served -= {name.upper() for name in _UNDESCRIBED}
    if not served or served != set(operations):
        raise Undescribed(
            f"/{path} serves {', '.join(sorted(served)) or 'nobody knows what'} and describes "
            f"{', '.join(sorted(operations)) or 'nothing'}: see `operations` of its view."
        )
    return Route(_template(path), str(pattern.name), view.needs, operations, view.takes_keys)


def _template(path: str) -> str:
    """Django's `x/<path:uid>` as OpenAPI's `/x/{id}`."""
    for converter in get_converters():
        path = path.replace(f"<{converter}:", "<")
    for ours, wire in _ON_THE_WIRE.items():
        path = path.replace(f"<{ours}>", f"{{{wire}}}")
    return "/" + path


def _operation(route: Route, method: str, operation: Operation) -> dict[str, Any]:
    scope = route.needs.get(method)
    is_keyed = route.is_keyed(method)
    own = (*([_ID] if "{id}" in route.path else []), *operation.parameters)
    shared = common.parameters(operation, is_keyed=is_keyed)
    refusals = {
        **{status: _error(words) for status, words in operation.errors.items()},
        **{status: _shared("responses", str(status)) for status in common.errors(operation, is_keyed=is_keyed)},
    }
    described: dict[str, Any] = {
        "operationId": f"{method.lower()}_{route.name.removeprefix('api_')}",
        "summary": operation.summary,
        "tags": [operation.group],
        "parameters": [*map(_parameter, own), *(_shared("parameters", it.name) for it in shared)],
        # The names in the list are the scopes of which the token needs one.
        "security": [] if operation.is_public else [{common.SECURITY: [scope] if scope else []}],
        "responses": {
            **{str(status): _answer(answer) for status, answer in operation.answers.items()},
            **({"304": {"description": operation.unchanged}} if operation.unchanged else {}),
            **{str(status): refusal for status, refusal in sorted(refusals.items())},
        },
    }
    if operation.details:
        described["description"] = operation.details
    if operation.body is not None:
        described["requestBody"] = _body(operation.body)
    return described


def _shared(kind: str, name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _body(body: Body) -> dict[str, Any]:
    content = _content(body.schema, body.examples, body.line)
    return {
        "description": body.description,
        "required": body.required,
        "content": dict.fromkeys(body.media_types, content),
    }


def _answer(answer: Answer) -> dict[str, Any]:
    content = _content(answer.schema, answer.examples, answer.line)
    return {"description": answer.description, "content": {answer.media_type: content}}


def _error(words: str) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": common.ERROR}}}


def _content(schema: Schema, examples: Mapping[str, Any], line: Schema | None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if line is not None:
        # OpenAPI 3.1 has no word for the lines of NDJSON; 3.2 calls this itemSchema.
        content["x-itemSchema"] = line
    if examples:
        content["examples"] = {
            name.replace(" ", "-"): {"summary": name, "value": value} for name, value in examples.items()
        }
    return content
