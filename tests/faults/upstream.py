"""An upstream that fails in every way that one can: a real HTTP server on loopback, with a journal and with switches.

    with FaultyUpstream(seed=7) as upstream:
        upstream.add(document)
        upstream.switch_on(faults.outage)
        flaky = upstream.switch_on(faults.bad_gateway, on=POSTS, rate=0.1)
        flaky.off()
        upstream.calm_down()

`entries` is the journal: every update and every feedback that was applied, in order, each with its moment and its mark
(see tests/faults/marks.py), and every change that somebody else made. `requests` has every request with its moments;
tests/faults/journal.py counts in both. All chance comes from the seed. Everything may be called from any thread.

A fault is a function of a Call. It answers, or says None to leave the call to the next fault and at last to the service
itself. `Call.carry_out()` is what the service would do: a fault may call it before it lies about it, later, or never.
"""

import json
import math
import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fake_upstream import ORGANIZATION, TOKEN, Answer, FakeUpstream, Seen
from tests.faults.journal import (
    ELSEWHERE,
    EVERYTHING,
    FEEDBACK,
    UPDATE,
    Entry,
    Request,
    kind_of,
)
from tests.faults.marks import Marks, add_to_answer, marks_in


@dataclass
class Call:
    """A request on its way through the faults."""

    upstream: "FaultyUpstream"
    request: Request

    @property
    def seen(self) -> Seen:
        """The request as it came."""
        return self.request.seen

    @property
    def chance(self) -> random.Random:
        """The upstream's own chance."""
        return self.upstream.chance

    def carry_out(self) -> Answer:
        """Do what the service does; its answer."""
        return self.upstream.carry_out(self.request)


Fault = Callable[[Call], Answer | None]


@dataclass(eq=False)
class Switch:
    """A fault that is on: for which kinds of requests, how often, and how many times yet."""

    fault: Fault
    on: Collection[str]
    rate: float
    times: int | None
    upstream: "FaultyUpstream"
    hits: int = 0

    def off(self) -> None:
        """Switch it off; requests that it holds are held on."""
        self.upstream.switch_off(self)


class FaultyUpstream(FakeUpstream):
    """The fake upstream with faults, a journal with moments, and lookups by id.

    A completion with a feedback leaves the list and stays there to be looked up, as in a GradeBench, unless
    `tells_more` is off: then only what log10py needs is served. `clock` gives the moments: tests that shorten time give
    one that jumps.
    """

    def __init__(self, *, seed: int = 0, token: str = TOKEN, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(token=token)
        self.seed = seed
        self.chance = random.Random(seed)
        self.marks = Marks(seed)
        self.clock = clock
        self.requests: list[Request] = []
        self.entries: list[Entry] = []
        self.feedback: list[dict[str, Any]] = []
        self.unlisted: set[str] = set()
        self.tells_more = True
        self.deleted: dict[str, bytes] = {}
        self._switches: list[Switch] = []
        self._lock = threading.RLock()
        self._open: dict[int, Request] = {}
        self._late: list[tuple[float, Call]] = []
        self._lateness = threading.Thread(target=self._watch_late, daemon=True)

    # Switches ----------------------------------------------------------------------------------------------------

    def switch_on(
        self, fault: Fault, *, on: Collection[str] = EVERYTHING, rate: float = 1.0, times: int | None = None
    ) -> Switch:
        """Let `fault` have these kinds of requests from now on, a share of them, at most so many times. The fault that
        was switched on first is asked first.
        """
        switch = Switch(fault, on, rate, times, self)
        with self._lock:
            self._switches.append(switch)
        return switch

    def switch_off(self, switch: Switch) -> None:
        """Switch one fault off; one that is off already stays so."""
        with self._lock:
            self._switches = [on for on in self._switches if on is not switch]

    def calm_down(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._switches = []

    def _struck_by(self, request: Request) -> list[Fault]:
        with self._lock:
            struck = [switch for switch in self._switches if self._strikes(switch, request)]
        return [switch.fault for switch in struck]

    def _strikes(self, switch: Switch, request: Request) -> bool:
        if request.kind not in switch.on or (switch.times is not None and switch.hits >= switch.times):
            return False
        if switch.rate < 1.0 and self.chance.random() >= switch.rate:
            return False
        switch.hits += 1
        return True

    # What others do there ----------------------------------------------------------------------------------------

    def change(self, uid: str, document: dict[str, Any] | None = None) -> str:
        """Somebody else changes a completion, behind GradeBench's back: by a mark in its answer where no document is
        given; that mark.
        """
        with self._lock:
            before = self.completions[uid]
            mark = self.marks.make("theirs")
            changed = add_to_answer(json.loads(before), mark) if document is None else document
            self.add(changed, uid)
            now = self.clock()
            made = marks_in(self.completions[uid])
            self.entries.append(Entry(ELSEWHERE, uid, mark, made, marks_in(before), now, now, changed))
        return mark

    def grade(self, uid: str, **members: Any) -> None:
        """Somebody else grades a completion: it leaves the list."""
        with self._lock:
            task = self.feedback_tasks[0]["id"]
            self._keep_feedback({"task_id": task, "json_values": {}, "completion_ids": [uid], "comment": "", **members})

    def delete(self, uid: str) -> None:
        """Somebody else deletes a completion."""
        with self._lock:
            self.deleted[uid] = self.completions.pop(uid)

    # What came of it --------------------------------------------------------------------------------------------------

    def of(self, *kinds: str, since: float = 0.0) -> list[Request]:
        """The requests of these kinds, of every kind without any, that came since a moment."""
        with self._lock:
            return [row for row in self.requests if row.at >= since and (not kinds or row.kind in kinds)]

    def final(self) -> dict[str, str]:
        """The JSON of each completion as it stands, or as it stood when it was deleted."""
        with self._lock:
            return {uid: raw.decode(errors="replace") for uid, raw in (self.deleted | self.completions).items()}

    # Answering ---------------------------------------------------------------------------------------------------

    def answer(self, seen: Seen) -> Answer:
        """What a request gets."""
        request = self._note(seen)
        answer = self._ask_faults(Call(self, request))
        with self._lock:
            request.status = None if answer.hang_up or answer.reset or answer.hang == math.inf else answer.status
            if request.entry is not None:
                request.entry.told = request.truthful
            self._show(request, self.clock())
        return answer

    def _note(self, seen: Seen) -> Request:
        kind, uid = kind_of(seen)
        known = seen.headers.get("x-log10-token") == self.token
        with self._lock:
            request = Request(kind, uid, self.clock(), seen, known)
            self.seen.append(seen)
            self.requests.append(request)
            self._open[id(seen)] = request
        return request

    def _ask_faults(self, call: Call) -> Answer:
        for fault in self._struck_by(call.request):
            if (made := fault(call)) is not None:
                return made
        answer = call.carry_out()
        call.request.truthful = True
        return answer

    def leaving(self, seen: Seen) -> None:
        """Note when an answer left."""
        with self._lock:
            self._open[id(seen)].left_at = self.clock()

    def ended(self, seen: Seen, *, whole: bool) -> None:
        """Note when and how a request ended."""
        with self._lock:
            request = self._open.pop(id(seen))
            request.ended_at, request.whole = self.clock(), whole
            if not whole:
                request.status = None
                self._take_back(request)

    def _show(self, request: Request, now: float) -> None:
        """What others changed counts as shown from when the answer begins to leave, lest the next request come first;
        an answer that does not arrive whole has shown nothing.
        """
        request.shows = [entry for entry in request.shows if entry.shown_at is None] if request.truthful else []
        for entry in request.shows:
            entry.shown_at = now

    def _take_back(self, request: Request) -> None:
        if request.entry is not None:
            request.entry.told = False
        for entry in request.shows:
            entry.shown_at = None

    # The service -------------------------------------------------------------------------------------------------

    def carry_out(self, request: Request) -> Answer:
        """What a Log10 service does with a request."""
        with self._lock:
            if not request.token_known:
                return said({"error": "No such token."}, 401)
            return self._serve(request)

    def _serve(self, request: Request) -> Answer:
        match request.kind:
            case "tasks":
                return said(self.feedback_tasks)
            case "list":
                return self._list_for(request)
            case "lookup" if self.tells_more:
                return self._look_up(request)
            case "update":
                return self._apply_update(request)
            case "feedback":
                return self._apply_feedback(request)
        return said({"error": "There is nothing here."}, 404)

    def _list_for(self, request: Request) -> Answer:
        start = int(parse_qs(urlsplit(request.seen.path).query).get("after", ["0"])[0])
        rows = [(uid, raw) for uid, raw in self.completions.items() if uid not in self.unlisted]
        page, end = rows[start : start + self.page_length], start + self.page_length
        uids = {uid for uid, _ in page}
        request.shows = [entry for entry in self._unshown() if entry.uid in uids]
        more = f',"truncated":true,"next":"{end}"'.encode() if end < len(rows) else b""
        return Answer(body=b'{"completions":[' + b",".join(raw for _, raw in page) + b"]" + more + b"}")

    def _unshown(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind == ELSEWHERE and entry.shown_at is None]

    def _look_up(self, request: Request) -> Answer:
        if not request.uid:
            return self._list_feedback(request)
        raw = self.completions.get(request.uid)
        if raw is None:
            return said({"error": f"There is no completion {request.uid}."}, 404)
        request.shows = [entry for entry in self._unshown() if entry.uid == request.uid]
        return Answer(body=b'{"data":' + raw + b"}")

    def _list_feedback(self, request: Request) -> Answer:
        asked: dict[str, Any] = {
            name: values[0] for name, values in parse_qs(urlsplit(request.seen.path).query).items()
        }
        if request.seen.body:
            asked |= request.seen.json
        rows = [row for row in self.feedback if _matches(row, asked)]
        start = int(asked.get("offset") or 0)
        page = rows[start : start + int(asked.get("limit") or 50)]
        return said({"feedback": page, "data": page, "total": len(rows)})

    def _apply_update(self, request: Request) -> Answer:
        uid, body = request.uid, request.seen.body
        before = self.completions.get(uid)
        if before is None:
            return said({"error": f"There is no completion {uid}."}, 404)
        self.completions[uid] = body
        self._enter(request, UPDATE, uid, marks_in(before))
        return Answer(body=body)

    def _apply_feedback(self, request: Request) -> Answer:
        value = request.seen.json
        if value["task_id"] not in [task["id"] for task in self.feedback_tasks]:
            return said({"error": "There is no such feedback task."}, 404)
        row = self._keep_feedback(value)
        self._enter(request, FEEDBACK, value["completion_ids"][0], ())
        return said(row)

    def _enter(self, request: Request, kind: str, uid: str, over: tuple[str, ...]) -> None:
        made = marks_in(request.seen.body)
        mark = made[-1] if made else ""
        value = request.seen.json
        request.entry = Entry(kind, uid, mark, made, over, request.at, self.clock(), value)
        self.entries.append(request.entry)
        self.journal.append((kind, value))

    def _keep_feedback(self, value: dict[str, Any]) -> dict[str, Any]:
        uids = value["completion_ids"]
        row = {
            **value,
            "id": f"feedback-{len(self.feedback) + 1}",
            "organization_id": ORGANIZATION,
            "matched_completion_ids": uids,
            "created_at": datetime.now(UTC).isoformat(),
        }
        self.feedback.append(row)
        self.unlisted.update(uids)
        return row

    def later(self, seconds: float, call: Call) -> None:
        """Carry a call out so many seconds from now, when nobody waits for it any more."""
        with self._lock:
            self._late.append((self.clock() + seconds, call))
        if not self._lateness.is_alive():
            self._lateness.start()

    def carry_out_late(self) -> None:
        """Carry out what is due by now. It happens by itself; whoever makes a clock jump calls it to be sure."""
        with self._lock:
            now = self.clock()
            due = [call for at, call in self._late if at <= now]
            self._late = [(at, call) for at, call in self._late if at > now]
            for call in due:
                call.carry_out()

    def _watch_late(self) -> None:
        while not self.stopping.wait(0.02):
            self.carry_out_late()


def _matches(row: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether a feedback is one of those asked for."""
    uid, task = asked.get("completion_id"), asked.get("task_id")
    return (not uid or uid in row["matched_completion_ids"]) and (not task or task == row["task_id"])


def said(value: object, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(value, ensure_ascii=False).encode())
