"""Completions for the generated SDKs, whose classes raise on what the OpenAPI description does not list."""

from typing import Any

# What log10py cannot parse a request without, though its own client leaves them out when it sends one.
EXPECTED_REQUEST_MEMBERS = ("logit_bias", "top_logprobs", "max_tokens", "seed", "stop", "stream_options")


def completion(document: dict[str, Any]) -> dict[str, Any]:
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
