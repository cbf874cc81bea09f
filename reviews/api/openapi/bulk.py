"""What the view of completions in bulk says of itself."""

from django.conf import settings

from reviews.api.openapi.completions import UID
from reviews.api.openapi.operations import Answer, Body, Operation, Parameter, of_component

NDJSON = "application/x-ndjson"
LINES = '{"kind": "chat", "status": "finished", "request": {"messages": []}}\n{"tags": 1}\n'
ANSWERED = (
    f'{{"line":1,"id":"{UID}","outcome":"created"}}\n'
    '{"line":2,"error":"“tags” must be a list of at most 1,000 texts."}\n'
    '{"complete":true,"lines":2,"created":1,"changed":0,"unchanged":0,"refused":1}\n'
)

TAKE = Operation(
    summary="Log completions in bulk",
    group="In bulk",
    details="One completion a line, in the form of `POST /api/v1/completions`; blank lines are passed over. Lines are "
    "stored as they come and each is answered: what is answered is stored, a line's fault refuses that line alone. A "
    "line with an `id` may be sent again at will. At last comes a line that sums up; `complete` is false, with an "
    f"`error`, where lines may be missing. At most {settings.API_BULK_MAX_LINES:,} lines and "
    f"{settings.API_BULK_MAX_BYTES:,} bytes. Takes no `Idempotency-Key`: ids do it.",
    parameters=(
        Parameter(
            "Content-Encoding",
            "header",
            "`gzip`, where the lines are packed.",
            {"enum": ["gzip", "x-gzip", "identity"]},
        ),
    ),
    body=Body(
        "A completion a line.",
        {"type": "string"},
        media_types=(NDJSON,),
        examples={"two lines": LINES},
        line=of_component("CompletionIn"),
    ),
    answers={
        200: Answer(
            "An answer for each line, and a line that sums up.",
            {"type": "string"},
            media_type=NDJSON,
            examples={"of two lines": ANSWERED},
            line={"anyOf": [of_component("BulkLine"), of_component("BulkSummary")]},
        )
    },
    errors={
        413: "The body is larger than is taken at once; send the lines in several requests.",
        415: f"The body is not sent as {NDJSON} (or another of its names), plain or by gzip.",
    },
)
