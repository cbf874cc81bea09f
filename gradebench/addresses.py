"""From where a request comes, as far as it can be known."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address


def address_of(request: HttpRequest) -> str | None:
    """Whoever speaks to us; behind proxies of GRADEBENCH_TRUSTED_PROXIES, whom the outermost of them names. What
    anybody else writes into X-Forwarded-For counts for nothing.
    """
    found = _read(request.META.get("REMOTE_ADDR", ""))
    for named in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        if found is None or not _is_trusted(found):
            break
        before = _read(named)
        if before is None:
            break
        found = before
    return str(found) if found else None


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def _read(text: str) -> Address | None:
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
