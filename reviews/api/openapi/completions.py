"""What the views of completions say of themselves."""

from typing import Any

from reviews.api.openapi.operations import Answer, Body, Operation, Parameter, of_component

GROUP = "Completions"
GONE = "The text of the completion was purged here, for good; its id is not taken again."
CHAT: dict[str, Any] = {
    "organization_id": "acme",
    "kind": "chat",
    "status": "finished",
    "tags": ["support"],
    "request": {"model": "gpt-4o", "messages": [{"role": "user", "content": "When does the shop open?"}]},
    "response": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1767225600,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "At nine, on weekdays."},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 14, "completion_tokens": 6, "total_tokens": 20},
    },
    "duration": 1.25,
}
UID = "5b6d1f0e-8a52-4b7e-9d0c-3f1f6f0f7a11"
AS_IT_STANDS = "The completion as it now stands, without an envelope."
BODY = "A completion, or the part of it that is new."

CREATE = Operation(
    summary="Log a completion",
    group=GROUP,
    details="A body that names an `id` which is here already is merged into that completion, as by "
    "`POST /api/v1/completions/{id}`. The answer is 200 and not 201: log10py tells from it which form it has.",
    body=Body(BODY, of_component("CompletionIn"), examples={"a chat": CHAT}),
    answers={200: Answer(AS_IT_STANDS, of_component("Completion"), examples={"a chat": {**CHAT, "id": UID}})},
    errors={
        404: "The `id` in the body is another organization's; that is answered like an unknown one.",
        410: GONE,
    },
)
UPDATE = Operation(
    summary="Update a completion, or create it under an id of your own",
    group=GROUP,
    details="Top-level members are merged; `request` and `response` are taken whole. Clients make ids: a uuid that is "
    "unknown is created. `started`, `finished` and `failed` may come in any order and number.",
    body=Body(BODY, of_component("CompletionIn"), examples={"the end of a call": {"status": "finished"}}),
    answers={200: Answer(AS_IT_STANDS, of_component("Completion"))},
    errors={404: "The id is unknown and no uuid, or it is another organization's.", 410: GONE},
)
UNGRADED = Operation(
    summary="List completions that wait for a grade",
    group=GROUP,
    details="What a feedback task asks for by its tags and nobody has graded for it yet, oldest first. Completions "
    "that are only `started` are not listed. At most 48 MB: then `truncated` and `next` are there.",
    parameters=(Parameter("after", "query", "The `next` of the page before.", {"type": "string"}),),
    answers={
        200: Answer(
            "The list.",
            of_component("Ungraded"),
            examples={"one": {"completions": [{**CHAT, "id": UID}]}},
        )
    },
    errors={400: "`after` is not the `next` of an earlier page."},
)
