"""Code in colours keeps every character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.web.highlight import LONGEST, highlight
from tests.web.page_text import text_of


def test_it_colours_json() -> None:
    assert highlight('{"a": 1}', "json") == '{<span class="cf">"a"</span>: <span class="cn">1</span>}'


@pytest.mark.parametrize("language", ["", "nonesuch", "text"])
def test_it_leaves_what_it_does_not_know_plain(language: str) -> None:
    assert highlight("a < b", language) == "a &lt; b"


def test_it_leaves_long_code_plain() -> None:
    assert "<span" not in highlight('"a" ' * LONGEST, "json")


@given(code=st.text(), language=st.sampled_from(["python", "json", "sql", "html", "bash", "ts", "diff"]))
def test_it_keeps_every_character(code: str, language: str) -> None:
    assert text_of(f"<pre>{highlight(code, language)}</pre>").replace("\r", "") == code.replace("\r", "")
