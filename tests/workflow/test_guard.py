"""Where requests may go."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from reviews.workflow import guard
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
    "64:ff9b:1::7f00:1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "fec0::1",
    "100::1",
    "2001:0:7f00:1::",
    "3fff::1",
    "5f00::1",
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
        try:
            peer, _ = self._server.accept()
        except OSError:
            # Closed before anybody came.
            return
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


SPELLINGS = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.1",
    "0",
    "log10.example@127.0.0.1",
    "log10.example:443@127.0.0.1",
]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", SPELLINGS)
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


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1\\@log10.example:{port}/",
        "http://127。0。0。1:{port}/",
        "http://①②⑦.0.0.1:{port}/",
        "http:///127.0.0.1:{port}/",
        "http://127.0.0.1 :{port}/",
        "ftp://127.0.0.1:{port}/",
        "file://127.0.0.1:{port}/etc/passwd",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/_x",
        "unix:///var/run/docker.sock",
        "//127.0.0.1:{port}/",
        "127.0.0.1:{port}/",
    ],
)
def test_it_makes_no_connection_for_what_is_no_web_address(listener: Listener, url: str) -> None:
    """Not even where the peer would be allowed."""
    with guard.GuardedSession(["0.0.0.0/0", "::/0"]) as session, pytest.raises(requests.RequestException):
        session.post(url.format(port=listener.port), data=b"x", headers={"X-Log10-Token": "secret"}, timeout=2)
    assert listener.peers == 0


class Names:
    """A name whose addresses change: each lookup takes the next answer, and the last one stays."""

    NAME = "log10.example"

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0
        self._real = socket.getaddrinfo

    def __call__(self, host: str, *given: Any, **named: Any) -> list[Any]:
        """In place of socket.getaddrinfo."""
        if host != self.NAME:
            return self._real(host, *given, **named)
        self.asked += 1
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [found for address in addresses for found in self._real(address, *given, **named)]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Names]:
    """Sets the answers that log10.example gives from now on."""

    def answer(*answers: list[str]) -> Names:
        made = Names(*answers)
        monkeypatch.setattr(socket, "getaddrinfo", made)
        return made

    return answer


def addresses_of(name: str) -> set[str]:
    """What a check before connecting would see."""
    return {str(found[4][0]) for found in socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)}


def test_it_is_not_deceived_by_a_name_that_was_public_when_it_was_looked_up(
    listener: Listener, names: Callable[..., Names]
) -> None:
    answered = names(["93.184.215.14"], ["127.0.0.1"])
    checked = addresses_of(Names.NAME)
    assert all(guard.may_reach(address, Names.NAME, listener.port, []) for address in checked)
    with guard.GuardedSession([]) as session, pytest.raises(requests.ConnectionError, match=r"is at 127\.0\.0\.1"):
        session.post(f"http://{Names.NAME}:{listener.port}/", data=b"x", headers={"X-Log10-Token": "s"}, timeout=5)
    assert answered.asked == 2
    assert listener.ended.wait(5)
    assert (listener.peers, listener.received) == (1, b"")


def test_it_checks_each_connection_anew(names: Callable[..., Names]) -> None:
    """A name that was allowed by its address is not when it moves."""
    names(["127.0.0.1"], ["127.0.0.2"])
    with FakeUpstream() as upstream, guard.GuardedSession(["127.0.0.1"]) as session:
        url = f"http://{Names.NAME}:{upstream.port}/x"
        assert session.get(url, timeout=5).status_code == 401
        with socket.create_server(("127.0.0.2", upstream.port)) as elsewhere:
            elsewhere.settimeout(5)
            with pytest.raises(requests.ConnectionError, match=r"is at 127\.0\.0\.2"):
                session.get(url, headers={"X-Log10-Token": "secret"}, timeout=5)
            peer, _ = elsewhere.accept()
            with peer:
                peer.settimeout(5)
                assert peer.recv(1024) == b""
        assert len(upstream.seen) == 1


def test_it_checks_the_address_that_answered_of_several(listener: Listener, names: Callable[..., Names]) -> None:
    """The first refuses the connection, so the second is tried: that is the one to judge."""
    names(["127.0.0.9", "127.0.0.1"])
    with (
        guard.GuardedSession(["127.0.0.9"]) as session,
        pytest.raises(requests.ConnectionError, match=r"at 127\.0\.0\.1,"),
    ):
        session.post(f"http://{Names.NAME}:{listener.port}/", data=b"x", timeout=5)
    assert listener.ended.wait(5)
    assert listener.received == b""
