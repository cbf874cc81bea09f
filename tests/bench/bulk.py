"""What a backlog costs in bulk against single creates: `python -m tests.bench.bulk`.

    python -m tests.bench.bulk --documents 100000 --singles 4000 --clients 8 --database sqlite

A GradeBench in processes of its own, as it is run: on SQLite `manage.py up`; on PostgreSQL gunicorn with two workers,
the Celery worker and beat. The documents are chats of three messages, about 2 KB each, made from a seed, with two tags
of twenty and an id each; a feedback task selects one in ten. First the clients send single creates, each over a
connection that is kept, then each of them one bulk request with its share of the documents, gzipped if asked for, and
then the first share once more, which must change nothing. Printed: rows per second of each, their ratio, and the peak
of the resident memory of the largest web process, idle, during the singles and during the bulk, sampled each 50 ms.
"""

import argparse
import gzip
import http.client
import random
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import psutil

from tests.bench.writers import servers
from tests.e2e import steps
from tests.instances import HOST, Instance

SINGLE = "/api/v1/completions"
BULK = "/api/gradebench/v1/completions/bulk"
WORDS, LETTERS = 4_000, "abcdefghiklmnoprstuvwz"
SAMPLE_SECONDS = 0.05
PATIENCE = 400


def documents(many: int, seed: int) -> Iterator[bytes]:
    """The JSON of as many completions."""
    chance = random.Random(seed)
    words = ["".join(chance.choices(LETTERS, k=chance.randint(2, 9))) for _ in range(WORDS)]

    def text(most: int) -> str:
        return " ".join(chance.choices(words, k=chance.randint(most // 2, most)))

    for number in range(many):
        answer = {"role": "assistant", "content": text(120), "refusal": None}
        asked = [{"role": "system", "content": text(60)}, {"role": "user", "content": text(90)}]
        yield orjson.dumps(
            {
                "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
                "organization_id": "team",
                "kind": "chat",
                "status": "finished",
                "tags": [f"tag {number % 10}", f"tag {10 + number % 7}"],
                "request": {"model": "small", "temperature": 0.2, "max_tokens": 512, "messages": asked},
                "response": {
                    "id": f"chatcmpl-{number}",
                    "object": "chat.completion",
                    "created": 1767225600 + number,
                    "model": "small-2026-01-01",
                    "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "message": answer}],
                    "usage": {"prompt_tokens": 210, "completion_tokens": 160, "total_tokens": 370},
                },
                "duration": 1.25,
            }
        )


class Memory:
    """The peak of the resident memory of an instance's web processes, in MB, while it is asked for."""

    def __init__(self, instance: Instance) -> None:
        parent = psutil.Process((instance.processes.get("up") or instance.processes["web"]).pid)
        self._processes = [parent, *parent.children(recursive=True)]
        self._peaks = [0.0] * len(self._processes)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def largest(self) -> float:
        """That of the largest process."""
        return max(self._peaks)

    def _sample(self) -> None:
        while True:
            now = [process.memory_info().rss / 1e6 for process in self._processes]
            self._peaks = [max(pair) for pair in zip(self._peaks, now, strict=True)]
            if self._ended.wait(SAMPLE_SECONDS):
                return


def send_singles(team: steps.Organization, rows: Sequence[bytes]) -> None:
    """Each a request, over one connection. Raises AssertionError."""
    connection = http.client.HTTPConnection(HOST, team.instance.port, timeout=PATIENCE)
    for row in rows:
        connection.request("POST", SINGLE, row, {"X-Log10-Token": team.token, "Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
    connection.close()


def send_bulk(team: steps.Organization, file: Path) -> dict[str, Any]:
    """The summary of a file's answer, read line by line. Raises AssertionError."""
    connection = http.client.HTTPConnection(HOST, team.instance.port, timeout=PATIENCE)
    headers = {"X-Log10-Token": team.token, "Content-Type": "application/x-ndjson"}
    headers |= {"Content-Length": str(file.stat().st_size)}
    if file.suffix == ".gz":
        headers["Content-Encoding"] = "gzip"
    with file.open("rb") as body:
        connection.request("POST", BULK, body, headers)
        answer = connection.getresponse()
        last = b""
        for row in answer:
            last = row
    connection.close()
    summary: dict[str, Any] = orjson.loads(last)
    assert summary["complete"], summary
    return summary


def timed(
    team: steps.Organization, work: Callable[[Any], Any], shares: Sequence[Any]
) -> tuple[float, float, list[Any]]:
    """Seconds, megabytes at the peak, and what each share came to, all shares at once."""
    with Memory(team.instance) as memory, ThreadPoolExecutor(len(shares)) as clients:
        began = time.perf_counter()
        results = list(clients.map(work, shares))
        took = time.perf_counter() - began
    return took, memory.largest, results


def write_shares(folder: Path, rows: Iterator[bytes], clients: int, *, gzipped: bool) -> list[Path]:
    """The rows, dealt out to a file for each client."""
    files = [folder / f"{number}.jsonl{'.gz' if gzipped else ''}" for number in range(clients)]
    with ExitStack() as stack:
        opened: list[Any] = [
            stack.enter_context(gzip.GzipFile(file, "wb", 6) if gzipped else file.open("wb")) for file in files
        ]
        for number, row in enumerate(rows):
            opened[number % clients].write(row + b"\n")
    return files


def measure(team: steps.Organization, options: argparse.Namespace, folder: Path) -> str:
    """The figures, a line each."""
    schema = {"type": "object", "properties": {"score": {"type": "integer"}}}
    team.create_feedback_task({"name": "One in ten", "json_schema": schema, "completion_tags_selector": ["tag 3"]})
    singles = list(documents(options.singles, 1))
    files = write_shares(folder, documents(options.documents, 2), options.clients, gzipped=options.gzip)
    size = sum(map(len, singles)) / len(singles)
    with Memory(team.instance) as idle:
        time.sleep(0.2)
    shares = [singles[at :: options.clients] for at in range(options.clients)]
    single_took, single_memory, _ = timed(team, lambda rows: send_singles(team, rows), shares)
    took, memory, summaries = timed(team, lambda file: send_bulk(team, file), files)
    created = sum(summary["created"] for summary in summaries)
    assert created == options.documents, summaries
    again_took, again_memory, (again,) = timed(team, lambda file: send_bulk(team, file), files[:1])
    assert again["unchanged"] == again["lines"], again
    per_second, single_per_second = created / took, options.singles / single_took
    form = "gzip" if options.gzip else "plain"
    return (
        f"{options.documents:,} documents of {size:,.0f} bytes, {options.clients} clients, {form}: "
        f"{per_second:,.0f} rows per second in bulk, {took:.1f} s\n"
        f"single creates, {options.singles:,} of them: {single_per_second:,.0f} per second; "
        f"bulk is {per_second / single_per_second:.1f} times as fast\n"
        f"sent again, {again['lines']:,} by one client: {again['lines'] / again_took:,.0f} rows per second\n"
        f"largest web process: {idle.largest:.0f} MB idle, {single_memory:.0f} MB during single creates, "
        f"{memory:.0f} MB during bulk, {again_memory:.0f} MB when sent again"
    )


def main() -> int:
    """Measure, print the figures; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bulk", allow_abbrev=False)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--singles", type=int, default=4_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="gradebench-bench-") as folder,
        servers(options.database) as given,
        Instance("bench", servers=given) as instance,
    ):
        team = steps.create_organization(instance, "team")
        print(f"{options.database}: {measure(team, options, Path(folder))}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
