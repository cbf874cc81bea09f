"""What is shown, one after the other; each returns its sentences, which have counts and no times."""

import gzip
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import orjson
import requests

from tests.cluster.cluster import BEATS, DATABASE_SECONDS, ROLES, WEBS, WORKERS, Cluster
from tests.cluster.load import Applications
from tests.cluster.servers import BridgeUpstream
from tests.e2e import steps
from tests.faults import driver, whole
from tests.faults.journal import LIST, most_in_flight
from tests.faults.scenario import Scenario


@dataclass
class Show:
    """The machines, who works on them, and what was found wrong."""

    cluster: Cluster
    scenario: Scenario
    upstream: BridgeUpstream
    application: steps.Organization
    wrong: list[str] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)
    backlog: int = 60

    def hold(self, what: str, holds: bool) -> None:
        """Note what does not hold."""
        if not holds:
            self.wrong.append(what)

    # One after the other -----------------------------------------------------------------------------------------

    def sessions_and_keys(self) -> str:
        """Signed in on one web, at work on the other; a POST with a key, and a bulk request, on both."""
        first, second = (self.cluster.proxy.url_of(self.cluster.machines[name]) for name in WEBS)
        person = steps.Reviewer(self.cluster)
        reviews = 0
        self._move(person, first)
        person.sign_in(self.scenario.names[0])
        for _ in range(5):
            self._move(person, second if person.base == first else first)
            if (person.is_reviewing or person.start(person.startable()[0])) and person.submit(comment="ok") == 200:
                reviews += 1
        self.hold("a review that was begun on one web was not taken by the other", reviews == 5)

        once = self._same_key_on_both(first, second)
        return f"sessions: 5 reviews by one person, each on the other web than the one before: {reviews} taken. {once}"

    def _same_key_on_both(self, *urls: str) -> str:
        uid = f"keyed-{uuid.uuid4()}"
        document = steps.chat("When?", "At nine.", organization_id=self.application.external_id)
        headers = {"X-Log10-Token": self.application.token, "Idempotency-Key": str(uuid.uuid4())}
        answers = [
            requests.post(f"{url}/api/v1/completions", json={"id": uid, **document}, headers=headers, timeout=60)
            for url in (*urls, *urls)
        ]
        same = len({(answer.status_code, answer.content) for answer in answers}) == 1
        self.hold("the same request, sent to both webs, was answered differently", same)

        lines = [orjson.dumps({"id": f"bulk-{number}", **document}) for number in range(200)]
        body = gzip.compress(b"\n".join(lines))
        kinds = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        token = {"X-Log10-Token": self.application.token}
        bulk = [
            requests.post(
                f"{url}/api/gradebench/v1/completions/bulk", data=body, headers={**token, **kinds}, timeout=60
            )
            for url in urls
        ]
        rows = self._count("SELECT count(*) FROM reviews_completion WHERE uid LIKE ? OR uid = ?", "bulk-%", uid)
        self.hold("uploads by both webs left other rows than one each", rows == 201)
        self.hold("a bulk request was refused", all(answer.status_code == 200 for answer in bulk))
        return (
            f"uploads: 1 create with one key 4 times over 2 webs: {1 if same else 'different'} answer; "
            f"200 lines in bulk on each: {rows} rows in all"
        )

    def work(self, seconds: float = 20.0) -> str:
        """Two workers and two beats at work while reviewers review."""
        self._load(lambda: self._wait(seconds))
        self.scenario.calm(seconds=180)
        workers = {name: self.upstream.asked_by[self.cluster.machines[name].address] for name in WORKERS}
        others = sum(self.upstream.asked_by.values()) - sum(workers.values())
        lists = len(self.upstream.of(LIST))
        most = most_in_flight(self.upstream.of(LIST))
        self.hold("one of the workers did nothing", min(workers.values()) > 0)
        self.hold("somebody else than a worker asked the upstream", others == 0)
        self.hold("two pulls overlapped", most == 1)
        asked = ", ".join(f"{name} {count}" for name, count in workers.items())
        return (
            f"pull and push: requests by {asked}, by others {others}; {lists} lists read under {len(BEATS)} beats, "
            f"at most {most} at once"
        )

    def kill(self) -> str:
        """One of two webs, one of two workers, and each beat by turns lose their power under load."""
        before = len(self.cluster.proxy.answers())
        struck = (WEBS[0], WORKERS[0], BEATS[0], WEBS[1], WORKERS[1], BEATS[1])

        def strike() -> None:
            for name in struck:
                self._wait(2)
                self.kills.append(time.monotonic())
                self.cluster.machines[name].kill()
                self._wait(4)
                self.cluster.start_role(name)
                if name in WEBS:
                    self.cluster.wait_web(name)

        applications = self._load(strike)
        counts = Counter(status for _, _, status, _ in self.cluster.proxy.answers()[before:])
        return (
            f"kills: {', '.join(struck)} with SIGKILL; {sum(counts.values())} requests, {counts[502]} of them were at "
            f"a web that died; {len(applications.acknowledged)} creates acknowledged. {self._kept(applications)}"
        )

    def partition(self) -> str:
        """One web is cut off from the database, silently, with its connections open."""
        web, database = self.cluster.machines[WEBS[0]], self.cluster.machines["db"]
        url = self.cluster.proxy.url_of(web)
        headers = {"X-Log10-Token": self.application.token}

        def ask() -> tuple[int, bool]:
            began = time.monotonic()
            answer = requests.get(f"{url}/api/v1/feedback_task", headers=headers, timeout=60)
            return answer.status_code, time.monotonic() - began < 2 * DATABASE_SECONDS

        web.cut_off(database)
        with ThreadPoolExecutor(10) as pool:
            asked = [done.result() for done in [pool.submit(ask) for _ in range(20)]]
        web.reconnect(database)
        steps.wait_for("the web is well again", lambda: ask()[0] == 200, 60)
        after = [ask()[0] for _ in range(20)]
        statuses = Counter(status for status, _ in asked)
        late = sum(not in_time for _, in_time in asked)
        self.hold("a web without its database said something else than 503", set(statuses) == {503})
        self.hold("a web without its database took longer than it may", late == 0)
        self.hold("a web did not come back by itself", set(after) == {200})
        return (
            f"partition of {WEBS[0]} from the database: {statuses[503]} of {len(asked)} requests answered 503, {late} "
            f"later than it may; the way back: {after.count(200)} of {len(after)} answered 200, nothing restarted"
        )

    def roll(self, times: int) -> str:
        """Both webs, both workers and both beats are restarted by turns, again and again, under load."""
        before = len(self.cluster.proxy.answers())
        codes: Counter[tuple[str, int]] = Counter()
        slow: list[str] = []

        def restart() -> None:
            for number in range(times):
                for name in ROLES:
                    code, in_time = self.cluster.restart(name)
                    codes[name.rstrip("12"), code] += 1
                    slow.extend([] if in_time else [name])
                    self._wait(0.2)
                print(f"  round {number + 1} of {times}", flush=True)

        unanswered = self.scenario.ledger.unanswered
        applications = self._load(restart)
        answers = self.cluster.proxy.answers()[before:]
        failed = sum(status >= 500 or status == 499 for _, _, status, _ in answers)
        again = sum(tried > 1 for _, _, _, tried in answers)
        unanswered = self.scenario.ledger.unanswered - unanswered
        self.hold("a request failed during a rolling restart", failed + applications.failed + unanswered == 0)
        self.hold("a program did not end well", all(code == 0 for _, code in codes))
        self.hold(f"too slow to end: {slow}", not slow)
        ended = ", ".join(f"{count} {role} with {code}" for (role, code), count in sorted(codes.items()))
        return (
            f"rolling restarts: {times} rounds, ended {ended}; {len(answers)} requests, {failed} failed, {again} were "
            f"taken by another web; {len(applications.acknowledged)} creates, {applications.failed} not taken; "
            f"reviewers' submits without an answer: {unanswered}. {self._kept(applications)}"
        )

    def disks(self) -> str:
        """What was written where it could have been."""
        written = {name: self.cluster.machines[name].written() for name in ROLES}
        count = sum(map(len, written.values()))
        self.hold(f"files on a machine's own disk: {written}", count == 0)
        return f"disks: {len(ROLES)} machines, everything read-only but a place of its own, {count} files in these"

    def verdict(self) -> str:
        """All that was acknowledged, against what the upstream has."""
        self.scenario.calm(seconds=240)
        verdict = self.scenario.verdict("several machines", kills=self.kills)
        halves = whole.faults(self.cluster, [])
        self.hold(str(verdict), verdict.clean)
        self.hold(f"halves: {halves}", not halves)
        most = most_in_flight(self.upstream.of(LIST))
        self.hold("two pulls overlapped", most == 1)
        return f"{str(verdict).partition('; recovery')[0]}; {len(halves)} halves; at most {most} pull at once"

    # What they share ---------------------------------------------------------------------------------------------

    def _load(self, meanwhile: Callable[[], None]) -> Applications:
        applications = Applications(self.application)
        with applications:
            self.scenario.work(seconds=3600, meanwhile=meanwhile)
        return applications

    def _wait(self, seconds: float) -> None:
        """Let time pass, and give the upstream new completions for those that were graded."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            upstream = self.upstream
            self.scenario.add(max(0, self.backlog - len(upstream.completions) + len(upstream.unlisted)))
            time.sleep(0.2)

    def _kept(self, applications: Applications) -> str:
        missing = len(applications.acknowledged) - self._count(
            "SELECT count(*) FROM reviews_completion WHERE uid = ANY(?)", applications.acknowledged
        )
        self.hold("an acknowledged create is not there", missing == 0)
        return f"acknowledged creates that are missing: {missing}"

    def _count(self, statement: str, *values: object) -> int:
        return int(driver.query(self.cluster, statement, *values)[0][0])

    @staticmethod
    def _move(person: steps.Reviewer, url: str) -> None:
        """Have her next request go there."""
        person.base = url
        person.session.headers["Origin"] = url
