"""Figures and texts cut for a reader."""

import pytest

from reviews.web.json_text import pretty
from reviews.web.words import Difference, Part, bytes_text, difference, preview, seconds_text, split_code


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0204, "20 ms"), (1.284, "1.3 s"), (9.96, "10 s"), (41.2, "41 s"), (59.7, "1 min 0 s"), (11_400, "3 h 10 min")],
)
def test_it_words_durations(seconds: float, words: str) -> None:
    assert seconds_text(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"), [(1, "1 byte"), (312, "312 bytes"), (12_400, "12 kB"), (3_400_000, "3.4 MB")]
)
def test_it_words_sizes(size: int, words: str) -> None:
    assert bytes_text(size) == words


def test_it_cuts_prose_at_code_fences() -> None:
    text = "Run this:\n\n```python\nprint(1)\n\nprint(2)\n```\nDone.\n~~~\nopen"
    assert split_code(text) == (
        Part("Run this:"),
        Part("print(1)\n\nprint(2)", code=True, language="python"),
        Part("Done."),
        Part("open", code=True),
    )


def test_it_takes_a_json_answer_for_code() -> None:
    assert split_code('{"total": 3}') == (Part('{"total": 3}', code=True),)
    assert split_code("[sic]") == (Part("[sic]"),)


def test_it_previews_whole_words() -> None:
    assert preview("one two three", length=9) == "one two …"
    assert preview("short\n text") == "short text"


def test_it_finds_the_stretch_that_differs() -> None:
    assert difference("ship is free: a label", "ship is 4.90 €; a label") == Difference(
        "ship is ", "free:", "4.90 €;", " a label"
    )
    assert difference("same", "same") == Difference("same", "", "", "")
    assert difference("a a", "a a a").added == " a"


def test_it_shortens_what_two_texts_share() -> None:
    part = difference("word " * 100 + "old" + " tail" * 100, "word " * 100 + "new" + " tail" * 100)
    assert (part.removed, part.added) == ("old", "new")
    assert part.lead.startswith("… word")
    assert part.tail.endswith(" …")


def test_it_breaks_json_into_lines_only_where_it_is_long() -> None:
    assert pretty({"a": [1, 2], "e": []}) == '{"a": [1, 2], "e": []}'
    assert pretty({"a": "word " * 20, "b": 1}).startswith('{\n  "a": "word')
    assert pretty("{not json") == "{not json"
    assert pretty({"a": None}) == '{"a": null}'
