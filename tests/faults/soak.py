"""The soak of `make chaos`: an upstream that fails half of the time, a kill a minute, and the memory of what lives on.

On PostgreSQL a second worker, a second beat and the elder process of web are never killed: what grows, grows there. Of
a worker all processes are taken together, for some of them have nothing to do for long. The embedded form has one
process; of that, what is as old as the next kill lets it become is compared.
"""

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

import psutil

from tests.faults import faults
from tests.faults.blows import (
    BEAT,
    BROKER,
    BROKER_FLUSH,
    POSTGRES,
    POSTGRES_BACKEND,
    UP,
    WEB_CHILD,
    WORKER,
    WORKER_CHILD,
    children_of,
)
from tests.faults.journal import EVERYTHING
from tests.faults.kills import Siege
from tests.faults.phases import Phase
from tests.services import descendants

KILL_EVERY = 60.0
SAMPLE_EVERY = 5.0
# What a process needs to get going is no growth.
WARM_UP = 120.0
OLD_ENOUGH = 45.0
SPARED = ("worker-2", "beat-2")


@dataclass(frozen=True)
class Sample:
    """What a process and its children had at one moment: resident megabytes and open files."""

    name: str
    at: float
    megabytes: float
    files: int


def phase(minutes: float, database: str) -> Phase:
    """The soak as a phase."""
    return Phase(
        "soak",
        f"soak of {minutes:g} minutes on {database}: half of what upstreams answer are errors, a kill a minute",
        database,
        max(1, int(minutes * 60 / KILL_EVERY)),
        attack,
        siege={"teams": 4, "reviewers": 1, "pace": 0.8, "backlog": 100},
        # A pull that failed often comes again after a quarter of an hour.
        settle_seconds=1800.0,
    )


def attack(siege: Siege, times: int, seconds: float) -> None:
    """Kill now and then, and sample all the while."""
    if not siege.instance.is_embedded:
        siege.instance.start(*SPARED)
    for scenario in siege.scenarios:
        scenario.upstream.switch_on(faults.any_error, on=EVERYTHING, rate=0.5)
    samples: list[Sample] = []
    ended = threading.Event()
    sampler = threading.Thread(target=_sample_on, args=(siege, samples, ended), daemon=True)
    sampler.start()
    try:
        siege.work(partial(_kill_on, siege, times, seconds))
    finally:
        ended.set()
        sampler.join()
        for scenario in siege.scenarios:
            scenario.upstream.calm_down()
    siege.notes += growth(samples)
    for note in siege.notes:
        siege.progress(note)


def _kill_on(siege: Siege, times: int, seconds: float) -> None:
    younger = replace(WEB_CHILD, name="the younger process of web", strike=_strike_younger)
    blows = [younger, WORKER, WORKER_CHILD, BEAT, POSTGRES, POSTGRES_BACKEND, BROKER, BROKER_FLUSH]
    if siege.instance.is_embedded:
        blows = [UP]
    until = time.monotonic() + seconds
    for number in range(1, times + 1):
        siege.wait(max(0.0, min(KILL_EVERY, until - time.monotonic())))
        if number < times:
            kill = siege.deal(siege.chance.choice(blows))
            siege.progress(f"{number} of {times}, {kill.blow.name}: {siege.words()}")


def _strike_younger(siege: Siege) -> None:
    children = children_of(siege, "web")
    if len(children) > 1:
        max(children, key=psutil.Process.create_time).kill()


# Memory -----------------------------------------------------------------------------------------------------------


def _sample_on(siege: Siege, samples: list[Sample], ended: threading.Event) -> None:
    began = time.monotonic()
    while not ended.wait(SAMPLE_EVERY):
        for name, family in _watched(siege):
            # Killed in this very moment.
            with contextlib.suppress(psutil.NoSuchProcess):
                megabytes = sum(process.memory_info().rss for process in family) / 2**20
                files = sum(process.num_fds() for process in family)
                samples.append(Sample(name, time.monotonic() - began, megabytes, files))


def _watched(siege: Siege) -> Iterable[tuple[str, list[psutil.Process]]]:
    """The processes whose growth tells, those that belong together under one name."""
    running = siege.instance.processes
    if siege.instance.is_embedded:
        family = descendants(running["up"].pid) if "up" in running else []
        with contextlib.suppress(psutil.NoSuchProcess):
            if family and time.time() - family[0].create_time() > OLD_ENOUGH:
                yield "up", family
        return
    for role in SPARED:
        yield role, descendants(running[role].pid)
    children = children_of(siege, "web")
    if children:
        yield "the elder process of web", [min(children, key=psutil.Process.create_time)]


def growth(samples: Iterable[Sample]) -> list[str]:
    """For each process the first tenth of the time, after it got going, against the last."""
    by_name: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_name[sample.name].append(sample)
    return [_growth(name, rows) for name, rows in sorted(by_name.items())]


def _growth(name: str, rows: list[Sample]) -> str:
    whole = rows[-1].at
    start = min(WARM_UP, whole / 10)
    tenth = (whole - start) / 10
    first = [row for row in rows if start <= row.at <= start + tenth] or rows[:1]
    last = [row for row in rows if row.at >= whole - tenth]
    before, after = fmean(row.megabytes for row in first), fmean(row.megabytes for row in last)
    files = f"{fmean(row.files for row in first):.0f} to {fmean(row.files for row in last):.0f} open files"
    return f"{name}: {before:.1f} to {after:.1f} MB ({(after / before - 1) * 100:+.1f} %), {files}"
