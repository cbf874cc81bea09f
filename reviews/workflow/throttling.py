"""How often a password or a code may be tried. Counted in the database: all web processes know, and nothing else has to
be there. Nobody is locked out for longer than the window.
"""

import hashlib
import math
import unicodedata
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from reviews.models import SignInAttempt
from reviews.workflow import clock

MOST = 10
WINDOW = timedelta(minutes=15)


class TooMany(Exception):
    """Tried too often; `retry_after` is in seconds. `first` is true once per window, for the audit."""

    def __init__(self, retry_after: int, *, first: bool) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after
        self.first = first


def key_of(what: str, account: str, address: str | None = None) -> str:
    """What is counted together. The account as it was typed, whether or not there is one; of IPv6 the network, in which
    one machine has as many addresses as it likes.
    """
    name = unicodedata.normalize("NFKC", account).lower()
    parts = "\n".join((what, name, _network(address)))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


def attempt(key: str) -> None:
    """Count one attempt, before it is looked at, so that many at once are counted as well. Raises TooMany."""
    now = clock.now()
    SignInAttempt.objects.filter(at__lte=now - WINDOW).delete()
    mine = SignInAttempt.objects.create(key=key, at=now)
    others = SignInAttempt.objects.filter(key=key).exclude(pk=mine.pk).order_by("-at").values_list("at", flat=True)
    before = list(others[:MOST])
    if len(before) < MOST:
        return
    # What is refused leaves no trace, and so prolongs nothing.
    mine.delete()
    told = key_of("told", key)
    first = not SignInAttempt.objects.filter(key=told).exists()
    if first:
        SignInAttempt.objects.create(key=told, at=now)
    wait = before[-1] + WINDOW - now
    raise TooMany(max(1, math.ceil(wait.total_seconds())), first=first)


def succeeded(key: str) -> None:
    """Forget what was tried: it was she."""
    SignInAttempt.objects.filter(key=key).delete()


def _network(address: str | None) -> str:
    if address is None:
        return ""
    found = ip_address(address)
    return str(ip_network(f"{found}/64", strict=False)) if isinstance(found, IPv6Address) else str(found)
