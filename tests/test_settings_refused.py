"""Settings that GradeBench cannot keep to are refused at its start, with what to write instead."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from gradebench import settings

# The same on both databases: once is enough.
pytestmark = pytest.mark.sqlite


def _proxies() -> Any:
    return settings._networks("GRADEBENCH_TRUSTED_PROXIES")


def _factor() -> Any:
    return settings._one_of("GRADEBENCH_REQUIRE_SECOND_FACTOR", ("none", "staff"))


@pytest.mark.parametrize(
    ("read", "name", "value", "words"),
    [
        (_proxies, "GRADEBENCH_TRUSTED_PROXIES", "proxy.example", "addresses and ranges"),
        (_proxies, "GRADEBENCH_TRUSTED_PROXIES", "10.0.0.1/8", "addresses and ranges"),
        (_factor, "GRADEBENCH_REQUIRE_SECOND_FACTOR", "all", "one of: none, staff"),
        (settings._openid_connect, "GRADEBENCH_OIDC_CLIENT_ID", "gradebench", "GRADEBENCH_OIDC_CLIENT_SECRET"),
    ],
)
def test_it_is_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[], Any], name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(settings, "OIDC_ISSUER", "https://login.acme.example")
    with pytest.raises(ImproperlyConfigured, match=words):
        read()


def test_ranges_and_addresses_are_read_and_nothing_is_trusted_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADEBENCH_TRUSTED_PROXIES", raising=False)
    assert _proxies() == ()
    monkeypatch.setenv("GRADEBENCH_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1")
    assert [str(network) for network in _proxies()] == ["10.0.0.0/8", "192.0.2.1/32"]
