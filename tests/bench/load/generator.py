"""The load, from a process of its own: `python -m tests.bench.load.generator` reads a Plan as JSON from its standard
input, prints one line when all reviewers are signed in, works, and prints a Noted as JSON.

Open loop: each reviewer and each create has moments of its own on the clock, whatever became of the one before; what
comes too late because the server was slow is counted from when it was due.
"""

import http.client
import itertools
import json
import random
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.bench.load.asked import CREATE, Asked
from tests.bench.load.visitors import LONGEST_SAID, PATIENCE, Visitor
from tests.faults.marks import Marks
from tests.faults.verdict import Edit, Grade, Ledger
from tests.services import HOST

SIGNING_IN = 4
# So many creates may be on their way at once before one waits for another.
SENDERS = 32
# A server closes a connection that was idle for two seconds, and may do so just as it is used again.
FRESH = 1.0


@dataclass(frozen=True)
class Plan:
    """What to do. `think` is how many seconds pass, at least and at most, before a reviewer's next act; of her submits
    `edit_share` have an edit, and after `pause_share` she goes back to her queues.
    """

    port: int
    reviewers: list[str]
    token: str
    bodies: list[str]
    seconds: float
    creates_per_second: float
    seed: int
    think: tuple[float, float] = (5.0, 15.0)
    edit_share: float = 0.2
    pause_share: float = 0.1

    @property
    def url(self) -> str:
        """Where it goes."""
        return f"http://{HOST}:{self.port}"


@dataclass
class Noted:
    """What came of it: each request, what reviewers were told, when it began and ended, and what it cost this side."""

    asked: list[Asked] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    grades: list[Grade] = field(default_factory=list)
    offered: int = 0
    began: float = 0.0
    ended: float = 0.0
    cpu_seconds: float = 0.0

    @classmethod
    def read(cls, text: str) -> "Noted":
        """From what the process printed."""
        said = json.loads(text)
        said["asked"] = [Asked(*row) for row in said["asked"]]
        said["edits"] = [Edit(**row) for row in said["edits"]]
        said["grades"] = [Grade(**row) for row in said["grades"]]
        return cls(**said)


class Load:
    """Carries out a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.visitors = [Visitor(plan, name, random.Random(f"{plan.seed} {name}")) for name in plan.reviewers]
        self.created: list[Asked] = []
        self.ledger = Ledger()
        self._marks = Marks(plan.seed)
        self._numbers = itertools.count()
        self._began = self._until = 0.0

    def sign_in(self) -> None:
        """All of them, a few at a time; what that took is no figure."""
        with ThreadPoolExecutor(SIGNING_IN) as pool:
            list(pool.map(lambda visitor: visitor.sign_in(visitor.username), self.visitors))
        for visitor in self.visitors:
            visitor.asked.clear()
            visitor.address = ""

    def run(self) -> Noted:
        """Until the time is over and the last answer has come."""
        self._began = time.monotonic() + 0.5
        self._until = self._began + self.plan.seconds
        cpu = time.process_time()
        senders = SENDERS if self.plan.creates_per_second else 0
        working = [threading.Thread(target=self._review, args=row) for row in enumerate(self.visitors)]
        working += [threading.Thread(target=self._create) for _ in range(senders)]
        for thread in working:
            thread.start()
        for thread in working:
            thread.join()
        asked = [*self.created, *(row for visitor in self.visitors for row in visitor.asked)]
        return Noted(
            asked=sorted(asked, key=lambda row: row.due),
            edits=self.ledger.edits,
            grades=self.ledger.grades,
            offered=int(self.plan.seconds * self.plan.creates_per_second),
            began=self._began,
            ended=time.monotonic(),
            cpu_seconds=time.process_time() - cpu,
        )

    def _review(self, number: int, visitor: Visitor) -> None:
        chance = random.Random(f"{self.plan.seed} thinks {number}")
        due = self._began + sum(self.plan.think) / 2 * number / len(self.visitors)
        while due < self._until:
            time.sleep(max(0.0, due - time.monotonic()))
            visitor.due = due
            shares = {"edit_share": self.plan.edit_share, "pause_share": self.plan.pause_share}
            visitor.review(self.ledger, self._marks, **shares)
            due += chance.uniform(*self.plan.think)

    def _create(self) -> None:
        connection = http.client.HTTPConnection(HOST, self.plan.port, timeout=PATIENCE)
        used = 0.0
        headers = {"X-Log10-Token": self.plan.token, "Content-Type": "application/json"}
        while (due := self._began + (number := next(self._numbers)) / self.plan.creates_per_second) < self._until:
            uid = str(uuid.UUID(int=random.Random(f"{self.plan.seed} {number}").getrandbits(128), version=4))
            body = self.plan.bodies[number % len(self.plan.bodies)].replace("{uid}", uid)
            time.sleep(max(0.0, due - time.monotonic()))
            if time.monotonic() - used > FRESH:
                connection.close()
            sent, status, said = time.monotonic(), 0, ""
            try:
                connection.request("POST", "/api/v1/completions", body.encode(), headers)
                answer = connection.getresponse()
                status, said = answer.status, answer.read().decode(errors="replace")[:LONGEST_SAID]
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                said = repr(error)
            used = time.monotonic()
            # What was wrong, or what was made; which create it was is known by its id.
            self.created.append(Asked(CREATE, due, sent, used, status, uid if status == 200 else f"{uid} {said}"))
        connection.close()


def main() -> None:
    """Read the plan, work, print."""
    said: dict[str, Any] = json.loads(sys.stdin.readline())
    said["think"] = tuple(said["think"])
    load = Load(Plan(**said))
    load.sign_in()
    print("ready", flush=True)
    print(json.dumps(asdict(load.run())), flush=True)


if __name__ == "__main__":
    main()
