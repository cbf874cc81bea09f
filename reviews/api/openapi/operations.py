"""What a view says of one of its methods. The rest (token, organization, common errors) is said once, in `common`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]
JSON = "application/json"


@dataclass(frozen=True)
class Parameter:
    """A value in the query, in a header or in the path; `place` is one of these words."""

    name: str
    place: str
    description: str
    schema: Schema
    required: bool = False


@dataclass(frozen=True)
class Body:
    """What an operation reads. `examples` are whole bodies, by name; `line` is the schema of a line of NDJSON."""

    description: str
    schema: Schema
    required: bool = True
    media_types: tuple[str, ...] = (JSON,)
    examples: Mapping[str, Any] = field(default_factory=dict)
    line: Schema | None = None


@dataclass(frozen=True)
class Answer:
    """What an operation answers when it succeeds; `line` is the schema of a line of NDJSON."""

    description: str
    schema: Schema
    media_type: str = JSON
    examples: Mapping[str, Any] = field(default_factory=dict)
    line: Schema | None = None


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    `summary` is a short imperative sentence, `details` says what surprises. `errors` has, by status, what a failure
    means here beyond what it means everywhere, `unchanged` what a 304 does. `is_public` operations need no token.
    """

    summary: str
    group: str
    answers: Mapping[int, Answer]
    details: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    errors: Mapping[int, str] = field(default_factory=dict)
    unchanged: str = ""
    is_public: bool = False


def of_component(name: str) -> Schema:
    """A reference to a schema of `components`."""
    return {"$ref": f"#/components/schemas/{name}"}
