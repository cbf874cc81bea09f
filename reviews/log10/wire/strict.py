"""Completions for the generated SDKs, whose classes raise on what the OpenAPI description does not list.

One odd completion would end a client's whole list, so whatever is stored is shown as something that its class takes:
what is of another type is left out, what must be there is made up, and members that no class knows stay, since the SDKs
drop them.
"""

from typing import Any

from reviews.log10.wire import checks
from reviews.log10.wire.checks import Check
from reviews.workflow import documents

# What log10py cannot parse a request without, though its own client leaves them out when it sends one.
EXPECTED_REQUEST_MEMBERS = ("logit_bias", "top_logprobs", "max_tokens", "seed", "stop", "stream_options")
ROLES = ("system", "user", "assistant", "tool", "function")
ALSO_CALLED = {"developer": "system", "model": "assistant", "ai": "assistant", "human": "user"}


def completion(document: dict[str, Any]) -> dict[str, Any]:
    """What the generated SDKs can parse: nulls where log10py needs a member, nothing that its enums do not know."""
    shown = checks.checked(document, _COMPLETION)
    shown.setdefault("kind", "chat")
    return shown


# Functions -------------------------------------------------------------------------------------------------------


def _named(value: Any) -> dict[str, Any] | None:
    """A function as one that may be called: its name, and what else is of its type."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    return checks.checked(value, {"description": checks.text, "parameters": checks.an_object})


def _called(value: Any) -> dict[str, Any] | None:
    """A function as it was called: the arguments are text, JSON or not."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    return {**value, "arguments": checks.as_text(value.get("arguments"))}


def _function_of(value: Any, check: Check) -> dict[str, Any] | None:
    """A tool, a call of one or the choice of one, where it is that of a function; the classes know no others."""
    if not isinstance(value, dict) or value.get("type", "function") != "function":
        return None
    function = check(value.get("function"))
    return None if function is None else {**value, "type": "function", "function": function}


def _tool(value: Any) -> dict[str, Any] | None:
    return _function_of(value, _named)


def _tool_call(value: Any) -> dict[str, Any] | None:
    call = _function_of(value, _called)
    return None if call is None else {**call, "id": checks.as_text(call.get("id"))}


def _tool_choice(value: Any) -> Any:
    return value if value in ("none", "auto", "required") else _function_of(value, _named)


def _function_choice(value: Any) -> Any:
    return value if value in ("none", "auto") else _named(value)


# Request ---------------------------------------------------------------------------------------------------------


def _request(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    shown = checks.checked(value, _REQUEST)
    shown |= {name: shown.get(name) for name in EXPECTED_REQUEST_MEMBERS}
    shown.setdefault("model", None)
    if "messages" not in shown:
        prompt = documents.part_text(value.get("prompt"))
        shown["messages"] = [{"role": "user", "content": prompt}] if prompt else []
    return shown


def _message(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str):
        return {"role": "user", "content": value}
    if not isinstance(value, dict):
        return None
    shown = checks.checked(value, _MESSAGE)
    role = value.get("role")
    known = role if role in ROLES else ALSO_CALLED.get(role, "user") if isinstance(role, str) else "user"
    return {**shown, "role": known, "content": _content(value.get("content"))}


def _content(value: Any) -> Any:
    """Text, or a list of parts; null stays, since the SDKs take it for what calls tools and says nothing."""
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, list):
        return checks.as_text(value)
    return [_part(part) for part in value]


def _part(value: Any) -> dict[str, Any]:
    """A part of a message. One that is neither text nor an image is named, so that a reader sees that there was one."""
    if isinstance(value, str):
        return {"type": "text", "text": value}
    part = value if isinstance(value, dict) else {}
    image = part.get("image_url")
    if part.get("type") == "image_url" and isinstance(image, dict) and isinstance(image.get("url"), str):
        return {**part, "image_url": checks.checked(image, {"detail": checks.one_of("auto", "low", "high")})}
    if isinstance(part.get("text"), str):
        return {**part, "type": "text"}
    kind = part.get("type")
    return {"type": "text", "text": f"[{kind}]" if isinstance(kind, str) else ""}


def _bias(value: Any) -> dict[str, int] | None:
    if not isinstance(value, dict):
        return None
    return {token: shown for token, bias in value.items() if (shown := checks.whole(bias)) is not None}


def _format(value: Any) -> Any:
    return value if isinstance(value, dict) and value.get("type") in ("text", "json_object") else None


def _stop(value: Any) -> Any:
    return value if isinstance(value, str) else checks.texts(value)


def _stream_options(value: Any) -> dict[str, Any] | None:
    return checks.checked(value, {"include_usage": checks.flag}) if isinstance(value, dict) else None


# Response --------------------------------------------------------------------------------------------------------

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
}
_FINISH_KNOWN = ("stop", "length", "tool_calls", "content_filter", "function_call")


def _response(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    shown = checks.checked(value, _RESPONSE)
    choices = value.get("choices")
    numbered = enumerate(choices if isinstance(choices, list) else [])
    shown["choices"] = [_choice(choice, index) for index, choice in numbered if isinstance(choice, dict)]
    return {"id": "", "model": "", "created": 0, **shown, "object": "chat.completion"}


def _choice(choice: dict[str, Any], index: int) -> dict[str, Any]:
    finish = choice.get("finish_reason")
    number = checks.integer(choice.get("index"))
    return {
        **choice,
        "index": index if number is None else number,
        "message": _answer(choice),
        "finish_reason": finish if finish in _FINISH_KNOWN else _FINISH.get(str(finish), "stop"),
        "logprobs": _logprobs(choice.get("logprobs")),
    }


def _answer(choice: dict[str, Any]) -> dict[str, Any]:
    """The message of a choice; made of its text where it is that of a prompt, or of the call that a stream left."""
    said = choice.get("message")
    message = said if isinstance(said, dict) else {"content": choice.get("text", said)}
    if "function_call" not in message and "function_call" in choice:
        message = {**message, "function_call": choice["function_call"]}
    content = message.get("content")
    spoken = documents.part_text(content) if isinstance(content, list) else content
    return {
        **checks.checked(message, _MESSAGE),
        "role": "assistant",
        "content": None if spoken is None else checks.as_text(spoken),
    }


def _usage(value: Any) -> dict[str, Any] | None:
    counters = ("prompt_tokens", "completion_tokens", "total_tokens")
    if not isinstance(value, dict):
        return None
    counted = {name: checks.integer(value.get(name)) for name in counters}
    return None if None in counted.values() else {**value, **counted}


def _logprobs(value: Any) -> dict[str, Any] | None:
    """Tokens, all or none: a list with holes would say something else about the answer."""
    if not isinstance(value, dict) or "content" not in value:
        return None
    content = value["content"]
    if content is None:
        return {"content": None}
    if not isinstance(content, list):
        return None
    if all(_is_token(token) for token in content):
        return dict(value)
    tokens = [_token(token) for token in content]
    return None if None in tokens else {**value, "content": tokens}


def _is_token(value: Any) -> bool:
    if not _is_whole(value):
        return False
    tops = value.get("top_logprobs")
    return isinstance(tops, list) and all(map(_is_whole, tops))


def _is_whole(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("token"), str)
        and checks.number(value.get("logprob")) is not None
        and "bytes" in value
        and _are_bytes(value["bytes"])
    )


def _are_bytes(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(type(byte) is int for byte in value))


def _token(value: Any) -> dict[str, Any] | None:
    token = _spelled(value)
    if token is None:
        return None
    tops = value.get("top_logprobs")
    spelled = [_spelled(top) for top in tops] if isinstance(tops, list) else []
    return {**token, "top_logprobs": [top for top in spelled if top is not None]}


def _spelled(value: Any) -> dict[str, Any] | None:
    if (
        not isinstance(value, dict)
        or checks.text(value.get("token")) is None
        or checks.number(value.get("logprob")) is None
    ):
        return None
    spelled = value.get("bytes")
    return {**value, "bytes": spelled if _are_bytes(spelled) else None}


# Forms -----------------------------------------------------------------------------------------------------------


def _frame(value: Any) -> dict[str, Any] | None:
    """A line of a stack trace; all four members must be there."""
    if not isinstance(value, dict):
        return None
    texts = {name: checks.as_text(value.get(name)) for name in ("file", "line", "name")}
    return {**value, **texts, "lineno": checks.number(value.get("lineno")) or 0}


_MESSAGE: dict[str, Check] = {
    "name": checks.text,
    "tool_calls": checks.list_of(_tool_call),
    "tool_call_id": checks.text,
    "function_call": _called,
}
_REQUEST: dict[str, Check] = {
    "messages": checks.list_of(_message),
    "model": checks.text,
    "frequency_penalty": checks.number,
    "logit_bias": _bias,
    "logprobs": checks.flag,
    "top_logprobs": checks.integer,
    "max_tokens": checks.integer,
    "n": checks.integer,
    "presence_penalty": checks.number,
    "response_format": _format,
    "seed": checks.integer,
    "stop": _stop,
    "stream": checks.flag,
    "stream_options": _stream_options,
    "temperature": checks.number,
    "top_p": checks.number,
    "tools": checks.list_of(_tool),
    "tool_choice": _tool_choice,
    "user": checks.text,
    "functions": checks.list_of(_named),
    "function_call": _function_choice,
}
_RESPONSE: dict[str, Check] = {
    "id": checks.text,
    "created": checks.whole,
    "model": checks.text,
    "system_fingerprint": checks.text,
    "usage": _usage,
}
_COMPLETION: dict[str, Check] = {
    "kind": checks.one_of("chat", "prompt"),
    "status": checks.one_of("started", "finished", "failed"),
    "tags": checks.texts,
    "request": _request,
    "response": _response,
    "stacktrace": checks.list_of(_frame),
    "session_id": checks.text,
    "duration": checks.number,
    "failure_kind": checks.text,
    "failure_reason": checks.text,
}
