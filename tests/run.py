"""python -m tests.run [--only sqlite|postgres] [pytest arguments]: every test on SQLite, and again on PostgreSQL.

The second run has a PostgreSQL and a Valkey of its own, started here and stopped at the end; DATABASE_URL and
REDIS_URL lead to them, and GRADEBENCH_TEST_SERVICES says that they are ours. Both runs have a data folder of their
own. Ends with 0 only when every run passed; whatever is missing is an error, never a skip.
"""

import argparse
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

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


def run_pytest(arguments: list[str], env: dict[str, str]) -> int:
    """Run pytest in a process of its own; its exit code. On Ctrl-C or SIGTERM it is given time to clean up."""
    sys.stdout.flush()
    process = subprocess.Popen(
        [*bound_to_parent("TERM"), sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=env
    )
    try:
        return process.wait()
    except BaseException:
        # A Ctrl-C reached it too; more than one would cut its own cleaning up short.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
        raise


def on_sqlite(arguments: list[str]) -> Outcome:
    """All tests on the embedded form: SQLite, and the broker in memory."""
    with tempfile.TemporaryDirectory(prefix="gradebench-tests-") as data_dir:
        code = run_pytest(arguments, environment(data_dir))
    return Outcome(f"SQLite {sqlite3.sqlite_version}", code)


def on_postgres(arguments: list[str]) -> Outcome:
    """All tests on PostgreSQL and Valkey."""
    with (
        tempfile.TemporaryDirectory(prefix="gradebench-tests-") as data_dir,
        Postgres() as postgres,
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
        database = describe(postgres, valkey)
        code = run_pytest(arguments, env)
    return Outcome(database, code)


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
    runs = {"sqlite": on_sqlite, "postgres": on_postgres}
    outcomes = []
    try:
        corpus()
        for name, run in runs.items():
            if options.only in (None, name):
                print(f"\n=== {name}", flush=True)
                outcomes.append(run(arguments))
    except ServiceError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    print(f"\n{summary(outcomes)}")
    return verdict(outcomes, narrowed=bool(arguments))


def _end(number: int, _frame: FrameType | None) -> None:
    """SIGTERM unwinds like Ctrl-C does, so that the servers are stopped and their files removed."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
