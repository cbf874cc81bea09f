"""A balancer before several web processes, in a process of its own. `python -m tests.bench.load.balancer PORT…` prints
the port that it listens on.

Each connection carries one request to the next server in turn. What could not be handed over goes to another one, and
so does a GET whose server went away before it said anything; any other request that is broken off is answered 502, for
nobody knows what became of it. That is what nginx does with `proxy_next_upstream error`.
"""

import asyncio
import contextlib
import itertools
import re
import sys

from tests.services import HOST, free_port

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CONNECTION = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PIECE = 65_536
# How long a server that refused a connection is not asked.
REST = 0.5


class Balancer:
    """Hands requests to the servers on these ports."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._turns = itertools.count()
        self._resting: dict[int, float] = {}
        # Nobody else keeps hold of them while they wait.
        self._tasks: set[asyncio.Task[None] | None] = set()

    async def listen(self, port: int) -> asyncio.Server:
        """Take requests from now on."""
        return await asyncio.start_server(self._handle, HOST, port, backlog=512)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            request = await _read_request(reader)
            if not await self._pass_on(request, writer):
                writer.write(BAD_GATEWAY)
            await writer.drain()
        writer.close()
        self._tasks.discard(task)

    async def _pass_on(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Whether any server answered."""
        for port in self._in_turn():
            try:
                reader, server = await asyncio.open_connection(HOST, port)
            except OSError:
                self._resting[port] = asyncio.get_running_loop().time() + REST
                continue
            try:
                server.write(request)
                if first := await _read(reader):
                    writer.write(first)
                    while piece := await _read(reader):
                        writer.write(piece)
                        await writer.drain()
                    return True
            finally:
                server.close()
            if not request.startswith(b"GET "):
                return False
        return False

    def _in_turn(self) -> list[int]:
        """Each server once, the one whose turn it is first, those that refused a moment ago last."""
        start, now = next(self._turns) % len(self._ports), asyncio.get_running_loop().time()
        turn = self._ports[start:] + self._ports[:start]
        return sorted(turn, key=lambda port: self._resting.get(port, 0.0) > now)


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    found = LENGTH.search(head)
    body = await reader.readexactly(int(found.group(1))) if found else b""
    return CONNECTION.sub(b"", head).removesuffix(b"\r\n") + b"Connection: close\r\n\r\n" + body


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Some of the answer; nothing at its end, and where the server went away."""
    try:
        return await reader.read(PIECE)
    except OSError:
        return b""


async def main() -> None:
    """Until the process ends."""
    server = await Balancer([int(word) for word in sys.argv[1:]]).listen(port := free_port())
    print(port, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
