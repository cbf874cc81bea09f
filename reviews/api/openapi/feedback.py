"""What the views of feedback say of themselves."""

from typing import Any

from reviews.api.openapi.completions import UID
from reviews.api.openapi.operations import Answer, Body, Operation, Parameter, of_component
from reviews.api.openapi.paging import page

GROUP = "Feedback"
TASK = "d6f3a4e1-52f2-4b0c-8f0a-6a5b3a6f2f10"
GIVEN: dict[str, Any] = {
    "id": "c2a7b1d4-0a5e-4f2f-8a43-1d4f0b9e7c55",
    "organization_id": "acme",
    "task_id": TASK,
    "task_name": "Helpful",
    "json_values": {"score": 4},
    "matched_completion_ids": [UID],
    "comment": "",
    "created_at": "2026-01-01T09:00:00+00:00",
    "created_at_ms": 1767258000000,
}
FILTERS = (
    Parameter("task_id", "query", "Feedback under this feedback task; empty: under all.", {"type": "string"}),
    Parameter("completion_id", "query", "Feedback of this completion; empty: of all.", {"type": "string"}),
)

LIST = Operation(
    summary="List feedback",
    group=GROUP,
    details="Newest first; what its reviewer corrected or took back is left out. One answer for both families of "
    "clients: `feedback` is what log10py reads, `data` and `total` what log10-io reads. log10py sends the filters in "
    "the body of the GET, log10-io in the query; where both are there, the body wins.",
    parameters=(*FILTERS, *page()),
    body=Body("The filters, as log10py sends them.", of_component("FeedbackFilter"), required=False),
    answers={
        200: Answer(
            "The list, twice.",
            of_component("FeedbackList"),
            examples={"one": {"feedback": [GIVEN], "data": [GIVEN], "total": 1}},
        )
    },
)
CREATE = Operation(
    summary="Give feedback",
    group=GROUP,
    details="By `completion_ids`, or by tags: then it is given to the newest completions that carry all of them, at "
    "most `max_matched_completions`. The values are checked against the feedback task's schema, and a refusal names "
    "the place that fails. Where a reviewer holds the completion, places that are free are closed and she is told.",
    body=Body(
        "The grade.",
        of_component("FeedbackIn"),
        examples={
            "by ids": {"task_id": TASK, "json_values": {"score": 4}, "completion_ids": [UID], "comment": ""},
            "by tags": {
                "task_id": TASK,
                "json_values": {"score": 4},
                "completion_tags_selector": ["support"],
                "allow_unmatched_feedback": False,
                "max_matched_completions": 100,
            },
        },
    ),
    answers={200: Answer("The feedback, with what it matched.", of_component("Feedback"), examples={"one": GIVEN})},
    errors={
        400: "A member is not of its form, the values do not match the schema, or no completion carries the tags.",
        404: "The feedback task, or a completion that is named, is not here.",
        410: "The text of a completion that is named was purged here: it is not graded any more.",
    },
)
GET = Operation(
    summary="Read one feedback",
    group=GROUP,
    answers={200: Answer("The feedback, without an envelope.", of_component("Feedback"), examples={"one": GIVEN})},
    errors={404: "There is no feedback of this id in the token's organization."},
)
