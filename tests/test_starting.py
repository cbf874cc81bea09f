"""What production refuses to start with, and that nothing comes with a secret, a user or a token."""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from gradebench import starting
from gradebench.keyfiles import read_or_create
from gradebench.starting import Given
from reviews.models import ApiToken, Organization, SignInLink, User

GOOD = Given(
    secret_key="".join(chr(97 + number % 26) for number in range(50)),
    encryption_keys=["".join(chr(65 + number % 26) for number in range(44))],
    allowed_hosts=["gradebench.example"],
    database_url="postgres://gradebench:x@db/gradebench",
    redis_url="redis://broker:6379/0",
    debug=False,
)


def test_it_starts_with_all_of_them() -> None:
    assert starting.refusals(GOOD) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secret_key", ""),
        ("secret_key", GOOD.secret_key[:49]),
        ("secret_key", "ab" * 40),
        ("secret_key", f"django-insecure-{GOOD.secret_key}"),
        ("secret_key", f"Changeme{GOOD.secret_key}"),
        ("encryption_keys", []),
        ("encryption_keys", ["short"]),
        ("encryption_keys", [*GOOD.encryption_keys, "A" * 44]),
        ("allowed_hosts", []),
        ("allowed_hosts", ["gradebench.example", "*"]),
        ("database_url", "sqlite:////data/db.sqlite3"),
        ("redis_url", ""),
        ("debug", True),
    ],
)
def test_it_refuses_what_is_missing_or_weak_and_says_what_to_put_there(name: str, value: Any) -> None:
    (said,) = starting.refusals(replace(GOOD, **{name: value}))
    variable = {"encryption_keys": "GRADEBENCH_ENCRYPTION_KEYS"}.get(name, name.upper())
    assert said.startswith(variable)
    assert ": " in said
    assert said.endswith(".")
    assert not isinstance(value, str) or len(value) < 5 or value not in said


def test_each_installation_makes_secrets_of_its_own_that_its_owner_alone_reads(tmp_path: Path) -> None:
    first, second = (read_or_create(tmp_path / name / "secret.key") for name in ("a", "b"))
    assert first != second
    assert len(first) >= 43
    assert stat.S_IMODE((tmp_path / "a" / "secret.key").stat().st_mode) == 0o600


def test_no_secret_stands_in_the_code() -> None:
    text = (settings.BASE_DIR / "gradebench" / "settings.py").read_text()
    assert "insecure" not in text
    for secret in (settings.SECRET_KEY, *settings.ENCRYPTION_KEYS):
        assert secret not in text


@pytest.mark.django_db
def test_an_empty_installation_lets_nobody_in() -> None:
    for model in (User, Organization, ApiToken, SignInLink):
        assert not model._default_manager.exists()
    for name in ("admin", "root", "gradebench", "demo"):
        assert Client().post("/sign-in", {"username": name, "password": name}).status_code != 302
    for address in ("/sign-up", "/signup", "/register", "/accounts/signup/", "/admin/signup"):
        assert Client().get(address, follow=True).status_code in (200, 404)
        assert not User.objects.exists()
