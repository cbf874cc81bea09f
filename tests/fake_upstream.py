"""A Log10 service for tests: a real HTTP server on loopback with a journal and faults that can be switched on."""

import contextlib
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.loopback import Handler, Loopback

TOKEN = "upstream-token"
ORGANIZATION = "their-org"


@dataclass(frozen=True)
class Seen:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What the body says."""
        return json.loads(self.body)


@dataclass
class Answer:
    """What is sent back.

    With `drip` so many bytes leave each `pause` seconds, and no length is named before. With `pieces` the body comes
    from there, without a length. `hang` seconds pass before anything leaves, or fewer when the client goes. `hang_up`
    sends nothing, `reset` breaks the connection off as a crashed server does, `cut_at` after so many bytes of the body.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    drip: int = 0
    pause: float = 0.0
    hang: float = 0.0
    hang_up: bool = False
    reset: bool = False
    cut_at: int | None = None
    pieces: Iterable[bytes] | None = None

    def parts(self) -> Iterator[bytes]:
        """The body as it leaves, piece by piece."""
        if self.pieces is not None:
            yield from self.pieces
            return
        body = self.body if self.cut_at is None else self.body[: self.cut_at]
        step = self.drip or max(1, len(body))
        for start in range(0, len(body), step):
            yield body[start : start + step]


Fault = Callable[[Seen], Answer | None]


class FakeUpstream(Loopback):
    """Use it as a context manager. `completions` and `feedback_tasks` hold the JSON that it lists, in order.

    `journal` holds every update and feedback that was applied; `faults` are asked first and may answer instead, those
    in `after_faults` once the request has been carried out. Without `tells_more` it serves what log10py needs alone,
    neither a completion by its id nor a list of feedback.
    """

    def __init__(self, *, token: str = TOKEN) -> None:
        self.token = token
        self.completions: dict[str, bytes] = {}
        self.graded: dict[str, bytes] = {}
        self.feedback_tasks: list[dict[str, Any]] = []
        self.page_length = 1_000
        self.tells_more = True
        self.seen: list[Seen] = []
        self.journal: list[tuple[str, Any]] = []
        self.faults: list[Fault] = []
        self.after_faults: list[Fault] = []
        self.stopping = threading.Event()
        super().__init__()

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        super().__exit__()

    def add(self, document: dict[str, Any] | bytes, uid: str = "") -> None:
        """List a completion: a document, or the bytes that stand in the list under `uid`."""
        if isinstance(document, bytes):
            self.completions[uid] = document
        else:
            self.completions[uid or document["id"]] = json.dumps(document, ensure_ascii=False).encode()

    def stored(self, uid: str) -> Any:
        """The document of a completion."""
        return json.loads(self.completions[uid])

    def answer_once(self, prefix: str, answer: Answer, *, after: bool = False) -> None:
        """Answer the next request whose method and path begin so in this way; `after`: once it was carried out."""
        faults = self.after_faults if after else self.faults

        def once(seen: Seen) -> Answer | None:
            if not f"{seen.method} {seen.path}".startswith(prefix):
                return None
            faults.remove(once)
            return answer

        faults.append(once)

    def answer_always(self, prefix: str, answer: Answer) -> None:
        """Answer every request whose method and path begin so in this way, until `faults` is cleared."""
        self.faults.append(lambda seen: answer if f"{seen.method} {seen.path}".startswith(prefix) else None)

    def paths(self) -> list[str]:
        """Method and path of each request, queries left out."""
        return [f"{seen.method} {urlsplit(seen.path).path}" for seen in self.seen]

    def answer(self, seen: Seen) -> Answer:
        """What a request gets."""
        self.seen.append(seen)
        for fault in list(self.faults):
            if (made := fault(seen)) is not None:
                return made
        answer = self._carry_out(seen)
        for fault in list(self.after_faults):
            if (made := fault(seen)) is not None:
                return made
        return answer

    def leaving(self, seen: Seen) -> None:
        """Called before the answer to a request leaves: who asked may come again before `ended` is called."""

    def ended(self, seen: Seen, *, whole: bool) -> None:
        """Called when a request has ended; `whole`: its answer was sent to the last byte."""

    def _carry_out(self, seen: Seen) -> Answer:
        if seen.headers.get("x-log10-token") != self.token:
            return _json({"error": "No such token."}, 401)
        where = urlsplit(seen.path)
        match seen.method, where.path:
            case "GET", "/api/v1/feedback_task":
                return _json(self.feedback_tasks)
            case "GET", "/api/v1/completions/ungraded":
                return self._list(parse_qs(where.query).get("after", ["0"])[0])
            case "POST", "/api/v1/feedback":
                return self._grade(seen)
            case "GET", "/api/v1/feedback" if self.tells_more:
                return self._feedback(seen.json)
            case "GET", path if path.startswith("/api/completions/") and self.tells_more:
                return self._completion(unquote(path.removeprefix("/api/completions/")))
            case "POST", path if path.startswith("/api/v1/completions/"):
                return self._update(unquote(path.removeprefix("/api/v1/completions/")), seen)
        return _json({"error": "There is nothing here."}, 404)

    def _list(self, after: str) -> Answer:
        start = int(after)
        rows = list(self.completions.values())
        page, end = rows[start : start + self.page_length], start + self.page_length
        more = f',"truncated":true,"next":"{end}"'.encode() if end < len(rows) else b""
        return Answer(body=b'{"completions":[' + b",".join(page) + b"]" + more + b"}")

    def _update(self, uid: str, seen: Seen) -> Answer:
        held = self.graded if uid in self.graded else self.completions
        if uid not in held:
            return _json({"error": f"There is no completion {uid}."}, 404)
        held[uid] = seen.body
        self.journal.append(("update", seen.json))
        return Answer(body=seen.body)

    def _completion(self, uid: str) -> Answer:
        raw = self.completions.get(uid) or self.graded.get(uid)
        return Answer(body=b'{"data":' + raw + b"}") if raw else _json({"error": "There is none."}, 404)

    def _feedback(self, wanted: dict[str, Any]) -> Answer:
        rows = [value for kind, value in self.journal if kind == "feedback"]
        rows = [row for row in rows if wanted["completion_id"] in row["completion_ids"]]
        return _json({"feedback": rows, "data": rows, "total": len(rows)})

    def _grade(self, seen: Seen) -> Answer:
        value = seen.json
        if value["task_id"] not in [task["id"] for task in self.feedback_tasks]:
            return _json({"error": "There is no such feedback task."}, 404)
        for uid in value["completion_ids"]:
            if uid in self.completions:
                self.graded[uid] = self.completions.pop(uid)
        self.journal.append(("feedback", value))
        return _json({**value, "id": f"feedback-{len(self.journal)}"})


class _Handler(Handler[FakeUpstream]):
    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, headers, body)
        answer = self.owner.answer(seen)
        self.close_connection = True
        whole = False
        # A client that has hung up, as some tests want it to.
        with contextlib.suppress(OSError):
            whole = self._wait(answer.hang) and self._send(answer, seen)
        self.owner.ended(seen, whole=whole)

    def _wait(self, seconds: float) -> bool:
        """Let so much time pass; whether the client is still there and nobody stops the server."""
        until = time.monotonic() + seconds
        while not self._is_alone() and time.monotonic() < until:
            if self.owner.stopping.wait(min(0.05, max(0.0, until - time.monotonic()))):
                return False
        return not self._is_alone()

    def _is_alone(self) -> bool:
        """Whether the client has closed the connection: what is sent now reaches nobody."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def _send(self, answer: Answer, seen: Seen) -> bool:
        """Send it; whether all of it went out."""
        if answer.hang_up or (answer.reset and answer.cut_at is None):
            return self._break_off(answer)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if not answer.drip and answer.pieces is None:
            self.send_header("Content-Length", str(len(answer.body)))
        if not answer.drip:
            self.owner.leaving(seen)
        self.end_headers()
        for part in answer.parts():
            self.wfile.write(part)
            self.wfile.flush()
            if answer.pause and not self._wait(answer.pause):
                return False
        return answer.cut_at is None or self._break_off(answer)

    def _break_off(self, answer: Answer) -> bool:
        if answer.reset:
            # Without lingering, closing sends a reset instead of an end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        return False


FakeUpstream.handler = _Handler


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())
