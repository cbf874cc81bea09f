"""What clients and upstreams send, read into what the verbs take."""

from dataclasses import dataclass
from typing import Any

from reviews.log10.wire.members import (
    WireRefused,
    an_object,
    names,
    optional_flag,
    optional_text,
    plain_names,
    selector,
)
from reviews.workflow.feedback_tasks import Content

MOST_TAGS = 1_000
LONGEST_NAME = 255
LONGEST_INSTRUCTION = 20_000
MOST_COMPLETIONS = 1_000


@dataclass(frozen=True)
class CompletionIn:
    """A completion as it came: its id and organization, where it named them, and the whole document."""

    uid: str | None
    organization: str | None
    document: dict[str, Any]


@dataclass(frozen=True)
class FeedbackIn:
    """Feedback as it came. Either `completion_uids` or `selector` says which completions are meant."""

    organization: str | None
    task_uid: str
    values: dict[str, Any]
    comment: str
    completion_uids: tuple[str, ...]
    selector: tuple[str, ...]
    allow_unmatched: bool
    max_matched: int


def read_completion(value: object) -> CompletionIn:
    """Raises WireRefused. Members that Log10 does not know are kept; those it does must be of their type."""
    document = an_object(value, "The completion")
    for member in ("request", "response"):
        if document.get(member) is not None:
            an_object(document[member], f"“{member}”")
    for member in ("kind", "status", "session_id", "failure_kind", "failure_reason"):
        optional_text(document, member)
    if document.get("tags") is not None:
        names(document["tags"], "tags", MOST_TAGS)
    uid = optional_text(document, "id")
    if uid is not None and not 0 < len(uid) <= LONGEST_NAME:
        raise WireRefused(f"“id” must have 1 to {LONGEST_NAME} characters.")
    return CompletionIn(uid, optional_text(document, "organization_id"), document)


def read_feedback_task(value: object) -> Content:
    """A feedback task as a client or an upstream sends it. Raises WireRefused; the schema is checked by its verb."""
    row = an_object(value, "The feedback task")
    name = optional_text(row, "name") or ""
    if not 0 < len(name) <= LONGEST_NAME or "\x00" in name:
        raise WireRefused(f"“name” must be text of 1 to {LONGEST_NAME} characters.")
    instruction = optional_text(row, "instruction") or ""
    if len(instruction) > LONGEST_INSTRUCTION or "\x00" in instruction:
        raise WireRefused(f"“instruction” must be text of at most {LONGEST_INSTRUCTION:,} characters, without NUL.")
    schema = an_object(row.get("json_schema"), "“json_schema”")
    return Content(name, instruction, schema, selector(row.get("completion_tags_selector")))


def read_feedback(value: object) -> FeedbackIn:
    """Feedback as a client sends it. Raises WireRefused; the values are checked against the schema by the verb."""
    row = an_object(value, "The feedback")
    task_uid = optional_text(row, "task_id")
    if not task_uid or "\x00" in task_uid:
        raise WireRefused("“task_id” must name the feedback task.")
    uids = row.get("completion_ids")
    max_matched = row.get("max_matched_completions", 100)
    if isinstance(max_matched, bool) or not isinstance(max_matched, int) or not 1 <= max_matched <= MOST_COMPLETIONS:
        raise WireRefused(f"“max_matched_completions” must be a number from 1 to {MOST_COMPLETIONS:,}.")
    return FeedbackIn(
        organization=optional_text(row, "organization_id"),
        task_uid=task_uid,
        values=an_object(row.get("json_values"), "“json_values”"),
        comment=optional_text(row, "comment") or "",
        completion_uids=() if uids is None else plain_names(uids, "completion_ids", MOST_COMPLETIONS),
        selector=selector(row.get("completion_tags_selector")),
        allow_unmatched=optional_flag(row, "allow_unmatched_feedback"),
        max_matched=max_matched,
    )
