"""Exports: by the command, and as the job that a lead asks for on the page of the list."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import psutil

from tests.bench.driver import Client, Memory
from tests.bench.figures import Figure
from tests.bench.measures import Bench
from tests.e2e import steps
from tests.instances import ROOT

# Of more than that the share that has one of the forty tags.
MOST_WHOLE = 100_000
SECONDS = 900.0
ENDED = """
job = Job.objects.order_by("-pk").first()
if job.ended_at:
    print((job.ended_at - job.created_at).total_seconds(), job.done, job.state)
"""


def export(bench: Bench) -> Iterator[Figure]:
    """JSONL, to nowhere, and once more as a job."""
    if not (ROOT / "reviews/management/commands/export.py").exists():
        return
    query = "" if bench.site.completions <= MOST_WHOLE else urlencode({"tag": "tag-3"})
    words = "by `manage.py export`, JSONL"
    yield _command(bench, query, words)
    yield _job(bench, query)


def _command(bench: Bench, query: str, words: str) -> Figure:
    command = [sys.executable, "manage.py", "export", "--organization", "bench", "--format", "jsonl", "--query", query]
    began, lines = time.perf_counter(), 0
    with (
        subprocess.Popen(command, env=bench.instance.env, cwd=ROOT, stdout=subprocess.PIPE) as process,
        # The kernel's own maximum is no use: a child begins with that of the process that started it.
        Memory([psutil.Process(process.pid)]) as memory,
    ):
        assert process.stdout is not None
        while read := process.stdout.read(1 << 20):
            lines += read.count(b"\n")
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    seconds = time.perf_counter() - began
    cpu = used.ru_utime + used.ru_stime
    note = f"{lines:,} rows, start of the process included, at most {memory.peak:.0f} MB"
    return Figure.rate("export", f"export {words}", lines, seconds, cpu, note=note)


def _job(bench: Bench, query: str) -> Figure:
    cookie = bench.site.cookies["lead"]
    form = {"Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": cookie.rpartition("csrftoken=")[2]}
    body = urlencode({"query": query, "act": "export-jsonl"}).encode()
    cpu = bench.servers.processor()
    with Client(bench.instance.port, {"Cookie": cookie, **form}) as client:
        answer = client.send(client.prepared("POST", "/completions/act", body))
    assert answer.status == 303, answer
    (seconds, done), _ = steps.wait_for("the export", lambda: _ended(bench), SECONDS)
    return Figure.rate("export job", "export as a job, JSONL", done, seconds, bench.servers.processor() - cpu)


def _ended(bench: Bench) -> tuple[float, int] | None:
    """The seconds that the newest job took, and how much it did; None as long as it runs."""
    said = steps.ask_database(bench.instance, ENDED).split()
    if not said:
        return None
    assert said[2] == "done", said
    return float(said[0]), int(said[1])
