"""Cells of CSV: RFC 4180 to the letter, and nothing that a spreadsheet calculates."""

import csv
import io
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviews.workflow import cells

# No database is asked: once is enough.
pytestmark = pytest.mark.sqlite

NASTY = ["=", "+", "-", "@", "\t", "\r", "\n", '"', "'", ",", ";", " ", "\xa0", "\ufeff", "\0", "=1+1", "\u202e", "é"]
CALCULATED = ("=", "+", "-", "@", "\t", "\r", "\n")
DROPPED = " \"'\xa0\ufeff\v\f\0"


def _back(lines: list[list[str]]) -> list[list[str]]:
    """Written, and read again by Python's own reader, which is told to take nothing amiss."""
    text = b"".join(cells.rows(iter(lines))).decode()
    read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    for cell in (cell for line in read for cell in line):
        assert cell.startswith("'") or not cell.lstrip(DROPPED).startswith(CALCULATED), cell
    return [[cells.unsafe(cell) for cell in line] for line in read]


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32))
def test_ten_thousand_random_cells_come_back_and_none_is_a_formula(seed: int) -> None:
    chance = random.Random(seed)
    texts = ["".join(chance.choices(NASTY, k=chance.randrange(6))) for _ in range(10_000)]
    lines = [texts[start : start + 10] for start in range(0, len(texts), 10)]
    assert _back(lines) == lines


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text: str) -> None:
    assert _back([[text, text]]) == [[text, text]]


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n", "\r\n", "＝", "＋", "－", "＠"])
@pytest.mark.parametrize("before", ["", " ", '"', "'", ' "', "\xa0", "\0", "\ufeff", "\" '"])
def test_every_beginning_of_a_formula_is_guarded(before: str, begins: str) -> None:
    said = f'{before}{begins}HYPERLINK("http://evil.example")'
    assert cells.safe(said) == f"'{said}"
    assert cells.unsafe(cells.safe(said)) == said


@pytest.mark.parametrize("said", ["", "a=b", "mira", "1", "1+1", "a@b.example", "is_open True → False", "“-”"])
def test_what_is_no_formula_stays_as_it_is(said: str) -> None:
    assert cells.safe(said) == said


def test_its_bytes_are_those_of_rfc_4180() -> None:
    at = datetime(2025, 3, 1, 12, 30, tzinfo=UTC)
    written = b"".join(cells.rows(iter([["a", 'say "x"', "two\r\nlines", None, -5, at]])))
    assert written == b'"a","say ""x""","two\r\nlines","","-5","2025-03-01T12:30:00.000000+00:00"\r\n'
