"""A passage to a GradeBench that is somebody's upstream: it passes every request on, and keeps what was asked."""

import requests

from tests.fake_upstream import Seen
from tests.loopback import Handler, Loopback

# What belongs to one connection, and what is written anew for the next.
NOT_PASSED_ON = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "date", "server"}


class Passage(Loopback):
    """Use it as a context manager. `seen` has every request in order; `url` is where it stands in for `there`.

    `answered` has those that were answered, each with the status.
    """

    def __init__(self, there: str) -> None:
        self.there = there
        self.seen: list[Seen] = []
        self.answered: list[tuple[Seen, int]] = []
        super().__init__()

    @property
    def posts(self) -> list[str]:
        """Method and path of everything that was meant to change something there."""
        return [f"{seen.method} {seen.path}" for seen in self.seen if seen.method != "GET"]


class _Handler(Handler[Passage]):
    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        passage = self.owner
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


Passage.handler = _Handler
