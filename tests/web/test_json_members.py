"""The members of a JSON answer: each at its place in the text, whatever its escapes and its characters."""

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reviews.web.json_members import DEEPEST, MemberConfidence, confidences, members
from reviews.web.tokens import TokenRun, read_tokens

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "a.b", "0", '"', "\\", "🚀", "e\u0301", "日本", "\u2028", "\x00"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
containers = st.lists(values, max_size=5) | st.dictionaries(texts, values, max_size=5)
layouts = st.fixed_dictionaries(
    {"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 0, 2, "\t"])},
    optional={"separators": st.sampled_from([(",", ":"), (" ,\n", "\r\n: ")])},
)


def leaves(value: Any) -> Iterator[Any]:
    """The values that hold no others, in their order; an empty list or object is one itself."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if not inner:
        yield value
    for one in inner:
        yield from leaves(one)


def strictly(text: str) -> Any:
    """What a strict reader makes of a text."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


@given(containers, layouts, st.sampled_from(["", " ", "\r\n\t"]))
def test_each_place_reads_as_the_value(value: Any, layout: dict[str, Any], around: str) -> None:
    text = around + json.dumps(value, **layout) + around
    read = [strictly(text[member.start : member.end]) for member in members(text)]
    assert read == (list(leaves(value)) if value else [])


@given(containers, st.data())
@example([0], None)
def test_it_reads_what_a_strict_reader_reads_and_nothing_else(value: Any, data: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    if data is not None:
        at = data.draw(st.integers(0, len(text)))
        text = (
            text[:at]
            + data.draw(st.sampled_from(["", ",", "]", '"', "\\", "1", "0", "\x01", "{", ":"]))
            + text[at + 1 :]
        )
    try:
        expected = strictly(text)
    except ValueError:
        assert members(text) == ()
        return
    if isinstance(expected, dict | list) and expected and "\\u" not in text:
        assert members(text)


def test_it_names_members_by_their_path() -> None:
    text = '{"items": [{"price": 1, "na me": []}, null], "0": "x", "": {"a.b": true}}'
    assert [member.path for member in members(text)] == [
        "items.0.price",
        'items.0."na me"',
        "items.1",
        '"0"',
        '""."a.b"',
    ]


def test_it_names_both_of_a_doubled_member() -> None:
    assert [member.path for member in members('{"a": 1, "a": 2}')] == ["a", "a"]


def test_it_reads_what_stands_in_a_fence() -> None:
    text = '\n```json\n{"a": "🚀"}\n```\n'
    (member,) = members(text)
    assert text[member.start : member.end] == '"🚀"'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "14",
        '"a"',
        "{",
        '{"a" 1}',
        "[1,]",
        "[01]",
        "[NaN]",
        "{'a': 1}",
        '["\n"]',
        "[1] [2]",
        '["\\x"]',
        "[1",
        "Yes.",
    ],
)
def test_it_takes_nothing_else_for_json(text: str) -> None:
    assert members(text) == ()


def test_it_gives_up_where_nobody_reads_a_path() -> None:
    assert members("[" * DEEPEST + "1" + "]" * DEEPEST)
    assert members("[" * 100_000 + "1" + "]" * 100_000) == ()


def run_of(*tokens: tuple[str | bytes, float]) -> tuple[TokenRun, str]:
    """A run over tokens with their probabilities, and its text; bytes are tokens that are no whole characters."""
    raw = [text if isinstance(text, bytes) else text.encode() for text, _ in tokens]
    text = b"".join(raw).decode()
    content = [
        {"token": repr(one), "bytes": list(one), "logprob": math.log(probability), "top_logprobs": []}
        for one, (_, probability) in zip(raw, tokens, strict=True)
    ]
    run = read_tokens({"message": {"content": text}, "logprobs": {"content": content}})
    assert run is not None
    return run, text


def worst(*tokens: tuple[str | bytes, float]) -> tuple[MemberConfidence, ...]:
    run, text = run_of(*tokens)
    return confidences(run, text, (0, len(run.pieces)))


def test_it_finds_the_least_likely_token_of_each_member() -> None:
    found = worst(
        ('{"', 1.0),
        ("item", 0.1),
        ('": ', 1.0),
        ("12", 0.9),
        (".5", 0.4),
        (', "', 0.2),
        ('b": "', 0.8),
        ('x"', 0.7),
        ("}", 0.01),
    )
    assert [(member.path, member.words, member.number) for member in found] == [("item", "40 %", 4), ("b", "70 %", 7)]


def test_it_counts_characters_that_are_split_over_tokens_once() -> None:
    rocket = "🚀".encode()
    found = worst(('["', 1.0), (rocket[:2], 0.5), (rocket[2:], 0.5), ('", "', 0.9), ("e\u0301", 0.3), ('\\n"]', 0.6))
    assert [(member.path, member.words) for member in found] == [("0", "25 %"), ("1", "30 %")]


def test_a_token_across_two_members_counts_for_both() -> None:
    found = worst(("[", 1.0), ("1,2", 0.5), ("]", 1.0))
    assert [(member.path, member.number) for member in found] == [("0", 1), ("1", 1)]
