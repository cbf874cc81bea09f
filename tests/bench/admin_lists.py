"""What the lists of the admin take with a million completions: `python -m tests.bench.admin_lists`.

    python -m tests.bench.admin_lists --completions 1000000 --only sqlite

Fills a database of its own (`tests/bench/million.py`: as many queue items, a fifth as many grades, reviews and pushes,
a third as many audit events; a small organization whose rows are all older than those of the large one), then asks as
site staff, and as the admin of each organization where she may enter, in this process and without a server between:
the front page, and of every list its first page, its tenth, a page of each value of each of its filters, a search that
finds one row and one that finds none, `--times` times each, after one that is not counted. Printed: a line for each
list with the median over its questions, the 95th percentile of the slowest, which one that was, the 95th percentile of
the processor time of the process (on SQLite with the database's; without what others do on the machine), and the most
statements that one took. The exit code is 1 where a 95th percentile is over half a second. With `--folder` the database
stays there and is not filled again (SQLite alone).
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.instances import encryption_key
from tests.run import environment
from tests.services import Postgres, Valkey

BUDGET = 500


def main() -> int:
    """Measure on each database, print the tables; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.admin_lists", allow_abbrev=False)
    parser.add_argument("--completions", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    parser.add_argument("--list", default="", help="Only lists in whose name this stands.")
    parser.add_argument("--folder", default="")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        return _measure_here(options)
    return max(_elsewhere(name) for name in ("sqlite", "postgres") if options.only in (None, name))


def _elsewhere(database: str) -> int:
    """In a process of its own, whose settings name this database; its exit code."""
    with ExitStack() as stack:
        env = environment(stack.enter_context(tempfile.TemporaryDirectory(prefix="gradebench-bench-")))
        if database == "postgres":
            servers = stack.enter_context(Postgres()), stack.enter_context(Valkey())
            env |= {
                "DATABASE_URL": servers[0].create_database("gradebench"),
                "REDIS_URL": servers[1].url,
                "SECRET_KEY": secrets.token_urlsafe(50),
                "GRADEBENCH_ENCRYPTION_KEYS": encryption_key(),
                "GRADEBENCH_HTTPS": "0",
                "ALLOWED_HOSTS": "testserver",
            }
        env |= {"DJANGO_SETTINGS_MODULE": "gradebench.settings", "ALLOWED_HOSTS": "testserver"}
        command = [sys.executable, "-m", "tests.bench.admin_lists", *sys.argv[1:], "--here"]
        return subprocess.run(command, env=env, check=False).returncode


def _measure_here(options: argparse.Namespace) -> int:
    if options.folder:
        Path(options.folder).mkdir(parents=True, exist_ok=True)
        os.environ["GRADEBENCH_DATA_DIR"] = options.folder
    import gradebench.wsgi  # noqa: F401, PLC0415 - sets Django up, and the collection of garbage as a web server has it
    from tests.bench import asking  # noqa: PLC0415 - after that

    worst = 0.0
    print(asking.prepare(options.completions), flush=True)
    for who, client in asking.visitors():
        print(f"\n{who}\n\n{asking.HEAD}")
        for name, path in asking.lists(client, options.list):
            measured = [asking.measure(client, question, options.times) for question in asking.questions(client, path)]
            slowest = max(measured, key=lambda figures: figures.p95)
            worst = max(worst, slowest.p95)
            print(asking.line(name, path, measured), flush=True)
    print(f"\nSlowest 95th percentile: {worst:.0f} ms; budget {BUDGET} ms", flush=True)
    return int(worst > BUDGET)


if __name__ == "__main__":
    sys.exit(main())
