"""A real HTTP server on a free port of loopback, for as long as a `with` lasts.

class Greeter(Loopback):
    greeting = b"hello"

class _Handler(Handler[Greeter]):
    def do_GET(self) -> None:
        self.wfile.write(self.owner.greeting)

Greeter.handler = _Handler
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Generic, Self, TypeVar, cast


class Loopback:
    """Listens inside of `with`, on `host`. `handler` answers for it, a thread for each connection."""

    handler: ClassVar[type[BaseHTTPRequestHandler]]
    host: ClassVar[str] = "127.0.0.1"

    def __init__(self) -> None:
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """Of its host."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: Loopback) -> None:
        self.owner = owner
        super().__init__((owner.host, 0), owner.handler)


L = TypeVar("L", bound=Loopback)


class Handler(BaseHTTPRequestHandler, Generic[L]):
    """Answers for `owner`, and prints nothing."""

    @property
    def owner(self) -> L:
        """Whose server this is."""
        return cast(L, cast(_Server, self.server).owner)

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""
