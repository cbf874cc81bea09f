"""One level after the other: fill, start, measure, remove."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import orjson

from tests.bench import disk, exporting, measures, syncing
from tests.bench.driver import Servers
from tests.bench.figures import Figure, Level
from tests.bench.floor import Floor
from tests.bench.measures import Bench
from tests.bench.site import Site
from tests.instances import ROOT, Instance
from tests.instances import Servers as Addresses
from tests.services import Postgres, Valkey

FILL_SECONDS = 1_200
# A million rows of plain JSON are eight gigabytes more, and say nothing that a hundred thousand do not.
MOST_BARE = 100_000
CONCERNS: tuple[Callable[[Bench], Iterator[Figure]], ...] = (
    measures.idle,
    measures.queue_pages,
    measures.lists,
    measures.creates,
    measures.reviews,
    measures.long_answers,
    syncing.sync,
    exporting.export,
)


def levels(database: str, sizes: list[int], operations: int, say: Callable[[str], None]) -> Iterator[Level]:
    """Each size on a database, in servers of its own that are gone at the end."""
    with ExitStack() as stack:
        addresses, also = Addresses("", ""), []
        if database == "postgres":
            postgres, valkey = stack.enter_context(Postgres()), stack.enter_context(Valkey())
            addresses, also = Addresses(postgres.url(), valkey.url), [postgres.pid]
        for size in sizes:
            say(f"{database}, {size:,} completions")
            yield _level(database, size, operations, addresses, also, say)


def _level(
    database: str, size: int, operations: int, addresses: Addresses, also: list[int], say: Callable[[str], None]
) -> Level:
    instance = Instance("bench", servers=addresses)
    began = time.monotonic()
    found: list[Figure] = []

    def note(figures: Iterator[Figure]) -> None:
        for figure in figures:
            found.append(figure)
            say(f"  {figure}")

    try:
        site = fill(instance, size, say)
        filled = time.monotonic() - began
        note(disk.figures(instance, site))
        with ExitStack() as stack:
            note(_start(instance))
            bare = Floor(instance, size, also) if size <= MOST_BARE else None
            floor = stack.enter_context(bare) if bare else None
            bench = Bench.of(instance, site, _servers(instance, also), floor, operations)
            for concern in CONCERNS:
                try:
                    note(concern(bench))
                except AssertionError as error:
                    note(iter([Figure.broken_off(concern.__name__.replace("_", " "), error)]))
        note(measures.peak(found))
    finally:
        instance.close()
    return Level(database, size, tuple(found), time.monotonic() - began, filled)


def fill(instance: Instance, size: int, say: Callable[[str], None]) -> Site:
    """Fill an instance that does not run yet, in a process that has its settings."""
    instance.manage("check")
    command = [sys.executable, "-m", "tests.bench.levels", str(size)]
    with subprocess.Popen(command, env=instance.env, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = ""
        for last in process.stdout:
            if not last.startswith("{"):
                say(last.rstrip())
    assert process.returncode == 0, f"Filling {size:,} ended with {process.returncode}."
    return Site(**orjson.loads(last))


def _start(instance: Instance) -> Iterator[Figure]:
    """From nothing to the first answer; what else there is starts after that."""
    began = time.perf_counter()
    instance.start(instance.roles[0])
    instance.wait_ready()
    yield Figure("cold start", "cold start of the web server", value=round(time.perf_counter() - began, 2), unit="s")
    if others := instance.roles[1:]:
        instance.start(*others)


def _servers(instance: Instance, also: list[int]) -> Servers:
    web = instance.processes[instance.roles[0]].pid
    return Servers([*(process.pid for process in instance.processes.values()), *also], web)
