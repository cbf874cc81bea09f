"""What the view of sessions says of itself."""

from reviews.api.openapi.operations import Answer, Body, Operation, of_component

OPEN = Operation(
    summary="Open a session",
    group="Sessions",
    details="The id is text to put into `session_id` of completions. The answer is 201 and nothing else: log10py takes "
    "no other. The body may be empty; of an object only `organization_id` is read.",
    body=Body("Nothing, or an object.", {"type": "object"}, required=False),
    answers={
        201: Answer(
            "The session.",
            of_component("Session"),
            examples={"a session": {"session": {"id": "0a0c1a52-6f0e-4d0e-9a53-51c2c4c2a0f4"}}},
        )
    },
)
