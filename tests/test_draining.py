"""A web server that is told to stop answers all that reached it, and what comes later is refused, not lost."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradebench import draining
from tests.services import HOST, bound_to_parent, free_port

pytestmark = pytest.mark.sqlite
# An application that answers when it is told to.
SLOW = """
import os, pathlib, time
def application(environ, start_response):
    gate = pathlib.Path(os.environ["GATE"])
    while environ["PATH_INFO"] == "/slow" and not gate.exists():
        time.sleep(0.01)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


def test_a_closed_door_lets_in_who_had_come_and_nobody_else() -> None:
    with socket.create_server((HOST, 0)) as listening, socket.create_connection(listening.getsockname()) as early:
        with contextlib.closing(socket.socket()) as late:
            assert draining.waiting(listening) == 1
            accepted: list[socket.socket] = []
            taken = threading.Thread(target=lambda: accepted.append(listening.accept()[0]))
            taken.start()
            draining.close_door([listening])
            taken.join()
            assert draining.waiting(listening) == 0

            late.settimeout(0.2)
            with pytest.raises(TimeoutError):
                late.connect(listening.getsockname())
        early.sendall(b"hello")
        assert accepted[0].recv(5) == b"hello"
        accepted[0].close()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[bytes]", tuple[str, int], Path]]:
    """gunicorn with our settings and an application that waits for a file: the process, its address, the file."""
    (tmp_path / "slow.py").write_text(SLOW)
    address, gate = (HOST, free_port()), tmp_path / "gate"
    env = os.environ | {
        "GATE": str(gate),
        "GRADEBENCH_WEB_BIND": f"{address[0]}:{address[1]}",
        "PYTHONPATH": f"{tmp_path}:{Path(__file__).parent.parent}",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *bound_to_parent("KILL"),
                *(sys.executable, "-m", "gunicorn", "slow:application"),
                *("--config", "python:gradebench.gunicorn_conf"),
            ],
            env=env,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    try:
        yield process, address, gate
    finally:
        process.kill()
        process.wait()


def test_a_server_that_stops_answers_what_reached_it_and_refuses_what_did_not(
    web: tuple["subprocess.Popen[bytes]", tuple[str, int], Path],
) -> None:
    process, address, gate = web
    wait_for(address)
    with socket.create_connection(address) as held:
        held.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        process.send_signal(signal.SIGTERM)
        while (status := status_of(address)) == "200 OK":
            pass
        assert status in ("refused", "silence")
        gate.touch()
        assert held.recv(4096).startswith(b"HTTP/1.1 200 OK")
    assert process.wait(30) == 0
    assert status_of(address) == "refused"


def status_of(address: tuple[str, int]) -> str:
    """How an attempt went: the answer's status; refused; or silence before anything was sent."""
    try:
        connection = socket.create_connection(address, timeout=0.1)
    except TimeoutError:
        return "silence"
    except ConnectionRefusedError:
        return "refused"
    with connection:
        connection.settimeout(20)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return connection.recv(4096).decode().partition("\r\n")[0].partition(" ")[2] or "cut off"


def wait_for(address: tuple[str, int]) -> None:
    """Until it accepts."""
    while status_of(address) == "refused":
        time.sleep(0.02)
