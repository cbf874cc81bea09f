"""What the views of log10-io's paths say of themselves."""

from typing import Any

from reviews.api.openapi.completions import CHAT, GONE, UID
from reviews.api.openapi.operations import Answer, Body, Operation, Parameter, Schema, of_component
from reviews.api.openapi.paging import page

GROUP = "The dialect of log10-io"
ROWS = 25
_NOTHING_NEEDED = Body("Nothing, or an object with `organization_id`.", {"type": "object"}, required=False)
TAG = {"id": "3f0d6f1c-0b1f-4d58-a0e4-7f2f2d3f1c11", "name": "support"}
CREATED = "2026-01-01T09:00:00+00:00"
# What differs from v1: texts, milliseconds.
FINISHED: dict[str, Any] = {
    "organization_id": "acme",
    "status": "finished",
    "kind": "chat",
    "request": '{"model":"gpt-4o","messages":[{"role":"user","content":"When does the shop open?"}]}',
    "response": '{"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"At nine."}}]}',
    "duration": 1250,
}
ROW: dict[str, Any] = {
    "id": UID,
    "organization_id": "acme",
    "kind": "chat",
    "status": "finished",
    "duration": 1250,
    "created_at": CREATED,
    "tagResolved": [TAG],
    "request": {"model": "gpt-4o", "messages": [{"role": "user", "content": "When does the shop open?"}]},
    "response": {"model": "gpt-4o", "choices": [{"index": 0, "message": {"role": "assistant", "content": "At nine."}}]},
}


def _data(schema: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {"data": schema},
        "required": ["data"],
        "additionalProperties": False,
    }


OPEN = Operation(
    summary="Open a session",
    group=GROUP,
    body=_NOTHING_NEEDED,
    answers={
        200: Answer(
            "The id of the session.",
            of_component("LoggedSession"),
            examples={"a session": {"sessionID": "0a0c1a52-6f0e-4d0e-9a53-51c2c4c2a0f4"}},
        )
    },
)
RESERVE = Operation(
    summary="Get an id to log to",
    group=GROUP,
    details="Nothing is written: the first post to the id makes the completion, as it does for ids that a client made.",
    body=_NOTHING_NEEDED,
    answers={
        200: Answer(
            "A new uuid.",
            of_component("Reserved"),
            examples={"an id": {"completionID": UID, "organizationSlug": "acme"}},
        )
    },
)
LOG = Operation(
    summary="Log to a completion, whole or in parts",
    group=GROUP,
    details="`started`, `finished` and `failed` may come in any order and number; an unknown uuid is created. A text "
    "in `request`, `response` or `stacktrace` is JSON and read as such; `duration` is in milliseconds whatever its "
    "form. A repeated post does not undo what was edited here meanwhile.",
    body=Body("A completion, or a part of it.", of_component("LoggedIn"), examples={"the end of a call": FINISHED}),
    answers={
        200: Answer("It is stored.", of_component("LoggedTo"), examples={"stored": {"completionID": UID}}),
    },
    errors={
        400: "A member is not of its form, or a text in it is no JSON that is taken.",
        404: "The id is unknown and no uuid, or it is another organization's.",
        410: GONE,
    },
)
LIST = Operation(
    summary="List completions",
    group=GROUP,
    details="Newest first. Rows are for a table: the first message and the first answer, as text of at most 1,000 "
    "characters. An empty filter is none.",
    parameters=(
        *page(ROWS),
        Parameter("tagFilter", "query", "Ids of tags, with commas; a row carries all of them.", {"type": "string"}),
        Parameter("ids", "query", "Ids of completions, with commas.", {"type": "string"}),
        Parameter(
            "createdFilter",
            "query",
            "JSON: an object with `from` and `to`, moments such as 2026-01-31T08:00:00Z, or an empty one. It is about "
            "when the completion came here; both ends are included.",
            {"type": "string"},
        ),
        Parameter("sort", "query", "There is one order.", {"enum": ["created_at", ""]}),
        Parameter("desc", "query", "`false`: oldest first.", {"enum": ["true", "false", ""]}),
    ),
    answers={
        200: Answer(
            "A page, under `data`.",
            _data({"type": "array", "items": of_component("LoggedRow")}),
            examples={"one": {"data": [ROW]}},
        )
    },
    errors={400: "A filter is not of its form."},
)
GET = Operation(
    summary="Read a completion",
    group=GROUP,
    details="The whole current document, with what was edited here. Three forms: with the header "
    "`X-Log10-Organization-Id`, which log10-io sends, in its dialect; else to a `User-Agent` with `speakeasy-sdk/` in "
    "it as the generated SDKs can parse it; else as it is stored. The answer has an `ETag`, another one in each of the "
    "forms and after each change.",
    parameters=(
        Parameter(
            "If-None-Match",
            "header",
            "Tags that earlier answers had, with commas; `*` is any. Whoever has the completion as it is now is "
            "answered 304.",
            {"type": "string"},
        ),
    ),
    answers={
        200: Answer(
            "The completion, under `data`.",
            _data({"anyOf": [of_component("Completion"), of_component("LoggedCompletion")]}),
            examples={
                "as it is stored": {"data": {**CHAT, "id": UID}},
                "to log10-io": {
                    "data": {**CHAT, "id": UID, "duration": 1250, "created_at": CREATED, "tagResolved": [TAG]}
                },
            },
        )
    },
    unchanged="The completion is as it was when it had one of the tags in `If-None-Match`. There is no body.",
    errors={404: "There is no completion of this id in the token's organization.", 410: GONE},
)
FIND_TAG = Operation(
    summary="Find the id of a tag",
    group=GROUP,
    details="The tag of exactly this name, or none: log10-io takes a single hit as it comes. log10-io does not encode "
    "the name; to it, all that follows `query=` is the name.",
    parameters=(Parameter("query", "query", "The name.", {"type": "string"}),),
    answers={
        200: Answer(
            "The tag, or nothing.",
            _data({"type": "array", "items": of_component("FoundTag"), "maxItems": 1}),
            examples={"found": {"data": [TAG]}, "not found": {"data": []}},
        )
    },
)
AUTOPROMPT = Operation(
    summary="Analyse a prompt: not here",
    group=GROUP,
    details="log10-io has a command for it; GradeBench has nothing of the kind, and says so.",
    body=Body("Nothing, or an object.", {"type": "object"}, required=False),
    answers={},
    errors={501: "Always: there is no prompt analyzer here."},
)
