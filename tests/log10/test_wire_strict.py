"""What the generated SDKs are shown: every row of the contract's table, and whatever else a document may hold.

`takes` says what log10py's classes take, member by member; thousands of documents were parsed by log10py itself once to
see that it says the same.
"""

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reviews.log10 import wire
from reviews.log10.wire.strict import EXPECTED_REQUEST_MEMBERS, ROLES
from tests.api.samples import CORPUS, document

STRICT = wire.Reader("speakeasy-sdk/python 0.1.0 2.373.2 1.0.0 log10py")
ODD: list[Any] = [
    None,
    0,
    -1.5,
    True,
    "x",
    [],
    {},
    [None],
    [1, "a", {}],
    {"a": 1},
    {"type": "x"},
    2**64 - 1,
    [[]],
    1e300,
]
SPELLED = ("token", "logprob", "bytes")


def shown(sample: dict[str, Any]) -> dict[str, Any]:
    """A document as log10py gets it."""
    return wire.completion(sample, uid="a", organization_id="o", reader=STRICT)


def asked(**members: Any) -> dict[str, Any]:
    """What is shown of a request."""
    request: dict[str, Any] = shown(document(request={"messages": [], **members}))["request"]
    return request


def answered(choice: dict[str, Any]) -> dict[str, Any]:
    """What is shown of a choice."""
    first: dict[str, Any] = shown(document(response={"choices": [choice]}))["response"]["choices"][0]
    return first


def takes(whole: dict[str, Any]) -> None:
    """Fails where log10py would raise."""
    assert whole["kind"] in ("chat", "prompt")
    assert whole.get("status") in (None, "started", "finished", "failed")
    assert isinstance(whole.get("duration", 0), (int, float))
    assert all(isinstance(tag, str) for tag in whole.get("tags", []))
    for name in ("session_id", "failure_kind", "failure_reason"):
        assert isinstance(whole.get(name, ""), str)
    for frame in whole.get("stacktrace", []):
        assert {"file", "line", "lineno", "name"} <= set(frame)
    if "request" in whole:
        takes_request(whole["request"])
    if "response" in whole:
        takes_response(whole["response"])


def takes_request(request: dict[str, Any]) -> None:
    """The part of `takes` that is about requests."""
    assert {*EXPECTED_REQUEST_MEMBERS, "model", "messages"} <= set(request)
    for message in request["messages"]:
        assert message["role"] in ROLES
        assert isinstance(message["content"], (str, list, type(None)))
        takes_calls(message)
    for name in ("top_logprobs", "max_tokens", "seed"):
        assert request[name] is None or type(request[name]) is int
    assert all(type(bias) is int for bias in (request["logit_bias"] or {}).values())
    assert isinstance(request["stream_options"], (dict, type(None)))
    assert isinstance(request["stop"], (str, list, type(None)))
    assert request.get("response_format", {}).get("type", "text") in ("text", "json_object")
    for tool in request.get("tools", []):
        assert (tool["type"], type(tool["function"]["name"])) == ("function", str)


def takes_response(response: dict[str, Any]) -> None:
    """The part of `takes` that is about responses."""
    assert response["object"] == "chat.completion"
    assert (type(response["id"]), type(response["model"]), type(response["created"])) == (str, str, int)
    counted = [response["usage"][f"{name}_tokens"] for name in ("prompt", "completion", "total") if "usage" in response]
    assert all(type(count) is int for count in counted)
    for choice in response["choices"]:
        assert type(choice["index"]) is int
        assert choice["finish_reason"] in ("stop", "length", "tool_calls", "content_filter", "function_call")
        assert choice["message"]["role"] == "assistant"
        assert isinstance(choice["message"]["content"], (str, type(None)))
        takes_calls(choice["message"])
        for token in (choice["logprobs"] or {"content": None})["content"] or []:
            for spelled in (token, *token["top_logprobs"]):
                assert set(SPELLED) <= set(spelled)


def takes_calls(message: dict[str, Any]) -> None:
    """The part of `takes` that is about calls of tools."""
    for call in message.get("tool_calls", []):
        assert (type(call["id"]), call["type"]) == (str, "function")
        assert isinstance(call["function"]["name"], str)
        assert isinstance(call["function"]["arguments"], str)
    if "function_call" in message:
        assert isinstance(message["function_call"]["arguments"], str)


def whole() -> dict[str, Any]:
    """A document with about every member that the SDK knows."""
    sample = copy.deepcopy(CORPUS["tools"])
    logprobs = CORPUS["logprobs"]["response"]["choices"][0]["logprobs"]
    sample["request"] |= {"tool_choice": {"type": "function", "function": {"name": "f"}}, "functions": [{"name": "f"}]}
    sample["request"] |= {"function_call": {"name": "f"}, "stop": ["a"], "logit_bias": {"1": 2}, "seed": 1, "user": "u"}
    sample["request"] |= {"response_format": {"type": "text"}, "stream_options": {"include_usage": True}, "n": 1}
    sample["response"]["choices"][0]["message"]["function_call"] = {"name": "a", "arguments": "b"}
    sample["response"]["choices"][0]["logprobs"] = copy.deepcopy(logprobs)
    return sample | {"stacktrace": [{"file": "a", "line": "b", "lineno": 1, "name": "c"}], "session_id": "s"}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a value with each of its keys."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def test_it_shows_whatever_a_document_holds_as_something_that_is_taken() -> None:
    chance = random.Random(10)
    kept = [whole(), *(copy.deepcopy(sample) for sample in CORPUS.values())]
    for _ in range(1_500):
        sample = copy.deepcopy(chance.choice([kept[0], chance.choice(kept)]))
        for _ in range(chance.randint(1, 3)):
            container, key = chance.choice([*places(sample), (sample, "x")])
            container[key] = copy.deepcopy(chance.choice(ODD))
        before = copy.deepcopy(sample)
        takes(shown(sample))
        assert sample == before


@pytest.mark.parametrize("put", [dict.pop, lambda holder, key: holder.__setitem__(key, None)])
def test_it_makes_up_what_is_missing_or_null(put: Callable[[Any, Any], Any]) -> None:
    for number in range(len(list(places(whole())))):
        sample = whole()
        container, key = list(places(sample))[number]
        if isinstance(container, dict):
            put(container, key)
            takes(shown(sample))


def test_it_makes_messages_of_a_prompt() -> None:
    """Quirk 20: a text completion has no messages, another object, and text where the SDK wants a message."""
    request = shown(CORPUS["prompt"])["request"]
    assert request["messages"] == [{"role": "user", "content": "Say hi."}]
    assert shown(document(request={}))["request"]["messages"] == []


@pytest.mark.parametrize(
    ("role", "content", "role_shown", "content_shown"),
    [
        ("developer", "x", "system", "x"),
        ("model", "x", "assistant", "x"),
        ("critic", "x", "user", "x"),
        (7, {"a": 1}, "user", '{"a":1}'),
        ("assistant", None, "assistant", None),
        ("user", [{"type": "input_audio", "input_audio": {}}], "user", [{"type": "text", "text": "[input_audio]"}]),
        ("user", [{"text": "a"}, "b"], "user", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        (
            "user",
            [{"type": "image_url", "image_url": {"url": "u", "detail": "max"}}],
            "user",
            [{"type": "image_url", "image_url": {"url": "u"}}],
        ),
    ],
)
def test_it_shows_odd_messages(role: Any, content: Any, role_shown: str, content_shown: Any) -> None:
    (message,) = asked(messages=[{"role": role, "content": content}])["messages"]
    assert message == {"role": role_shown, "content": content_shown}


def test_it_shows_arguments_as_text() -> None:
    calls = [{"id": 7, "function": {"name": "find", "arguments": {"order": 7}}}]
    shown_call = {"id": "7", "type": "function", "function": {"name": "find", "arguments": '{"order":7}'}}
    assert answered({"message": {"tool_calls": calls}})["message"]["tool_calls"] == [shown_call]
    assert asked(messages=[{"role": "assistant", "tool_calls": calls}])["messages"][0]["tool_calls"] == [shown_call]


def test_it_shows_what_a_stream_left_of_a_call() -> None:
    choice = answered({"index": 0, "finish_reason": "stop", "function_call": {"name": "f", "arguments": "{}"}})
    assert choice["message"] == {
        "function_call": {"name": "f", "arguments": "{}"},
        "role": "assistant",
        "content": None,
    }


def test_it_shows_an_answer_of_parts_as_text() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "x"}, "b"]
    assert answered({"message": {"content": content}})["message"]["content"] == "a\nb"


def test_it_fills_in_what_a_token_lacks() -> None:
    token = {"token": "a", "logprob": -1, "top_logprobs": [{"token": "b", "logprob": -2.5, "bytes": "b"}, {"token": 7}]}
    assert answered({"logprobs": {"content": [token]}})["logprobs"] == {
        "content": [
            {
                "token": "a",
                "logprob": -1,
                "bytes": None,
                "top_logprobs": [{"token": "b", "logprob": -2.5, "bytes": None}],
            }
        ]
    }
    # What text completions have there is another thing under the same name.
    assert answered({"logprobs": {"tokens": ["a"], "token_logprobs": [-1]}})["logprobs"] is None


def test_it_counts_in_whole_numbers() -> None:
    counted = {"prompt_tokens": 5.0, "completion_tokens": 4, "total_tokens": 9}
    for usage, expected in ((counted, {**counted, "prompt_tokens": 5}), ({**counted, "total_tokens": 9.5}, None)):
        assert shown(document(response={"usage": usage}))["response"].get("usage") == expected
    assert asked(max_tokens=64.0, seed=1.5, logit_bias={"50256": -99.5, "1": "x"}) | {"messages": []} == {
        "messages": [],
        "model": None,
        "logit_bias": {"50256": -99},
        "top_logprobs": None,
        "max_tokens": 64,
        "seed": None,
        "stop": None,
        "stream_options": None,
    }


def test_it_shows_a_stack_trace_whole() -> None:
    frames = [{"file": "a.py", "line": None, "lineno": "7"}, "main"]
    assert shown(document(stacktrace=frames))["stacktrace"] == [{"file": "a.py", "line": "", "lineno": 0, "name": ""}]
    assert "stacktrace" not in shown(document(stacktrace="at main"))
