"""A scenario: a whole GradeBench with reviewers before a faulty upstream, from set-up to verdict.

    with FaultyUpstream(seed=7) as upstream:
        scenario = Scenario(instance, upstream, seed=7)
        scenario.set_up(completions=40, reviewers=4, tasks=2)
        upstream.switch_on(faults.any_error, on=POSTS, rate=0.5)
        scenario.work(submits=80, seconds=120, meanwhile=kill_now_and_then)
        upstream.calm_down()
        scenario.calm()
        print(scenario.verdict("R9"))

Each completion stands in the queue of each feedback task, so that with several of them several edits are made of it,
one on the other. The upstream belongs to the caller, who may switch it as he likes.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any

from tests.api.samples import SCHEMA
from tests.e2e import steps
from tests.fake_upstream import ORGANIZATION, TOKEN
from tests.faults import driver
from tests.faults.driver import Crew
from tests.faults.upstream import FaultyUpstream
from tests.faults.verdict import Ledger, Verdict, judge
from tests.instances import Instance

TEAM = "team"
SET_UP = """
from reviews.workflow import accounts, upstreams
organization = Organization.objects.filter(slug={slug!r}).first() or accounts.create_organization({slug!r})
for name in {names!r}:
    accounts.add_member(name, organization=organization, role={role!r}, password={password!r})
upstreams.create(organization, url={url!r}, upstream_organization={there!r}, token={token!r}, name={name!r},
                 pull_seconds={pull_seconds!r})
"""
PULLED = """
    SELECT count(*) FROM reviews_completion AS completion
    JOIN reviews_organization AS here ON here.id = completion.organization_id WHERE here.slug = ?
"""


def feedback_task(number: int, tag: str = "support") -> dict[str, Any]:
    """A feedback task as the upstream has it."""
    return {
        "id": f"task-{number}",
        "name": f"Rubric {number}",
        "instruction": "Read it.",
        "json_schema": SCHEMA,
        "completion_tags_selector": [tag],
    }


def chat(uid: str, tag: str = "support") -> dict[str, Any]:
    """A completion as the upstream has it."""
    text = f"We open at nine, and close when the last wheel is true. This is number {uid}."
    return {"id": uid, **steps.chat(f"When, {uid}?", text, organization_id=ORGANIZATION, tags=(tag,))}


class Scenario:
    """One upstream, one organization that pulls from it, and its reviewers. `slug` names all of them apart."""

    def __init__(self, instance: Instance, upstream: FaultyUpstream, *, seed: int = 0, slug: str = TEAM) -> None:
        self.instance = instance
        self.upstream = upstream
        self.seed = seed
        self.slug = slug
        self.crew: Crew | None = None
        self.names: list[str] = []
        self._added = 0

    def set_up(
        self, *, completions: int = 20, reviewers: int = 2, tasks: int = 1, pull_seconds: int = 1, pace: float = 0.0
    ) -> None:
        """Make the organization, its reviewers and its upstream, and the upstream's completions and feedback tasks,
        beside those that it has. GradeBench starts to pull at once.
        """
        self.upstream.feedback_tasks += [feedback_task(number) for number in range(tasks)]
        self.add(completions)
        self.names = [f"{self.slug}-{number}" for number in range(reviewers)]
        said = {
            "slug": self.slug,
            "names": self.names,
            "role": "reviewer",
            "password": steps.PASSWORD,
            "url": self.upstream.url,
            "there": ORGANIZATION,
            "token": TOKEN,
            "name": f"upstream of {self.slug}",
            "pull_seconds": pull_seconds,
        }
        steps.ask_database(self.instance, SET_UP.format(**said))
        self.crew = Crew(self.instance, self.names, seed=self.seed, pace=pace)

    def add(self, count: int) -> None:
        """More completions upstream."""
        for _ in range(count):
            self._added += 1
            self.upstream.add(chat(f"{self.slug}-{self._added:05}"))

    @property
    def ledger(self) -> Ledger:
        """What was acknowledged so far."""
        assert self.crew is not None, "set_up() comes first."
        return self.crew.ledger

    def pulled(self) -> int:
        """How many completions of the upstream are here."""
        return int(driver.query(self.instance, PULLED, self.slug)[0][0])

    def wait_pulled(self, seconds: float = 60.0) -> None:
        """Until all that was added is here."""
        steps.wait_for("All completions are here", lambda: self.pulled() >= self._added, seconds)

    def work(
        self, *, submits: int = 1_000_000, seconds: float = 60.0, meanwhile: Callable[[], object] | None = None
    ) -> Ledger:
        """Let the reviewers work. `meanwhile` runs beside them, in this thread, where instances must be started; when
        it returns they are stopped.
        """
        assert self.crew is not None, "set_up() comes first."
        if meanwhile is None:
            return self.crew.work(submits=submits, seconds=seconds)
        crew, failures = self.crew, list[BaseException]()

        def work() -> None:
            try:
                crew.work(submits=submits, seconds=seconds)
            except BaseException as error:  # noqa: BLE001 - it is raised below, in the thread that waits
                failures.append(error)

        at_work = threading.Thread(target=work, name="crew")
        at_work.start()
        try:
            meanwhile()
        finally:
            crew.stop()
            at_work.join()
        if failures:
            raise failures[0]
        return crew.ledger

    def calm(self, *, seconds: float = 120.0) -> float:
        """Until nothing is on its way any more; the seconds it took."""
        return driver.calm(self.instance, seconds=seconds)

    def verdict(
        self,
        name: str,
        *,
        kills: Sequence[float] = (),
        recoveries: Sequence[float] = (),
        decided: Collection[str] = (),
        given_up: Collection[str] = (),
    ) -> Verdict:
        """The verdict on all that was done so far."""
        return judge(
            name,
            self.ledger,
            self.upstream.entries,
            self.upstream.final(),
            held=driver.held(self.instance),
            decided=decided,
            given_up=given_up,
            kills=kills,
            recoveries=recoveries,
            seed=self.seed,
        )
