"""Completions as the clients log them, one of each shape, with what is easily lost: unknown members, numbers, signs.

`ours()` always runs; `samples()` are those of the external corpus, where GRADEBENCH_TEST_DATA names its folder.
"""

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

WAVE = "🌊"
DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
STACKTRACE = [{"file": "/srv/shop/app.py", "line": "    answer = ask(question)", "lineno": 88, "name": "handle"}]


def _token(text: str, octets: list[int] | None, logprob: float = -0.5, **members: Any) -> Json:
    return {"token": text, "logprob": logprob, "bytes": octets, "top_logprobs": [], **members}


def _choice(content: str | None, *, index: int = 0, tokens: list[Json] | None = None, **members: Any) -> Json:
    return {
        "index": index,
        "finish_reason": "stop",
        "logprobs": None if tokens is None else {"content": tokens, "refusal": None},
        "message": {"role": "assistant", "content": content, "refusal": None, "annotations": []},
        **members,
    }


def _finished(request: Json, *choices: Json, **members: Any) -> Json:
    """A finished chat; what a client and its provider send today, nulls and all."""
    return {
        "kind": "chat",
        "status": "finished",
        "tags": ["clients", "prod"],
        "session_id": "0b8f5f0e-1f0e-4f55-9c6e-0e2b5a9f7c01",
        "duration": 1.284,
        "stacktrace": STACKTRACE,
        "request": {"model": "gpt-4o-2024-08-06", "temperature": 0, "top_p": 1.0, **request},
        "response": {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1764200001,
            "model": "gpt-4o-2024-08-06",
            "service_tier": "default",
            "system_fingerprint": None,
            "choices": list(choices),
            "usage": {
                "prompt_tokens": 41,
                "completion_tokens": 8,
                "total_tokens": 49,
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
        },
        **members,
    }


def _asked(content: Any) -> Json:
    return {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]}


def ours() -> dict[str, Json]:
    """By a name that says what is in it."""
    wave = list(WAVE.encode())
    tokens = [_token("Köln", list("Köln".encode())), _token(":", [58], 0.0), _token(" 4", [32, 52], -1.2e-05)]
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Köln"}'}}
    tool = {"type": "function", "function": {"name": "weather", "strict": True, "parameters": {"type": "object"}}}
    answered = {"role": "tool", "tool_call_id": "call_0", "content": "12 °C"}
    asking = {"role": "assistant", "content": None, "tool_calls": [{**call, "id": "call_0"}]}
    picture = {"type": "image_url", "image_url": {"url": DOT, "detail": "low"}}
    chat = _finished({**_asked("How big?"), "logprobs": True, "top_logprobs": 3}, _choice("Köln: 4", tokens=tokens))
    prompt = {
        **_finished({"prompt": "Translate: late.\n", "logprobs": 2}),
        "kind": "prompt",
        "response": {
            "id": "cmpl-9",
            "object": "text_completion",
            "created": 1764200400,
            "model": "gpt-3.5-turbo-instruct",
            "choices": [{"index": 0, "text": "\nEn retard.", "logprobs": None, "finish_reason": "stop"}],
        },
    }
    return {
        "chat with logprobs": chat,
        "tool calls": _finished(
            {**_asked("Warmer?"), "tools": [tool], "tool_choice": "auto", "parallel_tool_calls": False}
            | {"messages": [*_asked("Warmer?")["messages"], asking, answered]},
            _choice(
                None, finish_reason="tool_calls", message={"role": "assistant", "content": None, "tool_calls": [call]}
            ),
        ),
        "picture": _finished(_asked([{"type": "text", "text": "What is it?"}, picture]), _choice("A dot.")),
        "three choices": _finished(
            {**_asked("A name?"), "n": 3}, *(_choice(name, index=i) for i, name in enumerate("abc"))
        ),
        "failed": {
            **{name: value for name, value in _finished(_asked("Anyone?")).items() if name != "response"},
            "status": "failed",
            "failure_kind": "RateLimitError",
            "failure_reason": "429: too many otters",
        },
        "prompt kind": prompt,
        "split sign": _finished(
            _asked("Draw\u2028a wave"),
            _choice(
                f"{WAVE}!",
                tokens=[_token("\\xf0\\x9f", wave[:2]), _token("\\x8c\\x8a", wave[2:]), _token("!", None, -9999.0)],
            ),
        ),
        "older wire form": in_older_form(chat),
        "started": {
            "kind": "chat",
            "status": "started",
            "tags": ["clients"],
            "request": {"model": "m", **_asked("Hm?")},
        },
    }


def in_older_form(document: Json) -> Json:
    """The same as log10-io posts it: JSON in text, milliseconds."""
    inner = {name: json.dumps(document[name]) for name in ("request", "response", "stacktrace")}
    return {
        **document,
        **inner,
        "duration": 1284,
        "orig_module": "openai.resources.chat",
        "orig_qualname": "Completions",
    }


def samples(folder: Path | None) -> dict[str, Json]:
    """Those of the external corpus by file name; none without it."""
    files = sorted((folder / "log10-samples").glob("*.json")) if folder else []
    return {file.stem: json.loads(file.read_text()) for file in files}


def is_older_form(document: Json) -> bool:
    """Whether it must go to the older path."""
    return isinstance(document.get("request"), str)
