"""Twenty clients who log one completion at once, and what must have become of it; for a test and for a measurement."""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Any

WRITERS = 20
STATUSES = ("started", "failed", "finished")
ORDERS = list(permutations(STATUSES))
# A client whose connection was cut posts again what it had posted.
REPEATS = 0.15


@dataclass(frozen=True)
class Write:
    """One post: by which writer, and what; with `after` only once a post of that status was answered."""

    writer: int
    body: dict[str, Any]
    after: str | None = None

    @property
    def status(self) -> str:
        """What it says of the completion."""
        status: str = self.body["status"]
        return status


def round_of(number: int, seed: int) -> list[Write]:
    """The posts of one round. By turns all begin at one instant, and each status once the one before it in the order
    of the round has arrived; the rounds go through all six orders.
    """
    chance = random.Random(f"{seed}/{number}")
    order = ORDERS[number // 2 % len(ORDERS)]
    waits = {status: before for before, status in pairwise(order)} if number % 2 else {}
    statuses = [*STATUSES, *chance.choices(STATUSES, k=WRITERS - len(STATUSES))]
    writes = []
    for writer, status in enumerate(statuses):
        write = Write(writer, body(status, writer), waits.get(status))
        writes += [write, write] if chance.random() < REPEATS else [write]
    chance.shuffle(writes)
    return writes


def body(status: str, writer: int) -> dict[str, Any]:
    """What one writer posts: a member of its own, members that others have too, and nulls where its row is empty."""
    said = {"organization_id": "acme", "status": status, name_of(writer): writer, "said by": f"{status} {writer}"}
    match status:
        case "started":
            return {**said, "request": {"model": "small", "messages": []}, "tags": ["logged"], "duration": None}
        case "failed":
            return {**said, "request": None, "failure_kind": "Timeout", "duration": 1, "response": None}
        case _:
            return {**said, "request": None, "response": {"choices": []}, "duration": 2.5, "failure_reason": None}


def name_of(writer: int) -> str:
    """The member that this writer alone posts."""
    return f"writer {writer}"


def wrong(document: dict[str, Any], writes: Sequence[Write]) -> list[str]:
    """What is wrong with the document that came of these posts, in words."""
    finished = {write.body["said by"] for write in writes if write.status == "finished"}
    expected: dict[str, Any] = {name_of(write.writer): write.writer for write in writes}
    expected |= body("started", 0) | body("failed", 0) | body("finished", 0)
    expected |= {"request": body("started", 0)["request"], "said by": document.get("said by")}
    found = {name: value for name, value in document.items() if name != "id"}
    told = [f"{name}: {found.get(name)!r}" for name in {*expected, *found} if found.get(name) != expected.get(name)]
    if set(found) != set(expected):
        told.append(f"members: {sorted({*found} ^ {*expected})}")
    if document.get("said by") not in finished:
        told.append(f"said by {document.get('said by')!r}, not by one that finished")
    return told


def arrival(document: dict[str, Any], writes: Sequence[Write]) -> tuple[str, ...]:
    """In which order the statuses first arrived: members stand in the order in which they came."""
    statuses = {name_of(write.writer): write.status for write in writes}
    return tuple(dict.fromkeys(statuses[name] for name in document if name in statuses))


class Writers:
    """So many threads that post at once, round after round; `post` runs in each of them and may keep a connection.

    `leave` runs in each thread at the end. As a context manager.
    """

    def __init__(self, post: Callable[[str, dict[str, Any]], None], leave: Callable[[], None] = lambda: None) -> None:
        self._post = post
        self._leave = leave
        # A barrier needs all at once, and in the worst case everybody posts twice.
        self._most = 2 * WRITERS
        self._pool = ThreadPoolExecutor(self._most)

    def __enter__(self) -> "Writers":
        return self

    def __exit__(self, *_: object) -> None:
        together = threading.Barrier(self._most, timeout=30)

        def leave() -> None:
            together.wait()
            self._leave()

        for left in [self._pool.submit(leave) for _ in range(self._most)]:
            left.result(60)
        self._pool.shutdown()

    def write(self, uid: str, writes: Sequence[Write]) -> None:
        """All posts of a round, begun at one instant. Raises what one of them raises."""
        together = threading.Barrier(len(writes), timeout=30)
        arrived = {status: threading.Event() for status in STATUSES}

        def run(write: Write) -> None:
            together.wait()
            if write.after:
                arrived[write.after].wait(60)
            try:
                self._post(uid, write.body)
            finally:
                arrived[write.status].set()

        for written in [self._pool.submit(run, write) for write in writes]:
            written.result(300)
