"""A passage to a GradeBench that is somebody's upstream: it passes every request on, and keeps what was asked."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import requests

from tests.fake_upstream import Seen

# What belongs to one connection, and what is written anew for the next.
NOT_PASSED_ON = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "date", "server"}


class Passage:
    """Use it as a context manager. `seen` has every request in order; `url` is where it stands in for `there`.

    `answered` has those that were answered, each with the status.
    """

    def __init__(self, there: str) -> None:
        self.there = there
        self.seen: list[Seen] = []
        self.answered: list[tuple[Seen, int]] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def posts(self) -> list[str]:
        """Method and path of everything that was meant to change something there."""
        return [f"{seen.method} {seen.path}" for seen in self.seen if seen.method != "GET"]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""

    def _pass_on(self) -> None:
        passage = self.server.passage
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in NOT_PASSED_ON}
        seen = Seen(self.command, self.path, headers, body)
        passage.seen.append(seen)
        url = f"{passage.there}{self.path}"
        answer = requests.request(self.command, url, headers=headers, data=body, timeout=60, allow_redirects=False)
        passage.answered.append((seen, answer.status_code))
        self.close_connection = True
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in NOT_PASSED_ON | {"content-encoding"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)
