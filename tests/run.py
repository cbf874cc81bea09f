"""python -m tests.run [--only sqlite|postgres] [pytest arguments]: every test on SQLite, and again on PostgreSQL
what has a database or processes (tests/conftest.py decides).

Both at the same time: a half keeps little more than one core busy. The second one has a PostgreSQL and a Valkey of its
own, started here and stopped at the end; DATABASE_URL and REDIS_URL lead to them, and GRADEBENCH_TEST_SERVICES says
that they are ours. Both have a data folder of their own. Ends with 0 only when both passed; whatever is missing is an
error, never a skip.
"""

import argparse
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import FrameType
from typing import BinaryIO

import psycopg
import pytest
import redis

from tests.instances import encryption_key
from tests.services import Postgres, ServiceError, Valkey, bound_to_parent

ROOT = Path(__file__).resolve().parent.parent
CORPUS_FILES = ("completions.jsonl.gz", "recorded.jsonl.gz")
# What a developer's shell says about a GradeBench of its own has no say in the tests.
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "DEBUG", "DJANGO_SETTINGS_MODULE")


@dataclass(frozen=True)
class Outcome:
    """One run of pytest: on what, and the exit code."""

    database: str
    code: int

    @property
    def words(self) -> str:
        """The outcome as a reader wants it."""
        if self.code == pytest.ExitCode.OK:
            return "passed"
        if self.code == pytest.ExitCode.NO_TESTS_COLLECTED:
            return "no test chosen"
        return f"FAILED (exit code {self.code})"


def corpus() -> Path | None:
    """The folder that GRADEBENCH_TEST_DATA names, or None without it. Raises ServiceError when files are missing."""
    named = os.environ.get("GRADEBENCH_TEST_DATA", "")
    if not named:
        return None
    folder = Path(named).resolve()
    missing = [name for name in CORPUS_FILES if not (folder / name).is_file()]
    if missing:
        raise ServiceError(f"GRADEBENCH_TEST_DATA names {named}, which has no {' and no '.join(missing)}.")
    return folder


def environment(data_dir: str, **services: str) -> dict[str, str]:
    """The environment of one run: this one, without what it says about some other GradeBench."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in OURS and (not name.startswith("GRADEBENCH_") or name == "GRADEBENCH_TEST_DATA")
    }
    folder = corpus()
    if folder is not None:
        kept["GRADEBENCH_TEST_DATA"] = str(folder)
    return {**kept, "GRADEBENCH_DATA_DIR": data_dir, **services}


class Half:
    """A pytest of its own on one of the two databases. What it says goes to the terminal at once, or, with a file
    `kept`, into that, and to the terminal in `finish`.
    """

    def __init__(self, name: str, database: str, env: dict[str, str]) -> None:
        self.name = name
        self.database = database
        self.env = env
        self._process: subprocess.Popen[bytes] | None = None
        self._kept: BinaryIO | None = None
        self._shown = 0

    def start(self, arguments: list[str], *, kept: BinaryIO | None) -> None:
        """Start pytest and return at once. What each half knows of its last run (`--lf`) is its own."""
        self._kept = kept
        print(f"\n=== {self.name}{' runs as well, and has its say below' if kept else ''}", flush=True)
        words = ["-o", f"cache_dir=.pytest_cache/{self.name}", *arguments]
        self._process = subprocess.Popen(
            [*bound_to_parent("TERM"), sys.executable, "-m", "pytest", *words],
            cwd=ROOT,
            env=self.env,
            stdout=kept,
            stderr=kept,
        )

    def finish(self) -> Outcome:
        """Show what it says until it has ended; how that was."""
        assert self._process is not None, "It was not started."
        if self._kept is not None:
            print(f"\n=== {self.name}", flush=True)
            while self._process.poll() is None:
                self._show()
                time.sleep(0.2)
            self._show()
        return Outcome(self.database, self._process.wait())

    def interrupt(self) -> None:
        """Ask it to end, as a Ctrl-C does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def end(self, seconds: float = 60) -> None:
        """Wait for it, which was interrupted, and show what it said; after so many seconds it is killed."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._show()

    def _show(self) -> None:
        """Copy what it said since last time to the terminal."""
        # Not by reading on: the place in an open file is the same for both processes.
        while self._kept and (said := os.pread(self._kept.fileno(), 65_536, self._shown)):
            self._shown += len(said)
            sys.stdout.buffer.write(said)
            sys.stdout.flush()


@contextmanager
def on_sqlite() -> Iterator[Half]:
    """The embedded form: SQLite, and the broker in memory."""
    with TemporaryDirectory(prefix="gradebench-tests-") as data_dir:
        yield Half("sqlite", f"SQLite {sqlite3.sqlite_version}", environment(data_dir))


@contextmanager
def on_postgres() -> Iterator[Half]:
    """PostgreSQL and Valkey. No test kills these two, so the first need not wait for the disk."""
    with (
        TemporaryDirectory(prefix="gradebench-tests-") as data_dir,
        Postgres(fsync=False) as postgres,
        Valkey() as valkey,
    ):
        env = environment(
            data_dir,
            DATABASE_URL=postgres.create_database("gradebench"),
            REDIS_URL=valkey.url,
            GRADEBENCH_TEST_SERVICES="postgres,valkey",
            SECRET_KEY=secrets.token_urlsafe(50),
            GRADEBENCH_ENCRYPTION_KEYS=encryption_key(),
            ALLOWED_HOSTS="127.0.0.1,localhost,testserver",
            GRADEBENCH_HTTPS="0",
        )
        yield Half("postgres", describe(postgres, valkey), env)


HALVES = {"sqlite": on_sqlite, "postgres": on_postgres}


def run(names: Sequence[str], arguments: list[str]) -> list[Outcome]:
    """Run pytest on each database named, all at the same time. Raises ServiceError when a server does not start."""
    with ExitStack() as stack:
        halves = [stack.enter_context(HALVES[name]()) for name in names]
        try:
            for half in halves:
                half.start(arguments, kept=stack.enter_context(TemporaryFile()) if half is not halves[0] else None)
            return [half.finish() for half in halves]
        except BaseException:
            for half in halves:
                half.interrupt()
            for half in halves:
                half.end()
            raise


def describe(postgres: Postgres, valkey: Valkey) -> str:
    """The two servers with the versions they give."""
    with psycopg.connect(postgres.url()) as connection:
        version = connection.info.parameter_status("server_version")
    with redis.Redis.from_url(valkey.url) as client:
        broker = client.info("server")["valkey_version"]
    return f"PostgreSQL {version} with Valkey {broker}"


def verdict(outcomes: list[Outcome], *, narrowed: bool) -> int:
    """The exit code of it all. No test chosen is a failure, but where arguments narrowed the choice to one database."""
    codes = [outcome.code for outcome in outcomes]
    if narrowed and pytest.ExitCode.OK in codes:
        codes = [code for code in codes if code != pytest.ExitCode.NO_TESTS_COLLECTED]
    return next((code for code in codes if code != 0), 0)


def summary(outcomes: list[Outcome]) -> str:
    """What ran, for the end of the output."""
    folder = corpus()
    used = f"used, {folder}" if folder else "not used (GRADEBENCH_TEST_DATA names no folder)"
    lines = [*(f"{outcome.database}: {outcome.words}" for outcome in outcomes), f"External corpus: {used}"]
    return "\n".join(lines)


def main() -> int:
    """Run what the arguments ask for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.run", description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    options, arguments = parser.parse_known_args()
    names = [options.only] if options.only else list(HALVES)
    try:
        corpus()
        outcomes = run(names, arguments)
    except ServiceError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    print(f"\n{summary(outcomes)}")
    return verdict(outcomes, narrowed=bool(arguments))


def _end(number: int, _frame: FrameType | None) -> None:
    """SIGTERM unwinds like Ctrl-C does, so that the servers are stopped and their files removed."""
    # `timeout` sends it twice, to the process and to its group; the second would cut the unwinding short.
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
