"""A small scene for page tests: an organization with people, a feedback task and completions in its queue."""

from dataclasses import dataclass
from typing import Any

import orjson
from django.test import Client

from reviews.models import Completion, FeedbackTask, Organization, Queue, Upstream, User
from reviews.workflow import accounts, feedback_tasks, ingest, upstreams
from reviews.workflow.feedback_tasks import Content

SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["good", "bad"]}, "stars": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["verdict"],
    "additionalProperties": False,
}
GOOD = '"good"'


@dataclass
class Scene:
    """What a page test works with. `client` is signed in as `user`, a reviewer unless asked otherwise."""

    organization: Organization
    user: User
    client: Client
    feedback_task: FeedbackTask
    queue: Queue
    completions: list[Completion]
    _upstream: Upstream | None

    @property
    def upstream(self) -> Upstream:
        """The upstream of a pulled scene."""
        assert self._upstream is not None
        return self._upstream

    def start(self) -> int:
        """Claim the next item through the page; the id of the assignment."""
        response = self.client.post(f"/queues/{self.queue.pk}/start")
        assert response.status_code == 303, response.content
        return int(response["Location"].rsplit("/", 1)[1])

    def form(self, assignment_id: int, **posted: str) -> dict[str, str]:
        """A valid form for the item on screen, with `posted` on top."""
        screen = self.client.get(f"/reviews/{assignment_id}").context["screen"]
        boxes = {box.name: box.text for box in screen.edits}
        return {"document": str(screen.document_id), "v-verdict": GOOD, **boxes, **posted}


def document(answer: str = "The sky is blue.", **members: Any) -> dict[str, Any]:
    """A finished chat completion tagged `support`."""
    return {
        "kind": "chat",
        "status": "finished",
        "tags": ["support"],
        "request": {"model": "gpt", "messages": [{"role": "user", "content": "Which colour has the sky?"}]},
        "response": {"choices": [{"index": 0, "message": {"role": "assistant", "content": answer}}]},
        **members,
    }


def person(name: str, organization: Organization, role: str = "reviewer") -> tuple[User, Client]:
    """A member and a client that is signed in as her."""
    user = accounts.add_member(name, organization=organization, role=role).user
    client = Client()
    client.force_login(user)
    return user, client


def scene(slug: str = "acme", *, items: int = 2, role: str = "reviewer", pulled: bool = False) -> Scene:
    """Build it. `pulled`: the organization has an upstream, and feedback task and completions come from there."""
    organization = accounts.create_organization(slug)
    user, client = person(f"mira-{slug}", organization, role)
    upstream = None
    if pulled:
        upstream = upstreams.create(
            organization, url="http://127.0.0.1:9", upstream_organization="there", token="t", name="prod"
        )
    content = Content("Support answers", "Read the policy.", SCHEMA, ("support",))
    feedback_task = feedback_tasks.create(
        organization, content, upstream=upstream, upstream_uid="task-there" if pulled else ""
    )
    made = []
    for number in range(items):
        uid, body = f"{slug}-{number}", document(f"Answer {number}.")
        if upstream:
            now = upstream.next_pull_at
            made.append(ingest.take_pulled(upstream, uid, body, orjson.dumps(body), asked_at=now).completion)
        else:
            made.append(ingest.receive(organization, uid, body).completion)
    return Scene(organization, user, client, feedback_task, feedback_task.queue, made, upstream)
