"""What the views of this description say of themselves."""

from reviews.api.openapi.operations import Answer, Operation

GROUP = "This description"

SCHEMA = Operation(
    summary="Read this description",
    group=GROUP,
    details="OpenAPI 3.1, made from the routes that are served.",
    is_public=True,
    answers={
        200: Answer(
            "The OpenAPI document.",
            {"type": "object", "properties": {"openapi": {"const": "3.1.0"}}, "required": ["openapi", "paths"]},
        )
    },
)
DOCS = Operation(
    summary="Read this description as a page",
    group=GROUP,
    is_public=True,
    answers={200: Answer("A page for people.", {"type": "string"}, media_type="text/html")},
)
