"""Whether the time of an answer tells what its words do not: `python -m tests.bench.telling`.

Two questions, each asked by turns so that whatever the machine does meets both sides alike: is somebody here (a wrong
password for a known user name, and for an unknown one), and does another organization have it (a completion that only
another one holds, and one that nobody holds; in the API by its id, on a page by its number). Printed for each: the mean
milliseconds of both sides, their difference, and the standard error of that difference, of 200 tries a side.
"""

import math
import statistics
import time
import uuid
from collections.abc import Callable

from tests.e2e import steps
from tests.instances import Instance

TRIES = 200
# Ten failures in a quarter of an hour are let through for each name.
TRIES_PER_NAME = 8
NOWHERE = 9_000_000


def compared(left: Callable[[int], object], right: Callable[[int], object]) -> str:
    """Both sides by turns, which of them first by turns as well."""
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(TRIES):
        for side in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            (left, right)[side](number)
            took[side].append((time.perf_counter() - began) * 1000)
    means = [statistics.fmean(side) for side in took]
    error = math.sqrt(sum(statistics.variance(side) / TRIES for side in took))
    return f"{means[0]:.2f} and {means[1]:.2f} ms, apart {means[0] - means[1]:+.2f} ± {error:.2f} ms"


def guess(instance: Instance, name: str) -> None:
    """A wrong password, in a session of its own."""
    person = steps.Reviewer(instance)
    person.get("/sign-in")
    fields = person.forms["/sign-in"].fields
    assert person.post("/sign-in", {**fields, "username": name, "password": "not this one"}) == 422


def main() -> None:
    """Measure and print."""
    with Instance("telling") as instance:
        here, there = (steps.create_organization(instance, slug) for slug in ("here", "there"))
        names = [f"known-{number}" for number in range(math.ceil(TRIES / TRIES_PER_NAME))]
        for name in ("alice", *names):
            steps.add_member(here, name)
        theirs = there.create(steps.chat("Who?", "We.", organization_id="there"))
        pk = int(steps.ask_database(instance, "print(Completion.objects.get().pk)"))

        known = compared(
            lambda number: guess(instance, names[number // TRIES_PER_NAME]),
            lambda number: guess(instance, f"nobody-{number // TRIES_PER_NAME}"),
        )
        print(f"wrong password, known and unknown name: {known}", flush=True)

        def call(uid: str) -> None:
            assert here.call("GET", f"/api/completions/{uid}").status_code == 404

        nobodys = str(uuid.uuid4())
        told = compared(lambda _: call(theirs), lambda _: call(nobodys))
        print(f"API, another organization's id and nobody's: {told}", flush=True)

        alice = steps.Reviewer(instance, "alice")

        def look(number: int) -> None:
            assert alice.get(f"/completions/{number}") == 404

        seen = compared(lambda _: look(pk), lambda _: look(NOWHERE))
        print(f"page, another organization's number and nobody's: {seen}", flush=True)


if __name__ == "__main__":
    main()
