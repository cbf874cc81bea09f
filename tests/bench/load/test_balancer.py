"""The balancer repeats what is safe to repeat, and nothing else."""

import asyncio

import pytest

from tests.bench.load.balancer import BAD_GATEWAY, Balancer
from tests.services import HOST, free_port

pytestmark = pytest.mark.sqlite

ANSWER = b"HTTP/1.1 200 OK\r\n\r\nhere"


async def _well(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER)
    writer.close()


async def _killed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes a request, and is gone."""
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def _answers(method: str, *servers: object) -> list[bytes]:
    """What a request of this method is answered, whoever's turn it is first; a server that is None does not listen."""
    listening = [await asyncio.start_server(serve, HOST, 0) if serve else None for serve in servers]  # type: ignore[arg-type]
    ports = [server.sockets[0].getsockname()[1] if server else free_port() for server in listening]
    balancer = await Balancer(ports).listen(0)
    answers = []
    for _ in servers:
        reader, writer = await asyncio.open_connection(HOST, balancer.sockets[0].getsockname()[1])
        writer.write(f"{method} / HTTP/1.1\r\n\r\n".encode())
        answers.append(await reader.read())
        writer.close()
    return answers


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_could_not_be_handed_over_goes_to_another(method: str) -> None:
    assert asyncio.run(_answers(method, None, _well)) == [ANSWER, ANSWER]


def test_a_get_that_was_broken_off_is_repeated() -> None:
    assert asyncio.run(_answers("GET", _killed, _well)) == [ANSWER, ANSWER]


def test_a_post_that_was_broken_off_is_not() -> None:
    assert asyncio.run(_answers("POST", _killed, _well)) == [BAD_GATEWAY, ANSWER]


def test_with_nobody_there_it_says_so() -> None:
    assert asyncio.run(_answers("GET", None)) == [BAD_GATEWAY]
