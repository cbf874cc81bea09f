"""The shapes that go over the wire, as JSON Schema. What is refused here is refused by the readers of `log10.wire`."""

from typing import Any

from reviews.api.openapi.operations import Schema, of_component
from reviews.log10 import wire
from reviews.workflow.feedback_tasks import MOST_SELECTOR_TAGS
from reviews.workflow.grading import LONGEST_COMMENT


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _text_or_null(description: str, **more: Any) -> Schema:
    return {"type": ["string", "null"], "description": description, **more}


def _object(properties: dict[str, Schema], *, optional: tuple[str, ...] = (), **more: Any) -> Schema:
    """An object of these members and no others; all but the optional ones are always there."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
        **more,
    }


_ID: Schema = {"type": "string", "minLength": 1, "maxLength": wire.LONGEST_NAME}
_TAG: Schema = {"type": "string", "minLength": 1, "maxLength": wire.LONGEST_TAG}
_MOMENT: Schema = {"type": "string", "format": "date-time", "description": "With its offset from UTC."}
_MILLISECONDS: Schema = {"type": "integer", "description": "The same moment, in milliseconds since 1970."}
_JSON_OBJECT: Schema = {"type": "object"}

_COMPLETION_MEMBERS: dict[str, Schema] = {
    "id": {**_ID, "type": ["string", "null"], "description": "Clients make ids; without one GradeBench does."},
    "organization_id": _text_or_null("Must be the token's organization; answers carry its external id."),
    "kind": _text_or_null("`chat` or `prompt`. Any other text is kept."),
    "status": _text_or_null("`started`, `finished` or `failed`. Any other text is kept and counts as ended."),
    "tags": {
        "type": ["array", "null"],
        "items": _TAG,
        "maxItems": wire.MOST_TAGS,
        "description": "A feedback task asks for completions by their tags.",
    },
    "session_id": _text_or_null("The session, as `POST /api/v1/sessions` named it, or any other text."),
    "request": {
        "type": ["object", "null"],
        "description": "What was asked of the model, in the form of OpenAI's chat or text completions: `model`, "
        "`messages`, … Kept as it is.",
    },
    "response": {
        "type": ["object", "null"],
        "description": "What the model answered, in OpenAI's form: `choices`, `usage`, `model`, … Kept as it is.",
    },
    "stacktrace": {"description": "Where the application made the call: a list of `file`, `line`, `lineno`, `name`."},
    "duration": {"description": "How long the call took, in seconds."},
    "failure_kind": _text_or_null("Of a failed call: the kind of failure."),
    "failure_reason": _text_or_null("Of a failed call: what was said about it."),
}

SCHEMAS: dict[str, Schema] = {
    "Error": _object(
        {"error": _text("A sentence that says what is wrong and what to do.", minLength=1)},
        description="Every failure.",
    ),
    "CompletionIn": {
        "type": "object",
        "description": "A completion as a client sends it. No member must be there, unknown ones are kept, and what "
        "is kept comes out as it came in: same members, same order, same values.",
        "properties": _COMPLETION_MEMBERS,
        "additionalProperties": True,
    },
    "Completion": {
        "type": "object",
        "description": "The whole current document, with the id and organization it has here. To a `User-Agent` with "
        "`speakeasy-sdk/` in it (log10py, log10ts) it is shown as those SDKs can parse it: see CompletionForSdk.",
        "properties": {
            **_COMPLETION_MEMBERS,
            "id": {**_ID, "description": "The id here."},
            "organization_id": _text("The organization's external id."),
        },
        "required": ["id", "organization_id"],
        "additionalProperties": True,
    },
    "CompletionForSdk": {
        "type": "object",
        "description": "The same, as the generated SDKs parse it: members they need are there, as null if need be, and "
        "nothing is there that their classes refuse. What is stored stays as it was received.",
        "properties": {
            **{name: _COMPLETION_MEMBERS[name] for name in ("session_id", "failure_kind", "failure_reason")},
            "id": _ID,
            "organization_id": {"type": "string"},
            "kind": {"enum": ["chat", "prompt"]},
            "status": {"enum": ["started", "finished", "failed"]},
            "duration": {"type": "number"},
            "request": of_component("RequestForSdk"),
            "response": of_component("ResponseForSdk"),
        },
        "required": ["id", "organization_id", "kind"],
    },
    "RequestForSdk": {
        "type": "object",
        "properties": {"messages": {"type": "array"}, "model": {"type": ["string", "null"]}},
        "required": ["messages", "model", *wire.EXPECTED_REQUEST_MEMBERS],
    },
    "ResponseForSdk": {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "model": {"type": "string"},
            "object": {"const": "chat.completion"},
            "created": {"type": "number"},
            "choices": {"type": "array", "items": of_component("ChoiceForSdk")},
        },
        "required": ["id", "model", "object", "created", "choices"],
    },
    "ChoiceForSdk": {
        "type": "object",
        "properties": {
            "index": {},
            "finish_reason": {"enum": ["stop", "length", "tool_calls", "content_filter", "function_call"]},
            "logprobs": {"type": ["object", "null"]},
            "message": {
                "type": "object",
                "properties": {"role": {"const": "assistant"}, "content": {}},
                "required": ["role", "content"],
            },
        },
        "required": ["index", "finish_reason", "logprobs", "message"],
    },
    "LoggedIn": {
        "type": "object",
        "description": "A completion as log10-io logs it; what is not said here is as in CompletionIn.",
        "properties": {
            **_COMPLETION_MEMBERS,
            "kind": _text_or_null("`chat` or `completion`; the second is `prompt` elsewhere. Any other text is kept."),
            "request": {"type": ["string", "object", "null"], "description": "As JSON text, or as it is."},
            "response": {"type": ["string", "object", "null"], "description": "As JSON text, or as it is."},
            "stacktrace": {"description": "As JSON text, or as it is."},
            "duration": {"description": "How long the call took, in milliseconds."},
        },
        "additionalProperties": True,
    },
    "LoggedTo": _object({"completionID": _ID}),
    "Reserved": _object({"completionID": _text("A uuid.", format="uuid"), "organizationSlug": _text("The slug.")}),
    "LoggedSession": _object({"sessionID": _text("A uuid.", format="uuid")}),
    "FoundTag": _object({"id": _text("A uuid.", format="uuid"), "name": _text("Exactly what was asked for.")}),
    "LoggedRow": _object(
        {
            "id": _ID,
            "organization_id": _text("The organization's external id."),
            "kind": {"enum": ["chat", "completion"]},
            "status": _text("As it was logged."),
            "session_id": _text("The session, where there is one."),
            "duration": {"type": "integer", "description": "In milliseconds, where it is known."},
            "created_at": {**_MOMENT, "description": "When it came here."},
            "tagResolved": {"type": "array", "items": of_component("FoundTag")},
            "request": {**_JSON_OBJECT, "description": "`model`, and `messages` with the first one, or `prompt`."},
            "response": {**_JSON_OBJECT, "description": "`model`, and `choices` with the first one."},
        },
        optional=("session_id", "duration", "request", "response"),
    ),
    "LoggedCompletion": {
        "type": "object",
        "description": "The whole document in log10-io's dialect. A `request` or `response` that is null is left out.",
        "properties": {
            "id": _ID,
            "organization_id": _text("The organization's external id."),
            "kind": {"enum": ["chat", "completion"]},
            "duration": {"description": "In milliseconds."},
            "created_at": {**_MOMENT, "description": "When it came here."},
            "tagResolved": {"type": "array", "items": of_component("FoundTag")},
            "request": _JSON_OBJECT,
            "response": _JSON_OBJECT,
        },
        "required": ["id", "organization_id", "kind", "created_at", "tagResolved"],
        "additionalProperties": True,
    },
    "BulkLine": {
        "description": "What became of a line.",
        "oneOf": [
            _object(
                {
                    "line": {"type": "integer", "minimum": 1},
                    "id": _ID,
                    "outcome": {"enum": ["created", "changed", "unchanged"]},
                }
            ),
            _object({"line": {"type": "integer", "minimum": 1}, "error": _text("As of any failure.", minLength=1)}),
        ],
    },
    "BulkSummary": _object(
        {
            "complete": {"type": "boolean", "description": "Whether the body was read to its end."},
            "lines": {"type": "integer", "minimum": 0, "description": "How many were read, blank ones left out."},
            "created": {"type": "integer", "minimum": 0},
            "changed": {"type": "integer", "minimum": 0},
            "unchanged": {"type": "integer", "minimum": 0, "description": "Nothing in them was new."},
            "refused": {"type": "integer", "minimum": 0},
            "error": _text("Why not to its end."),
        },
        optional=("error",),
    ),
    "Ungraded": _object(
        {
            "completions": {"type": "array", "items": of_component("Completion")},
            "truncated": {"const": True, "description": "There is more than fits into one answer (48 MB)."},
            "next": _text("Of a truncated list: the `after` of the following page."),
        },
        optional=("truncated", "next"),
    ),
    "Session": _object({"session": _object({"id": _text("A uuid.", format="uuid")})}),
    "FeedbackTaskIn": {
        "type": "object",
        "properties": {
            "name": _text("What it is called.", minLength=1, maxLength=wire.LONGEST_NAME),
            "instruction": _text_or_null("What reviewers read, as markdown.", maxLength=wire.LONGEST_INSTRUCTION),
            "json_schema": {
                **_JSON_OBJECT,
                "description": "JSON Schema of a grade. It must describe an object, be of moderate size and refer to "
                "nothing outside itself; patterns are those of an engine without backtracking.",
            },
            "completion_tags_selector": {
                "type": ["array", "object", "null"],
                "items": _TAG,
                "maxItems": MOST_SELECTOR_TAGS,
                "description": "A completion with all of these tags is to be graded. An object, as log10py sends one, "
                "selects nothing.",
            },
            "organization_id": _text_or_null("Must be the token's organization."),
        },
        "required": ["name", "json_schema"],
        "additionalProperties": True,
    },
    "FeedbackTask": _object(
        {
            "id": _ID,
            "organization_id": _text("The organization's external id."),
            "created_at": _MOMENT,
            "created_at_ms": _MILLISECONDS,
            "name": _text("What it is called."),
            "instruction": _text("What reviewers read; may be empty."),
            "json_schema": {
                **_JSON_OBJECT,
                "required": ["required"],
                "description": "JSON Schema of a grade; `required` is always there, because log10-io reads it.",
            },
            "completion_tags_selector": {
                "oneOf": [{"type": "array", "items": _TAG}, {**_JSON_OBJECT, "maxProperties": 0}],
                "description": "The tags. To a `User-Agent` with `log10py` in it an empty object: its class raises on "
                "a list.",
            },
        }
    ),
    "FeedbackTaskPage": _object({"data": {"type": "array", "items": of_component("FeedbackTask")}}),
    "FeedbackIn": {
        "type": "object",
        "description": "A grade. `completion_ids` says of which completions; without it `completion_tags_selector` "
        "does: those that carry all of its tags, newest first.",
        "properties": {
            "task_id": _text("The feedback task.", minLength=1),
            "json_values": {**_JSON_OBJECT, "description": "The grade; it must match the feedback task's schema."},
            "comment": _text_or_null("", maxLength=LONGEST_COMMENT),
            "completion_ids": {
                "type": ["array", "null"],
                "items": _TAG,
                "maxItems": wire.MOST_COMPLETIONS,
                "description": "The completions that were graded; each must be here.",
            },
            "completion_tags_selector": {
                "type": ["array", "object", "null"],
                "items": _TAG,
                "maxItems": MOST_SELECTOR_TAGS,
                "description": "Tags; an object, as log10py sends one, selects nothing.",
            },
            "allow_unmatched_feedback": {
                "description": "`true` keeps feedback whose tags no completion carries; else that is refused.",
            },
            "max_matched_completions": {
                "type": "integer",
                "minimum": 1,
                "maximum": wire.MOST_COMPLETIONS,
                "default": 100,
                "description": "By tags: at most so many completions.",
            },
            "matched_completion_ids": {"description": "Sent by log10py, and not read."},
            "organization_id": _text_or_null("Must be the token's organization."),
        },
        "required": ["task_id", "json_values"],
        "additionalProperties": True,
    },
    "Feedback": _object(
        {
            "id": _ID,
            "organization_id": _text("The organization's external id."),
            "task_id": _text("The feedback task."),
            "task_name": _text("Its name."),
            "json_values": {**_JSON_OBJECT, "description": "The grade."},
            "matched_completion_ids": {"type": "array", "items": {"type": "string"}},
            "comment": _text("May be empty."),
            "created_at": _MOMENT,
            "created_at_ms": _MILLISECONDS,
        }
    ),
    "FeedbackList": _object(
        {
            "feedback": {
                "type": "array",
                "items": of_component("Feedback"),
                "description": "As log10py reads it.",
            },
            "data": {"type": "array", "items": of_component("Feedback"), "description": "The same rows, for log10-io."},
            "total": {
                "type": "integer",
                "minimum": 0,
                "description": "How many rows match from `offset` on: log10-io asks again until it has so many.",
            },
        }
    ),
    "FeedbackFilter": {
        "type": "object",
        "description": "log10py sends these in the body of a GET; each can stand in the query instead.",
        "properties": {
            "offset": {"type": ["integer", "string", "null"]},
            "limit": {"type": ["integer", "string", "null"]},
            "completion_id": _text_or_null("Feedback of this completion."),
            "task_id": _text_or_null("Feedback under this feedback task; empty: under all."),
        },
        "additionalProperties": True,
    },
}
