"""Reviewers who never think, as the review screen behaves with scripts: while an item is read the next one is claimed
and fetched behind it, and a submit answers with little more than “show what you have”.
"""

import html
import re
import threading
from typing import Any
from urllib.parse import urlencode

import orjson

from tests.bench.driver import Answer, Client, Work, timed
from tests.bench.site import Site

READY = re.compile(rb'data-ready="((\d+)-[^"]*)"')
DOCUMENT = re.compile(rb'name="document" value="(\d+)"')
EDIT = re.compile(rb'<textarea[^>]*name="edit-0"[^>]*>\n?(.*?)</textarea>', re.DOTALL)


class NothingHandedOut(Exception):
    """A reviewer got no item: the level has too few for what is measured, or the server said something else."""

    def __init__(self, answer: Answer) -> None:
        said = answer.body[:300].decode(errors="replace")
        super().__init__(f"answered {answer.status} {answer.location} {said}".strip())


class Reviewer:
    """One who is signed in. `open` before all else."""

    def __init__(self, port: int, site: Site, number: int, queue: int) -> None:
        self._cookie = site.cookies[f"reviewer-{number}"]
        csrf = self._cookie.rpartition("csrftoken=")[2]
        self.client = Client(port, {"Cookie": self._cookie, "X-CSRFToken": csrf, "Accept-Encoding": "identity"})
        self._queue = queue
        self._page = b""
        self._next = b""

    def start(self, queue: int | None = None) -> tuple[Answer, float]:
        """Claim an item of the queue; the answer leads to it."""
        return timed(self.client, self.client.prepared("POST", f"/queues/{queue or self._queue}/start"))

    def open(self) -> None:
        """Start the queue and open the item."""
        answer, _ = self.start()
        page = self.client.get(answer.location)
        self._page = page.body
        if not READY.search(self._page):
            raise NothingHandedOut(answer if answer.status >= 400 else page)

    def prefetch(self) -> float:
        """Claim the item behind the one on screen and fetch it; the seconds."""
        answer, seconds = timed(self.client, self.client.prepared("POST", f"/queues/{self._queue}/prefetch"))
        if answer.status != 200:
            raise NothingHandedOut(answer)
        self._next = answer.body
        return seconds

    def submit(self) -> float:
        """Grade what is on screen and go on to what was fetched; the seconds."""
        at, ready, edit = _found(READY, self._page), _found(READY, self._next), EDIT.search(self._page)
        values = {
            "document": _found(DOCUMENT, self._page)[1].decode(),
            "v-verdict": '"good"',
            "v-score": "4",
            "comment": "",
            "ready": ready[1].decode(),
            "edit-0": html.unescape(edit[1].decode()) if edit else "",
        }
        answer, seconds = timed(self.client, self._form(f"/reviews/{at[2].decode()}/submit", values))
        assert answer.headers.get(b"x-ready") == ready[1], f"{answer.status} {answer.headers} {answer.body[:3000]!r}"
        self._page, self._next = self._next, b""
        return seconds

    def _form(self, path: str, values: dict[str, str]) -> bytes:
        body = urlencode(values).encode()
        return self.client.prepared(
            "POST", path, body, Content_Type="application/x-www-form-urlencoded", HX_Request="true", HX_Target="review"
        )


def _found(what: re.Pattern[bytes], page: bytes) -> re.Match[bytes]:
    found = what.search(page)
    assert found is not None, f"{what.pattern!r} is not in {page[:2000]!r}"
    return found


def reviewing(reviewer: Reviewer, reviews: int) -> Work:
    """So many reviews, one after the other: the next item, then the grade of this one."""
    with reviewer.client:
        reviewer.open()
        for _ in range(reviews):
            yield "next", reviewer.prefetch()
            yield "submit", reviewer.submit()


def bursting(reviewer: Reviewer, queues: list[int], rounds: int, together: threading.Barrier) -> Work:
    """All ask for an item at the same instant, round by round, by turns in both queues: what one holds in the other is
    given up.
    """
    with reviewer.client:
        for number in range(rounds):
            together.wait(60)
            answer, seconds = reviewer.start(queues[number % len(queues)])
            if "/reviews/" not in answer.location:
                raise NothingHandedOut(answer)
            yield "burst", seconds


def bare_reviewing(port: int, number: int, reviews: int) -> Work:
    """The same at the floor."""
    with Client(port) as client:
        for _ in range(reviews):
            answer, seconds = timed(client, client.prepared("POST", f"/next?reviewer={number}"))
            if answer.status != 200:
                raise NothingHandedOut(answer)
            yield "next", seconds
            grade: dict[str, Any] = {"verdict": "good", "score": 4}
            item = answer.headers[b"x-item"].decode()
            answer, seconds = timed(
                client, client.prepared("POST", f"/submit/{item}?reviewer={number}", orjson.dumps(grade))
            )
            assert answer.status == 200, answer
            yield "submit", seconds
