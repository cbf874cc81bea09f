"""What goes in comes out: equal in members, order, values and kinds of number, but for id and organization_id."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.api.conftest import LOG10PY, Api
from tests.api.samples import CORPUS

SERVER_GIVEN = ("id", "organization_id")


def comparable(document: dict[str, Any]) -> bytes:
    """Equal bytes mean: same members in the same order, same values, integers still integers."""
    return orjson.dumps({name: value for name, value in document.items() if name not in SERVER_GIVEN})


def check(api: Api, raw: bytes) -> None:
    made = api.post("/api/v1/completions", raw)
    assert made.status == 200, made.raw
    uid = made.json["id"]
    came = api.get(f"/api/completions/{uid}").json["data"]
    sent = orjson.loads(raw)
    assert comparable(came) == comparable(sent) == comparable(made.json)
    assert [name for name in came if name in sent] == list(sent)
    assert (came["id"], came["organization_id"]) == (sent.get("id", uid), "acme")


@pytest.mark.parametrize("name", CORPUS)
def test_it_gives_back_each_of_our_own(api: Api, name: str) -> None:
    check(api, orjson.dumps(CORPUS[name]))


def lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path) as file:
        for line in file:
            value = orjson.loads(line)
            yield orjson.dumps({**value, "organization_id": "acme"} if "organization_id" in value else value)


@pytest.mark.parametrize(("name", "count"), [("completions.jsonl.gz", 400), ("recorded.jsonl.gz", 135)])
def test_it_gives_back_each_of_the_external_corpus(api: Api, corpus_folder: Path | None, name: str, count: int) -> None:
    documents = list(lines(corpus_folder / name)) if corpus_folder else []
    for raw in documents:
        check(api, raw)
    assert len(documents) == (count if corpus_folder else 0)


def test_it_shows_each_to_a_strict_reader_too(api: Api) -> None:
    for document in CORPUS.values():
        uid = api.create(document)
        assert api.get(f"/api/completions/{uid}", headers={"User-Agent": LOG10PY}).status == 200
