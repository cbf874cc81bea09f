"""Load over HTTP: clients with a connection each that is kept, and what they measure.

A client writes prepared bytes to a socket and reads just as much of the answer as it needs, which costs this process
about 50 µs a request: on two cores the driver must not be what is measured. Its own processor time stands in each
`Sample` beside that of the servers.
"""

import contextlib
import math
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import psutil

from tests.services import HOST

TIMEOUT = 120
SAMPLE_SECONDS = 0.05
# A client's work: a generator that yields what it did and the seconds that it took, operation by operation.
Work = Iterator[tuple[str, float]]


@dataclass(frozen=True)
class Answer:
    """An answer of the server."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def location(self) -> str:
        """Where it leads."""
        return self.headers.get(b"location", b"").decode()


class Client:
    """One connection, opened when it is needed; `headers` go with each request."""

    def __init__(self, port: int, headers: dict[str, str] | None = None) -> None:
        self._address = (HOST, port)
        given = {"Host": HOST, **(headers or {})}
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def prepared(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """The bytes of a request."""
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
        return f"{method} {path} HTTP/1.1\r\n{self._headers}{more}{length}\r\n".encode() + body

    def get(self, path: str) -> Answer:
        """One page."""
        return self.send(self.prepared("GET", path))

    def send(self, request: bytes) -> Answer:
        """Send what was prepared. Once more, on a new connection, where the server had closed the one that is kept."""
        if self._socket is not None:
            with contextlib.suppress(ConnectionError):
                return self._exchange(self._socket, request)
            self.close()
        self._socket = socket.create_connection(self._address, TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._exchange(self._socket, request)

    def _exchange(self, connection: socket.socket, request: bytes) -> Answer:
        connection.sendall(request)
        read = b""
        while (end := read.find(b"\r\n\r\n")) < 0:
            read += _some(connection)
        first, *lines = read[:end].split(b"\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)}
        body = read[end + 4 :]
        if headers.get(b"transfer-encoding") == b"chunked":
            body = _chunked(connection, body)
        else:
            parts, missing = [body], int(headers.get(b"content-length", 0)) - len(body)
            while missing > 0:
                parts.append(_some(connection))
                missing -= len(parts[-1])
            body = b"".join(parts)
        if headers.get(b"connection") == b"close":
            self.close()
        return Answer(int(first.split(b" ", 2)[1]), headers, body)


def _some(connection: socket.socket) -> bytes:
    read = connection.recv(262_144)
    if not read:
        raise ConnectionResetError("The server has closed the connection.")
    return read


def _chunked(connection: socket.socket, read: bytes) -> bytes:
    body: list[bytes] = []
    while True:
        while b"\r\n" not in read:
            read += _some(connection)
        size, _, read = read.partition(b"\r\n")
        length = int(size, 16)
        while len(read) < length + 2:
            read += _some(connection)
        if not length:
            return b"".join(body)
        body.append(read[:length])
        read = read[length + 2 :]


@dataclass(frozen=True)
class Sample:
    """What came of some operations of a kind. `seconds` is what each request took, `wall` all of them; `cpu` is that of
    the servers and `driver` of this process in that time; `memory` the peak of the largest web process, in MB.
    """

    clients: int
    seconds: tuple[float, ...]
    wall: float
    cpu: float
    driver: float
    memory: float
    # What one request does of it: rows of a bulk request, say.
    each: int = 1

    @property
    def operations(self) -> int:
        return len(self.seconds) * self.each

    @property
    def per_second(self) -> float:
        return self.operations / self.wall

    def percentile(self, share: float) -> float:
        """Milliseconds that this share of the operations took at most."""
        return sorted(self.seconds)[math.ceil(len(self.seconds) * share) - 1] * 1000

    @property
    def cpu_each(self) -> float:
        """Milliseconds of the servers' processors for each."""
        return self.cpu / self.operations * 1000

    @property
    def driver_each(self) -> float:
        """Those of the driver."""
        return self.driver / self.operations * 1000


class Servers:
    """The processes that serve: their processor time and the memory of those named in `web`."""

    def __init__(self, roots: Sequence[int], web: int) -> None:
        self._roots, self._web = roots, web

    def processor(self) -> float:
        """Seconds so far, of all that live."""
        total = 0.0
        for process in self._family(self._roots):
            with contextlib.suppress(psutil.NoSuchProcess):
                # Those of children that have ended are told by their parent.
                total += sum(process.cpu_times()[:4])
        return total

    def web(self) -> list[psutil.Process]:
        """The web processes; of gunicorn the workers, not the one that only looks after them."""
        family = self._family([self._web])
        return family[1:] or family

    @staticmethod
    def _family(pids: Sequence[int]) -> list[psutil.Process]:
        parents = [psutil.Process(pid) for pid in pids]
        return [process for parent in parents for process in (parent, *parent.children(recursive=True))]


class Memory:
    """The peak of the resident memory of the largest of some processes, in MB, while it is asked for."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = processes
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peak = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while True:
            for process in self._processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    self.peak = max(self.peak, process.memory_info().rss / 1e6)
            if self._ended.wait(SAMPLE_SECONDS):
                return


def run(servers: Servers, works: Sequence[Work], *, each: int = 1) -> dict[str, Sample]:
    """All clients at once, each until its work ends; a sample of each kind of operation."""
    start = threading.Barrier(len(works) + 1)

    def client(work: Work) -> list[tuple[str, float]]:
        start.wait()
        return list(work)

    with ThreadPoolExecutor(len(works)) as threads, Memory(servers.web()) as memory:
        asked = [threads.submit(client, work) for work in works]
        cpu, own = servers.processor(), time.process_time()
        start.wait()
        began = time.perf_counter()
        done = [pair for one in asked for pair in one.result()]
        wall = time.perf_counter() - began
        cpu, own = servers.processor() - cpu, time.process_time() - own
    kinds = dict.fromkeys(kind for kind, _ in done)
    return {
        kind: Sample(
            clients=len(works),
            seconds=tuple(seconds for name, seconds in done if name == kind),
            wall=wall,
            cpu=cpu,
            driver=own,
            memory=memory.peak,
            each=each,
        )
        for kind in kinds
    }


def timed(client: Client, request: bytes) -> tuple[Answer, float]:
    """An answer and the seconds that it took."""
    began = time.perf_counter()
    answer = client.send(request)
    return answer, time.perf_counter() - began


def asking(client: Client, requests: Iterable[bytes], what: str = "asked") -> Work:
    """One request after the other; each must succeed."""
    with client:
        for request in requests:
            answer, seconds = timed(client, request)
            succeeded(answer)
            yield what, seconds


def succeeded(answer: Answer) -> None:
    """Raises AssertionError for anything but 200."""
    assert answer.status == 200, f"{answer.status} {answer.body[:300]!r}"
