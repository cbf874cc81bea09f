"""R18: lists and items of a size that could cost the worker its memory, pulled by a process of its own."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from django.conf import settings

from tests.faults import faults
from tests.faults.driver import query
from tests.faults.journal import LIST
from tests.faults.scenario import Scenario, chat
from tests.faults.upstream import Fault, FaultyUpstream
from tests.instances import ROOT, Instance, InstanceError
from tests.services import bound_to_parent

pytestmark = pytest.mark.e2e

Record = Callable[[str, object], None]
MOST_MEGABYTES = 500
PAGE = 64 * 1024 * 1024
ORDINARY = 5


@dataclass(frozen=True)
class Pulled:
    """How a pull ended, and the most memory that its process ever had, in MB."""

    state: str
    listed: int
    created: int
    refused: int
    error: str
    megabytes: float


class Puller:
    """An organization that pulls in a process of its own, a new one each time."""

    def __init__(self, instance: Instance, upstream: FaultyUpstream) -> None:
        self.instance = instance
        self.upstream = upstream
        Scenario(instance, upstream).set_up(completions=ORDINARY, reviewers=0)
        self.ordinary = self.pull()

    def pull(self, fault: Fault | None = None) -> Pulled:
        """Pull once, the list under a fault."""
        self.upstream.calm_down()
        if fault is not None:
            self.upstream.switch_on(fault, on=[LIST])
        megabytes = pull_measured(self.instance)
        (row,) = query(
            self.instance, "SELECT state, listed, created, refused, error FROM reviews_pull ORDER BY id DESC LIMIT 1"
        )
        state, listed, created, refused, error = row
        return Pulled(state, listed, created, refused, error, megabytes)

    def reasons(self) -> list[str]:
        """Why items were set aside, the newest first."""
        return [row[0] for row in query(self.instance, "SELECT reason FROM reviews_pullrefusal ORDER BY last_at DESC")]


def pull_measured(instance: Instance) -> float:
    """Run `manage.py pull` in an instance's environment; the most memory it had resident, in MB."""
    command = [*bound_to_parent("KILL"), sys.executable, "manage.py", "pull"]
    with (instance.folder / "pull.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=instance.env, stdout=log, stderr=log)
        kilobytes = 0
        # Asked of the process as it runs: what the system adds up for its parent begins with the parent's own.
        while process.poll() is None:
            kilobytes = max(kilobytes, most_resident(process.pid))
            time.sleep(0.005)
    if process.returncode < 0:
        raise InstanceError(f"The pull was killed by signal {-process.returncode}.\n{instance.log}")
    return kilobytes / 1024


def most_resident(pid: int) -> int:
    """The most memory that a process ever had resident, in kB; 0 when it has just ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    found = re.search(r"VmHWM:\s+([0-9]+) kB", status)
    return int(found.group(1)) if found else 0


@pytest.fixture(scope="module")
def puller() -> Iterator[Puller]:
    """One for all tests here, who look at the newest pull alone."""
    instance = Instance("size")
    try:
        with FaultyUpstream(seed=18) as upstream:
            yield Puller(instance, upstream)
    finally:
        instance.close()


def check_memory(puller: Puller, pulled: Pulled, record_property: Record) -> None:
    record_property("megabytes", round(pulled.megabytes))
    record_property("more_than_an_ordinary_pull", round(pulled.megabytes - puller.ordinary.megabytes))
    assert pulled.megabytes < MOST_MEGABYTES


def item_of(size: int, uid: str) -> bytes:
    """A completion of exactly so many bytes."""
    document = chat(uid)
    document["request"]["messages"][1]["content"] = ""
    room = size - len(orjson.dumps(document))
    # Words, as texts have them, and not one letter that packs to nothing.
    words = ("".join(f"word{number} " for number in range(room // 8 + 8)))[:room]
    document["request"]["messages"][1]["content"] = words
    raw = orjson.dumps(document)
    assert len(raw) == size
    return raw


def test_an_ordinary_pull_is_the_measure(puller: Puller, record_property: Record) -> None:
    record_property("megabytes", round(puller.ordinary.megabytes))
    assert (puller.ordinary.state, puller.ordinary.created) == ("complete", ORDINARY)


def test_a_gzip_bomb_of_256_megabytes_is_refused_with_a_reason(puller: Puller, record_property: Record) -> None:
    pulled = puller.pull(faults.gzip_bomb(256))
    assert pulled.state in ("failed", "incomplete")
    assert "longer than 67,108,864 bytes" in pulled.error
    check_memory(puller, pulled, record_property)


def test_a_page_beyond_the_limit_keeps_what_came_and_says_so(puller: Puller, record_property: Record) -> None:
    # Texts are no completions: set aside they cost less time, and as much memory.
    filling = orjson.dumps("x" * (1024 * 1024))

    def item(number: int) -> bytes:
        return orjson.dumps(chat(f"beyond-{number}")) if number < 3 else filling

    pulled = puller.pull(faults.huge_page(73, item))
    assert pulled.state == "incomplete"
    assert "longer than 67,108,864 bytes" in pulled.error
    assert pulled.created == 3
    assert 60 <= pulled.refused <= 64
    check_memory(puller, pulled, record_property)


@pytest.mark.parametrize("count", [200])
def test_a_page_as_large_as_it_may_be_is_taken_whole(puller: Puller, record_property: Record, count: int) -> None:
    item = item_of((PAGE - 100_000) // count - 20, "c")

    def numbered(number: int) -> bytes:
        return item.replace(b'"id":"c"', f'"id":"many-{number}"'.encode(), 1)

    pulled = puller.pull(faults.huge_page(count, numbered))
    assert (pulled.state, pulled.listed, pulled.created, pulled.refused) == ("complete", count, count, 0), pulled.error
    check_memory(puller, pulled, record_property)


def test_an_item_as_large_as_create_allows_is_taken(puller: Puller, record_property: Record) -> None:
    largest = item_of(settings.API_MAX_BODY_BYTES, "largest")
    pulled = puller.pull(faults.poisoned(largest))
    assert (pulled.state, pulled.listed, pulled.created, pulled.refused) == ("complete", ORDINARY + 1, 1, 0)
    check_memory(puller, pulled, record_property)


def test_larger_items_are_set_aside_with_their_reason_and_the_rest_is_taken(
    puller: Puller, record_property: Record
) -> None:
    too_large = [item_of(settings.API_MAX_BODY_BYTES + 1 + number, f"too-large-{number}") for number in range(2)]
    puller.upstream.add(chat("beside-the-large"))
    pulled = puller.pull(faults.poisoned(*too_large))
    assert (pulled.state, pulled.created, pulled.refused) == ("complete", 1, 2)
    assert all("larger than 20,971,520 bytes" in reason for reason in puller.reasons()[:2])
    check_memory(puller, pulled, record_property)
