"""What the API answers and a push sends."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from reviews.log10.wire import strict
from reviews.log10.wire.readers import RAW, Reader
from reviews.models import Completion, Feedback, FeedbackTask
from reviews.workflow import feedback_tasks, grading


def completion(document: Mapping[str, Any], *, uid: str, organization_id: str, reader: Reader = RAW) -> dict[str, Any]:
    """The document with the id and organization that the receiver knows, in their place or at the end."""
    shown = {**document, "id": uid, "organization_id": organization_id}
    return strict.completion(shown) if reader.parses_strictly else shown


def feedback_task(task: FeedbackTask, *, reader: Reader = RAW) -> dict[str, Any]:
    """A feedback task, its current revision joined by the caller."""
    revision = task.current_revision
    selector: object = {} if reader.wants_selector_object else feedback_tasks.selector_names(task)
    return {
        "id": task.uid,
        "organization_id": task.organization.external_id,
        "created_at": task.created_at.isoformat(),
        "created_at_ms": _milliseconds(task.created_at),
        "name": task.name,
        "instruction": revision.instruction if revision else "",
        # log10-io reads json_schema.required of every row.
        "json_schema": {"required": [], **feedback_tasks.schema_of(revision)} if revision else {"required": []},
        "completion_tags_selector": selector,
    }


def feedback(row: Feedback, completions: Iterable[Completion]) -> dict[str, Any]:
    """A feedback and the completions it matched, its feedback task and organization joined by the caller."""
    return {
        "id": row.uid,
        "organization_id": row.organization.external_id,
        "task_id": row.feedback_task.uid,
        "task_name": row.feedback_task.name,
        "json_values": grading.values_of(row),
        "matched_completion_ids": [completion.uid for completion in completions],
        "comment": row.comment,
        "created_at": row.created_at.isoformat(),
        "created_at_ms": _milliseconds(row.created_at),
    }


def feedback_to_push(
    values: Mapping[str, Any], *, task_uid: str, comment: str, completion_uid: str, organization_id: str
) -> dict[str, Any]:
    """One grade of one completion, under the upstream's id of the feedback task."""
    return {
        "organization_id": organization_id,
        "task_id": task_uid,
        "json_values": dict(values),
        "matched_completion_ids": [completion_uid],
        "comment": comment,
        "completion_ids": [completion_uid],
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
