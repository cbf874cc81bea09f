"""Log10 payloads, each defined once: read by API, import and pull; written by API and push."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reviews.models import Completion, Feedback, FeedbackTask
from reviews.workflow import feedback_tasks, grading
from reviews.workflow.feedback_tasks import MOST_SELECTOR_TAGS, Content

MOST_TAGS = 1_000
LONGEST_TAG = 255
LONGEST_NAME = 255
LONGEST_INSTRUCTION = 20_000
MOST_COMPLETIONS = 1_000

# What log10py cannot parse a request without, though its own client leaves them out when it sends one.
EXPECTED_REQUEST_MEMBERS = ("logit_bias", "top_logprobs", "max_tokens", "seed", "stop", "stream_options")
SPEAKEASY = "speakeasy-sdk/"
LOG10PY = "log10py"


class WireRefused(ValueError):
    """A payload that is not of its form; the sentence names the member."""


@dataclass(frozen=True)
class CompletionIn:
    """A completion as it came: its id and organization, where it named them, and the whole document."""

    uid: str | None
    organization: str | None
    document: dict[str, Any]


@dataclass(frozen=True)
class FeedbackIn:
    """Feedback as it came. Either `completion_uids` or `selector` says which completions are meant."""

    organization: str | None
    task_uid: str
    values: dict[str, Any]
    comment: str
    completion_uids: tuple[str, ...]
    selector: tuple[str, ...]
    allow_unmatched: bool
    max_matched: int


@dataclass(frozen=True)
class Reader:
    """The client behind a request, as far as the answer's form depends on it."""

    user_agent: str = ""

    @property
    def parses_strictly(self) -> bool:
        """An SDK whose classes raise on what the OpenAPI description does not list."""
        return SPEAKEASY in self.user_agent

    @property
    def wants_selector_object(self) -> bool:
        """log10py raises on a selector that is a list."""
        return LOG10PY in self.user_agent


RAW = Reader()


# Reading ---------------------------------------------------------------------------------------------------------


def read_completion(value: object) -> CompletionIn:
    """Raises WireRefused. Members that Log10 does not know are kept; those it does must be of their type."""
    document = _object(value, "The completion")
    for member in ("request", "response"):
        if document.get(member) is not None:
            _object(document[member], f"“{member}”")
    for member in ("kind", "status", "session_id", "failure_kind", "failure_reason"):
        _optional_text(document, member)
    if document.get("tags") is not None:
        _names(document["tags"], "tags", MOST_TAGS)
    uid = _optional_text(document, "id")
    if uid is not None and not 0 < len(uid) <= LONGEST_NAME:
        raise WireRefused(f"“id” must have 1 to {LONGEST_NAME} characters.")
    return CompletionIn(uid, _optional_text(document, "organization_id"), document)


def read_feedback_task(value: object) -> Content:
    """A feedback task as a client or an upstream sends it. Raises WireRefused; the schema is checked by its verb."""
    row = _object(value, "The feedback task")
    name = _optional_text(row, "name") or ""
    if not 0 < len(name) <= LONGEST_NAME or "\x00" in name:
        raise WireRefused(f"“name” must be text of 1 to {LONGEST_NAME} characters.")
    instruction = _optional_text(row, "instruction") or ""
    if len(instruction) > LONGEST_INSTRUCTION or "\x00" in instruction:
        raise WireRefused(f"“instruction” must be text of at most {LONGEST_INSTRUCTION:,} characters, without NUL.")
    schema = _object(row.get("json_schema"), "“json_schema”")
    return Content(name, instruction, schema, _selector(row.get("completion_tags_selector")))


def read_feedback(value: object) -> FeedbackIn:
    """Feedback as a client sends it. Raises WireRefused; the values are checked against the schema by the verb."""
    row = _object(value, "The feedback")
    task_uid = _optional_text(row, "task_id")
    if not task_uid or "\x00" in task_uid:
        raise WireRefused("“task_id” must name the feedback task.")
    uids = row.get("completion_ids")
    max_matched = row.get("max_matched_completions", 100)
    if isinstance(max_matched, bool) or not isinstance(max_matched, int) or not 1 <= max_matched <= MOST_COMPLETIONS:
        raise WireRefused(f"“max_matched_completions” must be a number from 1 to {MOST_COMPLETIONS:,}.")
    return FeedbackIn(
        organization=_optional_text(row, "organization_id"),
        task_uid=task_uid,
        values=_object(row.get("json_values"), "“json_values”"),
        comment=_optional_text(row, "comment") or "",
        completion_uids=() if uids is None else _plain_names(uids, "completion_ids", MOST_COMPLETIONS),
        selector=_selector(row.get("completion_tags_selector")),
        allow_unmatched=row.get("allow_unmatched_feedback") is True,
        max_matched=max_matched,
    )


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WireRefused(f"{what} must be a JSON object.")
    return value


def _optional_text(row: Mapping[str, Any], member: str) -> str | None:
    value = row.get(member)
    if value is not None and not isinstance(value, str):
        raise WireRefused(f"“{member}” must be text.")
    return value


def _names(value: object, member: str, most: int) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > most:
        raise WireRefused(f"“{member}” must be a list of at most {most:,} texts.")
    for name in value:
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_TAG:
            raise WireRefused(f"“{member}” must hold texts of 1 to {LONGEST_TAG} characters.")
    return tuple(dict.fromkeys(value))


def _plain_names(value: object, member: str, most: int) -> tuple[str, ...]:
    """Names to look for; no database holds a NUL to find."""
    names = _names(value, member, most)
    if any("\x00" in name for name in names):
        raise WireRefused(f"“{member}” must hold no NUL character.")
    return names


def _selector(value: object) -> tuple[str, ...]:
    """A list of tags; an object, as log10py's empty class sends one, selects nothing."""
    if value is None or isinstance(value, dict):
        return ()
    return _plain_names(value, "completion_tags_selector", MOST_SELECTOR_TAGS)


# Writing ---------------------------------------------------------------------------------------------------------


def completion(document: Mapping[str, Any], *, uid: str, organization_id: str, reader: Reader = RAW) -> dict[str, Any]:
    """The document with the id and organization that the receiver knows, in their place or at the end."""
    shown = {**document, "id": uid, "organization_id": organization_id}
    return _for_strict_reader(shown) if reader.parses_strictly else shown


def _for_strict_reader(document: dict[str, Any]) -> dict[str, Any]:
    """What the generated SDKs can parse: nulls where log10py needs a member, nothing that its enums do not know."""
    shown = {name: value for name, value in document.items() if value is not None}
    shown["kind"] = document.get("kind") if document.get("kind") in ("chat", "prompt") else "chat"
    if shown.get("status") not in ("started", "finished", "failed"):
        shown.pop("status", None)
    if not isinstance(shown.get("duration"), (int, float)):
        shown.pop("duration", None)
    shown["request"] = _strict_request(document.get("request"))
    shown["response"] = _strict_response(document.get("response"))
    return {name: value for name, value in shown.items() if value is not None}


def _strict_request(request: object) -> dict[str, Any] | None:
    if not isinstance(request, dict):
        return None
    shown = {name: value for name, value in request.items() if value is not None}
    shown |= {name: request.get(name) for name in EXPECTED_REQUEST_MEMBERS}
    shown.setdefault("model", None)
    shown.setdefault("messages", [])
    kind = shown.get("response_format")
    if not isinstance(kind, dict) or kind.get("type") not in ("text", "json_object"):
        shown.pop("response_format", None)
    if isinstance(shown.get("tools"), list):
        shown["tools"] = [{**tool, "type": "function"} for tool in shown["tools"] if _names_function(tool)]
    choice = shown.get("tool_choice")
    if choice not in ("none", "auto", "required") and not _names_function(choice):
        shown.pop("tool_choice", None)
    return shown


def _names_function(tool: object) -> bool:
    """Whether a tool, a call of one or the choice of one is that of a function; the SDK's classes know no others."""
    function = tool.get("function") if isinstance(tool, dict) and tool.get("type", "function") == "function" else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
}
_FINISH_KNOWN = ("stop", "length", "tool_calls", "content_filter", "function_call")


def _strict_response(response: object) -> dict[str, Any] | None:
    if not isinstance(response, dict):
        return None
    shown = {name: value for name, value in response.items() if value is not None}
    shown["object"] = "chat.completion"
    for member, value in (("id", ""), ("model", "")):
        shown.setdefault(member, value)
    if not isinstance(shown.get("created"), (int, float)):
        shown["created"] = 0
    choices = response.get("choices")
    shown["choices"] = [
        _strict_choice(choice, index)
        for index, choice in enumerate(choices if isinstance(choices, list) else [])
        if isinstance(choice, dict)
    ]
    usage = response.get("usage")
    counters = ("prompt_tokens", "completion_tokens", "total_tokens")
    if not isinstance(usage, dict) or not all(isinstance(usage.get(name), int) for name in counters):
        shown.pop("usage", None)
    return shown


def _strict_choice(choice: dict[str, Any], index: int) -> dict[str, Any]:
    said = choice.get("message")
    message: dict[str, Any] = (
        dict(said) if isinstance(said, dict) else {"role": "assistant", "content": choice.get("text")}
    )
    message.setdefault("content", None)
    message["role"] = "assistant"
    if isinstance(message.get("tool_calls"), list):
        message["tool_calls"] = [_strict_call(call) for call in message["tool_calls"] if _names_function(call)]
    finish = choice.get("finish_reason")
    logprobs = choice.get("logprobs")
    has_tokens = isinstance(logprobs, dict) and _are_tokens(logprobs.get("content"))
    return {
        **choice,
        "index": choice.get("index", index),
        "message": message,
        "finish_reason": finish if finish in _FINISH_KNOWN else _FINISH.get(str(finish), "stop"),
        "logprobs": logprobs if has_tokens else None,
    }


def _strict_call(call: dict[str, Any]) -> dict[str, Any]:
    return {"id": "", **call, "type": "function", "function": {"arguments": "", **call["function"]}}


def _are_tokens(content: object) -> bool:
    """Whether every token has the members that the SDK's class needs; a null list is one, too."""
    members = ("token", "logprob", "bytes", "top_logprobs")
    return content is None or (
        isinstance(content, list)
        and all(isinstance(token, dict) and all(name in token for name in members) for token in content)
    )


def feedback_task(task: FeedbackTask, *, reader: Reader = RAW) -> dict[str, Any]:
    """A feedback task, its current revision joined by the caller."""
    revision = task.current_revision
    selector: object = {} if reader.wants_selector_object else feedback_tasks.selector_names(task)
    return {
        "id": task.uid,
        "organization_id": task.organization.external_id,
        "created_at": task.created_at.isoformat(),
        "created_at_ms": _milliseconds(task.created_at),
        "name": task.name,
        "instruction": revision.instruction if revision else "",
        # log10-io reads json_schema.required of every row.
        "json_schema": {"required": [], **feedback_tasks.schema_of(revision)} if revision else {"required": []},
        "completion_tags_selector": selector,
    }


def feedback(row: Feedback, completions: Iterable[Completion]) -> dict[str, Any]:
    """A feedback and the completions it matched, its feedback task and organization joined by the caller."""
    return {
        "id": row.uid,
        "organization_id": row.organization.external_id,
        "task_id": row.feedback_task.uid,
        "task_name": row.feedback_task.name,
        "json_values": grading.values_of(row),
        "matched_completion_ids": [completion.uid for completion in completions],
        "comment": row.comment,
        "created_at": row.created_at.isoformat(),
        "created_at_ms": _milliseconds(row.created_at),
    }


def feedback_to_push(
    values: Mapping[str, Any], *, task_uid: str, comment: str, completion_uid: str, organization_id: str
) -> dict[str, Any]:
    """One grade of one completion, under the upstream's id of the feedback task."""
    return {
        "organization_id": organization_id,
        "task_id": task_uid,
        "json_values": dict(values),
        "matched_completion_ids": [completion_uid],
        "comment": comment,
        "completion_ids": [completion_uid],
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
