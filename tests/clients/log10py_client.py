"""Runs inside the log10py environment: one JSON command on standard input, one JSON answer on standard output.

The real client, used as its documentation shows it; plain dicts go through it unchanged.
"""

import json
import sys
from typing import Any

import log10
from log10.models import components


def run(command: dict[str, Any]) -> Any:
    """Carry out `do` against `url` with `token` and `organization`."""
    client = log10.Log10(
        server_url=command["url"], log10_token=command["token"], x_log10_organization=command["organization"]
    )
    match command["do"]:
        case "create":
            completion = components.Completion(organization_id=command["organization"], **command["completion"])
            return client.completions.create(completion=completion).any
        case "create_feedback_task":
            task = components.Task(**command["feedback_task"])
            return client.feedback_tasks.create(request=task).task.id
        case "list_ungraded":
            listed = client.completions.list_ungraded().object
            return [completion.id for completion in listed.completions or []]
        case "feedback":
            rows = client.feedback.list().object.feedback
            return [{"task_id": row.task_id, "completions": row.matched_completion_ids} for row in rows]
        case "create_session":
            return client.sessions.create().object.session.id
        case unknown:
            raise ValueError(unknown)


print(json.dumps(run(json.load(sys.stdin))))
