"""The benchmark: that it measures what it says. No figure is asserted, for what is fast depends on the machine."""

import statistics
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.bench import __main__ as bench
from tests.bench.driver import Sample
from tests.bench.figures import Figure, Level
from tests.bench.generator import Generator, uid
from tests.bench.table import BEGIN, END, Machine, text, within

MACHINE = Machine("Some CPU", 2, 8, "Linux", "3.11", "3.40", "abc1234", "python -m tests.bench", "2026-01-01", 12.0)

GENERATOR = Generator()


def level(*figures: Figure, database: str = "sqlite", completions: int = 1_000) -> Level:
    return Level(database, completions, figures, 60.0, 20.0)


def test_a_seed_makes_the_same_completions_again() -> None:
    one, other = Generator(7), Generator(7)
    assert one.body(40) == other.body(40)
    assert one.body(3) != Generator(8).body(3)
    assert uid(7, 1) != uid(8, 1)


def test_completions_have_the_size_and_shape_they_are_said_to_have() -> None:
    made = [GENERATOR.document(number) for number in range(1, 101)]
    with_tokens = [document for document in made if document["response"]["choices"][0]["logprobs"]]
    others = [document for document in made if document not in with_tokens]
    assert len(with_tokens) == 5
    assert {len(document["request"]["messages"]) for document in made} == set(range(2, 9))
    assert 2_500 < statistics.fmean(len(orjson.dumps(document)) for document in others) < 3_500
    assert 90_000 < statistics.fmean(len(orjson.dumps(document)) for document in with_tokens) < 110_000


def test_tokens_spell_the_answer() -> None:
    choice = GENERATOR.document(1, tokens=30)["response"]["choices"][0]
    tokens = choice["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == choice["message"]["content"]
    assert [len(token["top_logprobs"]) for token in tokens] == [5] * 30


def test_words_are_as_frequent_as_words_of_a_language() -> None:
    words = [word for number in range(1, 60) for word in _text(GENERATOR.document(number)).split(" ")]
    assert words.count("the") > 10 * words.count("would") > 0


def _text(document: dict[str, Any]) -> str:
    return " ".join(message["content"] for message in document["request"]["messages"])


def test_a_sample_counts_rows_and_says_percentiles_in_milliseconds() -> None:
    sample = Sample(2, tuple(number / 1000 for number in range(1, 101)), 4.0, 2.0, 1.0, 90.0, each=3)
    assert (sample.percentile(0.5), sample.percentile(0.95)) == (50.0, 95.0)
    assert (sample.operations, sample.per_second) == (300, 75.0)
    figure = Figure.of("create 1", "create", sample, floor=Sample(2, (0.001,), 0.001, 0.001, 0, 0))
    assert figure.floor == 0.07
    assert "bare 1,000/s" in figure.note


def test_the_table_says_of_each_budget_whether_it_is_met() -> None:
    fast = Figure("create 8", "create", per_second=900.0, p50=1.0, operations=10, floor=0.5)
    written = text(MACHINE, [level(fast, Figure("cold start", "cold start", value=1.2, unit="s"))])
    assert "| create, 8 clients | SQLite, 1,000 | ≥ 500 per s | 900 per s | met |" in written
    assert "| create against the bare view | SQLite, 1,000 | ≥ 0.6 of it | 0.5 of it | **not met** |" in written
    assert "| cold start | SQLite, 1,000 | ≤ 1.5 s | 1.2 s | met |" in written
    assert "| export | SQLite, 1,000 | ≥ 3000 per s | not measured |  |" in written


def test_a_budget_of_a_size_or_a_database_is_asked_of_no_other() -> None:
    figure = Figure("list", "list", p50=9.0, operations=10)
    written = text(MACHINE, [level(figure, completions=100_000), level(figure, database="postgres")])
    assert "| list, p50 | SQLite, 100,000 | ≤ 10 ms | 9 ms | met |" in written
    assert "| list, p50 | PostgreSQL, 1,000 | ≤ 8 ms | 9 ms | **not met** |" in written
    assert "| idle memory | PostgreSQL" not in written


def test_what_was_broken_off_stands_in_the_table_and_is_no_success() -> None:
    whole = level(Figure("cold start", "cold start", value=1.2, unit="s"))
    broken = level(Figure.broken_off("pages", AssertionError("answered 503 <p>\n| busy |")))
    assert (whole.is_whole, broken.is_whole) == (True, False)
    assert "| broken off: pages | 1  | answered 503 <p> busy |" in text(MACHINE, [broken])


def test_a_run_replaces_what_an_earlier_one_wrote() -> None:
    first = within(f"before\n{BEGIN}\nold\n{END}\nafter", "new")
    assert first == f"before\n{BEGIN}\nnew\n{END}\nafter"
    with pytest.raises(ValueError, match="no lines"):
        within("a document without a place for it", "new")


@pytest.mark.e2e
@pytest.mark.sqlite
def test_all_of_it_runs(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    assert bench.main(["--quick", "--only", "sqlite", "--operations", "8", "--json", str(figures)]) == 0
    (made,) = orjson.loads(figures.read_bytes())["levels"]
    by_key = {figure["key"]: figure for figure in made["figures"]}
    assert by_key["doubled"]["value"] == 0
    assert {"create 8", "bulk 8", "next 8", "submit 8", "burst 8", "tokens inside", "pull", "push"} <= by_key.keys()
