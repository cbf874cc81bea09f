"""The outbound guard: where requests to an upstream may go, checked on the address that was really reached.

A name can change its answer between a check and the connection, so the check comes after connecting and before the
first byte of the request, token included, is written.
"""

import ipaddress
import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Blocked(NewConnectionError):
    """The peer's address is one that GradeBench does not talk to."""


def may_reach(address: str, host: str, port: int, allow: list[str]) -> bool:
    """Whether `address`, reached under the name `host`, is public or allowed.

    `allow` holds hosts (`name` or `name:port`) and addresses or ranges (CIDR) of private upstreams.
    """
    if host in allow or f"{host}:{port}" in allow:
        return True
    peer = _plain(ipaddress.ip_address(address))
    if any(peer in network for network in _networks(allow)):
        return True
    return peer.is_global and not peer.is_multicast


def _plain(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _networks(allow: list[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    networks = []
    for entry in allow:
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            continue
    return networks


def _checked(connection: HTTPConnection, sock: socket.socket, allow: list[str]) -> socket.socket:
    address = sock.getpeername()[0]
    if may_reach(address, connection.host, connection.port or 0, allow):
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
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        allow = self.allow

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _checked(self, super()._new_conn(), allow)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _checked(self, super()._new_conn(), allow)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def session(allow: list[str]) -> requests.Session:
    """A requests session that reaches public addresses and those in `allow`, and nothing else."""
    guarded = requests.Session()
    guarded.trust_env = False
    guarded.mount("http://", GuardedAdapter(allow))
    guarded.mount("https://", GuardedAdapter(allow))
    return guarded
