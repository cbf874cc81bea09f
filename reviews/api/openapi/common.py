"""What holds for every operation: how it knows the caller, what it refuses, and in which words that is described."""

from django.conf import settings

from reviews.api.openapi.operations import JSON, Operation, Parameter, Schema, of_component

SECURITY = "token"
TITLE = "GradeBench"
ABOUT = """\
Log10's API, and GradeBench's own under `/api/gradebench/v1/`. Paths have no slash at their end and nothing redirects.

Every operation but those that describe the API needs a token in `X-Log10-Token`. The token decides the organization; \
whatever organization a request names (header, query or body) must be the token's, by its external id or its slug. \
A token has scopes: `ingest`, `read`, `feedback`.

Two families of clients call some paths in two ways. What is said here is the whole of it: where one answer serves \
both, it has the members of both; where two answers exclude each other, the operation says what decides.

Every failure is JSON with one member, `error`: a sentence that says what to do. Nothing of a refused request is kept.
"""

GROUPS = {
    "Completions": "What an application logs: one request to a model and its response.",
    "Sessions": "A run of completions that belong together.",
    "Feedback": "Grades of completions, given by people here or by a client.",
    "Feedback tasks": "What is asked of a grade: an instruction and a JSON Schema, of which completions by their tags.",
    "The dialect of log10-io": "Log10's older paths: JSON texts inside JSON, milliseconds, kind `completion` for "
    "what is `prompt` elsewhere.",
    "In bulk": "GradeBench's own.",
    "This description": "Public: they hold nothing of anybody.",
}

NAMED: Schema = {"type": "string", "maxLength": 255}
ORGANIZATION = (
    Parameter(
        "X-Log10-Organization",
        "header",
        "The organization, as log10py names it. It must be the token's, by external id or slug.",
        NAMED,
    ),
    Parameter(
        "X-Log10-Organization-Id",
        "header",
        "The organization, as log10-io names it. It must be the token's, by external id or slug. Where it is sent, "
        "`/api/completions/{id}` and `/api/tags/search` speak log10-io's dialect.",
        NAMED,
    ),
)
KEY = Parameter(
    "Idempotency-Key",
    "header",
    "Any text of the client's own. Within 24 hours the same request under the same key does its work once: whoever "
    "repeats it gets the answer that was given, with `Idempotent-Replayed: true`.",
    {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
)
ORGANIZATION_IN_QUERY = Parameter(
    "organization_id",
    "query",
    "The organization, as log10-io names it. It must be the token's, by external id or slug.",
    NAMED,
)

PUBLIC_ERRORS = {
    405: "The path takes other methods; `Allow` names them.",
    500: "GradeBench failed, and its log says why. Nothing of the request was written.",
    503: "The database cannot be reached or is too busy. Nothing was written; `Retry-After` has seconds.",
}
TOKEN_ERRORS = {
    400: "The request makes no sense; the sentence names the member or parameter.",
    401: "No token, or one that is unknown, revoked or expired.",
    403: "The token lacks the scope, or the request names another organization than the token's.",
    411: "The body comes in chunks, without a `Content-Length`.",
}


KEY_ERRORS = {
    409: "The same request, under its `Idempotency-Key`, is at work just now.",
    422: "The `Idempotency-Key` was sent before with another body.",
}


def errors(operation: Operation, *, is_keyed: bool) -> dict[int, str]:
    """What each status of failure means for this operation; `is_keyed` where it takes an Idempotency-Key."""
    found = dict(PUBLIC_ERRORS)
    if not operation.is_public:
        found |= TOKEN_ERRORS
    if operation.body is not None:
        found |= _body_errors(operation.body.media_types)
    if is_keyed:
        found |= KEY_ERRORS
    return dict(sorted((found | dict(operation.errors)).items()))


def every_error() -> dict[int, str]:
    """What each status of failure means wherever nothing else is said."""
    return dict(sorted((PUBLIC_ERRORS | TOKEN_ERRORS | KEY_ERRORS | _body_errors((JSON,))).items()))


def _body_errors(media_types: tuple[str, ...]) -> dict[int, str]:
    return {
        413: f"The body, or what it would make of a completion, is larger than {settings.API_MAX_BODY_BYTES:,} bytes.",
        415: f"The body is not sent as {' or '.join(media_types)} in UTF-8, uncompressed.",
    }


def parameters(operation: Operation, *, is_keyed: bool) -> tuple[Parameter, ...]:
    """The operation's own parameters, and those that any operation has."""
    if operation.is_public:
        return operation.parameters
    keys = (KEY,) if is_keyed else ()
    return (*operation.parameters, *keys, ORGANIZATION_IN_QUERY, *ORGANIZATION)


ERROR = of_component("Error")
