"""Markdown is rendered without losing a word and without doing anything by itself."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.web.json_text import showable
from reviews.web.markdown import LONGEST, render
from tests.web.page_text import tags_of, text_of


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**bold**", "<strong>bold</strong>"),
        ("# Title", '<h3 dir="auto">Title</h3>'),
        ("- one\n- two", '<li dir="auto">one</li>'),
        ("3. three", '<ol start="3">'),
        ("| a |\n|---|\n| b |", '<td dir="auto">b</td>'),
        ("one\ntwo `code`", "one<br>"),
        ("> said", "<blockquote>"),
        ("    indented", "<pre"),
    ],
)
def test_it_renders(text: str, html: str) -> None:
    assert html in render(text)


def test_it_leaves_plain_words_alone() -> None:
    for text in (
        "",
        "Just words.\nOn two lines.",
        "snake_case_name",
        "5 * 3 = 15",
        "a < b",
        "x" * (LONGEST + 1) + "**b**",
    ):
        assert render(text) == ""


def test_it_colours_code_by_the_word_on_its_fence() -> None:
    html = render('```python\nreturn "a"\n```')
    assert '<span class="ck">return</span>' in html
    assert ">python</p>" in html
    assert "<span" not in render("```nonesuch\nreturn\n```")


def test_it_shows_where_a_link_leads_and_gives_nothing_away() -> None:
    html = render('[shop](https://shop.example/a?b=1 "The shop")')
    assert 'href="https://shop.example/a?b=1"' in html
    assert 'rel="noopener noreferrer nofollow ugc"' in html
    assert "The shop https://shop.example/a?b=1</span>" in html


def test_it_loads_no_picture() -> None:
    html = render("![a cat](https://img.example/cat.png)")
    assert "<img" not in html
    assert "picture: a cat" in html
    assert "https://img.example/cat.png</span>" in html


@pytest.mark.parametrize(
    "text",
    [
        "**x** <script>alert(1)</script>",
        "**x** <img src=x onerror=alert(1)>",
        "[x](javascript:alert(1)) **y**",
        "[x](data:text/html;base64,PHNjcmlwdD4=) **y**",
        '**x** <a href="https://e.example" onclick="alert(1)">y</a>',
        "```<script>\nalert(1)\n```",
        '[x](<https://e.example/" onmouseover="alert(1)>) y',
    ],
)
def test_it_lets_nothing_run(text: str) -> None:
    tags = tags_of(render(text))
    assert {tag for tag, _ in tags} <= {"p", "a", "strong", "span", "div", "pre", "h4"}
    for _, attributes in tags:
        assert set(attributes) <= {"dir", "class", "href", "rel", "target", "tabindex", "role", "aria-label"}
        assert (attributes.get("href") or "https:").startswith("https:")


def test_it_keeps_tex_and_html_as_text() -> None:
    html = render("**x** \\(a_1\\) and \\[b\\] <think>hm</think> \\*no\\*")
    assert "\\(a_1\\) and \\[b\\] &lt;think&gt;hm&lt;/think&gt; *no*" in html


@pytest.mark.parametrize(
    "text",
    [
        "2*3*4 is not **24**",
        "__init__ and **b**",
        "| a |\n|---|\n| b | lost |",
        "1. **one**\n[word]: https://x.example 'Title'",
    ],
)
def test_it_loses_no_word(text: str) -> None:
    html = render(text)
    shown = words(text_of(html.replace("<", " <"))) if html else words(text)
    assert words(re.sub(r"^\d\. ", "", text)) - shown == set()


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", unescape(text)))


HOSTILE = st.sampled_from(
    [
        *("<script>", "</script>", "<img src=x onerror=alert(1)>", "<style>*{}</style>", "<svg/onload=alert(1)>"),
        *("javascript:alert(1)", "JaVa\tScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "//e.example", "file:///x"),
        *("[x](", "<https://e.example/", ")", ">", '"', "'", "`", "```", "![", "](", "&#x6a;avascript:", "&lt;b&gt;"),
        *(
            ' onclick="x"',
            " style=x",
            "\u202e",
            "&#x202e;",
            "%E2%80%AE",
            "\x00",
            "&#0;",
            "|a|\n|-|\n",
            "# ",
            "<!--",
            "]]>",
        ),
    ]
)


@given(parts=st.lists(st.one_of(HOSTILE, st.text(max_size=6)), max_size=14))
def test_whatever_is_written_nothing_runs_and_links_lead_where_they_may(parts: list[str]) -> None:
    html = render("**x** " + "".join(parts))
    assert not set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(html)
    for tag, attributes in tags_of(html):
        assert tag not in ("script", "style", "img", "svg", "iframe", "object", "form", "input", "base", "meta", "link")
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "srcdoc", "id")]
        if "href" in attributes:
            assert (attributes["href"] or "").lower().startswith(("http://", "https://", "mailto:"))
            assert attributes["rel"] == "noopener noreferrer nofollow ugc"


def test_what_turns_the_direction_of_a_text_is_seen() -> None:
    sign = "\N{SYMBOL FOR SUBSTITUTE FORM TWO}"
    assert showable("a\u202eb\u2067c") == f"a{sign}b{sign}c"
    assert f"{sign}b" in render("**a** \u202eb")


@given(text=st.text(alphabet="ab *_`#[](){}<>|-~!\\\n1.>:&;'\"/é", max_size=80))
def test_it_never_raises_and_never_loses(text: str) -> None:
    html = render(text)
    assert not html or "<script" not in html
