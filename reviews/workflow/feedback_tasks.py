"""Feedback tasks: making, revising, and taking over those of an upstream."""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gradebench.compiled import Compiled, asked
from reviews.models import (
    AuditEvent,
    Completion,
    FeedbackTask,
    FeedbackTaskRevision,
    FeedbackTaskTag,
    Organization,
    Queue,
    Status,
    Tag,
    Upstream,
)
from reviews.workflow import audit, clock, queues, schema
from reviews.workflow.audit import SYSTEM, Actor
from reviews.workflow.job_kinds import rerouting

MOST_SELECTOR_TAGS = 100
MOST_TAG = 255
MOST_NAME = 255
MOST_INSTRUCTION = 20_000


class ContentRefused(ValueError):
    """What a feedback task cannot say; `name` is the part, the text a sentence for the lead."""

    def __init__(self, name: str, sentence: str) -> None:
        self.name = name
        super().__init__(sentence)


class Overtaken(RuntimeError):
    """Somebody changed the feedback task since it was read."""


@dataclass(frozen=True)
class Content:
    """What a feedback task says, as it came: `json_schema` is a JSON object, `selector` the tags a completion needs."""

    name: str
    instruction: str
    json_schema: dict[str, Any]
    selector: tuple[str, ...]


def schema_of(revision: FeedbackTaskRevision) -> dict[str, Any]:
    """The JSON Schema of a revision, members in their order."""
    return schema_in(revision.schema_text)


def schema_in(text: str) -> dict[str, Any]:
    """The JSON Schema that a revision keeps as this text."""
    value: dict[str, Any] = orjson.loads(text)
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
            "feedback_task.create",
            feedback_task,
            organization=organization,
            actor=actor,
            after=_hash_of(feedback_task.current_revision, content.selector),
            details=content.name,
        )
        _offer(feedback_task, actor)
    return feedback_task


def revise(feedback_task: FeedbackTask, content: Content, *, seen: str | None = None, actor: Actor = SYSTEM) -> bool:
    """Make the feedback task say `content`; True when that changed anything. Grades stay under what they were given.

    A changed selector withdraws the untouched queue items that it no longer matches and offers what it matches now.
    With `seen`, a `standing`, only while it still stands so. Raises schema.SchemaRefused, Overtaken.
    """
    schema.check_schema(content.json_schema)
    with transaction.atomic():
        FeedbackTask.objects.select_for_update(no_key=True).only("pk").get(pk=feedback_task.pk)
        feedback_task.refresh_from_db(fields=["name", "current_revision", "routed_through", "archived_at"])
        if seen is not None and seen != standing(feedback_task):
            raise Overtaken(_("Somebody else has changed this feedback task in the meantime."))
        selector = selector_names(feedback_task)
        before = _hash_of(feedback_task.current_revision, selector)
        revised = _says_otherwise(feedback_task, content)
        if revised:
            _add_revision(feedback_task, content, actor)
        reselected = set(content.selector) != set(selector)
        if reselected:
            _set_selector(feedback_task, content.selector)
            feedback_task.routed_through = 0
            feedback_task.save(update_fields=["routed_through"])
            queues.withdraw_unmatched(feedback_task)
            _offer(feedback_task, actor)
        if revised or reselected:
            audit.record(
                "feedback_task.revise",
                feedback_task,
                organization=feedback_task.organization,
                actor=actor,
                before=before,
                after=_hash_of(feedback_task.current_revision, content.selector),
                details=content.name,
            )
    return revised or reselected


def archive(feedback_task: FeedbackTask, *, actor: Actor) -> int:
    """Ask nobody to grade by it any more: what is open in its queue is withdrawn, and who holds an item is told.

    Grades stay. How many items were withdrawn.
    """
    with transaction.atomic():
        current = FeedbackTask.objects.filter(pk=feedback_task.pk, archived_at=None)
        if not current.update(archived_at=clock.now()):
            return 0
        withdrawn = queues.withdraw_archived(feedback_task.queue, by=actor.user)
        audit.record("feedback_task.archive", feedback_task, organization=feedback_task.organization, actor=actor)
    return withdrawn


def restore(feedback_task: FeedbackTask, *, actor: Actor) -> int:
    """Bring an archived one back, with what was open in its queue and what has come since. How many items reopened."""
    with transaction.atomic():
        archived = FeedbackTask.objects.filter(pk=feedback_task.pk, archived_at__isnull=False)
        if not archived.update(archived_at=None, routed_through=0):
            return 0
        reopened = queues.bring_back_archived(feedback_task.queue)
        audit.record("feedback_task.restore", feedback_task, organization=feedback_task.organization, actor=actor)
        feedback_task.refresh_from_db(fields=["archived_at", "routed_through"])
        _offer(feedback_task, actor)
    return reopened


def _offer(feedback_task: FeedbackTask, actor: Actor) -> None:
    """What is there already: a thousand at once, the rest as a job."""
    if queues.route_backlog(feedback_task):
        rerouting.ask(feedback_task, actor=actor)


def check_content(content: Content) -> None:
    """Raises ContentRefused for what no feedback task made here may say, schema.SchemaRefused for its schema."""
    if not content.name:
        raise ContentRefused("name", _("Give it a name: reviewers see it over the form."))
    if len(content.name) > MOST_NAME:
        raise ContentRefused("name", _at_most(MOST_NAME))
    if len(content.instruction) > MOST_INSTRUCTION:
        raise ContentRefused("instruction", _at_most(MOST_INSTRUCTION))
    if len(content.selector) > MOST_SELECTOR_TAGS or any(len(name) > MOST_TAG for name in content.selector):
        words = _("At most %(tags)d tags of at most %(most)d characters.")
        raise ContentRefused("selector", words % {"tags": MOST_SELECTOR_TAGS, "most": MOST_TAG})
    schema.check_schema(content.json_schema)


def _at_most(most: int) -> str:
    return ngettext("At most %(most)s character.", "At most %(most)s characters.", most) % {"most": f"{most:,}"}


def read_schema(text: str) -> dict[str, Any]:
    """The JSON Schema that a person wrote, members in their order. Raises schema.SchemaRefused."""
    try:
        value: dict[str, Any] = json.loads(text, object_pairs_hook=_members)
    except json.JSONDecodeError as error:
        words = _("The schema is not valid JSON: %(what)s in line %(line)d, column %(column)d.")
        where = {"what": error.msg, "line": error.lineno, "column": error.colno}
        raise schema.SchemaRefused(words % where) from error
    except schema.SchemaRefused:
        raise
    except (ValueError, RecursionError) as error:
        raise schema.SchemaRefused(_("The schema has a number too large, or is nested too deeply.")) from error
    schema.check_schema(value)
    return value


def standing(feedback_task: FeedbackTask) -> str:
    """A word for how it stands, another one after each change of what it says or selects."""
    said = (feedback_task.current_revision_id, *sorted(selector_names(feedback_task)))
    return hashlib.blake2s(repr(said).encode(errors="surrogatepass"), digest_size=8).hexdigest()


def last_change(feedback_task: FeedbackTask) -> AuditEvent | None:
    """The newest change of it, with who made it."""
    events = AuditEvent.objects.filter(target_type="feedbacktask", target_id=str(feedback_task.pk))
    return events.select_related("user").order_by("-pk").first()


@dataclass(frozen=True)
class Match:
    """What a selector matches now: `count` completions, counted no further than one more than asked for; `unknown` are
    tags that no completion has ever had.
    """

    count: int
    unknown: tuple[str, ...] = ()


def match(organization: Organization, names: Iterable[str], *, most: int, through: int | None = None) -> Match:
    """The completions that carry all of these tags; with `through`, those up to that id."""
    wanted = tuple(dict.fromkeys(names))
    known = dict(Tag.objects.filter(organization=organization, name__in=wanted).values_list("name", "pk"))
    unknown = tuple(name for name in wanted if name not in known)
    if unknown or not wanted:
        return Match(0, unknown)
    found = Completion.objects.having_tags(set(known.values())).filter(organization=organization)
    found = found.exclude(status=Status.STARTED)
    if through is not None:
        found = found.filter(pk__lte=through)
    return Match(found.order_by()[: most + 1].count())


def take_over(upstream: Upstream, upstream_uid: str, content: Content) -> tuple[FeedbackTask, bool]:
    """Upsert a feedback task that the upstream has; the flag says whether anything changed here.

    One of ours that says the same and has no upstream yet is linked instead of doubled. Raises schema.SchemaRefused.
    """
    known = FeedbackTask.objects.filter(upstream=upstream, upstream_uid=upstream_uid).first()
    if known is not None:
        return known, known.pulled and revise(known, content)
    ours = _equal_one_of_ours(upstream.organization, content)
    if ours is not None:
        _link(ours, upstream, upstream_uid)
        return ours, True
    return create(upstream.organization, content, upstream=upstream, upstream_uid=upstream_uid), True


def _link(ours: FeedbackTask, upstream: Upstream, upstream_uid: str) -> None:
    with transaction.atomic():
        unlinked = FeedbackTask.objects.filter(pk=ours.pk, upstream=None)
        if unlinked.update(upstream=upstream, upstream_uid=upstream_uid):
            audit.record("feedback_task.link", ours, organization=upstream.organization, details=upstream.name)


def selector_names(feedback_task: FeedbackTask) -> list[str]:
    """The tags that a completion needs, in the order of their names."""
    return [tag.name for tag in feedback_task.selector.all()]


_selectors = Compiled(
    lambda: FeedbackTaskTag.objects.filter(
        feedback_task__organization=asked("organization"), feedback_task__archived_at=None
    ).values_list(
        "tag_id",
        "feedback_task__queue__pk",
        "feedback_task__queue__reviews_per_completion",
        "feedback_task__queue__order",
    )
)


def selecting(organization_id: int) -> list[tuple[Queue, frozenset[int]]]:
    """The queues of the feedback tasks that select anything, each with the ids of all tags that it needs. Of a queue
    there is what its items are made with, and no more.
    """
    needed: dict[tuple[int, int, str], set[int]] = {}
    for tag_id, pk, reviews, order in _selectors.all(organization=organization_id):
        needed.setdefault((pk, reviews, order), set()).add(tag_id)
    return [
        (Queue(pk=pk, reviews_per_completion=reviews, order=order), frozenset(tag_ids))
        for (pk, reviews, order), tag_ids in needed.items()
    ]


def matching(organization_id: int, tag_ids: Collection[int]) -> list[Queue]:
    """The queues of the feedback tasks whose whole selector is among the tags, as `selecting` has them."""
    return [queue for queue, needed in selecting(organization_id) if needed <= set(tag_ids)]


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise schema.SchemaRefused(_("The schema has two members of the same name in one object."))
    return members


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


def _hash_of(revision: FeedbackTaskRevision | None, selector: Iterable[str]) -> str:
    """SHA-256 of what it says and selects, for the audit."""
    if revision is None:
        return ""
    said = [revision.name, revision.instruction, revision.schema_text, sorted(set(selector))]
    return hashlib.sha256(orjson.dumps(said)).hexdigest()


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
    # A queue that a lead has named herself keeps its name.
    named_alike = Queue.objects.filter(feedback_task=feedback_task, name=feedback_task.name[:255])
    named_alike.update(name=content.name[:255])
    feedback_task.name = content.name
    feedback_task.current_revision = revision
    feedback_task.save(update_fields=["name", "current_revision"])


def _set_selector(feedback_task: FeedbackTask, names: Iterable[str]) -> None:
    tags = [
        Tag.objects.get_or_create(organization_id=feedback_task.organization_id, name=name)[0]
        for name in dict.fromkeys(names)
    ]
    FeedbackTaskTag.objects.filter(feedback_task=feedback_task).exclude(tag__in=tags).delete()
    FeedbackTaskTag.objects.bulk_create(
        [FeedbackTaskTag(feedback_task=feedback_task, tag=tag) for tag in tags], ignore_conflicts=True
    )
