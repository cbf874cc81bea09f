"""Completions of every shape: they come out as they went in for raw clients, and every real client can read them."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.clients import documents
from tests.clients.drivers import Log10Io, Log10Py
from tests.e2e.steps import Organization, same

pytestmark = pytest.mark.e2e

TAG = "every-shape"

Json = dict[str, Any]


@pytest.fixture(scope="module")
def logged(organization: Organization, feedback_task: str, corpus_folder: Path | None) -> dict[str, Json]:
    """What was sent and is held now, by id; the older form as it is meant."""
    shapes = {**documents.ours(), **documents.samples(corpus_folder)}
    held: dict[str, Json] = {}
    for document in shapes.values():
        uid = str(uuid4())
        tags = [*dict.fromkeys([*document.get("tags", []), TAG, "clients"])]
        sent = {**document, "id": uid, "organization_id": organization.external_id, "tags": tags}
        older = documents.is_older_form(document)
        answer = organization.call("POST", f"/api/{'' if older else 'v1/'}completions/{uid}", json=sent)
        assert answer.status_code == 200, answer.text
        held[uid] = meant(sent) if older else sent
    return held


def meant(row: Json) -> Json:
    """A row of the older form as the completion that it is: JSON, seconds."""
    inner = {name: json.loads(row[name]) for name in ("request", "response", "stacktrace")}
    return {**row, **inner, "duration": row["duration"] / 1000}


def text_of(choice: Json) -> str | None:
    """What a choice says; of a prompt's answer its text."""
    message = choice.get("message")
    said: str | None = message.get("content") if message else choice.get("text")
    return said


def test_raw_clients_get_what_went_in(organization: Organization, logged: dict[str, Json]) -> None:
    for uid, sent in logged.items():
        held = organization.document(uid)
        assert held is not None
        assert same(held) == same(sent)
        assert (held["id"], held["organization_id"]) == (uid, organization.external_id)


def test_log10py_understands_them_all(log10py: Log10Py, logged: dict[str, Json]) -> None:
    listed = {row["id"]: row for row in log10py("list_ungraded", whole=True)}
    for uid, sent in logged.items():
        if sent["status"] == "started":
            assert uid not in listed
            continue
        row = listed[uid]
        assert (row["kind"], row["status"]) == (sent["kind"], sent["status"])
        assert row["duration"] == sent.get("duration")
        # A prompt is shown as what its user said.
        asked = sent["request"].get("messages") or [sent["request"]["prompt"]]
        assert len(row["request"]["messages"]) == len(asked)
        choices = (sent.get("response") or {}).get("choices", [])
        understood = row["response"]["choices"] if row["response"] else []
        assert [choice["message"]["content"] for choice in understood] == [text_of(choice) for choice in choices]
        assert tokens(understood) == tokens([] if sent["kind"] == "prompt" else choices)


def tokens(choices: list[Json]) -> list[tuple[str, Any, float]]:
    """Text, bytes and logprob of every token."""
    given = [(choice["logprobs"] or {}).get("content") or [] for choice in choices]
    return [(token["token"], token["bytes"], token["logprob"]) for content in given for token in content]


def test_log10io_gets_them_all(log10io: Log10Io, logged: dict[str, Json]) -> None:
    for uid, sent in logged.items():
        got = json.loads(log10io.command("completions", "get", "--id", uid))
        # The dialect of the older paths: milliseconds, its own word for a prompt, no null where it looks into things.
        expected = {**sent, "kind": "completion" if sent["kind"] == "prompt" else sent["kind"]}
        if sent.get("duration") is not None:
            expected["duration"] = round(sent["duration"] * 1000)
        assert [tag["name"] for tag in got.pop("tagResolved")] == sorted(sent["tags"])
        assert got.pop("created_at").endswith("+00:00")
        assert got == expected


def test_log10io_lists_them_all(log10io: Log10Io, logged: dict[str, Json]) -> None:
    printed = log10io.command("completions", "list", "--tags", TAG, "--limit", "100")
    lines = {line.split()[1]: line for line in printed.splitlines() if line[:1] in "│┃" and len(line.split()) > 1}
    assert set(logged) <= set(lines)
    for uid, sent in logged.items():
        assert ("success" if sent["status"] == "finished" else sent["status"]) in lines[uid]


def test_log10io_downloads_them_all(log10io: Log10Io, logged: dict[str, Json]) -> None:
    file = log10io.home / "all.jsonl"
    printed = log10io.command("completions", "download", "--tags", TAG, "--limit", "100", "--file", str(file))
    assert f"Downloaded {len(logged)} " in printed
    rows = {row["id"]: row for row in map(json.loads, file.read_text().splitlines())}
    assert set(rows) == set(logged)
    for uid, sent in logged.items():
        assert rows[uid]["request"] == sent["request"]
        assert rows[uid].get("response") == sent.get("response")
