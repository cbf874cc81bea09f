"""Tokens at rest: opened only by whom and for what they were sealed."""

import base64

import pytest
from pytest_django.fixtures import Settings

from reviews.workflow import sealing
from reviews.workflow.sealing import SealBroken, seal, unseal

OLD = base64.urlsafe_b64encode(b"o" * 32).decode()
NEW = base64.urlsafe_b64encode(b"n" * 32).decode()
HERE = "upstream-1 https://log10.example"


@pytest.fixture(autouse=True)
def _old_key(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [OLD]


def test_it_opens_what_it_sealed() -> None:
    assert unseal(seal("tökən", bound_to=HERE), bound_to=HERE) == "tökən"


def test_it_shows_nothing_and_never_the_same_twice() -> None:
    one, other = seal("secret", bound_to=HERE), seal("secret", bound_to=HERE)
    assert one != other
    assert "secret" not in one


@pytest.mark.parametrize("other", ["upstream-1 https://evil.example", "upstream-2 https://log10.example", ""])
def test_it_does_not_open_for_another_upstream_or_url(other: str) -> None:
    with pytest.raises(SealBroken, match="another upstream or URL"):
        unseal(seal("secret", bound_to=HERE), bound_to=other)


def test_it_opens_with_the_old_key_while_that_is_kept(settings: Settings) -> None:
    before = seal("secret", bound_to=HERE)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    after = seal("secret", bound_to=HERE)
    assert unseal(before, bound_to=HERE) == "secret"
    settings.ENCRYPTION_KEYS = [NEW]
    assert unseal(after, bound_to=HERE) == "secret"


def test_it_says_when_the_key_is_gone(settings: Settings) -> None:
    sealed = seal("secret", bound_to=HERE)
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(SealBroken, match="Add the old key behind the present one"):
        unseal(sealed, bound_to=HERE)


def test_it_takes_a_key_of_any_text(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["a passphrase"]
    assert unseal(seal("secret", bound_to=HERE), bound_to=HERE) == "secret"


def test_it_does_not_open_what_was_tampered_with() -> None:
    version, key, box = seal("secret", bound_to=HERE).split(".")
    raw = bytearray(base64.urlsafe_b64decode(box))
    raw[sealing.NONCE_BYTES] ^= 1
    with pytest.raises(SealBroken):
        unseal(f"{version}.{key}.{base64.urlsafe_b64encode(bytes(raw)).decode()}", bound_to=HERE)


@pytest.mark.parametrize("odd", ["", "secret", "v1.a", "v1.a.b.c", "v1.a.?", "v1.a.é"])
def test_it_says_when_it_is_no_seal_at_all(odd: str) -> None:
    with pytest.raises(SealBroken):
        unseal(odd, bound_to=HERE)


@pytest.mark.parametrize("kept", [0, 4, 12, 20])
def test_it_does_not_open_what_was_cut_short(kept: int) -> None:
    version, key, box = seal("secret", bound_to=HERE).split(".")
    short = base64.urlsafe_b64encode(base64.urlsafe_b64decode(box)[:kept]).decode()
    with pytest.raises(SealBroken):
        unseal(f"{version}.{key}.{short}", bound_to=HERE)
