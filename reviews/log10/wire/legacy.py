"""The dialect of log10-io: JSON texts inside JSON, milliseconds, kind `completion` for what v1 calls `prompt`.

Its posts are read into the one form that is stored; its reads are made out of that form.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson

from reviews.log10 import strict_json
from reviews.log10.wire.members import WireRefused
from reviews.log10.wire.reading import CompletionIn, read_completion
from reviews.models import Completion, Kind, Tag
from reviews.workflow import documents

TEXT_MEMBERS = ("request", "response", "stacktrace")
LONGEST_ROW_TEXT = 1_000
KINDS = {"completion": "prompt"}


def read_logged(value: object, *, max_depth: int) -> CompletionIn:
    """A completion as log10-io logs it, whole or a part. Raises WireRefused.

    A text in `request`, `response` or `stacktrace` is JSON and read through the same gate as the body; what is no text
    there stays as it is. `duration` is taken for milliseconds whatever its form is: the path says so, not the number.
    Members that Log10 does not know are kept.
    """
    if not isinstance(value, dict):
        raise WireRefused("The completion must be a JSON object.")
    document = dict(value)
    for member in TEXT_MEMBERS:
        if isinstance(document.get(member), str):
            document[member] = _inner(document[member], member, max_depth - 1)
    duration = document.get("duration")
    if isinstance(duration, (int, float)) and not isinstance(duration, bool):
        document["duration"] = duration / 1000
    kind = document.get("kind")
    if isinstance(kind, str):
        document["kind"] = KINDS.get(kind, kind)
    return read_completion(document)


def is_downloaded(value: object) -> bool:
    """Whether a document is one that `log10 completions download` wrote: v1 has no member `tagResolved`."""
    return isinstance(value, dict) and isinstance(value.get("tagResolved"), list)


def read_downloaded(value: Mapping[str, Any], *, max_depth: int) -> CompletionIn:
    """Such a document, which speaks of milliseconds and has its tags as ids with their names. Raises WireRefused."""
    document = {name: member for name, member in value.items() if name != "tagResolved"}
    names = [tag.get("name") if isinstance(tag, dict) else None for tag in value["tagResolved"]]
    if not all(isinstance(name, str) for name in names):
        raise WireRefused("“tagResolved” must be a list of tags, each with its “name”.")
    return read_logged({**document, "tags": names}, max_depth=max_depth)


def _inner(text: str, member: str, max_depth: int) -> Any:
    try:
        return strict_json.loads(text.encode(), max_depth=max_depth)
    except strict_json.BadJson as error:
        about = str(error).replace("The body", f"“{member}”").replace("the body", f"“{member}”")
        raise WireRefused(f"The text in “{member}” must be JSON. {about}") from error


def logged_completion(
    document: Mapping[str, Any], *, uid: str, organization_id: str, received_at: datetime, tags: Iterable[Tag]
) -> dict[str, Any]:
    """The whole document for log10-io: whole milliseconds, its own word for the kind, `created_at` and `tagResolved`.

    A `request` or `response` that is null is left out: the client looks into whatever stands there.
    """
    empty = {name for name in ("request", "response") if document.get(name) is None}
    shown = {name: value for name, value in document.items() if name not in empty}
    shown |= {"id": uid, "organization_id": organization_id, "kind": _kind(document)}
    duration = _milliseconds(document.get("duration"))
    if duration is not None:
        shown["duration"] = duration
    return shown | {"created_at": received_at.isoformat(), "tagResolved": _resolved(tags)}


def logged_row(
    completion: Completion, tags: Iterable[Tag], document: Mapping[str, Any] | None, *, organization_id: str
) -> dict[str, Any]:
    """A completion in the list of log10-io: the first message and the first answer, as text of at most 1,000
    characters. Without a document `request` and `response` are absent, which the client takes for empty.
    """
    row = {
        "id": completion.uid,
        "organization_id": organization_id,
        "kind": ("completion" if completion.kind == Kind.PROMPT else "chat") if document is None else _kind(document),
        "status": completion.status,
        "session_id": completion.session_uid or None,
        "duration": _milliseconds(completion.duration),
        "created_at": completion.received_at.isoformat(),
        "tagResolved": _resolved(tags),
        "request": None if document is None else _row_request(document),
        "response": None if document is None else _row_response(document),
    }
    return {name: value for name, value in row.items() if value is not None}


def _kind(document: Mapping[str, Any]) -> str:
    """`chat` or `completion`; log10-io knows no other, so an odd one goes by what the request holds."""
    kind = document.get("kind")
    if kind in ("chat", "completion"):
        return str(kind)
    request = document.get("request")
    holds_prompt = isinstance(request, dict) and "prompt" in request and "messages" not in request
    return "completion" if kind == "prompt" or holds_prompt else "chat"


def _milliseconds(seconds: object) -> int | None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    return round(seconds * 1000) if abs(seconds) < 1e15 else None


def _resolved(tags: Iterable[Tag]) -> list[dict[str, str]]:
    return [{"id": tag.uid, "name": tag.name} for tag in tags]


def _row_request(document: Mapping[str, Any]) -> dict[str, Any] | None:
    request = document.get("request")
    if not isinstance(request, dict):
        return None
    messages = request.get("messages")
    first = _first_object(messages)
    asked = _cut(documents.part_text(first.get("content")) if first else documents.part_text(request.get("prompt")))
    shown = {"model": _cut(request["model"])} if isinstance(request.get("model"), str) else {}
    if _kind(document) == "completion":
        return {**shown, "prompt": asked}
    role = first.get("role")
    return {**shown, "messages": [{"role": role if isinstance(role, str) else "user", "content": asked}]}


def _row_response(document: Mapping[str, Any]) -> dict[str, Any] | None:
    response = document.get("response")
    if not isinstance(response, dict):
        return None
    shown = {"model": _cut(response["model"])} if isinstance(response.get("model"), str) else {}
    choice = _first_object(response.get("choices"))
    message = choice.get("message")
    said = documents.part_text(message.get("content")) if isinstance(message, dict) else ""
    answer = _cut(said or documents.part_text(choice.get("text")))
    if not choice:
        return {**shown, "choices": []}
    if _kind(document) == "completion":
        return {**shown, "choices": [{"index": 0, "text": answer}]}
    spoken: dict[str, Any] = {"role": "assistant", "content": answer}
    call = _last_call(choice)
    if not answer and call:
        spoken["tool_calls"] = [{"type": "function", "function": call}]
    return {**shown, "choices": [{"index": 0, "message": spoken}]}


def _last_call(choice: Mapping[str, Any]) -> dict[str, str] | None:
    """The call that log10-io shows where nothing was said: the last tool's, or that of the older `function_call`."""
    message = choice.get("message")
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    last = calls[-1] if isinstance(calls, list) and calls else None
    function = last.get("function") if isinstance(last, dict) else choice.get("function_call")
    if not isinstance(function, dict):
        return None
    return {"name": _as_text(function.get("name")), "arguments": _as_text(function.get("arguments"))}


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return _cut(value if isinstance(value, str) else orjson.dumps(value).decode())


def _first_object(value: object) -> dict[str, Any]:
    first = value[0] if isinstance(value, list) and value else None
    return first if isinstance(first, dict) else {}


def _cut(text: str) -> str:
    return text[:LONGEST_ROW_TEXT]
