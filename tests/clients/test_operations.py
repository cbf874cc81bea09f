"""Every operation of the API with every client that has it, counted."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.conftest import FEEDBACK_TASK
from tests.clients.documents import in_older_form, ours
from tests.clients.drivers import ClientFailed, Log10Io, Log10Py
from tests.e2e.steps import Organization

pytestmark = pytest.mark.e2e

TAG = "operations"


@dataclass
class Scene:
    """The clients, and what there is for them to read."""

    log10py: Log10Py
    log10io: Log10Io
    organization: Organization
    task: str
    uid: str
    feedback: str

    @property
    def document(self) -> dict[str, Any]:
        """One to send."""
        return {"organization_id": self.organization.external_id, **ours()["chat with logprobs"], "tags": [TAG]}

    @property
    def graded(self) -> dict[str, Any]:
        """Feedback to send."""
        mine = {"organization_id": self.organization.external_id, "task_id": self.task}
        return {**mine, "json_values": {"score": 2}}

    @property
    def rubric(self) -> dict[str, Any]:
        """A feedback task to send."""
        return {**FEEDBACK_TASK, "completion_tags_selector": [TAG]}

    def raw(self, method: str, path: str, **options: Any) -> Any:
        """An answer of 2xx to plain HTTP."""
        answer = self.organization.call(method, path, **options)
        answer.raise_for_status()
        return answer.json()

    def chat(self, **members: Any) -> Any:
        """A chat by the wrapper, and what was logged of it."""
        request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "?"}], **members}
        return self.raw("GET", f"/api/completions/{self.log10io('chat', request=request)['id']}")

    def file(self) -> str:
        """Where a command may save."""
        return str(self.log10io.home / f"{uuid4()}.jsonl")


@pytest.fixture
def scene(log10py: Log10Py, log10io: Log10Io, organization: Organization) -> Scene:
    """With one completion, graded once."""
    task = organization.create_feedback_task({**FEEDBACK_TASK, "completion_tags_selector": [TAG]})
    scene = Scene(log10py, log10io, organization, task, "", "")
    scene.uid = organization.create(scene.document)
    sent = {**scene.graded, "completion_ids": [scene.uid]}
    scene.feedback = scene.raw("POST", "/api/v1/feedback", json=sent)["id"]
    return scene


Call = Callable[[Scene], Any]

LOG10PY: dict[str, Call] = {
    "POST v1/completions": lambda s: s.log10py("create", completion=s.document),
    "POST v1/completions/{id}": lambda s: s.log10py("update", id=s.uid, completion=s.document),
    "GET v1/completions/ungraded": lambda s: s.log10py("list_ungraded") is not None,
    "POST v1/sessions": lambda s: s.log10py("create_session"),
    "GET v1/feedback": lambda s: s.log10py("list_feedback", filters={"task_id": s.task}),
    "POST v1/feedback, by ids": lambda s: s.log10py(
        "upload_feedback", feedback={**s.graded, "completion_ids": [s.uid]}
    ),
    "POST v1/feedback, by tags": lambda s: s.log10py(
        "upload_feedback", feedback={**s.graded, "completion_tags_selector": [TAG]}
    ),
    "GET v1/feedback/{id}": lambda s: s.log10py("get_feedback", id=s.feedback),
    "GET v1/feedback_task": lambda s: s.log10py("list_feedback_tasks"),
    "POST v1/feedback_task": lambda s: s.log10py("create_feedback_task", feedback_task=s.rubric),
    "GET v1/feedback_task/{id}": lambda s: s.log10py("get_feedback_task", id=s.task),
}
LOG10IO: dict[str, Call] = {
    "wrapper, chat": lambda s: s.chat(),
    "wrapper, stream": lambda s: s.chat(stream=True),
    "wrapper, text": lambda s: s.log10io("text", request={"model": "m", "prompt": "?"})["id"],
    "wrapper, failing": lambda s: s.chat(model="fails-400")["data"]["status"] == "failed",
    "AsyncOpenAI": lambda s: s.log10io("async_chat", request={"model": "m", "messages": []})[0]["answer"],
    "Anthropic": lambda s: s.log10io("message", request={"model": "m", "max_tokens": 9, "messages": []})["answer"],
    "mock_chat_completions": lambda s: s.log10io("mock", model="m", messages=[], content=".", tags=[TAG]),
    "LLM, session": lambda s: s.log10io("llm")["session"],
    "Feedback.create": lambda s: s.log10io("create_feedback", task_id=s.task, values={"score": 1}, tags=[TAG]),
    "Feedback.list": lambda s: s.log10io("list_feedback", filters={"task_id": s.task})["data"],
    "Feedback.get": lambda s: s.log10io("get_feedback", id=s.feedback),
    "FeedbackTask.create": lambda s: s.log10io(
        "create_feedback_task", feedback_task={"task_schema": FEEDBACK_TASK["json_schema"], "name": "x"}
    ),
    "FeedbackTask.list": lambda s: s.log10io("list_feedback_tasks")["data"],
    "FeedbackTask.get": lambda s: s.log10io("get_feedback_task", id=s.task),
}
COMMANDS: dict[str, Call] = {
    "completions list": lambda s: s.log10io.command("completions", "list", "--tags", TAG),
    "completions get": lambda s: s.log10io.command("completions", "get", "--id", s.uid),
    "completions download": lambda s: s.log10io.command("completions", "download", "--tags", TAG, "--file", s.file()),
    "completions benchmark_models": lambda s: s.log10io.command(
        "completions", "benchmark_models", "--ids", s.uid, "--models", "gpt-4o"
    ),
    "feedback create": lambda s: s.log10io.command(
        *("feedback", "create", "--task_id", s.task, "--values", '{"score": 1}', "--completion_tags_selector", TAG)
    ),
    "feedback list": lambda s: s.log10io.command("feedback", "list", "--task_id", s.task),
    "feedback get": lambda s: s.log10io.command("feedback", "get", "--id", s.feedback),
    "feedback download": lambda s: s.log10io.command("feedback", "download", "--task_id", s.task, "--file", s.file()),
    "feedback-task create": lambda s: s.log10io.command(
        "feedback-task", "create", "--name", "x", "--task_schema", json.dumps(FEEDBACK_TASK["json_schema"])
    ),
    "feedback-task list": lambda s: s.log10io.command("feedback-task", "list"),
    "feedback-task get": lambda s: s.log10io.command("feedback-task", "get", "--id", s.task),
}
HTTP: dict[str, Call] = {
    "POST v1/completions": lambda s: s.raw("POST", "/api/v1/completions", json=s.document),
    "POST v1/completions/{id}": lambda s: s.raw("POST", f"/api/v1/completions/{uuid4()}", json=s.document),
    "GET v1/completions/ungraded": lambda s: "completions" in s.raw("GET", "/api/v1/completions/ungraded"),
    "POST v1/sessions": lambda s: s.raw("POST", "/api/v1/sessions"),
    "GET v1/feedback": lambda s: s.raw("GET", "/api/v1/feedback", params={"task_id": s.task})["feedback"],
    "POST v1/feedback": lambda s: s.raw("POST", "/api/v1/feedback", json={**s.graded, "completion_ids": [s.uid]}),
    "GET v1/feedback/{id}": lambda s: s.raw("GET", f"/api/v1/feedback/{s.feedback}"),
    "GET v1/feedback_task": lambda s: s.raw("GET", "/api/v1/feedback_task"),
    "POST v1/feedback_task": lambda s: s.raw("POST", "/api/v1/feedback_task", json=s.rubric),
    "GET v1/feedback_task/{id}": lambda s: s.raw("GET", f"/api/v1/feedback_task/{s.task}"),
    "POST sessions": lambda s: s.raw("POST", "/api/sessions"),
    "POST completions": lambda s: s.raw("POST", "/api/completions")["completionID"],
    "POST completions/{id}": lambda s: s.raw("POST", f"/api/completions/{uuid4()}", json=in_older_form(s.document)),
    "GET completions": lambda s: s.raw("GET", "/api/completions")["data"],
    "GET completions/{id}": lambda s: s.raw("GET", f"/api/completions/{s.uid}")["data"],
    "GET tags/search": lambda s: s.raw("GET", "/api/tags/search", params={"query": TAG})["data"],
}
CLIENTS = {"log10py": LOG10PY, "log10-io": LOG10IO, "log10 command": COMMANDS, "plain HTTP": HTTP}


def test_every_client_gets_through_every_operation_that_it_has(
    scene: Scene, record_property: Callable[[str, object], None]
) -> None:
    failed: dict[str, str] = {}
    for client, operations in CLIENTS.items():
        before = len(failed)
        for operation, call in operations.items():
            try:
                answered = call(scene)
            except (ClientFailed, OSError) as error:
                failed[f"{client}: {operation}"] = str(error)
            else:
                if not answered:
                    failed[f"{client}: {operation}"] = f"answered {answered!r}"
        record_property(client, f"{len(operations) - len(failed) + before} of {len(operations)}")
    every = sum(map(len, CLIENTS.values()))
    record_property("operations × clients that pass", f"{every - len(failed)} of {every}")
    assert failed == {}
