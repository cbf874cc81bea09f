"""JSON becomes a tree that keeps every name, figure and word."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reviews.web.tree import tree
from tests.web.page_text import squashed, text_of


def test_it_shows_what_is_small_on_one_line() -> None:
    html = tree('{"order": "A-1", "since": 2.50}')
    assert text_of(html) == "order A-1since 2.50"
    assert "<ul" not in html
    assert text_of(tree("[1, true, null]")) == "1, true, null"


def test_it_opens_two_levels_and_folds_the_rest() -> None:
    html = tree(json.dumps({"a": {"b": {"c": ["word " * 30]}}}))
    assert [part.split(">")[0] for part in html.split("<details")[1:]] == [" open", "", ""]
    assert "1 member" in html


def test_it_keeps_figures_as_written_and_members_that_come_twice() -> None:
    html = tree('{"a":1.10,"a":1E400,"big":123456789012345678901234567890,"s":"{[,:","e":[],"u":"\\u00e9\\u0000"}')
    for piece in (">1.10<", ">1E400<", "123456789012345678901234567890", "{[,:", "[]", "é␀"):
        assert piece in html


def test_it_leaves_other_text_alone() -> None:
    for text in ("", "words", "17", '"text"', "{not json", "[]", "{}", "[" * 9_000, "[" * 900 + "]" * 900):
        assert tree(text) == ""
    assert tree(json.dumps(["x" * 60_000])) == ""


def test_it_escapes_names_and_values() -> None:
    html = tree(json.dumps({"<b>": ["<script>"], "long": "<i>" * 40}))
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_it_names_base64_and_shows_its_beginning() -> None:
    html = tree(json.dumps({"data": "QUJD" * 1_000}))
    assert "4 kB of base64" in html
    assert len(html) < 500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for name, inner in value.items() for text in (name, *leaves(inner))]
    if isinstance(value, list):
        return [text for inner in value for text in leaves(inner)]
    return [value] if isinstance(value, str) else [json.dumps(value)]


@given(value=json_values.filter(lambda value: isinstance(value, dict | list) and bool(value)))
def test_it_loses_nothing(value: Any) -> None:
    shown = squashed(text_of(tree(json.dumps(value))))
    assert [leaf for leaf in leaves(value) if squashed(leaf) not in shown] == []
