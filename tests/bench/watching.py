"""What Prometheus costs when it asks: `python -m tests.bench.watching --completions 100000 --only sqlite`.

Fills an instance of its own as `make bench` does, and asks for /metrics in one process without a server between, each
time as if nothing had been read within the last seconds. Printed: milliseconds, the median and the 95th percentile.
"""

import argparse
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack

from tests.bench import running
from tests.instances import ROOT, Instance, Servers
from tests.services import Postgres, Valkey


def main() -> None:
    """Measure on each database."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.watching", allow_abbrev=False)
    parser.add_argument("--completions", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        _measure(options.times)
        return
    for database in ("sqlite", "postgres"):
        if options.only in (None, database):
            _elsewhere(database, options.completions)


def _elsewhere(database: str, completions: int) -> None:
    with ExitStack() as stack:
        servers = Servers("", "")
        if database == "postgres":
            servers = Servers(stack.enter_context(Postgres()).url(), stack.enter_context(Valkey()).url)
        instance = Instance("watching", servers=servers, env={"ALLOWED_HOSTS": "testserver"})
        stack.callback(instance.close)
        running.fill(instance, completions, lambda line: print(line, file=sys.stderr))
        print(f"{completions:,} completions: ", end="", flush=True)
        command = [sys.executable, "-m", "tests.bench.watching", *sys.argv[1:], "--here"]
        subprocess.run(command, cwd=ROOT, env=instance.env | {"GRADEBENCH_METRICS_TOKEN": "x"}, check=True)


def _measure(times: int) -> None:
    from django.db import connection  # noqa: PLC0415 - after that
    from django.test import Client  # noqa: PLC0415

    import gradebench.wsgi  # noqa: F401, PLC0415 - sets Django up, and the collection of garbage as a web server has it
    from reviews.web import metrics  # noqa: PLC0415

    client, taken = Client(headers={"Authorization": "Bearer x"}), []
    for _ in range(times + 5):
        metrics.forget()
        began = time.perf_counter()
        response = client.get("/metrics")
        taken.append((time.perf_counter() - began) * 1000)
        assert b"gradebench_database_up 1.0" in response.content
    counted = sorted(taken[5:])
    slow = counted[int(len(counted) * 0.95)]
    print(f"{connection.vendor} {statistics.median(counted):.1f} ms, 95th percentile {slow:.1f} ms")


if __name__ == "__main__":
    main()
