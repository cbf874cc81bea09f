"""The long form of the faults that tests/faults/crashes runs in short: `make chaos`.

    make chaos                                    all phases
    make chaos ARGS='--only worker --kills 20'    one phase, shorter
    make chaos ARGS='--short --seed 9'            a twentieth of everything
    make chaos ARGS='--soak 40'                   so many minutes of bad weather, and the growth of the processes

Kills web, worker, beat, PostgreSQL, the broker and the one process of the embedded form by the hundred while reviewers
work, and judges what they were told against what arrived upstream. Prints a table and writes it to a file. Ends with 1
when anything was lost, duplicated, late or blind, or when a phase could not be carried out.
"""

import argparse
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from tests.faults import phases, soak
from tests.faults.phases import PHASES, Phase
from tests.faults.verdict import Verdict
from tests.instances import ROOT

HEAD = (
    "| what | kills | in flight | acknowledged | of these edits | lost | duplicated | late | blind | repeated "
    "| recovery p95, s | minutes |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)
SHORT = 20


@dataclass(frozen=True)
class Outcome:
    """What came of one phase; `verdict` is None when it could not be carried out, and `why` says so."""

    what: str
    seconds: float
    verdict: Verdict | None = None
    hits: int = 0
    edits: int = 0
    why: str = ""
    notes: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether it was carried out and nothing is wrong."""
        return self.verdict is not None and self.verdict.clean and self.verdict.held == 0

    @property
    def row(self) -> str:
        """Its row under HEAD."""
        verdict = self.verdict
        if verdict is None:
            return f"| {self.what} | not carried out: {self.why} |"
        recovery = "" if verdict.recovery_p95 is None else f"{verdict.recovery_p95:.1f}"
        cells = (
            *(self.what, verdict.kills, self.hits, verdict.acknowledged, self.edits, verdict.lost, verdict.duplicated),
            *(verdict.late, verdict.blind, verdict.repeated, recovery, f"{self.seconds / 60:.1f}"),
        )
        return f"| {' | '.join(str(cell) for cell in cells)} |"


def main() -> int:
    """Run what the arguments ask for; the exit code."""
    options = read_arguments()
    command = f"make chaos ARGS={shlex.quote(' '.join(sys.argv[1:]))}" if sys.argv[1:] else "make chaos"
    began = time.monotonic()
    outcomes = []
    for phase in chosen(options):
        outcomes.append(carry_out(phase, options.seed, options.minutes * 60))
        print(f"{HEAD}\n{outcomes[-1].row}", flush=True)
    if options.soak:
        outcomes.append(carry_out(soak.phase(options.soak, options.database), options.seed, options.soak * 60))
    table = report(outcomes, f"`{command}`, seed {options.seed}", time.monotonic() - began)
    options.table.parent.mkdir(parents=True, exist_ok=True)
    options.table.write_text(table)
    print(f"\n{table}\nWritten to {options.table}")
    return 0 if outcomes and all(outcome.clean for outcome in outcomes) else 1


def read_arguments() -> argparse.Namespace:
    """The options."""
    names = [phase.name for phase in PHASES]
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--short", action="store_true", help=f"a {SHORT}th of the kills")
    parser.add_argument("--kills", type=int, metavar="N", help="so many in each phase")
    parser.add_argument("--only", nargs="+", action="extend", choices=names, metavar="PHASE", help=", ".join(names))
    parser.add_argument("--minutes", type=float, default=15.0, help="the most that the kills of one phase may take")
    parser.add_argument("--table", type=Path, default=ROOT / "var" / "chaos.md", help="the file for the table")
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES", help="soak instead of the phases")
    parser.add_argument("--database", choices=("postgres", "sqlite"), default="postgres", help="of the soak")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[Phase]:
    """The phases to run, with as many kills as asked for."""
    if options.soak:
        return []
    share = SHORT if options.short else 1
    return [
        replace(phase, times=options.kills or max(2, phase.times // share))
        for phase in PHASES
        if not options.only or phase.name in options.only
    ]


def carry_out(phase: Phase, seed: int, seconds: float) -> Outcome:
    """One phase, from an empty database to its verdict."""
    say = speaker(phase.name)
    say(f"{phase.what}; {phase.times} times")
    began = time.monotonic()
    try:
        with phases.staged(phase, seed=seed, say=say) as siege:
            try:
                phase.attack(siege, phase.times, seconds)
                say(f"settled after {siege.settle(phase.settle_seconds):.1f} s: {siege.words()}")
                verdict = siege.verdict(phase.name)
            except BaseException:
                say(siege.instance.log)
                raise
    except Exception as error:  # noqa: BLE001 - the other phases shall run all the same, and this one counts as failed
        traceback.print_exc()
        return Outcome(phase.what, time.monotonic() - began, why=str(error).partition("\n")[0])
    say(str(verdict))
    return Outcome(phase.what, time.monotonic() - began, verdict, siege.hits, siege.edits, notes=tuple(siege.notes))


def speaker(name: str) -> Callable[[str], None]:
    """Prints lines of progress, with the time and the phase before each."""
    began = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s {name}: {words}", flush=True)

    return say


def report(outcomes: Sequence[Outcome], command: str, seconds: float) -> str:
    """The table as it goes into a document."""
    done = [outcome.verdict for outcome in outcomes if outcome.verdict is not None]
    edits = sum(outcome.edits for outcome in outcomes)
    counts = {"lost": 0, "duplicated": 0, "late": 0, "blind": 0}
    for row in done:
        for name in counts:
            counts[name] += getattr(row, name)
    saved = f"{sum(row.acknowledged for row in done)} edits and grades acknowledged ({edits} edits)"
    found = ", ".join(f"{count} {name}" for name, count in counts.items())
    total = f"{sum(row.kills for row in done)} kills, {saved}: {found}; {command}, {seconds / 60:.0f} minutes."
    said = [note for outcome in outcomes for note in outcome.notes] + [words for row in done for words in row.wrong]
    return "\n".join([HEAD, *(outcome.row for outcome in outcomes), "", total, *(f"- {words}" for words in said), ""])


def _end(number: int, _frame: FrameType | None) -> None:
    """SIGTERM unwinds like Ctrl-C does, so that the servers are stopped and their files removed."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
