"""What `python -m tests.cluster` starts in namespaces of its own: the machines, and what they show, a line each."""

import argparse
import signal
import sys

from tests.cluster import network
from tests.cluster.cluster import running
from tests.cluster.phases import Show
from tests.e2e import steps


def show(options: argparse.Namespace) -> int:
    """1 when something does not hold."""
    with running(options.nginx, seed=options.seed, reviewers=4, backlog=60) as it:
        shown = Show(it.cluster, it.scenario, it.upstream, steps.create_organization(it.cluster, "application"))
        for line in (
            shown.sessions_and_keys,
            shown.work,
            shown.kill,
            shown.partition,
            lambda: shown.roll(options.restarts),
            shown.disks,
            shown.verdict,
        ):
            print(line(), flush=True)
    for sentence in shown.wrong:
        print(f"WRONG: {sentence}")
    print("FAILED" if shown.wrong else "passed")
    return 1 if shown.wrong else 0


def main() -> int:
    """Read what is asked, and show it."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__, allow_abbrev=False)
    parser.add_argument("--nginx", required=True)
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    network.prepare()
    return show(options)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sys.exit(main())
