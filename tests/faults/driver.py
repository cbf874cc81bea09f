"""The driver: reviewers who edit and grade through GradeBench's own pages, each edit and grade with a mark of its own.

    crew = Crew(instance, names, seed=7)
    crew.work(submits=200, seconds=60)  # in threads; returns when all is done or the time is over
    crew.ledger                         # what was posted, and what was acknowledged
    calm(instance, seconds=120)         # until nothing is on its way any more

An edit counts as acknowledged once the answer to its submit said so (303), whatever becomes of the page behind it. A
reviewer survives whatever happens to the server: she waits, signs in again where her session is gone, and goes on.
"""

import contextlib
import random
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import requests

from tests.e2e import steps
from tests.faults.marks import Marks, with_mark
from tests.faults.verdict import Edit, Grade, Ledger
from tests.instances import DATABASE_FILE, Instance

PATIENCE = 0.2
SUBMITTED = re.compile(r"POST /reviews/\d+/submit 303$")


class Person(steps.Reviewer):
    """A reviewer whose every request may remain without an answer."""

    def __init__(self, instance: steps.Served, username: str) -> None:
        super().__init__(instance)
        self.username = username

    def attempt(self, ask: Callable[[], int]) -> int:
        """The status of what is asked, 0 without an answer."""
        try:
            return ask()
        except requests.RequestException:
            return 0

    def open_queue(self) -> bool:
        """Start a queue that has something for her, signed in again where need be; whether something is open."""
        if self.attempt(lambda: self.get("/")) != 200:
            return False
        if self.path != "/":
            with contextlib.suppress(requests.RequestException, AssertionError, KeyError):
                self.sign_in(self.username)
            return False
        forms = self.forms
        start = next((path for path in forms if path.endswith("/start")), "")
        if not start:
            return False
        opened = self.attempt(lambda: self.post(start, forms[start].fields)) == 200
        if not opened:
            # The claim may have been answered and the review screen behind it not: what is open is no review.
            self.address = ""
        return opened and self.is_reviewing


class Crew:
    """Reviewers at work, one thread each. `pace` seconds pass, half as many to half as many more, between submits."""

    def __init__(
        self,
        instance: Instance,
        usernames: Sequence[str],
        *,
        seed: int = 0,
        edit_share: float = 1.0,
        pace: float = 0.0,
    ) -> None:
        self.instance = instance
        self.usernames = list(usernames)
        self.seed = seed
        self.edit_share = edit_share
        self.pace = pace
        self.ledger = Ledger()
        self.seconds: list[float] = []
        self._marks = Marks(seed)
        self._left = 0
        self._until = 0.0
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def work(self, *, submits: int = 1_000_000, seconds: float = 60.0) -> Ledger:
        """Review until so many submits were made, nothing is left to review, or the time is over."""
        self._left, self._until = submits, time.monotonic() + seconds
        self._stopping.clear()
        with ThreadPoolExecutor(len(self.usernames)) as pool:
            for done in [pool.submit(self._review, name, number) for number, name in enumerate(self.usernames)]:
                done.result()
        return self.ledger

    def stop(self) -> None:
        """Let everybody finish what she is at, from whatever thread."""
        self._stopping.set()

    def _review(self, username: str, number: int) -> None:
        person, chance = Person(self.instance, username), random.Random(f"{self.seed} {number}")
        idle = 0
        while self._may_go_on() and idle < 25:
            if not person.is_reviewing and not person.open_queue():
                # Nothing for her, or nobody there: both may pass.
                idle += person.path.endswith("/done") or person.path == "/"
                time.sleep(PATIENCE)
                continue
            idle = 0
            self._submit(person, chance)
            if self.pace:
                self._stopping.wait(self.pace * chance.uniform(0.5, 1.5))

    def _may_go_on(self) -> bool:
        return not self._stopping.is_set() and self._left > 0 and time.monotonic() < self._until

    def _submit(self, person: Person, chance: random.Random) -> None:
        with self._lock:
            self._left -= 1
        uid, now = person.shown, time.monotonic()
        grade = Grade(uid, self._marks.make("grade"), now)
        edit = Edit(uid, self._marks.make("edit"), now) if chance.random() < self.edit_share else None
        self.ledger.grades.append(grade)
        if edit is not None:
            self.ledger.edits.append(edit)
        change = (lambda text: with_mark(text, edit.mark)) if edit else None
        asked = len(person.seconds)
        status = person.attempt(lambda: person.submit(change, comment=f"[{grade.mark}]"))
        self._note(person, asked, status, [row for row in (edit, grade) if row is not None])

    def _note(self, person: Person, asked: int, status: int, rows: list[Edit]) -> None:
        """Note down what she was told. Where the page behind the submit failed, the submit had been answered."""
        answers = person.seconds[asked:]
        if answers and SUBMITTED.search(answers[0][1]):
            now = time.monotonic()
            self.seconds.append(answers[0][0])
            for row in rows:
                row.acknowledged, row.acknowledged_at = True, now
        elif status == 0 or status >= 500:
            self.ledger.unanswered += 1
        else:
            self.ledger.refused += 1
        if status != 200:
            # Start anew from the first page: what is open may be stale, taken, or no page at all.
            person.address = ""


# What GradeBench says ---------------------------------------------------------------------------------------------

WAITING_FOR_A_PERSON = "SELECT count(*) FROM reviews_push WHERE state IN ('conflict', 'attention', 'absent')"
# A grade waits for the edit that a person has to decide about, and for the reviews that are still open.
ON_THE_WAY = """
    SELECT count(*) FROM reviews_push AS push WHERE state IN ('waiting', 'sending') AND NOT (
        kind = 'feedback' AND (
            EXISTS (SELECT 1 FROM reviews_push AS edit WHERE edit.completion_id = push.completion_id
                    AND edit.kind = 'update' AND edit.state IN ('conflict', 'attention', 'absent'))
            OR EXISTS (SELECT 1 FROM reviews_completion AS held WHERE held.id = push.completion_id
                       AND held.conflict_document_id IS NOT NULL)
            OR EXISTS (SELECT 1 FROM reviews_queueitem AS item WHERE item.completion_id = push.completion_id
                       AND item.state = 'open')
        )
    )
"""


def query(instance: Instance, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Rows of an instance's database, read beside its processes, `?` in the statement standing for the values. Raises
    what the database's own library raises when it is down.
    """
    if instance.is_embedded:
        address = f"file:{instance.data_dir / DATABASE_FILE}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=20)) as file:
            return list(file.execute(statement, values))
    with psycopg.connect(instance.env["DATABASE_URL"], autocommit=True, connect_timeout=5) as connection:
        return list(connection.execute(statement.replace("?", "%s").encode(), values))


def on_the_way(instance: Instance) -> int:
    """How many pushes have neither arrived nor wait for a person."""
    return int(query(instance, ON_THE_WAY)[0][0])


def waiting_for_a_person(instance: Instance) -> int:
    """How many pushes somebody has to decide about."""
    return int(query(instance, WAITING_FOR_A_PERSON)[0][0])


def held(instance: Instance) -> set[str]:
    """The marks of the edits and grades that GradeBench shows to a person who has to decide; see `held_marks`."""
    said = steps.ask_database(instance, "from tests.faults.held import held_marks\nprint(*held_marks())")
    return set(said.split())


def calm(instance: Instance, *, seconds: float = 120.0) -> float:
    """Wait until no push is on its way any more; the seconds it took. Raises AssertionError when that takes longer."""
    _, took = steps.wait_for("Nothing is on its way", lambda: on_the_way(instance) == 0, seconds)
    return took
