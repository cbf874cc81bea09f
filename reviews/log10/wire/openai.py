"""OpenAI's forms: lines to fine-tune by, whose last message is the answer, and chat completions with their request."""

from collections.abc import Mapping
from typing import Any

from reviews.log10.wire.members import WireRefused, an_object
from reviews.log10.wire.reading import CompletionIn, read_completion

CHAT_COMPLETION = "chat.completion"
# Of GradeBench or Log10, beside what is OpenAI's.
OURS = ("id", "tags", "session_id", "duration", "organization_id")


def is_openai(value: object) -> bool:
    """Whether a line is of one of these forms, and not of Log10's, which says what kind of completion it is."""
    if not isinstance(value, dict) or "kind" in value:
        return False
    response = value.get("response")
    # What a client posts as it goes has a status; an export of answers has none.
    answered = isinstance(response, dict) and response.get("object") == CHAT_COMPLETION and "status" not in value
    return answered or value.get("object") == CHAT_COMPLETION or isinstance(value.get("messages"), list)


def read_openai(value: object) -> CompletionIn:
    """As the completion that Log10's clients would have logged. Raises WireRefused."""
    line = an_object(value, "The completion")
    if line.get("object") == CHAT_COMPLETION:
        request, response = _request_beside(line), _without(line, "messages", "request")
    elif isinstance(line.get("response"), dict):
        request, response = an_object(line.get("request"), "“request”"), line["response"]
    else:
        request, response = _split(line)
    said = {name: line[name] for name in OURS if name in line}
    uid = said.pop("id", None) or response.get("id")
    document = {"kind": "chat", "status": "finished", **said, "request": request, "response": response}
    read = read_completion({**document, "id": uid} if uid is not None else document)
    return CompletionIn(read.uid, read.organization, document)


def _request_beside(line: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(line.get("request"), dict):
        return dict(line["request"])
    if isinstance(line.get("messages"), list):
        return {"model": line.get("model"), "messages": line["messages"]}
    raise WireRefused("The chat completion has no request: put it beside it, as “request” or as “messages”.")


def _split(line: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A line to fine-tune by: what was asked, and its last message as the answer."""
    messages = line.get("messages")
    if not isinstance(messages, list) or not messages:
        raise WireRefused("“messages” must be a list of messages.")
    answer = an_object(messages[-1], "The last message")
    if answer.get("role") != "assistant":
        raise WireRefused("The last message must be the assistant's: it is taken for the answer.")
    choice = {"index": 0, "message": answer, "finish_reason": "stop"}
    return {**_without(line, *OURS), "messages": messages[:-1]}, {"object": CHAT_COMPLETION, "choices": [choice]}


def _without(line: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in names}
