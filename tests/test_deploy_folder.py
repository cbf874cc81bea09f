"""The examples of deploy/: the proxy, the units of systemd and the environment, read without any of these programs."""

import configparser
import re
import shlex
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import resolve

from gradebench import draining
from reviews.log10 import client, pushes
from tests import gunicorn_settings
from tests.instances import ROOT, compose_command

pytestmark = pytest.mark.sqlite
DEPLOY = ROOT / "deploy"
NGINX = (DEPLOY / "nginx" / "gradebench.conf").read_text()
KNOWN = "".join((ROOT / "gradebench" / name).read_text() for name in ("settings.py", "gunicorn_conf.py"))
ROLES = ("web", "worker", "beat")
SIZES = {"m": 1024**2, "g": 1024**3}


def directives(text: str) -> list[list[str]]:
    """nginx's statements as words, those of blocks with their opening brace; raises where one has no end."""
    plain = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    found: list[list[str]] = []
    words: list[str] = []
    depth = 0
    for token in re.findall(r"'[^']*'|\"[^\"]*\"|[{};]|[^\s{};]+", plain):
        if token == "}":
            assert not words, f"no semicolon after {words}"
            depth -= 1
        elif token in (";", "{"):
            depth += token == "{"
            found.append([*words, *(["{"] if token == "{" else [])])
            words = []
        else:
            words.append(token)
    assert (words, depth) == ([], 0), "something is left open"
    return found


def values(name: str) -> list[str]:
    """What a directive of the proxy is set to, wherever it stands."""
    return [" ".join(words[1:]) for words in directives(NGINX) if words[0] == name]


@pytest.mark.parametrize("path", sorted((DEPLOY / "nginx").glob("*.conf")), ids=lambda path: path.name)
def test_nginx_finds_its_statements_whole(path: Path) -> None:
    assert directives(path.read_text())


def test_the_proxy_sends_everything_to_the_upstream_that_its_files_name() -> None:
    assert set(values("proxy_pass")) == {"http://gradebench"}
    for path in (DEPLOY / "nginx").glob("upstream-*.conf"):
        assert ["upstream", "gradebench", "{"] in directives(path.read_text())
        # Each request has a connection of its own: one that is kept may be closed by the one while the other writes.
        assert not any(words[0] == "keepalive" for words in directives(path.read_text()))


def test_the_proxy_says_what_gradebench_asks_of_it() -> None:
    headers = {value.partition(" ")[0] for value in values("proxy_set_header")}
    assert {"Host", "X-Forwarded-For", "X-Forwarded-Proto"} <= headers
    assert "non_idempotent" not in NGINX


def test_the_proxy_lets_through_what_gradebench_takes() -> None:
    *sizes, bulk = [int(size[:-1]) * SIZES[size[-1]] for size in values("client_max_body_size")]
    assert min(sizes) >= settings.API_MAX_BODY_BYTES
    assert bulk >= settings.API_BULK_MAX_BYTES
    assert int(values("proxy_read_timeout")[0].removesuffix("s")) > settings.DATABASE_SECONDS


@pytest.mark.parametrize("text", [NGINX, (DEPLOY / "Caddyfile").read_text()], ids=["nginx", "Caddy"])
def test_a_path_that_the_proxy_treats_on_its_own_is_there(text: str) -> None:
    bulk = "/api/gradebench/v1/completions/bulk"
    assert resolve(bulk).route.endswith("bulk")
    assert bulk in text


@pytest.mark.parametrize("role", ROLES)
def test_systemd_runs_what_compose_runs(role: str) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # names of systemd have capitals
    unit.read(DEPLOY / "systemd" / f"gradebench-{role}.service")
    program, *words = shlex.split(unit["Service"]["ExecStart"])
    assert [Path(program).name, *words] == compose_command(role)
    # Celery's children would die of a signal that was sent to all.
    assert unit["Service"]["KillMode"] == "mixed"
    assert unit["Service"]["User"] != "root"
    least = {
        "web": gunicorn_settings.read()["graceful_timeout"] + draining.MOST_SECONDS,
        "worker": pushes.PUSH_TIME.total_seconds() + client.TOTAL_SECONDS,
        "beat": 10,
    }
    assert int(unit["Service"]["TimeoutStopSec"]) > least[role]


def test_the_example_of_an_environment_has_names_that_are_read_and_no_values() -> None:
    lines = (DEPLOY / "gradebench.env.example").read_text().splitlines()
    given = [line.partition("=") for line in lines if line and not line.startswith("#")]
    compose = (ROOT / "docker-compose.yml").read_text()
    for name, _, value in given:
        assert value == "", name
        assert f'"{name}"' in KNOWN or f"${{{name}:" in compose, f"nothing reads {name}"
