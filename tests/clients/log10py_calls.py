"""Runs in the log10py virtual environment: reads calls as JSON on standard input, makes them, prints the results.

In: {"url", "token", "organization", "calls": [{"do": name, …}, …]}. Out: a JSON list with one result for each call.
An exception of the SDK ends the program with its traceback, because a client that raises is a broken contract.
"""

import json
import sys
from typing import Any

import log10
from log10.models import components, operations


def create(sdk: Any, call: dict[str, Any]) -> Any:
    """Create a completion; members that the SDK's classes cannot hold go through as plain values."""
    document = {name: value for name, value in call["completion"].items() if name != "organization_id"}
    organization = call["completion"]["organization_id"]
    return sdk.completions.create(components.Completion(organization_id=organization, **document)).any


def list_ungraded(sdk: Any, _call: dict[str, Any]) -> Any:
    """The ids of the ungraded completions."""
    listed = sdk.completions.list_ungraded().object.completions or []
    return [completion.id for completion in listed]


def create_feedback_task(sdk: Any, call: dict[str, Any]) -> Any:
    """Create a feedback task; its id."""
    return sdk.feedback_tasks.create(components.Task(**call["feedback_task"])).task.id


def list_feedback(sdk: Any, call: dict[str, Any]) -> Any:
    """The feedback of a feedback task: its id, the completions, and the comment."""
    asked = operations.ListRequestBody(task_id=call["task_id"])
    listed = sdk.feedback.list(request_body=asked).object.feedback or []
    return [
        {"task_id": row.task_id, "completions": row.matched_completion_ids, "comment": row.comment} for row in listed
    ]


CALLS = {call.__name__: call for call in (create, list_ungraded, create_feedback_task, list_feedback)}


def main() -> None:
    """Make the calls, in order."""
    asked = json.load(sys.stdin)
    sdk = log10.Log10(log10_token=asked["token"], x_log10_organization=asked["organization"], server_url=asked["url"])
    json.dump([CALLS[call["do"]](sdk, call) for call in asked["calls"]], sys.stdout)


if __name__ == "__main__":
    main()
