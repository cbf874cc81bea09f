"""Schemas to begin a feedback task from."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

_COMMENT: dict[str, Any] = {"title": "Why", "type": "string", "maxLength": 2000}


def _schema(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


STARTER = _schema(["verdict"], verdict={"title": "Verdict", "type": "string", "enum": ["good", "bad"]})
EXAMPLES: dict[str, tuple[str | Promise, dict[str, Any]]] = {
    "yes-no": (
        gettext_lazy("Yes or no"),
        _schema(
            ["correct"],
            correct={"title": "Is the answer correct?", "type": "boolean"},
        ),
    ),
    "scale": (
        gettext_lazy("1 to 5 with reasons"),
        _schema(
            ["score"],
            score={
                "title": "Score",
                "description": "1 is useless, 5 could go out as it is.",
                "type": "integer",
                "minimum": 1,
                "maximum": 5,
            },
            reasons={"title": "Reasons", "type": "string", "description": "What kept it from a 5."},
        ),
    ),
    "choice": (
        gettext_lazy("A choice with a comment"),
        _schema(
            ["verdict"],
            verdict={
                "title": "Verdict",
                "type": "string",
                "enum": ["right", "right but incomplete", "wrong", "harmful"],
            },
            why=_COMMENT,
        ),
    ),
}
