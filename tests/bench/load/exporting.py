"""What an export of everything takes, and what the processes that make it and give it out weigh meanwhile."""

import argparse
import contextlib
import threading
import time
import zlib
from collections.abc import Iterable, Iterator

import psutil
import requests

from tests.bench.load.stage import Stage, staged
from tests.bench.load.weights import MEGABYTE
from tests.e2e import steps
from tests.faults import driver
from tests.services import descendants

ALLOWED_MB = 300.0
MOST_SECONDS = 3600.0
LEAD = "admin-of-large"
ASK = """
from django.contrib.auth.hashers import make_password
from reviews.workflow import jobs
from reviews.workflow.audit import Actor
User.objects.filter(username={lead!r}).update(password=make_password({password!r}))
lead, organization = User.objects.get(username={lead!r}), Organization.objects.get(slug="large")
through = Completion.objects.latest("pk").pk
asked = {{"query": "", "format": "jsonl", "through": through}}
print(jobs.ask(organization, JobKind.EXPORT, asked, by=lead, actor=Actor(user=lead)).pk)
"""
THERE = """
    SELECT count(*) FROM reviews_completion AS it JOIN reviews_organization AS whose ON whose.id = it.organization_id
    WHERE whose.slug = 'large'"""
STATE = "SELECT state FROM reviews_job WHERE id = ?"
ON_ITS_WAY = ("waiting", "running")


def run(options: argparse.Namespace) -> int:
    """Ask for an export of the large organization's, wait for it, download it; 1 when a row is missing or a process
    weighed more than is allowed.
    """
    given = {name: getattr(options, name) for name in ("completions", "seed", "keep")}
    with staged(**given, reviewers=1, reviews=0, doubled=False) as stage:
        with heaviest(stage, "worker") as worker:
            began = time.monotonic()
            job = int(steps.ask_database(stage.instance, ASK.format(lead=LEAD, password=steps.PASSWORD)))
            state, _ = steps.wait_for("The export is made", lambda: _ended(stage, job), MOST_SECONDS)
            made = time.monotonic() - began
        print(f"{state} after {made:.0f} s; the heaviest process of the worker weighed {worker[-1]:.0f} MB", flush=True)
        with heaviest(stage, "web") as web:
            began = time.monotonic()
            rows, size = _download(stage, job)
            took = time.monotonic() - began
        print(f"{rows:,} rows, {size / MEGABYTE:.0f} MB given out in {took:.0f} s ({rows / took:.0f} rows per s)")
        print(f"the heaviest process of web weighed {web[-1]:.0f} MB; {rows / made:.0f} rows were made per s")
        there = int(driver.query(stage.instance, THERE)[0][0])
        if rows != there:
            print(f"WRONG: of {there:,} completions {rows:,} were given out")
        return int(state != "done" or rows != there or max(worker[-1], web[-1]) > ALLOWED_MB)


@contextlib.contextmanager
def heaviest(stage: Stage, role: str) -> Iterator[list[float]]:
    """The most that one process of a role weighs while the block lasts: the last of the list."""
    weights, ended = [0.0], threading.Event()

    def weigh() -> None:
        while not ended.wait(0.1):
            for process in descendants(stage.instance.processes[role].pid):
                with contextlib.suppress(psutil.NoSuchProcess):
                    weights[0] = max(weights[0], process.memory_info().rss / MEGABYTE)

    weighing = threading.Thread(target=weigh)
    weighing.start()
    try:
        yield weights
    finally:
        ended.set()
        weighing.join()


def _ended(stage: Stage, job: int) -> str:
    state: str = driver.query(stage.instance, STATE, job)[0][0]
    return "" if state in ON_ITS_WAY else state


def _download(stage: Stage, job: int) -> tuple[int, int]:
    """As her browser does; the rows and the bytes."""
    lead = steps.Reviewer(stage.instance, LEAD)
    lead.get(f"/jobs/{job}")
    form = next(form for form in lead.forms.values() if form.action.endswith("/download"))
    url = f"{stage.instance.url}{form.action}"
    rows = size = 0
    with lead.session.post(url, data=form.fields, stream=True, timeout=MOST_SECONDS) as answer:
        assert answer.status_code == requests.codes.ok, answer.text
        for piece in _unpacked(answer.iter_content(1 << 20)):
            rows += piece.count(b"\n")
            size += len(piece)
    return rows, size


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What stands in a file of gzip members, one behind the other."""
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for piece in pieces:
        while piece:
            yield member.decompress(piece)
            piece = member.unused_data
            if member.eof:
                member = zlib.decompressobj(zlib.MAX_WBITS | 16)
