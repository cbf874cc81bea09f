"""What the views of feedback tasks say of themselves."""

from typing import Any

from reviews.api.openapi.feedback import TASK
from reviews.api.openapi.operations import Answer, Body, Operation, of_component
from reviews.api.openapi.paging import page

GROUP = "Feedback tasks"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["score"],
}
ASKED: dict[str, Any] = {
    "id": TASK,
    "organization_id": "acme",
    "created_at": "2026-01-01T09:00:00+00:00",
    "created_at_ms": 1767258000000,
    "name": "Helpful",
    "instruction": "Does the answer help?",
    "json_schema": SCHEMA,
    "completion_tags_selector": ["support"],
}

ASKING = {name: ASKED[name] for name in ("name", "instruction", "json_schema", "completion_tags_selector")}

LIST = Operation(
    summary="List feedback tasks",
    group=GROUP,
    details="Newest first, and two answers: a request with `organization_id` in its query, as log10-io sends it, gets "
    "a page under `data`; one without, as log10py sends it, gets all of them in a bare array. `offset` and `limit` are "
    "read in the first case alone.",
    parameters=page(),
    answers={
        200: Answer(
            "A bare array, or with `organization_id` in the query an object with `data`.",
            {"oneOf": [{"type": "array", "items": of_component("FeedbackTask")}, of_component("FeedbackTaskPage")]},
            examples={
                "without organization_id in the query": [{**ASKED, "completion_tags_selector": {}}],
                "with organization_id in the query": {"data": [ASKED]},
            },
        )
    },
)
CREATE = Operation(
    summary="Create a feedback task",
    group=GROUP,
    details="With a review queue of the same name. Completions that match it already are put into the queue.",
    body=Body(
        "What is asked of a grade.",
        of_component("FeedbackTaskIn"),
        examples={"a score": ASKING},
    ),
    answers={200: Answer("The feedback task.", of_component("FeedbackTask"), examples={"a score": ASKED})},
    errors={400: "A member is not of its form, or the JSON Schema cannot be used: the sentence says where and why."},
)
GET = Operation(
    summary="Read a feedback task",
    group=GROUP,
    answers={
        200: Answer(
            "The feedback task, without an envelope.", of_component("FeedbackTask"), examples={"a score": ASKED}
        )
    },
    errors={404: "There is no feedback task of this id in the token's organization."},
)
