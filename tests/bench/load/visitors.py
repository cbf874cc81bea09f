"""Reviewers as a web server sees them: what their browsers ask for, when, and what came of it.

    queue page → start → review page, the item behind it fetched ahead → submit, which shows that one → fetched ahead …

A browser with scripts submits as htmx does, and is answered with the next item, or with “show what you have”.
"""

import random
import re
import time
from urllib.parse import urljoin, urlsplit

import requests

from tests.bench.load.asked import AHEAD, QUEUES, REVIEW, START, SUBMIT, Asked
from tests.e2e.steps import Served
from tests.faults.driver import Person
from tests.faults.marks import Marks, with_mark
from tests.faults.verdict import Edit, Grade, Ledger

KINDS = (
    (re.compile(r"GET /$"), QUEUES),
    (re.compile(r"POST /queues/\d+/start$"), START),
    (re.compile(r"GET /reviews/\d+$"), REVIEW),
    (re.compile(r"POST /reviews/\d+/submit$"), SUBMIT),
    (re.compile(r"POST /queues/\d+/prefetch$"), AHEAD),
)
READY = re.compile(r'data-ready="([^"]+)"')
AHEAD_AT = re.compile(r'data-prefetch="([^"]+)"')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
LONGEST_SAID = 300
PATIENCE = 30.0


class Visitor(Person):
    """A reviewer at her browser. `due` is when she wanted to ask what is asked next."""

    def __init__(self, served: Served, username: str, chance: random.Random) -> None:
        super().__init__(served, username)
        self.asked: list[Asked] = []
        self.due = time.monotonic()
        self._chance = chance
        self._ready, self._behind = "", ""

    def review(self, ledger: Ledger, marks: Marks, *, edit_share: float, pause_share: float) -> None:
        """What she does at once, after some thought: submit what is open and get the next, or open a queue."""
        if not self.is_reviewing:
            self.open_queue()
        else:
            self._submit(ledger, marks, edit_share)
            if self._chance.random() < pause_share:
                self.address = ""
        if self.is_reviewing:
            self._fetch_ahead()

    def _submit(self, ledger: Ledger, marks: Marks, edit_share: float) -> None:
        uid, now = self.shown, time.monotonic()
        grade = Grade(uid, marks.make("grade"), now)
        edit = Edit(uid, marks.make("edit"), now) if self._chance.random() < edit_share else None
        ledger.grades.append(grade)
        ledger.edits += [edit] if edit else []
        form = self.forms["grade"]
        values = {**form.fields, **{name: self._chance.choice(given) for name, given in form.choices.items()}}
        values |= {"comment": f"[{grade.mark}]", "ready": self._ready}
        if edit:
            values["edit-0"] = with_mark(values["edit-0"], edit.mark)
        status = self.attempt(lambda: self._submit_as_htmx(form.action, values))
        for row in (grade, edit):
            if row and status == 200:
                row.acknowledged, row.acknowledged_at = True, time.monotonic()
        if status != 200:
            ledger.unanswered += status == 0 or status >= 500
            ledger.refused += 400 <= status < 500
            self.address = ""

    def _submit_as_htmx(self, action: str, values: dict[str, str]) -> int:
        """Submit; then what is shown is the item that was fetched ahead, the one in the answer, or another page."""
        headers = {"HX-Request": "true", "HX-Target": "review", "HX-Current-URL": self.address}
        answer = self._ask("POST", urljoin(self.base, action), values, headers)
        if answer.status_code == 200:
            there = answer.headers.get("HX-Push-Url") or answer.headers.get("HX-Redirect") or "/"
            kept = answer.headers.get("X-Ready")
            self.page = self._behind if kept and kept == self._ready else answer.text
            self.address = urljoin(self.base, there)
            if kept != self._ready if kept else "HX-Redirect" in answer.headers:
                self.attempt(lambda: self.get(there))
        self._ready, self._behind = "", ""
        return answer.status_code

    def _fetch_ahead(self) -> None:
        if (where := AHEAD_AT.search(self.page)) is None or (token := TOKEN.search(self.page)) is None:
            return
        values = {"csrfmiddlewaretoken": token.group(1), "have": self._ready}
        try:
            answer = self._ask("POST", urljoin(self.base, where.group(1)), values, {})
        except requests.RequestException:
            return
        if answer.status_code == 200 and (ready := READY.search(answer.text)):
            self._ready, self._behind = ready.group(1), answer.text

    # Asking ------------------------------------------------------------------------------------------------------

    def _send(self, method: str, path: str, data: dict[str, str] | None = None) -> int:
        """One request, and those that follow where it leads."""
        url = urljoin(self.base, path)
        while True:
            answer = self._ask(method, url, data, {})
            if answer.status_code not in (302, 303):
                break
            method, data, url = "GET", None, urljoin(url, answer.headers["Location"])
        self.page, self.address = answer.text, url
        self._ready, self._behind = "", ""
        return answer.status_code

    def _ask(self, method: str, url: str, data: dict[str, str] | None, headers: dict[str, str]) -> requests.Response:
        """One request, noted down. What it leads to is due once it was answered."""
        sent, status, said = time.monotonic(), 0, ""
        try:
            answer = self.session.request(
                method, url, data=data, headers=headers, timeout=PATIENCE, allow_redirects=False
            )
            status = answer.status_code
            said = answer.text[:LONGEST_SAID] if status >= 400 else ""
            return answer
        except requests.RequestException as error:
            said = str(error)[:LONGEST_SAID]
            raise
        finally:
            ended = time.monotonic()
            self.asked.append(Asked(_kind_of(method, url), self.due, sent, ended, status, said))
            self.due = ended


def _kind_of(method: str, url: str) -> str:
    words = f"{method} {urlsplit(url).path}"
    return next((kind for pattern, kind in KINDS if pattern.match(words)), re.sub(r"\d+", "N", words))
