"""The table of docs/performance.md, written from the JSON-like result of a run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.bench.figures import BUDGETS, Figure, Level

BEGIN, END = "<!-- what a run wrote -->", "<!-- the end of what a run wrote -->"
MET, MISSED = "met", "**not met**"


@dataclass(frozen=True)
class Machine:
    """What was measured, and on what."""

    processor: str
    cores: int
    memory_gb: int
    system: str
    python: str
    sqlite: str
    commit: str
    command: str
    at: str
    minutes: float


def text(machine: Machine, levels: Sequence[Level]) -> str:
    """All of it, for people."""
    return "\n".join([*_head(machine), *_budgets(levels), *(line for level in levels for line in _level(level)), ""])


def within(document: str, written: str) -> str:
    """The document with what a run wrote in place of what an earlier one did. Raises ValueError where it has no
    place for it.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The document has no lines “{BEGIN}” and “{END}”.")
    return f"{before}{BEGIN}\n{written}\n{END}{after}"


def _head(machine: Machine) -> list[str]:
    return [
        f"Measured on {machine.at} at commit {machine.commit} in {machine.minutes:.0f} minutes by `{machine.command}`",
        f"on {machine.cores} cores ({machine.processor}), {machine.memory_gb} GB of memory, {machine.system},",
        f"Python {machine.python}, SQLite {machine.sqlite}, PostgreSQL 18 as it comes, with fsync.",
        "Clients and servers share the machine.",
    ]


def _budgets(levels: Sequence[Level]) -> Iterator[str]:
    yield from ("", "### Budgets", "", "| figure | level | must be | found | |", "|---|---|---|---|---|")
    for budget in BUDGETS:
        for level in levels:
            if budget.applies(level):
                found = budget.found(level)
                said = "not measured" if found is None else f"{_number(found)} {budget.unit}".rstrip()
                verdict = "" if found is None else MET if budget.is_met(found) else MISSED
                yield f"| {budget.words} | {level.name} | {budget.bound.rstrip()} | {said} | {verdict} |"


def _level(level: Level) -> Iterator[str]:
    yield from ("", f"### {level.name} completions", "")
    yield f"Filled in {level.fill_seconds:.0f} s; filled and measured in {level.seconds:.0f} s."
    yield ""
    yield "| what | clients | operations | per s | p50, ms | p95 | p99 | server CPU, ms | client CPU | against bare | |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    yield from (_request(figure) for figure in level.figures if figure.operations)
    yield from ("", "| what | | |", "|---|---|---|")
    for figure in level.figures:
        if not figure.operations and figure.value is not None:
            yield f"| {figure.words} | {_number(figure.value)} {figure.unit} | {figure.note} |"


def _request(figure: Figure) -> str:
    numbers = (figure.per_second, figure.p50, figure.p95, figure.p99, figure.cpu, figure.driver)
    cells = [figure.words, str(figure.clients), f"{figure.operations:,}", *map(_number, numbers)]
    against = "" if figure.floor is None else f"{figure.floor:g}"
    return f"| {' | '.join(cells)} | {against} | {figure.note} |"


def _number(value: float | None) -> str:
    """Short: as many digits as mean something."""
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
