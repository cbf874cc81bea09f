"""Kills: a part of a running GradeBench, or a server that it needs, ends without warning and comes back, again and
again, while reviewers work; after each one the database is looked at.

    with besieged(instance, seed=7, postgres=postgres, valkey=valkey) as siege:
        siege.run([WORKER, WORKER_CHILD], times=15)
        siege.settle()
        print(siege.verdict("R2"))

Which blow falls when comes from the seed; what it hits is chance, as it is outside. The blows are in blows.py.
"""

import contextlib
import itertools
import random
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
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
from tests.services import Postgres, Valkey

SHORT_LEASE_SECONDS = 4.0
LEASE_SECONDS = 90.0
# How many completions the reviewers have before them: enough for the time between two blows, and few to list.
BACKLOG = 40
AIM_SECONDS = 20.0

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
    notes: list[str] = field(default_factory=list)
    backlog: int = BACKLOG
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
        edits: int = 0,
    ) -> None:
        """Strike so often, each time by one of `blows`, while the reviewers work; stop early when the time is over. The
        reviewers go on until they saved so many edits, however slow the machine is.
        """
        plan = [self.chance.choice(blows) for _ in range(times)]
        self.carry_out(plan, pause=pause, seconds=seconds, edits=edits)

    def carry_out(
        self,
        plan: Sequence[Blow],
        *,
        pause: tuple[float, float] = (0.2, 1.2),
        seconds: float = 3600.0,
        edits: int = 0,
    ) -> None:
        """Strike in this order, with pauses between, as `run` does."""
        until = time.monotonic() + seconds

        def strike_on() -> None:
            for number, blow in enumerate(plan, start=1):
                self.wait(self.chance.uniform(*pause))
                if time.monotonic() > until:
                    self.progress(f"the time is over, {len(plan) - number + 1} of {len(plan)} blows were not struck")
                    return
                self.deal(blow)
                if number % 10 == 0 or number == len(plan):
                    self.progress(f"{number} of {len(plan)} blows: {self.words()}")
            self.wait(self.chance.uniform(*pause))
            while self.edits < edits and time.monotonic() < until:
                self.wait(0.2)

        self.work(strike_on)

    def words(self) -> str:
        """How it stands, for a line of progress."""
        saved = f"{self.edits} edits, {self.acknowledged} edits and grades acknowledged"
        return f"{saved}, {len(self.wrong)} wrong" if self.wrong else saved

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
                scenario.add(max(0, self.backlog - len(upstream.completions) + len(upstream.unlisted)))
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
        left_cold = self.instance.is_embedded and "up" not in self.instance.processes
        if left_cold:
            self._note(blow, whole.faults_of_file(self.instance, known))
        blow.mend(self)
        kill.mended_at = time.monotonic()
        self.kills.append(kill)
        self.wait_well()
        if not left_cold:
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
    backlog: int = BACKLOG,
    progress: Callable[[str], object] = print,
) -> Iterator[Siege]:
    """A running instance with teams that review for upstreams which answer after `latency` seconds and list `backlog`
    completions. `pace` seconds pass between two submits of a reviewer.
    """
    with contextlib.ExitStack() as stack:
        scenarios = []
        for number in range(teams):
            upstream = stack.enter_context(FaultyUpstream(seed=seed * 100 + number))
            if latency:
                upstream.switch_on(latent(latency), on=POSTS)
            scenario = Scenario(instance, upstream, seed=seed * 100 + number, slug=f"team{next(_numbers)}")
            scenario.set_up(completions=backlog, reviewers=reviewers)
            scenario.crew = SteadyCrew(instance, scenario.names, seed=scenario.seed, pace=pace)
            scenarios.append(scenario)
        for scenario in scenarios:
            scenario.wait_pulled()
        try:
            yield Siege(
                instance,
                scenarios,
                random.Random(seed),
                seed,
                latency=latency,
                postgres=postgres,
                valkey=valkey,
                backlog=backlog,
                progress=progress,
            )
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
