"""Kills: a part of a running GradeBench, or a server that it needs, ends without warning and comes back, again and
again, while reviewers work; after each one the database is looked at.

    with besieged(instance, seed=7, postgres=postgres, valkey=valkey) as siege:
        siege.run([WORKER, WORKER_CHILD], times=15)
        siege.settle()
        print(siege.verdict("R2"))

Which blow falls when comes from the seed; what it hits is chance, as it is outside.
"""

import contextlib
import itertools
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import psutil
import psycopg
import redis
import requests

from tests.e2e import steps
from tests.fake_upstream import Answer
from tests.faults import whole
from tests.faults.driver import Crew
from tests.faults.journal import LIST, POSTS, most_in_flight
from tests.faults.scenario import Scenario
from tests.faults.upstream import Call, FaultyUpstream
from tests.faults.verdict import Verdict, percentile
from tests.instances import Instance, Servers
from tests.services import Postgres, Valkey, descendants

SHORT_LEASE_SECONDS = 4.0
LEASE_SECONDS = 90.0
# How many completions the reviewers have before them: enough for the time between two blows, and few to list.
BACKLOG = 40
AIM_SECONDS = 8.0

_numbers = itertools.count(1)


class SteadyCrew(Crew):
    """Reviewers who do not go home because nothing was there for a while: that is how a kill looks to them."""

    def _review(self, username: str, number: int) -> None:
        while self._may_go_on():
            super()._review(username, number)


@dataclass(frozen=True)
class Blow:
    """What is struck, and how it is mended.

    `by_arrivals`: it is recovered from once something arrives upstream again; otherwise once something is acknowledged
    again. `aimed`: it waits, for a while, until an edit or a grade is on its way. `until_mended`: the time until it is
    mended is the test's own and does not count.
    """

    name: str
    strike: Callable[["Siege"], object]
    mend: Callable[["Siege"], object] = lambda _: None
    by_arrivals: bool = False
    aimed: bool = False
    until_mended: bool = False


@dataclass
class Kill:
    """One blow that fell: when, when what was struck ran again, and how many edits and grades were on their way to the
    upstreams at that moment. Moments are monotonic seconds.
    """

    blow: Blow
    at: float
    in_flight: int
    mended_at: float = 0.0


@dataclass
class Siege:
    """A GradeBench under attack, with its own servers where it has any, and one team of reviewers for each upstream."""

    instance: Instance
    scenarios: list[Scenario]
    chance: random.Random
    seed: int
    latency: float = 0.0
    postgres: Postgres | None = None
    valkey: Valkey | None = None
    kills: list[Kill] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    progress: Callable[[str], object] = print

    @property
    def database(self) -> Postgres:
        """Its PostgreSQL."""
        assert self.postgres is not None, "There is no PostgreSQL in the embedded form."
        return self.postgres

    @property
    def broker(self) -> Valkey:
        """Its Valkey."""
        assert self.valkey is not None, "There is no broker in the embedded form."
        return self.valkey

    # Work and kills ----------------------------------------------------------------------------------------------

    def run(
        self,
        blows: Sequence[Blow],
        times: int,
        *,
        pause: tuple[float, float] = (0.2, 1.2),
        seconds: float = 3600.0,
    ) -> None:
        """Strike so often, each time by one of `blows`, while the reviewers work; stop early when the time is over."""
        until = time.monotonic() + seconds

        def strike_on() -> None:
            for number in range(times):
                if time.monotonic() > until:
                    self.progress(f"The time is over after {number} of {times}.")
                    return
                self.wait(self.chance.uniform(*pause))
                self.deal(self.chance.choice(blows))
                if (number + 1) % 20 == 0:
                    self.progress(f"{number + 1} of {times}: {self.acknowledged} acknowledged, {len(self.wrong)} wrong")
            self.wait(self.chance.uniform(*pause))

        self.work(strike_on)

    def work(self, meanwhile: Callable[[], object]) -> None:
        """Let all teams work while this runs, which starts processes and so stays in this thread."""
        running: Callable[[], object] = meanwhile
        for scenario in self.scenarios:
            running = _beside(scenario, running)
        running()

    def wait(self, seconds: float) -> None:
        """Let time pass, and give the upstreams new completions for those that were graded."""
        until = time.monotonic() + seconds
        while True:
            for scenario in self.scenarios:
                upstream = scenario.upstream
                scenario.add(max(0, BACKLOG - len(upstream.completions) + len(upstream.graded)))
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.5))

    def deal(self, blow: Blow) -> Kill:
        """Let one blow fall, look at what it left, mend it, and wait until GradeBench answers."""
        if blow.aimed:
            self.take_aim()
        known = self.acknowledged_marks()
        kill = Kill(blow, time.monotonic(), self.in_flight())
        blow.strike(self)
        if self.instance.is_embedded and "up" not in self.instance.processes:
            self._note(blow, whole.faults_of_file(self.instance, known))
        blow.mend(self)
        kill.mended_at = time.monotonic()
        self.kills.append(kill)
        self.wait_well()
        if not self.instance.is_embedded:
            self._note(blow, whole.faults(self.instance, known))
        return kill

    def take_aim(self, seconds: float = AIM_SECONDS) -> None:
        """Until an edit or a grade is on its way to an upstream, but no longer than that."""
        until = time.monotonic() + seconds
        while not self.in_flight() and time.monotonic() < until:
            self.wait(0.02)
        time.sleep(self.chance.uniform(0.0, self.latency))

    def in_flight(self) -> int:
        """How many edits and grades are on their way to the upstreams."""
        latest = [row for scenario in self.scenarios for row in scenario.upstream.requests[-20:]]
        return sum(row.kind in POSTS and row.ended_at is None for row in latest)

    def _note(self, blow: Blow, found: Collection[str]) -> None:
        self.wrong += [f"after kill {len(self.kills) + 1} ({blow.name}): {what}" for what in found]

    def wait_well(self, seconds: float = 60.0) -> float:
        """Until the web answers out of its database; the seconds that took."""
        url = f"{self.instance.url}/sign-in"
        headers = {"X-Log10-Token": "nobody"}

        def answers() -> bool:
            try:
                # A token that nobody has: 401 once the database said so.
                asked = requests.get(f"{self.instance.url}/api/v1/feedback_task", headers=headers, timeout=30)
                return asked.status_code == 401 and requests.get(url, timeout=30).status_code == 200
            except requests.RequestException:
                return False

        try:
            return steps.wait_for("GradeBench answers", answers, seconds)[1]
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.instance.log}") from error

    # What came of it ---------------------------------------------------------------------------------------------

    @property
    def acknowledged(self) -> int:
        """Edits and grades that reviewers were told are saved."""
        return sum(scenario.ledger.acknowledged for scenario in self.scenarios)

    @property
    def edits(self) -> int:
        """Of these, the edits."""
        return sum(edit.acknowledged for scenario in self.scenarios for edit in scenario.ledger.edits)

    def acknowledged_marks(self) -> set[str]:
        """Their marks."""
        ledgers = [scenario.ledger for scenario in self.scenarios]
        return {row.mark for ledger in ledgers for row in (*ledger.edits, *ledger.grades) if row.acknowledged}

    def settle(self, seconds: float = 180.0) -> float:
        """Until nothing is on its way any more; the seconds that took."""
        return self.scenarios[0].calm(seconds=seconds)

    def most_lists_at_once(self) -> int:
        """How many list requests were open at one moment, at the worst of the upstreams."""
        return max(most_in_flight(scenario.upstream.of(LIST)) for scenario in self.scenarios)

    @property
    def hits(self) -> int:
        """How many kills fell while an edit or a grade was on its way."""
        return sum(kill.in_flight > 0 for kill in self.kills)

    def recoveries(self) -> list[float]:
        """The seconds from each kill to the first sign of life of each team; those that were never waited for are not
        among them.
        """
        took = []
        for scenario in self.scenarios:
            rows = (*scenario.ledger.edits, *scenario.ledger.grades)
            saved = sorted(row.acknowledged_at for row in rows if row.acknowledged_at is not None)
            arrived = sorted((entry.asked_at, entry.at) for entry in scenario.upstream.entries if entry.told)
            for kill in self.kills:
                since = kill.mended_at if kill.blow.until_mended else kill.at
                signs = [at for asked, at in arrived if asked > since] if kill.blow.by_arrivals else saved
                took += [next(at for at in signs if at > since) - since] if any(at > since for at in signs) else []
        return took

    def verdict(self, name: str) -> Verdict:
        """The verdict on all teams together."""
        moments = [kill.at for kill in self.kills]
        verdicts = [scenario.verdict(name, kills=moments) for scenario in self.scenarios]
        recoveries = self.recoveries()
        return Verdict(
            name,
            seed=self.seed,
            kills=len(moments),
            acknowledged=sum(row.acknowledged for row in verdicts),
            # What a kill left wrong counts as lost, whatever the upstream ends with.
            lost=sum(row.lost for row in verdicts) + len(self.wrong),
            duplicated=sum(row.duplicated for row in verdicts),
            late=sum(row.late for row in verdicts),
            blind=sum(row.blind for row in verdicts),
            repeated=sum(row.repeated for row in verdicts),
            held=sum(row.held for row in verdicts),
            recovery_p95=percentile(recoveries, 0.95) if recoveries else None,
            wrong=[*self.wrong, *(sentence for row in verdicts for sentence in row.wrong)],
        )


def _beside(scenario: Scenario, running: Callable[[], object]) -> Callable[[], object]:
    return lambda: scenario.work(seconds=3600.0, meanwhile=running)


@contextlib.contextmanager
def besieged(
    instance: Instance,
    *,
    seed: int,
    postgres: Postgres | None = None,
    valkey: Valkey | None = None,
    teams: int = 1,
    reviewers: int = 2,
    pace: float = 0.3,
    latency: float = 0.0,
    progress: Callable[[str], object] = print,
) -> Iterator[Siege]:
    """A running instance with teams that review for upstreams which answer after `latency` seconds. `pace` seconds pass
    between two submits of a reviewer.
    """
    with contextlib.ExitStack() as stack:
        scenarios = []
        for number in range(teams):
            upstream = stack.enter_context(FaultyUpstream(seed=seed * 100 + number))
            if latency:
                upstream.switch_on(latent(latency), on=POSTS)
            scenario = Scenario(instance, upstream, seed=seed * 100 + number, slug=f"team{next(_numbers)}")
            scenario.set_up(completions=BACKLOG, reviewers=reviewers)
            scenario.crew = SteadyCrew(instance, scenario.names, seed=scenario.seed, pace=pace)
            scenarios.append(scenario)
        for scenario in scenarios:
            scenario.wait_pulled()
        try:
            yield Siege(instance, scenarios, random.Random(seed), seed, latency, postgres, valkey, progress=progress)
        finally:
            # The upstreams end here, and whoever attacks the instance next shall meet nothing of this.
            leave(instance)


def leave(instance: Instance) -> None:
    """Let an instance pull from nobody any more, and push nothing of what is left."""
    statements = (
        "UPDATE reviews_upstream SET enabled = false",
        "UPDATE reviews_push SET state = 'superseded', leased_until = NULL WHERE state IN ('waiting', 'sending')",
    )
    if instance.is_embedded:
        with contextlib.closing(sqlite3.connect(instance.database_file, timeout=20)) as file, file:
            for statement in statements:
                file.execute(statement)
        return
    with psycopg.connect(instance.env["DATABASE_URL"], connect_timeout=5) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def latent(seconds: float) -> Callable[[Call], Answer]:
    """A fault that is none: half of the time passes before a request is carried out, half before it is answered."""

    def fault(call: Call) -> Answer:
        time.sleep(seconds / 2)
        answer = call.carry_out()
        call.request.truthful = True
        answer.hang = seconds / 2
        return answer

    return fault


def environment(*, short_leases: bool, **more: str) -> dict[str, str | None]:
    """What an instance under attack has beyond the usual: nothing waits for an undo."""
    shortened = {
        "DJANGO_SETTINGS_MODULE": "tests.faults.short_leases",
        "SHORT_LEASE_SECONDS": f"{SHORT_LEASE_SECONDS:g}",
    }
    return {"GRADEBENCH_UNDO_SECONDS": "0", **(shortened if short_leases else {}), **more}


def servers_of(postgres: Postgres, valkey: Valkey) -> Servers:
    """How an instance gets to the servers that are to be struck."""
    return Servers(postgres.url(), valkey.url)


# The processes of GradeBench --------------------------------------------------------------------------------------


def _of_role(role: str) -> Blow:
    """The whole process group of a role."""
    return Blow(role, lambda siege: siege.instance.kill(role), lambda siege: siege.instance.start(role))


def _children(siege: Siege, role: str) -> list[psutil.Process]:
    return descendants(siege.instance.processes[role].pid)[1:]


def _strike_child(role: str) -> Callable[[Siege], None]:
    def strike(siege: Siege) -> None:
        # A moment ago it was killed as a whole, and has none yet.
        children = _children(siege, role)
        if children:
            with contextlib.suppress(psutil.NoSuchProcess):
                siege.chance.choice(children).kill()

    return strike


def _strike_parent(siege: Siege) -> None:
    """Only the parent of the worker: its children finish what they are at, or wait for more until they are killed."""
    os.kill(siege.instance.processes["worker"].pid, signal.SIGKILL)
    siege.wait(siege.chance.uniform(0.0, 0.5))
    siege.instance.kill("worker")


UP = _of_role("up")
UP_SENDING = replace(UP, name="up, sending", aimed=True)
WEB = _of_role("web")
WEB_CHILD = Blow("a process of web", _strike_child("web"))
WORKER = replace(_of_role("worker"), by_arrivals=True, aimed=True)
WORKER_CHILD = Blow("a process of worker", _strike_child("worker"), by_arrivals=True, aimed=True)
WORKER_PARENT = replace(WORKER, name="the parent of worker", strike=_strike_parent)
BEAT = replace(_of_role("beat"), by_arrivals=True)


# The servers ------------------------------------------------------------------------------------------------------


def _back(siege: Siege) -> None:
    """Bring PostgreSQL back after a short while without it."""
    siege.wait(siege.chance.uniform(0.0, 1.0))
    siege.database.start()


def _strike_backend(siege: Siege) -> None:
    """One process of the server that serves a connection: PostgreSQL then ends all others and recovers by itself."""
    with psycopg.connect(siege.database.url(), autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchall()
    if rows:
        with contextlib.suppress(ProcessLookupError):
            os.kill(siege.chance.choice(rows)[0], signal.SIGKILL)


def _freeze_database(siege: Siege) -> None:
    siege.database.freeze()
    siege.wait(siege.chance.uniform(0.5, 2.0))
    siege.database.thaw()


def _freeze_broker(siege: Siege) -> None:
    siege.broker.freeze()
    siege.wait(siege.chance.uniform(0.5, 2.0))
    siege.broker.thaw()


def _broker_back(siege: Siege) -> None:
    siege.wait(siege.chance.uniform(0.0, 1.0))
    siege.broker.start()


def _flush(siege: Siege) -> None:
    with redis.Redis.from_url(siege.broker.url, socket_timeout=5) as client:
        client.flushall()


POSTGRES = Blow("PostgreSQL", lambda siege: siege.database.kill(), _back, until_mended=True)
POSTGRES_IMMEDIATE = Blow(
    "PostgreSQL, immediate", lambda siege: siege.database.stop_at_once(), _back, until_mended=True
)
POSTGRES_BACKEND = Blow("a backend of PostgreSQL", _strike_backend)
POSTGRES_FREEZE = Blow("PostgreSQL, stopped for a while", _freeze_database)
BROKER = Blow("broker", lambda siege: siege.broker.kill(), _broker_back, by_arrivals=True, until_mended=True)
BROKER_FLUSH = Blow("broker, emptied", _flush, by_arrivals=True)
BROKER_FREEZE = Blow("broker, stopped for a while", _freeze_broker, by_arrivals=True)


# SQLite -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def held_exclusively(instance: Instance) -> Iterator[None]:
    """Another process, this one, keeps everybody else from writing into the SQLite file."""
    with contextlib.closing(sqlite3.connect(instance.database_file, isolation_level=None)) as file:
        file.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            file.execute("ROLLBACK")
