"""Styles and scripts as production has them: collected by the command of the Dockerfile, served by that of web."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests import web_alone
from tests.test_deployment_files import dockerfile, production, run

# No database is asked: once is enough.
pytestmark = pytest.mark.sqlite

YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Served:
    """A web server, and the names that `collectstatic` gave to the files."""

    web: web_alone.Web
    names: dict[str, str]

    def get(self, name: str, **headers: str) -> requests.Response:
        """A file."""
        return self.web.get(f"/static/{name}", **headers)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """What the Dockerfile collects."""
    folder = tmp_path_factory.mktemp("static")
    instructions = "\n".join(rest for _, rest in dockerfile())
    [command] = re.findall(r"python manage\.py collectstatic .*?(?= &&)", instructions)
    env = {name: value for name, value in production(folder).items() if name.startswith("GRADEBENCH_")}
    done = run(command.split(), env)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((folder / "static" / "staticfiles.json").read_text())
    with web_alone.running(folder, WEB_CONCURRENCY="1") as web:
        yield Served(web, manifest["paths"])


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
