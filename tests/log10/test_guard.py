"""Where requests may go."""

import socket
import threading
from collections.abc import Iterator

import pytest
import requests

from reviews.log10 import guard
from tests.fake_upstream import FakeUpstream

PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8", "64:ff9b::808:808"]
CLOSED = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.7",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_it_reaches_public_addresses(address: str) -> None:
    assert guard.may_reach(address, "log10.example", 443, [])


@pytest.mark.parametrize("address", CLOSED)
def test_it_reaches_no_other(address: str) -> None:
    assert not guard.may_reach(address, "log10.example", 443, [])


@pytest.mark.parametrize(
    ("address", "allow"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("::1", "::1"),
        ("fd12:3456::1", "fd00::/8"),
        ("10.1.2.3", "inner.example"),
        ("10.1.2.3", "inner.example:8443"),
    ],
)
def test_it_reaches_what_is_allowed(address: str, allow: str) -> None:
    assert guard.may_reach(address, "inner.example", 8443, ["elsewhere.example", allow])


@pytest.mark.parametrize(
    ("address", "allow"),
    [
        ("192.168.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "inner.example:443"),
        ("10.1.2.3", "outer.example"),
        ("10.1.2.3", "example"),
        ("10.1.2.3", ""),
        ("10.1.2.3", "not/an/address"),
        ("::1", "127.0.0.0/8"),
    ],
)
def test_it_reaches_nothing_beside_what_is_allowed(address: str, allow: str) -> None:
    assert not guard.may_reach(address, "inner.example", 8443, [allow])


class Listener:
    """A server on loopback that says nothing and counts what it gets."""

    def __init__(self) -> None:
        self.received = b""
        self.peers = 0
        self.ended = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        peer, _ = self._server.accept()
        self.peers += 1
        with peer:
            while data := peer.recv(1024):
                self.received += data
        self.ended.set()

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    yield server
    server.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_it_sends_no_byte_to_a_peer_that_it_may_not_reach(listener: Listener, scheme: str, host: str) -> None:
    with (
        guard.GuardedSession([]) as session,
        pytest.raises(requests.ConnectionError, match="GRADEBENCH_OUTBOUND_ALLOW"),
    ):
        session.post(f"{scheme}://{host}:{listener.port}/", data=b"x", headers={"X-Log10-Token": "secret"}, timeout=5)
    assert listener.ended.wait(5)
    assert (listener.peers, listener.received) == (1, b"")


def test_it_does_not_go_through_a_proxy_of_the_environment(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{listener.port}")
    with FakeUpstream() as upstream, guard.GuardedSession(["127.0.0.0/8"]) as session:
        assert session.get(f"{upstream.url}/x", timeout=5).status_code == 401
    assert listener.peers == 0


def test_it_ends_every_connection_when_it_is_cut() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, guard.GuardedSession(["127.0.0.1"]) as session:
        threading.Timer(0.2, session.cut).start()
        with pytest.raises(requests.ConnectionError):
            session.get(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=20)
