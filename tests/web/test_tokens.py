"""Token probabilities: whole characters, honest figures, and no HTML from a model."""

import html
import math
import re
from typing import Any

import pytest

from reviews.web.tokens import TokenRun, percent, read_tokens, render_tokens, render_uncertain, spans, visible


def token(
    text: str, probability: float, raw: list[int] | None = None, others: dict[str, float] | None = None
) -> dict[str, Any]:
    """A token as chat completions record it; `others` are its alternatives with their probabilities."""
    return {
        "token": text,
        "logprob": math.log(probability),
        "bytes": list(text.encode()) if raw is None else raw,
        "top_logprobs": [{"token": text, "logprob": math.log(probability)}]
        + [{"token": name, "logprob": math.log(other)} for name, other in (others or {}).items()],
    }


def run_of(content: str, *tokens: dict[str, Any]) -> TokenRun:
    run = read_tokens({"message": {"content": content}, "logprobs": {"content": list(tokens)}})
    assert run is not None
    return run


def test_it_reads_figures_and_levels() -> None:
    run = run_of("abcd", token("a", 0.9), token("b", 0.6), token("c", 0.4), token("d", 0.1))
    assert [piece.level for piece in run.pieces] == [0, 1, 2, 3]
    assert run.joins
    assert (run.mean_text, run.lowest_text, run.under_half, run.uncertain) == ("50 %", "10 %", 2, 3)


def test_it_sorts_alternatives_and_leaves_out_the_chosen() -> None:
    piece = run_of("14", token("14", 0.3, others={"28": 0.1, "30": 0.5})).pieces[0]
    assert [(other.text, round(other.probability, 2)) for other in piece.alternatives] == [("30", 0.5), ("28", 0.1)]


def test_it_joins_a_character_split_over_tokens() -> None:
    rocket = list("🚀".encode())
    run = run_of("a🚀", token("a", 0.9), token("\\xf0\\x9f", 0.5, rocket[:2]), token("\\x9a\\x80", 0.5, rocket[2:]))
    assert [piece.text for piece in run.pieces] == ["a", "🚀"]
    assert run.pieces[1].probability == pytest.approx(0.25)
    assert run.joins


def test_it_drops_the_end_mark() -> None:
    end = {"token": "<|end|>", "logprob": -9999, "bytes": None, "top_logprobs": []}
    run = run_of("Hi", token("Hi", 0.9), end)
    assert [piece.text for piece in run.pieces] == ["Hi"]
    assert run.joins


def test_it_says_when_the_tokens_are_another_text() -> None:
    assert not run_of("Hello there", token("Hello", 0.9), token(" you", 0.2)).joins


@pytest.mark.parametrize("raw", [[300], [-1], ["x"], [1.5], "abc"])
def test_it_trusts_the_text_where_bytes_are_none(raw: Any) -> None:
    assert run_of("é", token("é", 0.9) | {"bytes": raw}).joins


def test_it_shows_bytes_that_are_no_text() -> None:
    run = run_of("x", token("?", 0.9, [0xFF]), token("x", 0.9), token("?", 0.9, [0xC3]))
    assert [piece.text for piece in run.pieces] == ["�", "x", "�"]


def test_it_reads_the_prompt_form() -> None:
    logprobs = {
        "tokens": ["\n", "Le", " colis"],
        "token_logprobs": [None, -0.2, -2.0],
        "top_logprobs": [None, {"Le": -0.2, "La": -1.9}, {" colis": -2.0, " paquet": -0.3}],
    }
    run = read_tokens({"text": "\nLe colis", "logprobs": logprobs})
    assert run is not None
    assert run.joins
    assert run.pieces[0].probability is None
    assert run.pieces[2].level == 3
    assert run.pieces[2].alternatives[0].text == " paquet"


@pytest.mark.parametrize(
    "choice",
    [
        None,
        [],
        {},
        {"logprobs": None},
        {"logprobs": {}},
        {"logprobs": {"content": None}},
        {"logprobs": {"content": [1]}},
    ],
)
def test_it_answers_none_without_logprobs(choice: Any) -> None:
    assert read_tokens(choice) is None


@pytest.mark.parametrize("logprob", [None, "x", float("nan"), True])
def test_it_does_not_invent_a_probability(logprob: Any) -> None:
    run = run_of("a", token("a", 0.9) | {"logprob": logprob})
    assert (run.pieces[0].probability, run.pieces[0].level, run.mean_text) == (None, 0, "unknown")


@pytest.mark.parametrize(
    ("logprob", "probability"), [(-9999, 0.0), (0.5, 1.0), (float("-inf"), 0.0), (-(10**400), 0.0)]
)
def test_it_takes_extreme_figures(logprob: Any, probability: float) -> None:
    assert run_of("a", token("a", 0.9) | {"logprob": logprob}).pieces[0].probability == probability


def test_it_renders_certain_text_plain_and_uncertain_words_as_links() -> None:
    run = run_of(
        "Back in 14 days", token("Back in", 0.99), token(" 14", 0.34, others={" 30": 0.3}), token(" days", 0.9)
    )
    assert render_tokens(run, "u0") == 'Back in <a class="t t2" href="#u0-1">14</a> days'
    assert render_uncertain(run, "u0") == '<li data-s><a name="u0-1">14</a> 34 % or <b>30</b> 30 %</li>'


def test_it_escapes_every_text() -> None:
    evil = '"><script>alert(1)</script>'
    run = run_of(evil * 2, token(evil, 0.9), token(evil, 0.1, others={evil + "&": 0.2}))
    page = render_tokens(run, evil) + render_uncertain(run, evil)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 6


def test_it_keeps_line_ends_from_being_rewritten() -> None:
    run = run_of("a\r\nb\x00", token("a\r\n", 0.2, others={"\r": 0.1}), token("b\x00", 0.9))
    assert render_tokens(run, "u0") == '<a class="t t3" href="#u0-0">a</a>&#13;\nb␀'
    assert '<b data-t="&#13;">␍</b>' in render_uncertain(run, "u0")


@pytest.mark.parametrize(
    ("other", "shown"),
    [
        ({"token": "\\xf0\\x9f", "bytes": [0xF0, 0x9F]}, "<b data-no>\\xf0\\x9f</b>"),
        ({"token": "<|end|>", "bytes": None}, "<b data-no>&lt;|end|&gt;</b>"),
        ({"token": "", "bytes": []}, "<b data-no>(empty)</b>"),
        ({"token": "Ġso", "bytes": list(b" so")}, '<b data-t=" so">·so</b>'),
        ({"token": "日", "bytes": list("日".encode())}, "<b>日</b>"),
    ],
)
def test_it_says_which_alternatives_are_text(other: dict[str, Any], shown: str) -> None:
    entry = token("a", 0.3) | {"top_logprobs": [other | {"logprob": -1.0}]}
    assert f" or {shown} 37 %</li>" in render_uncertain(run_of("a", entry), "u0")


@pytest.mark.parametrize(
    "text",
    ["👩\u200d👩\u200d👧 family", "e\u0301a\u0308o", "日本語のテキスト", "ก็ดี", "\U0001f1eb\U0001f1f7!", "a\u200db"],
)
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_it_joins_characters_wherever_their_bytes_are_cut(text: str, size: int) -> None:
    raw = text.encode()
    cut = [list(raw[at : at + size]) for at in range(0, len(raw), size)]
    run = run_of(text, *(token(repr(bytes(part)), 0.4, part) for part in cut))
    assert run.joins
    assert "\ufffd" not in "".join(piece.text for piece in run.pieces)
    page = render_tokens(run, "u0")
    assert html.unescape(re.sub("<[^>]*>", "", page)) == text


@pytest.mark.parametrize(
    ("parts", "pieces"),
    [
        (["caf", "e", "\u0301", "s"], ["caf", "e\u0301", "s"]),
        (["👩", "\u200d", "👧", "!"], ["👩\u200d👧", "!"]),
        (["👍", "🏽", " ok"], ["👍🏽", " ok"]),
        (["❤", "\ufe0f", "日", "本"], ["❤\ufe0f", "日", "本"]),
        (["a\r", "\n", "\n", "b"], ["a\r\n", "\n", "b"]),
    ],
)
def test_it_keeps_together_what_is_read_as_one_character(parts: list[str], pieces: list[str]) -> None:
    run = run_of("".join(parts), *(token(part, 0.5) for part in parts))
    assert [piece.text for piece in run.pieces] == pieces
    assert run.joins


def test_it_gives_a_name_to_certain_pieces_that_something_leads_to() -> None:
    run = run_of("a b", token("a", 0.9), token(" b", 0.9))
    assert render_tokens(run, "u0", named={1}) == 'a <a name="u0-1">b</a>'


def test_it_knows_which_pieces_belong_to_which_text() -> None:
    run = run_of("one two", token("one", 0.9), token(" t", 0.4), token("wo", 0.9))
    assert spans(run, ["one", " two"]) == ((0, 1), (1, 3))
    assert spans(run, ["one two"]) == ((0, 3),)
    assert spans(run, ["one ", "two"]) == ()
    assert spans(run, ["one"]) == ()
    assert render_tokens(run, "u0", (1, 3)) == ' <a class="t t2" href="#u0-1">t</a>wo'


def test_it_makes_invisible_alternatives_visible() -> None:
    run = run_of("a\n", token("a", 0.9), token("\n", 0.4, others={" ": 0.3, "\n\n": 0.2, " so": 0.05}))
    row = render_uncertain(run, "u0")
    assert '<a name="u0-1" data-t="\n">↵</a>' in row
    assert '<b data-t=" ">·</b>' in row
    assert '<b data-t="\n\n">↵↵</b>' in row
    assert '<b data-t=" so">·so</b>' in row


@pytest.mark.parametrize(
    ("probability", "words"),
    [(None, "unknown"), (0.0, "under 0.1 %"), (0.004, "0.4 %"), (0.344, "34 %"), (0.9999, "over 99 %"), (1.0, "100 %")],
)
def test_it_words_percentages(probability: float | None, words: str) -> None:
    assert percent(probability) == words


@pytest.mark.parametrize(("text", "shown"), [("", "(empty)"), (" a b ", "·a b·"), ("\t", "⇥"), ("a\u200b", "aZWSP")])
def test_it_shows_invisible_characters(text: str, shown: str) -> None:
    assert visible(text) == shown
