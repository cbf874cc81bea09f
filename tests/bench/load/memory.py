"""What the web process weighs after so many requests: one process, every kind of request, as fast as it goes."""

import argparse
import itertools
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.bench.load.reviewing import bodies
from tests.bench.load.stage import Stage, staged
from tests.bench.load.visitors import Visitor
from tests.bench.load.weights import Weight, weigh
from tests.faults.marks import Marks
from tests.faults.verdict import Ledger
from tests.services import descendants

ROUNDS = 10
VISITORS, CLIENTS = 4, 4
ALLOWED = 0.05
HEAD = "| after requests | resident, MB | of its own, MB | requests per s |\n|---|---|---|---|"


def run(options: argparse.Namespace) -> int:
    """Print what it weighs after each tenth of the requests; 1 when it grew by more than is allowed."""
    given = {name: getattr(options, name) for name in ("completions", "seed", "keep")}
    with staged(**given, reviewers=VISITORS, reviews=100, doubled=False, env={"WEB_CONCURRENCY": "1"}) as stage:
        mix = Mix(stage, options.seed)
        weights: list[Weight] = []
        print(HEAD, flush=True)
        for number in range(1, ROUNDS + 1):
            began = time.monotonic()
            mix.ask(options.memory * number // ROUNDS)
            weights.append(_weigh_web(stage))
            rate = options.memory / ROUNDS / (time.monotonic() - began)
            print(f"| {mix.done:,} | {weights[-1].resident:.1f} | {weights[-1].own:.1f} | {rate:.0f} |", flush=True)
        first, last = weights[0], weights[-1]
        growth = [last.resident / first.resident - 1, last.own / first.own - 1]
        print(f"\nresident {growth[0]:+.1%}, of its own {growth[1]:+.1%}; answers by status: {dict(mix.statuses)}")
        return int(max(growth) > ALLOWED)


def _weigh_web(stage: Stage) -> Weight:
    """The process that answers, without the one that started it."""
    _, child = descendants(stage.instance.processes["web"].pid)
    return weigh(child.pid)


class Mix:
    """Reviewers, applications and the lost, all at once and without a pause."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.done = 0
        self.statuses: Counter[int] = Counter()
        self._stage = stage
        self._marks = Marks(seed)
        self._lock = threading.Lock()
        self._visitors = [Visitor(stage.instance, name, random.Random(f"{seed} {name}")) for name in stage.names]
        for visitor in self._visitors:
            visitor.sign_in(visitor.username)
        self._clients = [self._ask_by_turns(number, bodies(seed)) for number in range(CLIENTS)]

    def ask(self, until: int) -> None:
        """Until so many were asked in all."""
        with ThreadPoolExecutor(VISITORS + CLIENTS) as pool:
            working = [pool.submit(self._review, visitor, until) for visitor in self._visitors]
            working += [pool.submit(self._call, statuses, until) for statuses in self._clients]
            for work in working:
                work.result()

    def _review(self, visitor: Visitor, until: int) -> None:
        while self.done < until:
            visitor.review(Ledger(), self._marks, edit_share=0.2, pause_share=0.1)
            self._count(*(row.status for row in visitor.asked))
            visitor.asked.clear()

    def _call(self, statuses: Iterator[int], until: int) -> None:
        while self.done < until:
            self._count(next(statuses))

    def _count(self, *statuses: int) -> None:
        with self._lock:
            self.done += len(statuses)
            self.statuses.update(statuses)

    def _ask_by_turns(self, number: int, texts: list[str]) -> Iterator[int]:
        """What an application asks that logs completions, and now and then does it wrong; the statuses."""
        session, chance = requests.Session(), random.Random(f"calls {number}")
        session.headers.update({"X-Log10-Token": self._stage.token, "Content-Type": "application/json"})
        url, uid = self._stage.instance.url, ""
        completions = f"{url}/api/v1/completions"
        for turn in itertools.count():
            match turn % 8:
                case 0 | 1 | 2 | 3:
                    uid = str(uuid.UUID(int=chance.getrandbits(128), version=4))
                    body = texts[turn % len(texts)].replace("{uid}", uid)
                    yield session.post(completions, data=body.encode()).status_code
                case 4:
                    yield session.get(f"{url}/api/completions/{uid}").status_code
                case 5:
                    yield session.post(f"{completions}/{uid}", data='{"tags": ["a", "b"]}').status_code
                case 6:
                    yield session.post(completions, data='{"request": [').status_code
                case _:
                    yield session.get(f"{url}/nowhere/{turn}").status_code
