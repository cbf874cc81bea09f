"""The payloads that no endpoint test shows whole."""

from typing import Any

import pytest

from reviews.log10 import wire
from tests.api.samples import CORPUS, document

STRICT = wire.Reader("speakeasy-sdk/python 0.1.0 2.373.2 1.0.0 log10py")
TYPESCRIPT = wire.Reader("speakeasy-sdk/typescript 0.4.2 2.373.2 1.0.0 log10ts")


def strict(sample: dict[str, Any]) -> dict[str, Any]:
    return wire.completion(sample, uid="a", organization_id="o", reader=STRICT)


def test_it_knows_its_readers() -> None:
    assert (STRICT.parses_strictly, STRICT.wants_selector_object) == (True, True)
    assert (TYPESCRIPT.parses_strictly, TYPESCRIPT.wants_selector_object) == (True, False)
    assert (wire.RAW.parses_strictly, wire.RAW.wants_selector_object) == (False, False)
    assert not wire.Reader("python-httpx/0.28").parses_strictly


def test_it_puts_id_and_organization_where_they_stood() -> None:
    raw = {"id": "theirs", "kind": "chat", "organization_id": "theirs", "x": None}
    assert list(wire.completion(raw, uid="a", organization_id="o").items()) == [
        ("id", "a"),
        ("kind", "chat"),
        ("organization_id", "o"),
        ("x", None),
    ]
    assert list(wire.completion({"x": 1}, uid="a", organization_id="o")) == ["x", "id", "organization_id"]
    assert raw["id"] == "theirs"


@pytest.mark.parametrize("name", CORPUS)
def test_it_gives_a_strict_reader_what_it_can_parse(name: str) -> None:
    shown = strict(CORPUS[name])
    assert shown["kind"] in ("chat", "prompt")
    assert shown.get("status") in (None, "started", "finished", "failed")
    assert None not in shown.values()
    if request := shown.get("request"):
        assert {*wire.EXPECTED_REQUEST_MEMBERS, "model", "messages"} <= set(request)
    if response := shown.get("response"):
        assert response["object"] == "chat.completion"
        assert {"id", "created", "model", "choices"} <= set(response)
        for choice in response["choices"]:
            assert {"index", "message", "finish_reason", "logprobs"} <= set(choice)
            assert {"role", "content"} <= set(choice["message"])
            assert choice["finish_reason"] in ("stop", "length", "tool_calls", "content_filter", "function_call")
            assert choice["logprobs"] is None or "content" in choice["logprobs"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("stop", "stop"),
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("content_filter", "content_filter"),
        (None, "stop"),
        ("odd", "stop"),
    ],
)
def test_it_translates_why_an_answer_ended(said: str | None, shown: str) -> None:
    sample = document(response={"choices": [{"finish_reason": said}]})
    assert strict(sample)["response"]["choices"][0]["finish_reason"] == shown


def test_it_makes_a_message_of_the_text_of_a_prompt_completion() -> None:
    choice = strict(CORPUS["prompt"])["response"]["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": "Hi."}


def test_it_leaves_out_what_a_strict_reader_does_not_know() -> None:
    sample = document(request={"response_format": {"type": "json_schema"}}, response={"usage": {"prompt_tokens": 1}})
    shown = strict(sample)
    assert "response_format" not in shown["request"]
    assert "usage" not in shown["response"]


def test_it_shows_a_strict_reader_functions_alone() -> None:
    odd = [{"type": "web_search"}, {"function": {"name": "find"}}, {"type": "function"}, None]
    call = {"function": {"name": "find"}}
    shown = strict(
        document(
            request={"tools": odd, "tool_choice": "any"},
            response={"created": "now", "choices": [{"message": {"tool_calls": [call, {"type": "custom"}]}}]},
        )
    )
    assert shown["request"]["tools"] == [{"type": "function", "function": {"name": "find"}}]
    assert "tool_choice" not in shown["request"]
    assert shown["response"]["created"] == 0
    assert shown["response"]["choices"][0]["message"]["tool_calls"] == [
        {"id": "", "type": "function", "function": {"name": "find", "arguments": ""}}
    ]


def test_it_shows_logprobs_that_are_whole_alone() -> None:
    whole = {"token": "a", "logprob": 0, "bytes": None, "top_logprobs": []}
    for tokens, shown in (([whole], {"content": [whole]}), (None, {"content": None}), ([{"token": "a"}], None)):
        sample = document(response={"choices": [{"logprobs": {"content": tokens}}]})
        assert strict(sample)["response"]["choices"][0]["logprobs"] == shown


def test_it_does_not_change_the_document_that_it_shows() -> None:
    sample = document()
    strict(sample)
    assert sample == document()


def test_it_pushes_the_whole_document_under_the_upstreams_name() -> None:
    assert wire.completion({"x": None, "organization_id": "ours"}, uid="a", organization_id="theirs") == {
        "x": None,
        "organization_id": "theirs",
        "id": "a",
    }
