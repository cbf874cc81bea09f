"""The outbound guard: where requests to an upstream, or for a picture, may go, checked on the address that was really
reached.

A name can change its answer between a check and the connection, so the check comes after connecting and before the
first byte of the request, token included, is written.
"""

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# All of IPv6 that is given out for public use. Beside it are forms that lead into a network, or to an IPv4 address
# within, and that Python's `is_global` takes for public: site-local, IPv4-compatible, local NAT64, and more to come.
GIVEN_OUT = ipaddress.IPv6Network("2000::/3")
EXAMPLES = ipaddress.IPv6Network("3fff::/20")


class Blocked(NewConnectionError):
    """The peer's address is one that GradeBench does not talk to; `sentence` says which, and what lets it through."""

    def __init__(self, connection: HTTPConnection, sentence: str) -> None:
        super().__init__(connection, sentence)
        self.sentence = sentence


def may_reach(address: str, host: str, port: int, allow: list[str]) -> bool:
    """Whether `address`, reached under the name `host`, is public or allowed.

    `allow` holds hosts (`name` or `name:port`) and addresses or ranges (CIDR) of private upstreams.
    """
    if host in allow or f"{host}:{port}" in allow:
        return True
    peer = _plain(ipaddress.ip_address(address))
    if any(peer in network for network in _networks(allow)):
        return True
    return _is_public(peer)


def _is_public(peer: Address) -> bool:
    if isinstance(peer, ipaddress.IPv6Address) and (peer not in GIVEN_OUT or peer in EXAMPLES):
        return False
    return peer.is_global and not peer.is_multicast


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does: mapped, 6to4, or through a NAT64 gateway."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _networks(allow: list[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    networks = []
    for entry in allow:
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            continue
    return networks


def _checked(connection: HTTPConnection, sock: socket.socket, adapter: "GuardedAdapter") -> socket.socket:
    address = sock.getpeername()[0]
    if may_reach(address, connection.host, connection.port or 0, adapter.allow):
        adapter.opened.append(sock.dup())
        return sock
    sock.close()
    raise Blocked(
        connection,
        f"{connection.host} is at {address}, an address that is not public. "
        "Name the host or its range in GRADEBENCH_OUTBOUND_ALLOW to let it through.",
    )


class GuardedAdapter(HTTPAdapter):
    """Sends requests through connections that check their peer. No proxy is used, whatever the environment says."""

    def __init__(self, allow: list[str]) -> None:
        self.allow = list(allow)
        # A second handle of each connection: under TLS the first passes into the hands of the TLS socket.
        self.opened: list[socket.socket] = []
        super().__init__(max_retries=0)

    def cut(self) -> None:
        """End every connection; whoever waits for one in another thread stops waiting."""
        for sock in self.opened:
            # It may have ended by itself.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        super().close()
        while self.opened:
            self.opened.pop().close()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        adapter = self

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _checked(self, super()._new_conn(), adapter)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _checked(self, super()._new_conn(), adapter)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


class GuardedSession(requests.Session):
    """A requests session that reaches public addresses and those in `allow`, and nothing else."""

    def __init__(self, allow: list[str]) -> None:
        super().__init__()
        self.trust_env = False
        self._adapters = [GuardedAdapter(allow), GuardedAdapter(allow)]
        for scheme, adapter in zip(("http://", "https://"), self._adapters, strict=True):
            self.mount(scheme, adapter)

    def cut(self) -> None:
        """End every connection at once, from whatever thread."""
        for adapter in self._adapters:
            adapter.cut()

    @contextmanager
    def cut_after(self, seconds: float) -> Iterator[None]:
        """End them when the time is over: a peer that sends a byte now and then meets no read timeout."""
        timer = threading.Timer(seconds, self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
