"""GradeBench measured: `make bench`, or `python -m tests.bench`.

    python -m tests.bench --levels 1000,100000 --only sqlite --json figures.json --write docs/performance.md

At 1,000 and 100,000 completions on SQLite (`manage.py up`) and at 1,000, 100,000 and 1,000,000 on PostgreSQL (gunicorn,
worker and beat as in docker-compose.yml), over HTTP from this process. `--quick`: 200 completions and 40 operations, to
see that all of it works. `--operations`: of each kind, 2,000 unless told. `--json` keeps the figures, `--write` puts
the table into a document, between the two marks of tests/bench/table.py. What it does is said as it goes.
"""

import argparse
import os
import platform
import shlex
import sqlite3
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psutil

from tests.bench.figures import Level
from tests.bench.running import levels
from tests.bench.table import Machine, text, within
from tests.instances import ROOT

SIZES = {"sqlite": [1_000, 100_000], "postgres": [1_000, 100_000, 1_000_000]}
QUICK, QUICK_OPERATIONS, OPERATIONS = [200], 40, 2_000


def main(words: list[str]) -> int:
    """Measure, keep, write; 1 where something could not be measured to its end."""
    options = _options(words)
    began = time.monotonic()
    found: list[Level] = []
    for database, usual in SIZES.items():
        if options.only in (None, database):
            sizes = QUICK if options.quick else options.levels or usual
            found += levels(database, sizes, options.operations, lambda said: _say(said, began))
    machine = _machine(["python", "-m", "tests.bench", *words], (time.monotonic() - began) / 60)
    if options.json:
        options.json.write_bytes(orjson.dumps(_as_json(machine, found), option=orjson.OPT_INDENT_2))
    written = text(machine, found)
    if options.write:
        options.write.write_text(within(options.write.read_text(), written))
    print(written)
    return int(not all(level.is_whole for level in found))


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", allow_abbrev=False)
    parser.add_argument("--levels", type=lambda given: [int(level) for level in given.split(",")], default=[])
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    parser.add_argument("--operations", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args(words)
    options.operations = options.operations or (QUICK_OPERATIONS if options.quick else OPERATIONS)
    return options


def _say(words: str, began: float) -> None:
    print(f"{time.monotonic() - began:6.0f} s  {words}", flush=True)


def _machine(command: list[str], minutes: float) -> Machine:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 0,
        memory_gb=round(psutil.virtual_memory().total / 2**30),
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        commit=commit or "unknown",
        command=shlex.join(command),
        at=f"{datetime.now(UTC):%Y-%m-%d}",
        minutes=minutes,
    )


def _processor() -> str:
    said = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in said.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _as_json(machine: Machine, found: list[Level]) -> dict[str, Any]:
    return {
        "machine": asdict(machine),
        "levels": [
            {
                "database": level.database,
                "completions": level.completions,
                "seconds": round(level.seconds, 1),
                "fill_seconds": round(level.fill_seconds, 1),
                "figures": [figure.as_json() for figure in level.figures],
            }
            for level in found
        ],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
