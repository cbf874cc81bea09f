"""The scripts of a page as one file, and what leaves compressed."""

import gzip
import re

import pytest
from django.template import Context, Template
from django.test import Client

from reviews.web.scripts import FOLDER

KEYS = Template('{% load scripts %}{% scripts "keys" "edit" %}')


def test_it_joins_scripts() -> None:
    response = Client().get(KEYS.render(Context()))
    assert response.status_code == 200
    assert response["Content-Type"] == "text/javascript; charset=utf-8"
    assert "immutable" in response["Cache-Control"]
    text = response.content.decode()
    assert all((FOLDER / name).read_text() in text for name in ("keys.js", "edit.js"))


def test_an_address_of_yesterday_is_not_kept() -> None:
    response = Client().get("/scripts/0123456789abcdef/keys+edit.js")
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("names", ["nothing", "keys+nothing", "keys+", "+", "../settings", "keys+keys.js"])
def test_it_knows_our_scripts_alone(names: str) -> None:
    assert Client().get(f"/scripts/0/{names}.js").status_code == 404


def test_no_script_imports() -> None:
    scripts = {path.name: path.read_text() for path in FOLDER.glob("*.js")}
    assert [name for name, text in scripts.items() if re.search(r"^(import|export)\b", text, re.MULTILINE)] == []


# Compression -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/sign-in", "/static/reviews/app.css", "/scripts/0/keys.js"])
def test_what_people_load_leaves_compressed(path: str) -> None:
    response = Client().get(path, headers={"Accept-Encoding": "gzip"})
    assert response.status_code == 200
    assert response["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response["Vary"]
    assert "Content-Encoding" not in Client().get(path, headers={"Accept-Encoding": "identity"})


def test_how_long_a_compressed_page_is_tells_nothing_exactly() -> None:
    client = Client()
    packed = [client.get("/scripts/0/keys.js", headers={"Accept-Encoding": "gzip"}).content for _ in range(20)]
    assert len({len(one) for one in packed}) > 1
    assert len({gzip.decompress(one) for one in packed}) == 1


def test_what_clients_read_leaves_as_it_is() -> None:
    response = Client().get("/api/v1/completions/ungraded", headers={"Accept-Encoding": "gzip"})
    assert response["Content-Type"] == "application/json"
    assert "Content-Encoding" not in response


def test_a_compressed_file_is_not_sent_again() -> None:
    first = Client().get("/static/reviews/app.css", headers={"Accept-Encoding": "gzip"})
    tag = {"Accept-Encoding": "gzip", "If-None-Match": first["ETag"]}
    assert first["ETag"].startswith("W/")
    assert Client().get("/static/reviews/app.css", headers=tag).status_code == 304
