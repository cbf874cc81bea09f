"""The id by which what somebody asked for is found again: in the lines of its request, of the tasks that it woke, of
those that they woke, and at the upstream that was asked on the way.
"""

import re
import uuid
from contextvars import Token
from typing import Any

from celery import signals

from gradebench import context

HEADER = "X-Request-ID"
# What proxies make, and nothing as long as a secret is.
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,35}")
_MESSAGE_HEADER = "request_id"

_outer: dict[str, Token[Any]] = {}


def of(named: str | None) -> str:
    """The id that the other side gave, where that is one; else a new one."""
    return named if named and _WELL_FORMED.fullmatch(named) else uuid.uuid4().hex


def headers() -> dict[str, str]:
    """For a request of our own to somebody else, so that one id leads through the logs of both."""
    known = context.about().get("request_id")
    return {HEADER: str(known)} if known else {}


def hand_on_to_tasks() -> None:
    """From here on every message carries the id of what was at work as it was sent."""
    signals.before_task_publish.connect(_hand_on)
    signals.task_prerun.connect(_task_begins)
    signals.task_postrun.connect(_task_ends)


def _hand_on(headers: dict[str, Any], **_: Any) -> None:
    known = context.about().get("request_id")
    if known:
        headers[_MESSAGE_HEADER] = known


def _task_begins(task_id: str, task: Any, **_: Any) -> None:
    """What nobody asked for, such as beat's tick, is found by the id of its first task."""
    handed = (task.request.headers or {}).get(_MESSAGE_HEADER) or task_id
    _outer[task_id] = context.begin(request_id=handed, task_id=task_id, task_name=task.name)


def _task_ends(task_id: str, **_: Any) -> None:
    token = _outer.pop(task_id, None)
    if token is not None:
        context.end(token)
