"""The model providers that a logged application calls: OpenAI's and Anthropic's HTTP, on loopback.

What it answers depends on the request alone: a model named `fails-400` (or any other status) fails with it, `stream`
comes in events, tools are called, `logprobs` are given, and the text says how many pictures were sent.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.loopback import Handler, Loopback

ANSWER = "Köln is on the Rhine 🌊."
PIECES = ("Köln ", "is on ", "the Rhine ", "🌊.")
CREATED = 1764200001
ARGUMENTS = '{"city": "Köln"}'
FAILURE = "The model is overloaded with otters."

Json = dict[str, Any]


class FakeOpenAI(Loopback):
    """Use it as a context manager. `asked` has the path and body of every request, in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Json]] = []
        super().__init__()


class _Handler(Handler[FakeOpenAI]):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = urlsplit(self.path).path
        self.owner.asked.append((path, body))
        model = str(body.get("model"))
        if model.startswith("fails-"):
            self._send_json(int(model.removeprefix("fails-")), {"error": {"message": FAILURE, "type": "otters"}})
        elif body.get("stream"):
            self._send_events(_message_events(body) if path.endswith("/messages") else _chunks(body))
        else:
            self._send_json(200, ANSWERS[path](body))

    def _send_json(self, status: int, body: Json) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send_events(self, events: Iterator[str]) -> None:
        self._send(200, "text/event-stream", "".join(events).encode())

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


FakeOpenAI.handler = _Handler


def pictures(messages: list[Json]) -> int:
    """How many pictures the messages hold."""
    parts = [part for message in messages if isinstance(message.get("content"), list) for part in message["content"]]
    return sum(part["type"] == "image_url" for part in parts)


def _chat(body: Json) -> Json:
    seen = pictures(body["messages"])
    message: Json = {"role": "assistant", "content": f"{seen} pictures." if seen else ANSWER, "refusal": None}
    finish = "stop"
    if body.get("tools"):
        call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}
        message, finish = {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}, "tool_calls"
    choice = {"finish_reason": finish, "logprobs": _logprobs() if body.get("logprobs") else None, "message": message}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": CREATED,
        "model": body["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
        "choices": [{"index": index, **choice} for index in range(body.get("n") or 1)],
        "usage": {
            "prompt_tokens": 21,
            "completion_tokens": 9,
            "total_tokens": 30,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }


def _logprobs() -> Json:
    def token(text: str, octets: list[int]) -> Json:
        return {"token": text, "logprob": -0.25, "bytes": octets, "top_logprobs": []}

    whole = [token(piece, list(piece.encode())) for piece in PIECES[:-1]]
    # One sign, split over two tokens as models do.
    wave = list("🌊".encode())
    return {"content": [*whole, token("\\xf0\\x9f", wave[:2]), token("\\x8c\\x8a", wave[2:]), token(".", [46])]}


def _chunks(body: Json) -> Iterator[str]:
    def event(delta: Json, finish: str | None = None) -> str:
        chunk = {
            "id": "chatcmpl-fake",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": body["model"],
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        }
        return f"data: {json.dumps(chunk)}\n\n"

    yield event({"role": "assistant", "content": ""})
    for piece in PIECES:
        yield event({"content": piece})
    yield event({}, "stop")
    yield "data: [DONE]\n\n"


def _text(body: Json) -> Json:
    return {
        "id": "cmpl-fake",
        "object": "text_completion",
        "created": CREATED,
        "model": body["model"],
        "choices": [{"index": 0, "text": ANSWER, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 9, "total_tokens": 13},
    }


def _message(body: Json) -> Json:
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": ANSWER}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 21, "output_tokens": 9},
    }


def _message_events(body: Json) -> Iterator[str]:
    def event(kind: str, **members: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n"

    yield event("message_start", message={**_message(body), "content": [], "stop_reason": None})
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for piece in PIECES:
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    yield event("content_block_stop", index=0)
    yield event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 9})
    yield event("message_stop")


ANSWERS = {"/v1/chat/completions": _chat, "/v1/completions": _text, "/v1/messages": _message}
