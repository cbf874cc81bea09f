"""Where else than in a path a row is named: forms, queries, bodies. `{id}` is the number, `{text}` the id as text."""

from dataclasses import dataclass
from typing import Any

import orjson

from reviews.models import FeedbackTask
from tests.security.world import Side


@dataclass(frozen=True)
class Place:
    """One of them: who asks what, and which noun is named there."""

    role: str
    noun: str
    method: str
    path: str
    data: dict[str, Any]


def on_pages(here: Side) -> list[Place]:
    """Every form and query of a page that names a row by its number."""
    queue, local = here.feedback_task.queue.pk, FeedbackTask.objects.get(name=f"{here.word} local").pk
    held, done = here.held["reviewer"].pk, here.done["reviewer"].pk
    conflict, edited = here.completions["conflict"].pk, here.completions["edited"].pk
    settings = {"name": "x", "reviews": "1", "minutes": "15", "order": "oldest", "seen": '{"reviewer_ids": [{id}]}'}
    task = {"name": "x", "schema": '{"type": "object"}', "organization": "{id}"}
    valid = {"v-score": "4", "document": str(here.held["reviewer"].item.completion.current_id)}
    merged = {"choice": "merged", "theirs": "1", "ours": "1"}
    return [
        *(
            Place("lead", "QueueItem", "POST", f"/queues/{queue}/items/again", {"do": do, name: "{id}", **more})
            for do in ("release", "requeue", "reopen")
            for name, more in (("item", {}), ("shown", {"all": "1"}))
        ),
        Place("lead", "Completion", "POST", f"/queues/{queue}/items/again", {"do": "reopen", "completion": "{id}"}),
        Place("lead", "User", "POST", f"/queues/{queue}/settings", {**settings, "reviewer": "{id}"}),
        Place("lead", "User", "POST", f"/queues/{queue}/settings", {**settings, "everyone": "1"}),
        Place("lead", "QueueItem", "GET", f"/queues/{queue}/items", {"before": "{id}"}),
        Place("lead", "QueueItem", "GET", f"/queues/{queue}/items", {"after": "{id}"}),
        Place("lead", "Organization", "POST", "/feedback-tasks/new", task),
        Place("lead", "Organization", "POST", "/feedback-tasks/new/preview", task),
        Place("lead", "FeedbackTaskRevision", "POST", f"/feedback-tasks/{local}", {**task, "seen": "{id}"}),
        Place("lead", "Queue", "GET", "/flags", {"queue": "{id}"}),
        *(
            Place("lead", noun, "GET", "/completions", {name: "{id}"})
            for noun, name in (("Queue", "queue"), ("Upstream", "upstream"), ("FeedbackTask", "task"))
        ),
        Place("lead", "Completion", "GET", "/completions", {"before": "2026-01-01T00:00:00+00:00_{id}"}),
        Place("lead", "Queue", "POST", "/completions/views", {"name": "x", "query": "queue={id}"}),
        Place("lead", "QueueItem", "GET", "/flags", {"after": "2026-01-01T00:00:00+00:00_{id}"}),
        Place("lead", "Queue", "POST", f"/flags/{here.flagged.pk}/close", {"reason": "x", "back": "queue={id}"}),
        *(Place("lead", "Upstream", "GET", path, {"upstream": "{id}"}) for path in ("/sync", "/sync/live")),
        *(Place("lead", "Push", "GET", "/sync", {name: "{id}", "state": "person"}) for name in ("before", "after")),
        Place("lead", "Upstream", "POST", "/sync/pushes/retry", {"filter": "upstream={id}", "back": "upstream={id}"}),
        Place("lead", "Upstream", "GET", "/sync/refusals", {"upstream": "{id}"}),
        Place("lead", "PullRefusal", "GET", "/sync/refusals", {"before": "{id}"}),
        Place("lead", "Upstream", "POST", "/sync/refusals/retry", {"upstream": "{id}", "back": "upstream={id}"}),
        Place("reviewer", "Assignment", "GET", f"/completions/{conflict}", {"review": "{id}"}),
        Place("reviewer", "Assignment", "GET", f"/queues/{queue}/back", {"before": "{id}"}),
        Place("reviewer", "Draft", "GET", f"/reviews/{held}", {"draft": "{id}"}),
        Place("reviewer", "Draft", "POST", f"/reviews/{held}/draft/drop", {"draft": "{id}"}),
        Place("reviewer", "Document", "GET", f"/reviews/{held}/claim", {"document": "{id}"}),
        *(
            Place("reviewer", "Document", "POST", f"/reviews/{held}/{verb}", {**valid, "document": "{id}"})
            for verb in ("submit", "preview", "form", "draft", "flag", "skip")
        ),
        *(
            Place("reviewer", "Feedback", "POST", f"/reviews/{held}/{verb}", {**valid, "amends": "{id}"})
            for verb in ("draft", "submit")
        ),
        Place("reviewer", "Feedback", "POST", f"/reviews/{done}/amend", {**valid, "amends": "{id}"}),
        Place("reviewer", "Document", "POST", f"/reviews/{done}/amend", {"v-score": "4", "document": "{id}"}),
        *(
            Place("lead", "Document", "POST", f"/completions/{conflict}/conflict", {**merged, name: "{id}"})
            for name in ("theirs", "ours")
        ),
        Place("lead", "Feedback", "POST", f"/completions/{conflict}/conflict", {**merged, "grade-{id}": "withdrawn"}),
        Place("lead", "Document", "POST", f"/completions/{edited}/back/0", {"document": "{id}"}),
        *(
            Place("lead", "Queue", "POST", "/completions/act", {"act": act, "queue": "{id}"})
            for act in ("add-to-queue", "requeue")
        ),
        Place("lead", "Organization", "POST", "/imports/new", {"organization": "{id}"}),
        *(Place("lead", "Job", "GET", "/jobs", {name: "{id}"}) for name in ("before", "after")),
        Place("admin", "Organization", "GET", "/audit", {"organization": "{id}"}),
        Place("admin", "Completion", "GET", "/audit", {"target": "completion {id}"}),
        Place("admin", "AuditEvent", "GET", "/audit", {"before": "2026-01-01T00:00:00+00:00_{id}"}),
        Place("admin", "Organization", "POST", "/audit/export", {"format": "csv", "filter": "organization={id}"}),
        Place("admin", "Organization", "POST", "/admin/organization/choose/", {"organization": "{id}"}),
    ]


def by_text(here: Side) -> list[Place]:
    """The same for pages where a row is named by its text."""
    local = FeedbackTask.objects.get(name=f"{here.word} local").pk
    task = {"name": "x", "schema": '{"type": "object"}', "tag": "{text}"}
    return [
        Place("lead", "tag", "POST", "/feedback-tasks/new/preview", task),
        Place("lead", "tag", "POST", f"/feedback-tasks/{local}/preview", task),
        Place("lead", "tag", "POST", f"/feedback-tasks/{local}", task),
        Place("lead", "completion", "GET", "/sync", {"completion": "{text}"}),
        Place("lead", "tag", "GET", "/completions", {"tag": "{text}"}),
        Place("lead", "person", "GET", "/completions", {"reviewer": "{text}"}),
        Place("admin", "person", "GET", "/audit", {"person": "{text}"}),
        Place("admin", "token", "GET", "/audit", {"token": "{text}"}),
        Place("lead", "reason", "GET", "/sync/refusals", {"reason": "{text}"}),
        Place("lead", "reason", "POST", "/sync/refusals/retry", {"reason": "{text}"}),
    ]


def in_the_api(here: Side) -> list[Place]:
    """Paths, queries and bodies of the API; `role` is empty."""
    score = {"json_values": {"score": 3}, "comment": "x", "allow_unmatched_feedback": True}
    mine = {**score, "task_id": here.feedback_task.uid}
    about = {**mine, "completion_ids": ["{text}"]}
    read = [
        ("feedback", "/api/v1/feedback/{text}", {}),
        ("feedback_task", "/api/v1/feedback_task/{text}", {}),
        ("completion", "/api/completions/{text}", {}),
        ("completion", "/api/v1/feedback", {"completion_id": "{text}"}),
        ("feedback_task", "/api/v1/feedback", {"task_id": "{text}"}),
        ("completion", "/api/completions", {"ids": "{text}"}),
        ("tag_uid", "/api/completions", {"tagFilter": "{text}"}),
        ("tag", "/api/tags/search", {"query": "{text}"}),
        ("session", "/api/v1/completions/ungraded", {"session_id": "{text}"}),
    ]
    write: list[tuple[str, str, dict[str, Any]]] = [
        ("completion", "/api/v1/completions/{text}", {}),
        ("completion", "/api/completions/{text}", {}),
        ("feedback_task", "/api/v1/feedback", {**score, "task_id": "{text}"}),
        ("completion", "/api/v1/feedback", about),
        ("completion", "/api/v1/feedback", {**about, "completion_ids": [here.completions["one"].uid, "{text}"]}),
        ("tag", "/api/v1/feedback", {**mine, "completion_tags_selector": ["{text}"]}),
        ("tag", "/api/v1/feedback", {**mine, "completion_tags_selector": ["shared-tag", "{text}"]}),
        ("tag", "/api/v1/feedback", {**mine, "completion_tags_selector": ["{text}"], "max_matched_completions": 99}),
    ]
    return [
        *(Place("", noun, "GET", path, query) for noun, path, query in read),
        *(Place("", noun, "POST", path, body) for noun, path, body in write),
    ]


def filled(place: Place, value: object) -> tuple[str, Any]:
    """Path and data with the row in them; a body of the API as JSON."""

    def put(text: str) -> str:
        return text.replace("{id}", str(value)).replace("{text}", str(value))

    if not place.role and place.method == "POST":
        return put(place.path), put(orjson.dumps(place.data).decode()).encode()
    return put(place.path), {put(name): put(text) for name, text in place.data.items()}
