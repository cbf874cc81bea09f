"""The long form of the faults that end processes: `make chaos`. Prints a table for docs/reliability.md.

    make chaos                                    all phases: SQLite, then PostgreSQL with Valkey
    make chaos ARGS='--only worker --kills 20'    one phase, shorter
    make chaos ARGS='--soak 40'                   so many minutes of bad weather, and the growth of the processes

Each phase has servers, a GradeBench, upstreams and reviewers of its own, all on loopback. Ends with 1 when anything was
lost, duplicated, late or blind.
"""

import argparse
import shlex
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.faults import faults, kills
from tests.faults.journal import EVERYTHING
from tests.faults.kills import Blow, Siege
from tests.faults.verdict import Verdict
from tests.instances import Instance, Servers
from tests.services import Postgres, Valkey, descendants

LONGEST_PHASE = 2_400.0
LONGEST_SETTLING = 900.0
SAMPLE_SECONDS = 10.0
EMBEDDED = Servers("", "")


@dataclass(frozen=True)
class Phase:
    """What is struck how often, and how much is at work meanwhile. `short_leases`: leases of a few seconds, so that
    the next kill meets work again; else those that GradeBench ships with.
    """

    name: str
    blows: Sequence[Blow]
    kills: int
    embedded: bool = False
    short_leases: bool = True
    pause: tuple[float, float] = (0.2, 1.2)
    siege: dict[str, Any] = field(default_factory=dict)


PHASES = [
    Phase("sqlite", [kills.UP, kills.UP_SENDING], 200, embedded=True, siege={"reviewers": 3}),
    Phase("web", [kills.WEB, kills.WEB_CHILD], 200, siege={"reviewers": 4}),
    Phase(
        "worker",
        [kills.WORKER, kills.WORKER_CHILD, kills.WORKER_PARENT],
        200,
        siege={"teams": 3, "reviewers": 1, "pace": 1.0, "latency": 0.3},
    ),
    # Recovery as it is in earnest: the kill of a worker that sends is made good once its lease has run out.
    Phase(
        "worker-leases",
        [kills.WORKER],
        12,
        short_leases=False,
        pause=(8.0, 16.0),
        siege={"teams": 3, "reviewers": 1, "pace": 2.0, "latency": 0.3},
    ),
    Phase("beat", [kills.BEAT], 20),
    Phase("postgres", [kills.POSTGRES, kills.POSTGRES_IMMEDIATE, kills.POSTGRES_BACKEND], 50),
    Phase("broker", [kills.BROKER_FLUSH], 20),
    Phase("broker-kill", [kills.BROKER, kills.BROKER_FREEZE], 10),
]
SOAK_BLOWS = [kills.WORKER_CHILD, kills.BEAT, kills.BROKER_FLUSH, kills.POSTGRES_BACKEND]


def say(words: str) -> None:
    """A line of progress, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)


@contextmanager
def besieged(phase: Phase, seed: int) -> Iterator[Siege]:
    """The phase's own servers, instance, upstreams and reviewers."""
    env = kills.environment(short_leases=phase.short_leases, GRADEBENCH_DATABASE_SECONDS="6")
    with ExitStack() as stack:
        postgres = None if phase.embedded else stack.enter_context(Postgres())
        valkey = None if phase.embedded else stack.enter_context(Valkey())
        servers = kills.servers_of(postgres, valkey) if postgres and valkey else EMBEDDED
        instance = stack.enter_context(Instance(phase.name, env=env, servers=servers))
        options = {"seed": seed, "postgres": postgres, "valkey": valkey, "progress": say, **phase.siege}
        yield stack.enter_context(kills.besieged(instance, **options))


def run(phase: Phase, seed: int, times: int) -> Verdict:
    """One phase, from its set-up to its verdict."""
    say(f"{phase.name}: {times} kills")
    began = time.monotonic()
    with besieged(phase, seed) as siege:
        siege.run(phase.blows, times, pause=phase.pause, seconds=LONGEST_PHASE)
        seconds = siege.settle(LONGEST_SETTLING)
        verdict = siege.verdict(phase.name)
        say(
            f"{verdict}\n         {siege.edits} of them edits, {siege.hits} kills while something was on its way, "
            f"quiet {seconds:.0f} s after the last; {time.monotonic() - began:.0f} s in all"
        )
    return verdict


# The soak ---------------------------------------------------------------------------------------------------------


@dataclass
class Samples:
    """Memory (bytes) and open files of processes over time, by role and process id."""

    rows: dict[tuple[str, int], list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def take(self, instance: Instance) -> None:
        """Look at every process once."""
        for role, leader in list(instance.processes.items()):
            for process in descendants(leader.pid):
                try:
                    self.rows[role, process.pid].append((process.memory_info().rss, process.num_fds()))
                except psutil.NoSuchProcess:
                    continue

    def growth(self) -> list[str]:
        """For each process that lived through most of it: its first tenth, after a warm-up, against its last."""
        longest = max(map(len, self.rows.values()), default=0)
        lines = []
        for (role, pid), rows in sorted(self.rows.items()):
            if len(rows) < max(20, longest * 0.6):
                continue
            warm = rows[len(rows) // 10 :]
            tenth = max(1, len(warm) // 10)
            before, after = warm[:tenth], warm[-tenth:]
            memory = [statistics.mean(row[0] for row in part) / 1e6 for part in (before, after)]
            files = [statistics.mean(row[1] for row in part) for part in (before, after)]
            lines.append(
                f"| {role} {pid} | {memory[0]:.1f} | {memory[1]:.1f} | {(memory[1] / memory[0] - 1) * 100:+.1f} % "
                f"| {files[0]:.0f} | {files[1]:.0f} |"
            )
        return lines


def soak(minutes: float, seed: int) -> Verdict:
    """Half of all the upstream's answers are errors, something is killed every minute, and reviewers go on."""
    phase = Phase("soak", SOAK_BLOWS, 0, siege={"reviewers": 3, "pace": 1.0})
    samples = Samples()
    with besieged(phase, seed) as siege:
        upstream = siege.scenarios[0].upstream
        upstream.switch_on(faults.any_error, on=EVERYTHING, rate=0.5)
        until = time.monotonic() + minutes * 60

        def weather() -> None:
            next_kill = time.monotonic() + 60
            while time.monotonic() < until:
                siege.wait(SAMPLE_SECONDS)
                samples.take(siege.instance)
                if time.monotonic() >= next_kill:
                    siege.deal(siege.chance.choice(SOAK_BLOWS))
                    next_kill += 60
                    say(f"{len(siege.kills)} kills, {siege.acknowledged} acknowledged, {len(siege.wrong)} wrong")

        siege.work(weather)
        upstream.calm_down()
        seconds = siege.settle(LONGEST_SETTLING)
        verdict = siege.verdict(f"soak, {minutes:g} min")
        say(f"{verdict}\n         {siege.edits} of them edits; quiet {seconds:.0f} s after the weather had cleared")
    head = "| process | MB before | MB after | growth | files before | after |\n|---|---|---|---|---|---|"
    print("\n".join(["", head, *samples.growth()]), flush=True)
    return verdict


def chosen(options: argparse.Namespace) -> list[Callable[[], Verdict]]:
    """What the arguments ask for."""
    if options.soak:
        return [lambda: soak(options.soak, options.seed)]
    phases = [phase for phase in PHASES if not options.only or phase.name in options.only]
    share = 0.05 if options.short else 1.0

    def one(phase: Phase) -> Callable[[], Verdict]:
        times = options.kills or max(2, round(phase.kills * share))
        return lambda: run(phase, options.seed, times)

    return [one(phase) for phase in phases]


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", action="append", choices=[phase.name for phase in PHASES])
    parser.add_argument("--kills", type=int, help="so many in each phase")
    parser.add_argument("--short", action="store_true", help="a twentieth of the kills")
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    options = parser.parse_args()
    verdicts = [run_it() for run_it in chosen(options)]
    print(f"\n`make chaos ARGS={shlex.quote(shlex.join(sys.argv[1:]))}`\n\n{Verdict.HEAD}", flush=True)
    for verdict in verdicts:
        print(verdict.row, flush=True)
    return 0 if all(verdict.clean for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
