"""Settings that GradeBench cannot keep to are refused at its start, with what to write instead."""

from collections.abc import Callable
from pathlib import Path
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


# Secrets from files ----------------------------------------------------------------------------------------------


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GRADEBENCH_METRICS_TOKEN", raising=False)
    assert settings._given("GRADEBENCH_METRICS_TOKEN") == ""
    path = tmp_path / "token"
    path.write_text("$x, that is a secret\n")
    monkeypatch.setenv("GRADEBENCH_METRICS_TOKEN_FILE", str(path))
    assert settings._given("GRADEBENCH_METRICS_TOKEN") == "$x, that is a secret"
    monkeypatch.setenv("GRADEBENCH_METRICS_TOKEN", "")
    assert settings._given("GRADEBENCH_METRICS_TOKEN") == "$x, that is a secret"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, r"cannot be read \(No such file or directory\): put the value there"),
        (b"\xff\xfe", r"cannot be read \(it is no text\)"),
        (b" \n", "is empty: put the value of SECRET_KEY there"),
    ],
)
def test_a_file_without_a_secret_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(path))
    with pytest.raises(ImproperlyConfigured, match=f"SECRET_KEY_FILE names {path}, which {words}"):
        settings._given("SECRET_KEY")


def test_a_secret_that_is_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("one of two")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("SECRET_KEY", "the other")
    with pytest.raises(ImproperlyConfigured, match="Both SECRET_KEY and SECRET_KEY_FILE are set") as refused:
        settings._given("SECRET_KEY")
    assert "one of two" not in str(refused.value)
    assert "the other" not in str(refused.value)
