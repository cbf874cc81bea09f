"""The phases of `make chaos`: what each strikes, how often, and on which database.

A phase has a GradeBench and servers of its own, and ends with the verdict on all that reviewers were told in it.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import requests

from tests.e2e import steps
from tests.faults import blows, kills
from tests.faults.kills import Blow, Siege
from tests.instances import Instance, Servers
from tests.services import Postgres, Valkey

WRITERS = 16
EMBEDDED = Servers("", "")


@dataclass(frozen=True)
class Phase:
    """`attack` is given the siege, how often to strike, and the seconds that it may take. `siege` are arguments of
    `kills.besieged`; `settle_seconds` is how long the last push may take.
    """

    name: str
    what: str
    database: str
    times: int
    attack: Callable[[Siege, int, float], object]
    short_leases: bool = False
    siege: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    settle_seconds: float = 600.0


@contextlib.contextmanager
def staged(phase: Phase, *, seed: int, say: Callable[[str], object]) -> Iterator[Siege]:
    """The GradeBench of a phase, besieged, with servers of its own that end with it."""
    with contextlib.ExitStack() as stack:
        postgres = valkey = None
        servers = EMBEDDED
        if phase.database == "postgres":
            postgres, valkey = stack.enter_context(Postgres()), stack.enter_context(Valkey())
            servers = kills.servers_of(postgres, valkey)
        env = kills.environment(short_leases=phase.short_leases, **phase.env)
        instance = stack.enter_context(Instance(phase.name, env=env, servers=servers))
        besieged = kills.besieged(instance, seed=seed, postgres=postgres, valkey=valkey, progress=say, **phase.siege)
        yield stack.enter_context(besieged)


# Attacks ----------------------------------------------------------------------------------------------------------


def strike(*chosen: Blow, pause: tuple[float, float] = (0.2, 1.0)) -> Callable[[Siege, int, float], None]:
    """An attack by these blows, as chance has it."""

    def attack(siege: Siege, times: int, seconds: float) -> None:
        siege.run(chosen, times, pause=pause, seconds=seconds)

    return attack


def strike_broker(siege: Siege, times: int, seconds: float) -> None:
    """Half of them empty it, the others kill it or stop it for a while."""
    plan = [blows.BROKER_FLUSH] * (times // 2) + [blows.BROKER] * (times // 4)
    plan += [blows.BROKER_FREEZE] * (times - len(plan))
    siege.chance.shuffle(plan)
    siege.carry_out(plan, pause=(0.5, 1.5), seconds=seconds)


def strike_beat(siege: Siege, times: int, seconds: float) -> None:
    """A second beat and a second worker are there all the time."""
    siege.instance.start("beat-2", "worker-2")
    siege.run([blows.BEAT], times, seconds=seconds)
    if (most := siege.most_lists_at_once()) > 1:
        siege.wrong.append(f"{most} list requests were open at one moment")


@dataclass
class Writers:
    """Sixteen applications that log a completion each half second; `statuses` has what they were answered."""

    team: steps.Organization
    statuses: list[int] = field(default_factory=list)
    silenced: threading.Event = field(default_factory=threading.Event)

    def work(self, meanwhile: Callable[[], object]) -> None:
        """Let them write for as long as this runs."""
        with ThreadPoolExecutor(WRITERS) as pool:
            writing = [pool.submit(self._write, number) for number in range(WRITERS)]
            try:
                meanwhile()
            finally:
                self.silenced.set()
            for writer in writing:
                writer.result()

    @property
    def failed(self) -> int:
        """How many were told that it is the server's fault."""
        return sum(status >= 500 for status in self.statuses)

    def lost(self) -> int:
        """How many completions they were told are saved, and are not there."""
        statement = f"print(Completion.objects.filter(organization__slug={self.team.slug!r}).count())"
        return self.statuses.count(200) - int(steps.ask_database(self.team.instance, statement))

    def _write(self, number: int) -> None:
        document = steps.chat(f"{number}?", "Yes.", organization_id=self.team.slug)
        while not self.silenced.is_set():
            self.statuses.append(self.team.call("POST", "/api/v1/completions", json=document).status_code)
            self.silenced.wait(0.5)


def hold_file(siege: Siege, times: int, seconds: float) -> None:
    """Writers beside the reviewers, while somebody else holds the SQLite file for 1 and 4 s, again and again, and once
    for longer than GradeBench waits.
    """
    writers = Writers(steps.create_organization(siege.instance, "writers"))
    until = time.monotonic() + seconds

    def hold_on() -> None:
        for _ in range(times):
            if time.monotonic() < until:
                siege.deal(_holding(siege.chance.choice((1.0, 4.0))))
                siege.wait(1.0)
        if writers.failed:
            siege.wrong.append(f"{writers.failed} writes failed though the file was free within 4 s")
        siege.deal(_holding(30.0))

    siege.work(partial(writers.work, hold_on))
    siege.notes.append(f"answers to {WRITERS} writers, by status: {dict(Counter(writers.statuses))}")
    if lost := writers.lost():
        siege.wrong.append(f"{lost} completions were acknowledged and are not there")


def _holding(seconds: float) -> Blow:
    def hold(siege: Siege) -> None:
        with blows.held_exclusively(siege.instance):
            siege.wait(seconds)

    return Blow(f"file held for {seconds:g} s", hold)


def fill_disk(siege: Siege, times: int, seconds: float) -> None:
    """The disk is full for a few seconds, again and again, while reviewers work; reading goes on."""

    def attack() -> None:
        until = time.monotonic() + seconds
        for _ in range(times):
            if time.monotonic() < until:
                siege.wait(siege.chance.uniform(0.5, 1.5))
                siege.deal(Blow("disk full", _fill))

    siege.work(attack)


def _fill(siege: Siege) -> None:
    with blows.disk_full(siege.instance):
        siege.wait(siege.chance.uniform(0.5, 3.0))
        if requests.get(f"{siege.instance.url}/sign-in", timeout=30).status_code != 200:
            siege.wrong.append("with a full disk nothing could be read")
        if requests.get(f"{siege.instance.url}/readyz", timeout=30).status_code != 503:
            siege.wrong.append("with a full disk /readyz said that all is well")


PHASES: Sequence[Phase] = (
    Phase(
        "web",
        "kill -9 of web, whole or one process",
        "postgres",
        200,
        strike(blows.WEB, blows.WEB_CHILD),
        siege={"pace": 0.2},
    ),
    Phase(
        "worker",
        "kill -9 of the worker, a child or the parent, mostly in flight; leases of 4 s",
        "postgres",
        200,
        strike(blows.WORKER, blows.WORKER_CHILD, blows.WORKER_PARENT, pause=(0.2, 0.8)),
        short_leases=True,
        siege={"teams": 3, "reviewers": 1, "pace": 0.8, "latency": 0.3},
    ),
    Phase(
        "worker-leases",
        "kill -9 of the worker in flight, eight upstreams; leases of 90 s as shipped",
        "postgres",
        20,
        strike(blows.WORKER, blows.WORKER_CHILD, blows.WORKER_PARENT, pause=(8.0, 14.0)),
        siege={"teams": 8, "reviewers": 1, "pace": 3.0, "latency": 0.3},
    ),
    Phase("beat", "two beats and two workers, kill -9 of one beat", "postgres", 20, strike_beat, short_leases=True),
    Phase(
        "postgres",
        "PostgreSQL: kill -9, immediate stop, kill -9 of a backend, SIGSTOP",
        "postgres",
        50,
        strike(blows.POSTGRES, blows.POSTGRES_IMMEDIATE, blows.POSTGRES_BACKEND, blows.POSTGRES_FREEZE),
        short_leases=True,
    ),
    Phase("broker", "broker: FLUSHALL, kill -9, SIGSTOP", "postgres", 40, strike_broker, short_leases=True),
    Phase(
        "sqlite",
        "kill -9 of the one process, integrity_check after each",
        "sqlite",
        200,
        strike(blows.UP, blows.UP_SENDING),
        siege={"pace": 0.4, "latency": 0.1},
    ),
    Phase("busy", "SQLite file held by another process for 1, 4 and 30 s, 16 writers", "sqlite", 12, hold_file),
    Phase("disk", "disk full for some seconds", "sqlite", 10, fill_disk, siege={"pace": 0.2}),
)
