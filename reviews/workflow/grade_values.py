"""The answers of a grade that its rubric offered: what stays of it when text is purged, and what lists filter by."""

from collections.abc import Iterable

import orjson

from gradebench.compiled import insert_many
from reviews.models import Completion, Feedback, GradeValue
from reviews.workflow import feedback_tasks
from reviews.workflow.documents import Json

LONGEST_NAME = 200
LONGEST_VALUE = 100
# Of one grade; no rubric that a person answers has more.
MOST = 100


def offered_only(feedback: Feedback) -> dict[str, Json]:
    """A grade's values without what somebody wrote: numbers, yes and no, and words that the rubric offered."""
    offered: set[str] = set()
    names: set[str] = set()
    _read_schema(feedback_tasks.schema_of(feedback.task_revision), offered, names)
    kept: dict[str, Json] = _pruned(orjson.loads(feedback.values_text), offered, names)
    return kept


def keep(feedback: Feedback, completions: Iterable[Completion]) -> None:
    """Write down the answers for each completion that it speaks of. The feedback's transaction is open."""
    about = {"feedback": feedback, "feedback_task_id": feedback.feedback_task_id}
    found = answers(feedback)
    insert_many(
        GradeValue(**about, completion=completion, name=name, value=value)
        for completion in completions
        for name, value in found
    )


def answers(feedback: Feedback) -> list[tuple[str, str]]:
    """What lists filter by: each answer as name and value; of one that is a list, each of its items."""
    found = [
        (name, text)
        for name, value in offered_only(feedback).items()
        if len(name) <= LONGEST_NAME and "\x00" not in name
        for text in dict.fromkeys(map(said, value if isinstance(value, list) else [value]))
        if text
    ]
    return found[:MOST]


def said(value: Json) -> str:
    """An answer as a row has it; "" for what is none: null, an object, text that is too long."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    fits = value is not None and not isinstance(value, dict | list) and len(text) <= LONGEST_VALUE
    return text if fits and "\x00" not in text else ""


# What a rubric offers ---------------------------------------------------------------------------------------------


def _read_schema(part: Json, offered: set[str], names: set[str]) -> None:
    if isinstance(part, list):
        for one in part:
            _read_schema(one, offered, names)
    if not isinstance(part, dict):
        return
    _read_words(part.get("enum"), offered)
    _read_words(part.get("const"), offered)
    properties = part.get("properties")
    names.update(properties if isinstance(properties, dict) else ())
    for one in part.values():
        _read_schema(one, offered, names)


def _read_words(value: Json, offered: set[str]) -> None:
    if isinstance(value, str):
        offered.add(value)
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _read_words(one, offered)


def _pruned(value: Json, offered: set[str], names: set[str]) -> Json:
    if isinstance(value, str):
        return value if value in offered else ""
    if isinstance(value, list):
        return [_pruned(one, offered, names) for one in value]
    if isinstance(value, dict):
        return {name: _pruned(one, offered, names) for name, one in value.items() if name in names}
    return value
