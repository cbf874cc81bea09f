"""Documents of our own writing, one of each shape that clients send."""

from typing import Any

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}, "note": {"type": "string"}},
    "required": ["score"],
    "additionalProperties": False,
}

UID = "5b6d1f0e-8a52-4b7e-9d0c-3f1f6f0f7a11"


def document(**members: Any) -> dict[str, Any]:
    """A finished chat completion; `members` replace or add top-level ones, None leaves one out."""
    whole = {
        "organization_id": "acme",
        "kind": "chat",
        "status": "finished",
        "tags": ["support"],
        "request": {
            "model": "gpt-4o",
            "messages": [
                {"role": "system", "content": "Answer in one sentence."},
                {"role": "user", "content": "When does the shop open?"},
            ],
            "temperature": 0.2,
            "max_tokens": 64,
        },
        "response": {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1767225600,
            "model": "gpt-4o-2024-08-06",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "At nine, on weekdays."},
                    "finish_reason": "stop",
                    "logprobs": None,
                }
            ],
            "usage": {"prompt_tokens": 21, "completion_tokens": 6, "total_tokens": 27},
        },
        "duration": 1.25,
    }
    return {name: value for name, value in {**whole, **members}.items() if value is not None}


def _answer(message: dict[str, Any], **members: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop", **members}
    return {**document()["response"], "choices": [choice]}


def _token(text: str, logprob: float, *others: tuple[str, float]) -> dict[str, Any]:
    spelled = [(text, logprob), *others]
    tops = [{"token": token, "logprob": value, "bytes": list(token.encode())} for token, value in spelled]
    return {**tops[0], "top_logprobs": tops}


CORPUS: dict[str, dict[str, Any]] = {
    "plain": document(),
    "only what must be": {"organization_id": "acme"},
    "nothing at all": {},
    "members in another order": dict(reversed(document().items())),
    "nulls": document() | {"failure_kind": None, "stacktrace": None, "session_id": None, "tags": None},
    "unknown members": document(x_trace={"b": [1, 1.0, -0.0, 1e-7], "a": None}, created_at="2026-01-01T00:00:00Z"),
    "numbers": document(x=[0, -1, 2**63, 2**64 - 1, -(2**63), 0.1, 1.0, 1e300, 5e-324, 100.0]),
    "texts": document(x=["", "\x00", "\u2028", "😀", "e\u0301", '"\\/', "\x7f", "\U0010ffff", "<!--", "שלום"]),
    "odd names": document(x={"": 1, "a/b": 2, "~": 3, "\x00": 4, "__proto__": 5, "🙂": 6}),
    "logprobs": document(
        response=_answer(
            {"content": "At nine"},
            logprobs={"content": [_token("At", -0.25, ("From", -1.5)), _token(" nine", -9999.0)], "refusal": None},
        )
    ),
    "split bytes": document(
        response=_answer(
            {"content": "é"},
            logprobs={
                "content": [
                    {"token": "\\xc3", "logprob": -1, "bytes": [195], "top_logprobs": []},
                    {"token": "\\xa9", "logprob": 0, "bytes": None, "top_logprobs": []},
                ]
            },
        )
    ),
    "tools": document(
        request={
            "model": "gpt-4o",
            "messages": [
                {"role": "user", "content": "Where is order 7?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"order": 7}'}}
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": '{"state":"sent"}'},
            ],
            "tools": [{"type": "function", "function": {"name": "find", "strict": True, "parameters": {}}}],
        },
        response=_answer({"content": "It was sent.", "refusal": None, "annotations": []}),
    ),
    "parts": document(
        request={
            "model": "gpt-4o",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                    ],
                }
            ],
        }
    ),
    "three choices": document(
        response=document()["response"]
        | {"choices": [{"index": n, "message": {"role": "assistant", "content": str(n)}} for n in range(3)]}
    ),
    "failed": document(
        status="failed", response=None, failure_kind="RateLimitError", failure_reason="429: slow down", duration=None
    ),
    "prompt": document(
        kind="prompt",
        request={"model": "gpt-3.5-turbo-instruct", "prompt": "Say hi."},
        response={"object": "text_completion", "choices": [{"text": "Hi.", "index": 0, "finish_reason": "stop"}]},
    ),
    "another provider": document(
        kind="messages",
        status="odd",
        response={"object": "chat", "choices": [{"message": {"content": ["a", {"text": "b"}]}, "finish_reason": 7}]},
    ),
    "odd types": document(request={}, response={"choices": "none", "usage": [], "created": "today"}, duration="long"),
    "deep": document(x=[[[[[[[[[[[[[[[[[[[[[[[["down"]]]]]]]]]]]]]]]]]]]]]]]]),
}
