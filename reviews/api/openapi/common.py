"""What holds for every operation: how it knows the caller, what it refuses, and in which words that is described."""

from django.conf import settings

from reviews.api.openapi.operations import Operation, Parameter, Schema, of_component

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
    Parameter(
        "organization_id",
        "query",
        "The organization, as log10-io names it. It must be the token's, by external id or slug.",
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
_ALWAYS = (405, 500, 503)
_WITH_TOKEN = (400, 401, 403, 411)
_WITH_BODY = (413, 415)
_WITH_KEY = (409, 422)
# What a status means wherever an operation says nothing else of it.
ERRORS = {
    400: "The request makes no sense; the sentence names the member or parameter.",
    401: "No token, or one that is unknown, revoked or expired.",
    403: "The token lacks the scope, or the request names another organization than the token's.",
    405: "The path takes other methods; `Allow` names them.",
    409: "The same request, under its `Idempotency-Key`, is at work just now.",
    411: "The body comes in chunks, without a `Content-Length`.",
    413: f"The body, or what it would make of a completion, is larger than {settings.API_MAX_BODY_BYTES:,} bytes.",
    415: "The body is not sent as application/json in UTF-8, uncompressed.",
    422: "The `Idempotency-Key` was sent before with another body.",
    500: "GradeBench failed, and its log says why. Nothing of the request was written.",
    503: "The database cannot be reached or is too busy. Nothing was written; `Retry-After` has seconds.",
}


def errors(operation: Operation, *, is_keyed: bool) -> list[int]:
    """The statuses of failure that mean here what they mean everywhere; `is_keyed`: it takes an Idempotency-Key."""
    statuses = {*_ALWAYS, *(() if operation.is_public else _WITH_TOKEN)}
    statuses |= {*(_WITH_BODY if operation.body else ()), *(_WITH_KEY if is_keyed else ())}
    return sorted(statuses - set(operation.errors))


def parameters(operation: Operation, *, is_keyed: bool) -> tuple[Parameter, ...]:
    """The parameters that any such operation has."""
    if operation.is_public:
        return ()
    return (KEY, *ORGANIZATION) if is_keyed else ORGANIZATION


ERROR = of_component("Error")
