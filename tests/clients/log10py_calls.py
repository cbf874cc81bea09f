"""Runs in the log10py virtual environment: reads calls as JSON from each line of standard input and makes them.

In: {"url", "token", "organization", "calls": [{"do": name, …}, …]}. Out, for each line: a JSON list with one result for
each call. An exception of the SDK ends the program with its traceback, because a client that raises is a broken
contract; but a call with "refused" must raise, and its result is what the exception says.
"""

import dataclasses
import json
import sys
from typing import Any

import log10
from log10.models import components, errors, operations

Call = dict[str, Any]


def _completion(call: Call) -> Any:
    """Members that the SDK's classes cannot hold go through as plain values."""
    document = {name: value for name, value in call["completion"].items() if name != "organization_id"}
    return components.Completion(organization_id=call["completion"]["organization_id"], **document)


def _organization(call: Call) -> dict[str, Any]:
    """The organization that this one call names in place of the SDK's."""
    return {"x_log10_organization": call["organization"]} if "organization" in call else {}


def _plain(value: Any) -> Any:
    """An object of the SDK as JSON."""
    return json.loads(json.dumps(dataclasses.asdict(value), default=str))


def create(sdk: Any, call: Call) -> Any:
    """Create a completion; whatever JSON the server answered."""
    return sdk.completions.create(_completion(call), **_organization(call)).any


def update(sdk: Any, call: Call) -> Any:
    """Update a completion; how the SDK understands the answer."""
    return _plain(sdk.completions.update(call["id"], _completion(call), **_organization(call)).completion)


def list_ungraded(sdk: Any, call: Call) -> Any:
    """The ids of the ungraded completions; with "whole" all that the SDK understands of them."""
    listed = sdk.completions.list_ungraded(**_organization(call)).object.completions or []
    return [_plain(completion) if call.get("whole") else completion.id for completion in listed]


def create_session(sdk: Any, call: Call) -> Any:
    """Open a session; its id."""
    return sdk.sessions.create(**_organization(call)).object.session.id


def create_feedback_task(sdk: Any, call: Call) -> Any:
    """Create a feedback task; its id."""
    return sdk.feedback_tasks.create(components.Task(**call["feedback_task"])).task.id


def list_feedback_tasks(sdk: Any, _call: Call) -> Any:
    """The names of the feedback tasks by id."""
    return {task.id: task.name for task in sdk.feedback_tasks.list().tasks}


def get_feedback_task(sdk: Any, call: Call) -> Any:
    """One feedback task."""
    return _plain(sdk.feedback_tasks.get(task_id=call["id"]).task)


def list_feedback(sdk: Any, call: Call) -> Any:
    """The feedback of a feedback task, or what "filters" leave of it: feedback task, completions, comment."""
    if "filters" in call:
        asked = operations.ListRequestBody(**call["filters"]) if call["filters"] else None
    else:
        asked = operations.ListRequestBody(task_id=call["task_id"])
    listed = sdk.feedback.list(request_body=asked, **_organization(call)).object.feedback or []
    return [
        {"task_id": row.task_id, "completions": row.matched_completion_ids, "comment": row.comment} for row in listed
    ]


def upload_feedback(sdk: Any, call: Call) -> Any:
    """Upload feedback, by "completion_ids" or by "completion_tags_selector"; the id and the completions it matched."""
    form = operations.Two if "completion_ids" in call["feedback"] else operations.One
    values = {"json_values": operations.JSONValues()} if call.get("typed") else {}
    asked = form(**{"matched_completion_ids": [], "comment": "", **call["feedback"], **values})
    row = sdk.feedback.upload(request_body=asked, **_organization(call)).feedback
    return {"id": row.id, "completions": row.matched_completion_ids}


def get_feedback(sdk: Any, call: Call) -> Any:
    """One feedback."""
    return _plain(sdk.feedback.get(call["id"], **_organization(call)).feedback)


def run(_sdk: Any, call: Call) -> Any:
    """Run a piece of the guide to clients as a program of its own."""
    exec(compile(call["source"], "docs/clients.md", "exec"), {"__name__": "__main__"})  # noqa: S102


CALLS = {
    call.__name__: call
    for call in (
        create,
        update,
        list_ungraded,
        create_session,
        create_feedback_task,
        list_feedback_tasks,
        get_feedback_task,
        list_feedback,
        upload_feedback,
        get_feedback,
        run,
    )
}


def _made(sdk: Any, call: Call) -> Any:
    if not call.get("refused"):
        return CALLS[call["do"]](sdk, call)
    try:
        CALLS[call["do"]](sdk, call)
    except errors.SDKError as error:
        return {"status": error.status_code, "body": error.body, "message": error.message}
    raise AssertionError(f"{call['do']} was not refused.")


def _token(asked: dict[str, Any]) -> Any:
    """The token as the SDK takes one: a text, none at all, or something to call."""
    token = asked["token"]
    return (lambda: token) if asked.get("callable") else token


def main() -> None:
    """Make the calls, in order."""
    for line in sys.stdin:
        asked = json.loads(line)
        sdk = log10.Log10(
            log10_token=_token(asked), x_log10_organization=asked["organization"], server_url=asked["url"]
        )
        print(json.dumps([_made(sdk, call) for call in asked["calls"]]), flush=True)


if __name__ == "__main__":
    main()
