"""R21: a worker whose host has its clock an hour off, ahead or behind, takes no claim away and sends nothing twice."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.faults import driver
from tests.faults.blows import WORKER
from tests.faults.crashes.conftest import SEED
from tests.faults.kills import Siege
from tests.instances import ROOT, Instance

pytestmark = [pytest.mark.e2e, pytest.mark.postgres]


@contextmanager
def wrong_clock(instance: Instance, hours: int) -> Iterator[None]:
    """The worker shows another time than everybody else. What only measures how long something takes is left alone."""
    library = subprocess.run([str(ROOT / "bin" / "faketime")], capture_output=True, text=True, check=True).stdout
    instance.kill("worker")
    instance.role_env["worker"] = {
        "LD_PRELOAD": library.strip(),
        "FAKETIME": f"{hours:+d}h",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    try:
        instance.start("worker")
        yield
    finally:
        del instance.role_env["worker"]
        instance.kill("worker")
        instance.start("worker")


@pytest.mark.parametrize("hours", [1, -1], ids=["ahead", "behind"])
def test_a_worker_with_a_wrong_clock_does_no_harm(
    besieged: Callable[..., AbstractContextManager[Siege]], note: Callable[..., None], hours: int
) -> None:
    with besieged(seed=SEED + hours, pace=1.0, latency=0.2, backlog=12) as siege, wrong_clock(siege.instance, hours):
        siege.run([WORKER], times=2, pause=(2.0, 3.0), seconds=300, edits=3)
        seconds = siege.settle()
        note(siege, f"R21, {hours:+d} h", settled_seconds=seconds)
        assert siege.edits > 2
        assert siege.most_lists_at_once() == 1
        # Reviewers held claims all the while; none of them ran out.
        assert driver.query(siege.instance, "SELECT count(*) FROM reviews_assignment WHERE state = 'expired'") == [(0,)]
