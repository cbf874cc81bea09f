"""Feedback tasks: making, revising, and taking over those of an upstream."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Count, F, Q

from reviews.models import (
    Completion,
    FeedbackTask,
    FeedbackTaskRevision,
    FeedbackTaskTag,
    Organization,
    Queue,
    Tag,
    Upstream,
)
from reviews.workflow import audit, queues, schema
from reviews.workflow.audit import SYSTEM, Actor

MOST_SELECTOR_TAGS = 100


@dataclass(frozen=True)
class Content:
    """What a feedback task says, as it came: `json_schema` is a JSON object, `selector` the tags a completion needs."""

    name: str
    instruction: str
    json_schema: dict[str, Any]
    selector: tuple[str, ...]


def schema_of(revision: FeedbackTaskRevision) -> dict[str, Any]:
    """The JSON Schema of a revision, members in their order."""
    value: dict[str, Any] = orjson.loads(revision.schema_text)
    return value


def create(
    organization: Organization,
    content: Content,
    *,
    upstream: Upstream | None = None,
    upstream_uid: str = "",
    actor: Actor = SYSTEM,
) -> FeedbackTask:
    """A new feedback task with its queue, offered the completions that match already.

    With an upstream it is that upstream's and read-only here. Raises schema.SchemaRefused.
    """
    schema.check_schema(content.json_schema)
    with transaction.atomic():
        feedback_task = FeedbackTask.objects.create(
            organization=organization,
            name=content.name,
            upstream=upstream,
            upstream_uid=upstream_uid,
            pulled=upstream is not None,
        )
        _add_revision(feedback_task, content, actor)
        _set_selector(feedback_task, content.selector)
        Queue.objects.create(organization=organization, feedback_task=feedback_task, name=content.name[:255])
        audit.record(
            "feedback_task.create", feedback_task, organization=organization, actor=actor, details=content.name
        )
        queues.route_backlog(feedback_task)
    return feedback_task


def revise(feedback_task: FeedbackTask, content: Content, *, actor: Actor = SYSTEM) -> bool:
    """Make the feedback task say `content`; True when that changed anything. Grades stay under what they were given.

    A changed selector withdraws the untouched queue items that it no longer matches and offers what it matches now.
    Raises schema.SchemaRefused.
    """
    schema.check_schema(content.json_schema)
    with transaction.atomic():
        revised = _says_otherwise(feedback_task, content)
        if revised:
            _add_revision(feedback_task, content, actor)
        reselected = set(content.selector) != set(selector_names(feedback_task))
        if reselected:
            _set_selector(feedback_task, content.selector)
            feedback_task.routed_through = 0
            feedback_task.save(update_fields=["routed_through"])
            queues.withdraw_unmatched(feedback_task)
            queues.route_backlog(feedback_task)
        if revised or reselected:
            audit.record(
                "feedback_task.revise",
                feedback_task,
                organization=feedback_task.organization,
                actor=actor,
                details=content.name,
            )
    return revised or reselected


def take_over(upstream: Upstream, upstream_uid: str, content: Content) -> tuple[FeedbackTask, bool]:
    """Upsert a feedback task that the upstream has; the flag says whether anything changed here.

    One of ours that says the same and has no upstream yet is linked instead of doubled. Raises schema.SchemaRefused.
    """
    known = FeedbackTask.objects.filter(upstream=upstream, upstream_uid=upstream_uid).first()
    if known is not None:
        return known, known.pulled and revise(known, content)
    ours = _equal_one_of_ours(upstream.organization, content)
    if ours is not None:
        FeedbackTask.objects.filter(pk=ours.pk, upstream=None).update(upstream=upstream, upstream_uid=upstream_uid)
        return ours, True
    return create(upstream.organization, content, upstream=upstream, upstream_uid=upstream_uid), True


def selector_names(feedback_task: FeedbackTask) -> list[str]:
    """The tags that a completion needs, in the order of their names."""
    return [tag.name for tag in feedback_task.selector.all()]


def matching(completion: Completion, tag_ids: Iterable[int]) -> list[FeedbackTask]:
    """The feedback tasks whose whole selector is among the tags, their queues joined."""
    met = Count("selector_tags", filter=Q(selector_tags__tag__in=list(tag_ids)))
    tasks = FeedbackTask.objects.filter(organization_id=completion.organization_id, archived_at=None)
    return list(
        tasks.annotate(wanted=Count("selector_tags"), met=met)
        .filter(wanted__gt=0, wanted=F("met"))
        .select_related("queue")
    )


def _says_otherwise(feedback_task: FeedbackTask, content: Content) -> bool:
    revision = feedback_task.current_revision
    return revision is None or (
        (revision.name, revision.instruction) != (content.name, content.instruction)
        # As text: the order of the members is the order of the form.
        or revision.schema_text != orjson.dumps(content.json_schema).decode()
    )


def _equal_one_of_ours(organization: Organization, content: Content) -> FeedbackTask | None:
    wanted = schema.canonical(content.json_schema)
    ours = FeedbackTask.objects.filter(organization=organization, upstream=None, archived_at=None, name=content.name)
    for feedback_task in ours.select_related("current_revision"):
        revision = feedback_task.current_revision
        if revision is not None and schema.canonical(schema_of(revision)) == wanted:
            return feedback_task
    return None


def _add_revision(feedback_task: FeedbackTask, content: Content, actor: Actor) -> None:
    last = feedback_task.current_revision
    revision = FeedbackTaskRevision.objects.create(
        feedback_task=feedback_task,
        number=last.number + 1 if last else 1,
        name=content.name,
        instruction=content.instruction,
        schema_text=orjson.dumps(content.json_schema).decode(),
        created_by=actor.user,
    )
    feedback_task.name = content.name
    feedback_task.current_revision = revision
    feedback_task.save(update_fields=["name", "current_revision"])
    Queue.objects.filter(feedback_task=feedback_task).update(name=content.name)


def _set_selector(feedback_task: FeedbackTask, names: Iterable[str]) -> None:
    tags = [
        Tag.objects.get_or_create(organization_id=feedback_task.organization_id, name=name)[0]
        for name in dict.fromkeys(names)
    ]
    FeedbackTaskTag.objects.filter(feedback_task=feedback_task).exclude(tag__in=tags).delete()
    FeedbackTaskTag.objects.bulk_create(
        [FeedbackTaskTag(feedback_task=feedback_task, tag=tag) for tag in tags], ignore_conflicts=True
    )
