"""What tests start from. Each function takes only what the test cares about; rows are made by the real verbs."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from django.utils import timezone

from reviews.models import (
    ApiToken,
    Assignment,
    Completion,
    FeedbackTask,
    Member,
    Organization,
    Queue,
    Role,
    Upstream,
    User,
)
from reviews.models.base import new_uid
from reviews.workflow import accounts, feedback_tasks, grading, ingest, queues, upstreams
from reviews.workflow.audit import Actor
from reviews.workflow.editing import LeafEdit
from reviews.workflow.grading import Submitted
from reviews.workflow.ingest import Ingested

ANSWER = "/response/choices/0/message/content"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["score"],
    "additionalProperties": False,
}
VALUES: dict[str, Any] = {"score": 4}
_number = itertools.count(1)


def named(word: str) -> str:
    """A name that no other of this run has."""
    return f"{word}-{next(_number)}"


def organization(slug: str = "", *, external_id: str = "") -> Organization:
    """An organization; slug and external id of its own unless given."""
    return accounts.create_organization(slug or named("organization"), external_id=external_id)


def user(username: str = "", *, is_superuser: bool = False) -> User:
    """A user without a membership."""
    return User.objects.create_user(username or named("user"), is_superuser=is_superuser, is_staff=is_superuser)


def member(
    organization: Organization, *, username: str = "", role: str = Role.REVIEWER, password: str | None = None
) -> Member:
    """A member, her user made along with her; without a password, for hashing one takes long."""
    return accounts.add_member(username or named("member"), organization=organization, role=role, password=password)


def reviewer(organization: Organization) -> User:
    """The user of a new member who reviews."""
    return member(organization).user


def token(organization: Organization, **changed: Any) -> tuple[ApiToken, str]:
    """An API token and its secret; `changed` are columns of the row, such as `can_ingest=False`."""
    made, secret = accounts.create_token(organization, name=named("token"))
    if changed:
        ApiToken.objects.filter(pk=made.pk).update(**changed)
        made.refresh_from_db()
    return made, secret


def upstream(organization: Organization, *, url: str = "https://log10.example", token: str = "secret") -> Upstream:
    """An upstream of the organization, due for its first pull."""
    over_there = named("over-there")
    return upstreams.create(organization, url=url, upstream_organization=over_there, token=token)


def content(
    *,
    name: str = "",
    instruction: str = "Read the answer.",
    schema: Mapping[str, Any] = SCHEMA,
    selector: Iterable[str] = ("review",),
) -> feedback_tasks.Content:
    """What a feedback task says."""
    return feedback_tasks.Content(name or named("rubric"), instruction, dict(schema), tuple(selector))


def feedback_task(
    organization: Organization,
    *,
    name: str = "",
    instruction: str = "Read the answer.",
    schema: Mapping[str, Any] = SCHEMA,
    selector: Iterable[str] = ("review",),
    upstream: Upstream | None = None,
    **queue: Any,
) -> FeedbackTask:
    """A feedback task with its queue; `queue` are columns of that, such as `reviews_per_completion=2`."""
    said = content(name=name, instruction=instruction, schema=schema, selector=selector)
    over_there = new_uid() if upstream else ""
    made = feedback_tasks.create(organization, said, upstream=upstream, upstream_uid=over_there)
    if queue:
        Queue.objects.filter(pk=made.queue.pk).update(**queue)
    return FeedbackTask.objects.select_related("queue", "current_revision", "organization").get(pk=made.pk)


def document(
    *,
    answer: str = "It is 42.",
    question: str = "What is it?",
    tags: Iterable[str] = ("review",),
    status: str = "finished",
    **members: Any,
) -> dict[str, Any]:
    """The JSON of a chat completion; `members` are further members of it, or replace those."""
    response: dict[str, Any] | None = {
        "model": "small-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9},
    }
    return {
        "kind": "chat",
        "status": status,
        "tags": list(tags),
        "request": {"model": "small", "messages": [{"role": "user", "content": question}]},
        "response": response if status == "finished" else None,
        **members,
    }


def completion(
    organization: Organization, *, uid: str = "", upstream: Upstream | None = None, **said: Any
) -> Completion:
    """A completion that came by the API, or from the upstream where one is given; `said` goes to `document`."""
    came = document(**said)
    uid = uid or new_uid()
    if upstream is None:
        ingest.receive(organization, uid, came)
    else:
        pulled(upstream, uid, came)
    return Completion.objects.with_documents().get(organization=organization, uid=uid)


def pulled(upstream: Upstream, uid: str, document: dict[str, Any], *, asked_at: datetime | None = None) -> Ingested:
    """What a pull makes of a document that the upstream lists; the list was asked for now unless told."""
    raw = orjson.dumps(document)
    return ingest.take_pulled(upstream, uid, document, raw, asked_at=asked_at or timezone.now())


def assignment(feedback_task: FeedbackTask, *, reviewer: User | None = None) -> Assignment:
    """A claim on the queue's next item, by a new reviewer where none is given. There must be a free item."""
    claims = reviewer or member(feedback_task.organization).user
    claimed = queues.claim_next(feedback_task.queue, reviewer=claims)
    assert claimed is not None, "The queue has nothing free."
    return claimed


def submit(claimed: Assignment, *, answer: str | None = None, score: int = 4, **given: Any) -> Submitted:
    """A reviewer's submit on her claim, with an edit of the answer where one is given."""
    edits = [LeafEdit(ANSWER, answer)] if answer is not None else []
    given = {"base_id": Completion.objects.get(queue_items=claimed.item_id).current_id, "edits": edits, **given}
    return grading.submit(claimed, values={"score": score}, actor=Actor(user=claimed.reviewer), **given)
