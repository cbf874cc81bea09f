"""Whether anything is lost when twenty clients log one completion at once: `python -m tests.bench.writers`.

    python -m tests.bench.writers --rounds 1000 --database sqlite --seed 1

A GradeBench in processes of its own, as it is run: on SQLite `manage.py up`; on PostgreSQL gunicorn with two workers.
In each round 20 clients, each over a connection of its own, post started, failed and finished rows of one id at once,
some of them twice; in every other round a status waits until the one before it has arrived, by turns in all six orders.
After each round the document is fetched and must be the union: every member of every post, what is finished never
replaced by what is less. Printed: rounds, posts, what was wrong (the exit code is 1 when anything was), how often each
order of arrival was seen, the milliseconds of a post, and posts per second.
"""

import argparse
import contextlib
import http.client
import json
import statistics
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.e2e import steps
from tests.instances import Instance, Servers
from tests.services import HOST, Postgres, Valkey
from tests.writers import WRITERS, Writers, arrival, round_of, wrong

CALM_SECONDS = 60


class Client:
    """One writer: a connection that is kept, as HTTP clients of production keep theirs."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=CALM_SECONDS)
        self._headers = {"X-Log10-Token": token, "Content-Type": "application/json"}

    def post(self, uid: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """Status and body of the answer."""
        path, data = f"/api/v1/completions/{uid}", json.dumps(body).encode()
        try:
            return self._ask(path, data)
        except (http.client.HTTPException, ConnectionError):
            # The server closes a connection that was idle, and may do so just as it is used; a client comes again.
            self._connection.close()
            return self._ask(path, data)

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _ask(self, path: str, data: bytes) -> tuple[int, bytes]:
        self._connection.request("POST", path, data, self._headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


class Tally:
    """What came of the rounds so far."""

    def __init__(self) -> None:
        self.rounds = 0
        self.lost: list[str] = []
        self.refused: list[str] = []
        self.seconds: list[float] = []
        self.orders: Counter[tuple[str, ...]] = Counter()

    def report(self, took: float) -> str:
        """The figures, a line each."""
        thousandths = sorted(second * 1000 for second in self.seconds)
        orders = ", ".join(f"{' → '.join(order)} {count}" for order, count in self.orders.most_common())
        p95 = thousandths[int(len(thousandths) * 0.95)]
        middle = f"median {statistics.median(thousandths):.0f} ms, p95 {p95:.0f} ms"
        return "\n".join(
            [
                f"{self.rounds:,} rounds of {WRITERS} writers, {len(thousandths):,} posts in {took:.0f} s",
                f"documents that are not the union: {len(self.lost)}; posts not answered 200: {len(self.refused)}",
                f"arrived as: {orders}",
                f"a post: {middle}, longest {thousandths[-1]:.0f} ms; {len(thousandths) / took:.0f} posts per second",
                *self.lost[:10],
                *self.refused[:10],
            ]
        )


def measure(team: steps.Organization, rounds: int, seed: int) -> Tally:
    """Run the rounds."""
    tally, own = Tally(), threading.local()

    def post(uid: str, body: dict[str, Any]) -> None:
        if not hasattr(own, "client"):
            own.client = Client(team.instance.port, team.token)
        began = time.perf_counter()
        status, answer = own.client.post(uid, body)
        tally.seconds.append(time.perf_counter() - began)
        if status != 200:
            tally.refused.append(f"{uid}: {status} {answer[:300]!r}")

    def leave() -> None:
        if hasattr(own, "client"):
            own.client.close()

    with Writers(post, leave) as writers:
        for number in range(rounds):
            uid, writes = str(uuid.uuid4()), round_of(number, seed)
            writers.write(uid, writes)
            document = team.document(uid) or {}
            tally.lost += [f"round {number}, {uid}: {words}" for words in wrong(document, writes)]
            tally.orders[arrival(document, writes)] += 1
            tally.rounds += 1
    return tally


@contextlib.contextmanager
def servers(database: str) -> Iterator[Servers]:
    """Those of the database that was asked for; none for SQLite."""
    if database == "sqlite":
        yield Servers("", "")
        return
    with Postgres() as postgres, Valkey() as valkey:
        yield Servers(postgres.url(), valkey.url)


def main() -> int:
    """Measure, print the figures; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.writers", allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with servers(options.database) as given, Instance("writers", servers=given) as instance:
        team = steps.create_organization(instance, "acme")
        began = time.monotonic()
        tally = measure(team, options.rounds, options.seed)
        print(f"{options.database}, seed {options.seed}: {tally.report(time.monotonic() - began)}")
    return 1 if tally.lost or tally.refused else 0


if __name__ == "__main__":
    sys.exit(main())
