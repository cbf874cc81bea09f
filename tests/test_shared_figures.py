"""The figures of several web processes are those of one, and nothing of them is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gradebench.shared_figures import LOCK, PREFIX
from tests import web_alone
from tests.instances import ROOT
from tests.services import bound_to_parent

# No database is asked: once is enough.
pytestmark = pytest.mark.sqlite

TOKEN = "who-may-read-the-figures"


def answered(web: web_alone.Web) -> float:
    """How many requests for /healthz were answered, by whichever process is asked."""
    response = web.get("/metrics", Authorization=f"Bearer {TOKEN}")
    assert response.status_code == 200
    return sum(
        sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
        if sample.name == "gradebench_http_requests_total" and sample.labels["route"] == "healthz"
    )


@contextmanager
def by(web: web_alone.Web, worker: int) -> Iterator[None]:
    """Whatever is asked meanwhile, this process answers: the others are made to wait."""
    others = [psutil.Process(pid) for pid in web.workers - {worker}]
    for other in others:
        other.suspend()
    yield
    for other in others:
        other.resume()


def test_either_process_tells_what_both_have_counted(tmp_path: Path) -> None:
    with web_alone.running(tmp_path, GRADEBENCH_METRICS_TOKEN=TOKEN) as web:
        first, second = sorted(web.workers)
        before = answered(web)
        for worker, times in ((first, 3), (second, 4)):
            with by(web, worker):
                assert [web.get("/healthz").status_code for _ in range(times)] == [200] * times
        for worker in (first, second):
            with by(web, worker):
                assert answered(web) == before + 7

        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + web_alone.SECONDS
        while first in web.workers or len(web.workers) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for worker in web.workers:
            with by(web, worker):
                web.get("/healthz")
        for worker in web.workers:
            with by(web, worker):
                assert answered(web) == before + 9


# The folder ------------------------------------------------------------------------------------------------------

HOLDS = """
import os, sys
from gradebench import shared_figures
shared_figures.begin(sys.argv[1])
if not sys.argv[2:] or os.fork():
    print(os.environ[shared_figures.FOLDER], flush=True)
sys.stdin.read()
"""


def start(parent: Path, *words: str) -> tuple["subprocess.Popen[str]", Path]:
    """A process that has a folder there, until its input ends."""
    process = subprocess.Popen(
        [*bound_to_parent("KILL"), sys.executable, "-c", HOLDS, str(parent), *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: "subprocess.Popen[str]") -> None:
    process.communicate("")


def test_a_folder_goes_with_its_owner(tmp_path: Path) -> None:
    owner, folder = start(tmp_path)
    assert folder.is_dir()
    end(owner)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_one_left_goes_when_the_next_one_starts(tmp_path: Path) -> None:
    killed, left = start(tmp_path)
    killed.kill()
    end(killed)
    beside, held = start(tmp_path)
    assert not left.exists()
    another, _ = start(tmp_path)
    assert held.is_dir()
    end(another)
    end(beside)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_held_by_what_was_forked_as_well(tmp_path: Path) -> None:
    killed, held = start(tmp_path, "forks")
    killed.kill()
    killed.wait()
    beside, _ = start(tmp_path)
    assert held.is_dir()
    end(beside)
    end(killed)
    after, _ = start(tmp_path)
    assert not held.exists()
    end(after)


def test_what_is_not_surely_left_behind_is_left_alone(tmp_path: Path) -> None:
    """One that is being made, what another user has, what a link leads to."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / LOCK).touch()
    unlocked, link, foreign = (tmp_path / f"{PREFIX}{name}" for name in ("unlocked", "link", "foreign"))
    unlocked.mkdir()
    link.symlink_to(elsewhere)
    foreign.mkdir()
    (foreign / LOCK).touch()
    if os.geteuid() == 0:
        os.chown(foreign, 65534, 65534)
    owner, _ = start(tmp_path)
    end(owner)
    assert unlocked.is_dir()
    assert (elsewhere / LOCK).exists()
    assert foreign.exists() == (os.geteuid() == 0)
