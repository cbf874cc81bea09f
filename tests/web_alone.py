"""gunicorn as production starts it, with production's settings, for what needs neither database nor broker: both are
away.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from tests.instances import ROOT, compose_command
from tests.services import HOST, bound_to_parent, free_port
from tests.test_deployment_files import production

SECONDS = 30.0


@dataclass(frozen=True)
class Web:
    """The first process of it, and the address that all listen at."""

    process: "subprocess.Popen[bytes]"
    url: str

    @property
    def workers(self) -> set[int]:
        """The processes that answer."""
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def get(self, path: str, **headers: str) -> requests.Response:
        """A connection of its own, as a proxy makes it."""
        given = {"X-Forwarded-Proto": "https", "Accept-Encoding": "identity", **headers}
        return requests.get(self.url + path, headers=given, timeout=10)


@contextlib.contextmanager
def running(folder: Path, **env: str) -> Iterator[Web]:
    """It is ready, and ends with the `with`."""
    port = free_port()
    program, *words = compose_command("web")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*bound_to_parent("KILL"), str(Path(sys.executable).parent / program), *words],
            env=production(folder) | {"GRADEBENCH_WEB_BIND": f"{HOST}:{port}"} | env,
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    web = Web(process, f"http://{HOST}:{port}")
    try:
        _wait(web, folder / "log")
        yield web
    finally:
        process.terminate()
        process.wait(SECONDS)


def _wait(web: Web, log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while web.process.poll() is None and time.monotonic() < deadline:
        try:
            web.get("/healthz")
        except requests.ConnectionError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(log.read_text())
