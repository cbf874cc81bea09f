"""Styles and scripts as production has them: collected by the command of the Dockerfile, served by that of web."""

import gzip
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.instances import ROOT, compose_command
from tests.services import HOST, bound_to_parent, free_port
from tests.test_deployment_files import dockerfile, production, run

# No database is asked: once is enough.
pytestmark = pytest.mark.sqlite

YEAR = 365 * 24 * 3600
READY_SECONDS = 30.0


@dataclass(frozen=True)
class Served:
    """A web server, and the names that `collectstatic` gave to the files."""

    url: str
    names: dict[str, str]

    def get(self, name: str, **headers: str) -> requests.Response:
        """A file as a proxy asks for it."""
        return requests.get(
            f"{self.url}/static/{name}",
            headers={"X-Forwarded-Proto": "https", "Accept-Encoding": "identity", **headers},
            timeout=10,
        )


def collect(env: dict[str, str]) -> None:
    """What the Dockerfile does."""
    [command] = [
        found[0]
        for _, rest in dockerfile()
        if (found := re.findall(r"python manage\.py collectstatic .*?(?= &&)", rest))
    ]
    done = run(command.split(), {name: value for name, value in env.items() if name.startswith("GRADEBENCH_")})
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Production, its database away."""
    folder = tmp_path_factory.mktemp("static")
    port = free_port()
    env = production(folder) | {"GRADEBENCH_WEB_BIND": f"{HOST}:{port}", "WEB_CONCURRENCY": "1"}
    collect(env)
    program, *words = compose_command("web")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*bound_to_parent("KILL"), str(Path(sys.executable).parent / program), *words],
            env=env,
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        found = Served(
            f"http://{HOST}:{port}", json.loads((folder / "static" / "staticfiles.json").read_text())["paths"]
        )
        _wait(found, process, folder / "log")
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(READY_SECONDS)


def _wait(served: Served, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            requests.get(f"{served.url}/healthz", timeout=5)
        except requests.ConnectionError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(log.read_text())


def kept_for(response: requests.Response) -> int:
    """The seconds of `max-age`."""
    found = re.search(r"\bmax-age=(\d+)", response.headers["Cache-Control"])
    assert found is not None
    return int(found[1])


def test_a_name_with_a_hash_is_kept_for_ever(served: Served) -> None:
    response = served.get(served.names["reviews/app.css"])
    assert response.status_code == 200
    assert response.headers["Content-Type"] == 'text/css; charset="utf-8"'
    assert {"public", "immutable"} <= set(response.headers["Cache-Control"].split(", "))
    assert kept_for(response) >= YEAR
    assert "Cookie" not in response.headers.get("Vary", "")
    assert "Set-Cookie" not in response.headers


def test_a_name_without_one_is_not(served: Served) -> None:
    response = served.get("reviews/app.css")
    assert response.status_code == 200
    assert "immutable" not in response.headers["Cache-Control"]
    assert kept_for(response) <= 3600


def test_every_file_of_ours_and_all_that_it_names_is_kept_for_ever(served: Served) -> None:
    for name in sorted(name for name in served.names if name.startswith("reviews/")):
        response = served.get(served.names[name])
        assert (response.status_code, "immutable" in response.headers["Cache-Control"]) == (200, True), name
        for named in re.findall(r"url\(['\"]?(?!data:|#)([^)'\"]+)", response.text if name.endswith(".css") else ""):
            assert Path(named).name in {Path(hashed).name for hashed in served.names.values()}, (name, named)


def test_it_goes_out_as_it_was_compressed(served: Served) -> None:
    name = served.names["reviews/app.css"]
    plain = served.get(name)
    assert "Content-Encoding" not in plain.headers
    with requests.get(
        plain.url, headers={**plain.request.headers, "Accept-Encoding": "gzip"}, stream=True, timeout=10
    ) as packed:
        raw = packed.raw.read(decode_content=False)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert int(packed.headers["Content-Length"]) == len(raw) < len(plain.content) / 2
    assert gzip.decompress(raw) == plain.content


def test_it_is_not_sent_again(served: Served) -> None:
    name = served.names["reviews/app.css"]
    first = served.get(name)
    tag = first.headers["ETag"]
    for given in (
        {"If-None-Match": tag},
        {"If-None-Match": f"W/{tag}"},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        again = served.get(name, **given)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
        assert "immutable" in again.headers["Cache-Control"]
        assert "Content-Length" not in again.headers
    assert served.get(name, **{"If-None-Match": '"another"'}).status_code == 200


def test_what_is_not_there_is_not_found(served: Served) -> None:
    assert served.get("reviews/app.0123456789ab.css").status_code == 404
