"""docs/clients.md, run: what it tells integrators to write and to type works as it stands there."""

import json
import os
import re
import shlex
import subprocess

import pytest

from tests.clients.drivers import Log10Io, Log10Py, Wire, path, settings
from tests.clients.fake_openai import ANSWER
from tests.e2e.steps import Organization
from tests.faults.passage import Passage
from tests.instances import ROOT

pytestmark = pytest.mark.e2e

GUIDE = ROOT / "docs" / "clients.md"
BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str, runs_in: str | None) -> list[str]:
    """The code of a kind, in order."""
    return [
        text for kind, where, text in BLOCK.findall(GUIDE.read_text()) if (kind, where) == (language, runs_in or "")
    ]


def test_it_runs_what_it_shows() -> None:
    """Only what is in a language that no client of the tests speaks, and the three settings, stand there unrun."""
    run = {("python", "log10py"), ("python", "log10io"), ("python", "http"), ("sh", "log10io"), ("sh", "http")}
    shown = {(kind, where) for kind, where, _ in BLOCK.findall(GUIDE.read_text())}
    assert shown - run == {("sh", "settings"), ("ts", ""), ("go", "")}


def test_log10py(log10py: Log10Py, organization: Organization, wire: Wire) -> None:
    for source in blocks("python", "log10py"):
        log10py("run", source=source)
    made = [path(seen) for seen, status in wire.exchanges() if status == 200 and seen.method == "POST"]
    assert made == ["/api/v1/completions", "/api/v1/feedback_task", "/api/v1/feedback"]


def test_the_wrapper_the_hooks_and_a_mock(log10io: Log10Io, organization: Organization) -> None:
    wrapped, hooked, mocked = blocks("python", "log10io")
    answer, uid = log10io("run", source=wrapped).splitlines()
    assert answer == ANSWER
    assert (organization.document(uid) or {})["tags"] == ["support", "shop"]
    assert log10io("run", source=hooked).strip() == ANSWER
    log10io("run", source=mocked)
    listed = organization.call("GET", "/api/completions", params={"limit": 3}).json()["data"]
    assert [(row["kind"], row["status"]) for row in listed] == [("chat", "finished")] * 3
    assert [tag["name"] for tag in listed[0]["tagResolved"]] == ["MOCK_CHAT_COMPLETIONS", "support"]


def test_the_command(log10io: Log10Io, organization: Organization) -> None:
    organization.create({"kind": "chat", "status": "finished", "tags": ["support"]})
    for line in "".join(blocks("sh", "log10io")).splitlines():
        program, *words = shlex.split(line)
        assert program == "log10"
        log10io.command(*words)
    assert (log10io.home / "completions.jsonl").read_text().count("support") >= 1


def test_plain_http(log10py: Log10Py, organization: Organization, passage: Passage, wire: Wire) -> None:
    for source in blocks("python", "http"):
        log10py("run", source=source)
    steps = [(path(seen), status) for seen, status in wire.exchanges()]
    assert [status for _, status in steps] == [200, 200]
    uid = steps[0][0].rsplit("/", 1)[1]
    document = organization.document(uid) or {}
    assert (document["status"], document["request"]["model"]) == ("finished", "any-model")

    for source in blocks("sh", "http"):
        env = {"PATH": os.environ["PATH"], **settings(passage.url, organization)}
        done = subprocess.run(
            ["/bin/sh", "-euc", source], env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout[: done.stdout.index("}{") + 1])["id"]
