"""`python -m tests.bench.load`, or `make load ARGS='…'`; docs/load.md says what it does."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from tests.bench.load import exporting, memory, reviewing


def main() -> int:
    """Run what the arguments ask for; the exit code."""
    parser = argparse.ArgumentParser(prog="make load", description=__doc__, allow_abbrev=False)
    parser.add_argument("--completions", type=int, default=1_000_000)
    parser.add_argument("--reviewers", type=int, default=50)
    parser.add_argument("--creates", type=float, default=50.0, help="a second")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--think", type=float, default=10.0, help="seconds on the average, half to one and a half")
    parser.add_argument("--kills", type=int, default=0, const=1, nargs="?", metavar="ROUNDS")
    parser.add_argument("--memory", type=int, default=0, const=100_000, nargs="?", metavar="REQUESTS")
    parser.add_argument("--export", action="store_true", help="export everything instead")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for the filled database, to be used again")
    parser.add_argument("--counts-only", action="store_true", help="succeed however long it took")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    if options.memory:
        return memory.run(options)
    return exporting.run(options) if options.export else reviewing.run(options)


def _end(number: int, _frame: FrameType | None) -> None:
    """SIGTERM unwinds like Ctrl-C does, so that the servers are stopped and their files removed."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
