"""What holds for every path: unknown ones, slashes at the end, and bodies that mean harm."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import orjson
import pytest

from tests.api.conftest import Api
from tests.api.samples import UID, document
from tests.api.test_authentication import CALLS

Unchanged = Callable[[], AbstractContextManager[None]]

UNKNOWN = ["/api", "/api/", "/api/x", "/api/v1", "/api/v1/", "/api/v2/completions", "/api//v1/completions", "/api/v1/é"]


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_it_says_that_a_path_is_unknown(api: Api, unchanged: Unchanged, path: str, method: str) -> None:
    with unchanged():
        answer = api.call(method, path, document())
    assert "Location" not in answer.headers
    assert answer.refusal(404)


@pytest.mark.parametrize(("method", "path"), sorted({(method, path) for _, method, path in CALLS}))
def test_it_does_not_redirect_from_a_slash_at_the_end(api: Api, unchanged: Unchanged, method: str, path: str) -> None:
    with unchanged():
        answer = api.call(method, f"{path}/", document())
    assert "Location" not in answer.headers
    # What follows `completions/` is an id there, and is not read by GET.
    answer.refusal(405 if path.endswith("ungraded") else 404)


def deep(levels: int, opening: bytes, closing: bytes) -> bytes:
    return opening * levels + b"0" + closing * levels


def completion(**members: Any) -> bytes:
    return orjson.dumps(document(**members))


HOSTILE: list[bytes] = [
    b"",
    b" ",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"null",
    b"true",
    b"0",
    b'""',
    b"[]",
    b"{}",
    b"[{}]",
    b"{",
    b'{"',
    b'{"a',
    b'{"a"',
    b'{"a":',
    b'{"a":"\\',
    b'{"a":"' + b'\\"' * 100_000,
    b"NaN",
    b'{"a":NaN}',
    b'{"a":-Infinity}',
    b'{"a":1e999}',
    b'{"a":1e-999}',
    b'{"a":' + b"9" * 10_000 + b"}",
    b'{"a":18446744073709551616}',
    b'{"a":-9223372036854775809}',
    b'{"a":"\\ud800"}',
    b'{"\\ud800":1}',
    b'{"a":1,"a":2}',
    b'{"id":"a","\\u0069d":"b"}',
    deep(64, b'{"a":', b"}"),
    deep(63, b'{"a":', b"}"),
    deep(10_000, b"[", b"]"),
    deep(10_000, b'{"a":', b"}"),
    b'{"__proto__":{"x":1},"constructor":null}',
    orjson.dumps({"id": "\x00"}),
    orjson.dumps({"id": "a/../b"}),
    orjson.dumps({"id": "x" * 255}),
    orjson.dumps({"id": "😀" * 255}),
    orjson.dumps({"id": None, "organization_id": None}),
    orjson.dumps({"task_id": "\x00", "json_values": {}}),
    orjson.dumps({"task_id": "x", "json_values": {}, "completion_ids": ["\x00"]}),
    orjson.dumps({"name": "x", "json_schema": {"$ref": "#"}}),
    orjson.dumps({"name": "x", "json_schema": {"pattern": "(a+)+$"}}),
    orjson.dumps({"name": "x", "json_schema": {"$ref": "file:///etc/passwd"}}),
    orjson.dumps({"name": "x", "json_schema": {}, "completion_tags_selector": ["\x00"]}),
    orjson.dumps({"name": "\x00", "json_schema": {}}),
    orjson.dumps({"limit": 2**64 - 1, "offset": -1}),
    orjson.dumps({"limit": {}, "offset": [], "task_id": {}, "completion_id": 1}),
    completion(tags=["\x00", "a\x00b", "a\ufffdb"]),
    completion(session_id="\x00" * 300, failure_kind="\x00", kind="\x00", status="\x00"),
    completion(duration=2**64 - 1, request={"model": "\x00" * 300, "messages": {"role": 1}}),
    completion(duration=-1.5, request={"messages": [None, 1, [], {"role": None, "content": {"a": 1}}]}),
    completion(response={"choices": [None], "usage": {"prompt_tokens": 2**64 - 1}, "created": 2**64 - 1}),
    completion(response={"choices": [{"message": []}], "created": -(2**63), "model": [1]}),
    completion(response={"choices": {"0": 1}, "created": 253402300799, "usage": {"prompt_tokens": -1}}),
    completion(response={"choices": [{"logprobs": {"content": [{"logprob": -1e308}, {"logprob": 1e308}, {}]}}]}),
    completion(response={"choices": [{"logprobs": {"content": [{"logprob": "x"}, None, 7]}}], "created": 1e308}),
    completion(request={"prompt": "\x00\ufffe\uffff" * 1_000}, response={"choices": [{"text": "\u202e" * 5_000}]}),
]


def test_it_has_enough_hostile_bodies() -> None:
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_it_never_fails_whatever_is_sent(api: Api, number: int) -> None:
    """Every endpoint, every method, and every completion that was taken can be read again."""
    api.feedback_task("support")
    for method, path in sorted({(method, path) for _, method, path in CALLS}):
        answer = api.call(method, path, HOSTILE[number])
        assert answer.status < 500
        if answer.status >= 400:
            answer.refusal(answer.status)
    for headers in ({}, {"User-Agent": "speakeasy-sdk/python log10py"}):
        assert api.get("/api/v1/completions/ungraded", headers=headers).status == 200
        assert api.get(f"/api/completions/{UID}", headers=headers).status in (200, 404)
        assert api.get("/api/v1/feedback_task", headers=headers).status == 200


def test_it_asks_for_the_length_of_a_body_in_chunks(api: Api, unchanged: Unchanged) -> None:
    with unchanged():
        answer = api.post("/api/v1/completions", headers={"Transfer-Encoding": "chunked"})
    assert "Content-Length" in answer.refusal(411)
