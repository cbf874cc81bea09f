"""R3 and its like: two beats, two workers, two `up`, and the commands `pull` and `push` beside them are harmless."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.faults.blows import BEAT
from tests.faults.crashes.conftest import SEED, Target
from tests.faults.kills import Siege
from tests.instances import ROOT
from tests.services import free_port

pytestmark = pytest.mark.e2e
Besieged = Callable[..., AbstractContextManager[Siege]]


@pytest.mark.postgres
def test_two_beats_and_two_workers_pull_and_push_as_one(besieged: Besieged, note: Callable[..., None]) -> None:
    with besieged(seed=SEED, pace=0.7, latency=0.1, backlog=20) as siege:
        instance = siege.instance
        instance.start("beat-2", "worker-2")
        try:
            siege.work(lambda: _beside_commands(siege))
            siege.run([BEAT], times=3)
            siege.settle()
        finally:
            instance.kill("beat-2", "worker-2")
        note(siege, "R3")
        assert siege.most_lists_at_once() == 1


@pytest.mark.sqlite
def test_commands_beside_the_one_process_pull_and_push_as_one(besieged: Besieged, note: Callable[..., None]) -> None:
    with besieged(seed=SEED, pace=0.7, latency=0.1, backlog=20) as siege:
        siege.work(lambda: _beside_commands(siege))
        siege.settle()
        note(siege, "commands beside")
        assert siege.most_lists_at_once() == 1


def _beside_commands(siege: Siege) -> None:
    for _ in range(4):
        siege.wait(0.5)
        # A pull of another process is said and is no failure.
        siege.instance.manage("pull")
        siege.instance.manage("push")


@pytest.mark.sqlite
def test_a_second_up_on_one_data_folder_says_so_and_leaves_the_first_alone(target: Target) -> None:
    instance = target.instance
    second = subprocess.run(
        [sys.executable, "manage.py", "up", "--port", str(free_port())],
        cwd=ROOT,
        env=instance.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    pid = instance.processes["up"].pid
    assert f"GradeBench runs on this data folder already (process {pid})." in second.stderr
    instance.wait_ready()
    assert instance.processes["up"].poll() is None
