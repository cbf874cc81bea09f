"""Whole corpora go in by API and by import, travel by pull, and come out equal on both sides."""

import gzip
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from reviews.workflow import documents
from tests.e2e.sides import SCHEMA, completion, connect, open_api, wait_for
from tests.instances import Instance

pytestmark = pytest.mark.e2e
EXTERNAL = ("completions.jsonl.gz", "recorded.jsonl.gz")
SERVER_GIVEN = ("id", "organization_id")


def own_corpus() -> list[dict[str, Any]]:
    """Documents of every shape that ordinary ones are not."""
    odd = completion("naïve 漢字 🧑‍🚀 \u0000 \u200f", tag="corpus")
    odd["request"] |= {"seed": 2**63 - 1, "logit_bias": {"50256": -100}, "tiny": 1e-300, "whole": 1.0, "deep": [[[[]]]]}
    tools = completion("", tag="corpus")
    tools["response"]["choices"][0]["message"] |= {
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"z":1,"a":2}'}}],
    }
    failed = {
        "kind": "chat",
        "status": "failed",
        "tags": ["corpus"],
        "failure_kind": "Timeout",
        "request": {"model": "m", "messages": []},
    }
    prompt = {
        "kind": "prompt",
        "status": "finished",
        "tags": ["corpus"],
        "request": {"prompt": "Once"},
        "response": {"choices": [{"index": 0, "text": " upon"}]},
    }
    long = completion("word " * 40_000, tag="corpus")
    return [odd, tools, failed, prompt, long]


def test_a_corpus_travels_unchanged(
    instances: Callable[..., Instance],
    corpus_folder: Path | None,
    tmp_path: Path,
    record_property: Callable[..., None],
) -> None:
    corpus = own_corpus() + [row for name in EXTERNAL if corpus_folder for row in _read(corpus_folder / name)]
    corpus = [{**row, "organization_id": "acme"} for row in corpus]
    a, b = instances("a"), instances("b")
    application, team = open_api(a, "app", "acme"), open_api(b, "team")
    for tag in ("corpus", "alpaca-eval", "judge", "recorded"):
        feedback_task = {"name": tag, "json_schema": SCHEMA, "completion_tags_selector": [tag]}
        assert application.post("/api/v1/feedback_task", feedback_task).status_code == 200

    sent = {f"completion-{number}": row for number, row in enumerate(corpus)}
    by_api, by_import = dict(list(sent.items())[::2]), dict(list(sent.items())[1::2])
    with ThreadPoolExecutor(4) as pool:
        bodies = ({"id": uid, **row} for uid, row in by_api.items())
        posted = pool.map(lambda body: application.post("/api/v1/completions", body), bodies)
        assert {response.status_code for response in posted} == {200}
    file = tmp_path / "corpus.jsonl.gz"
    with gzip.open(file, "wt") as lines:
        lines.writelines(json.dumps({"id": uid, **row}) + "\n" for uid, row in by_import.items())
    assert "0 refused" in a.manage("import_completions", str(file), "--organization", "app")

    connect(b, "team", application)
    last = list(sent)[-1]
    took = wait_for("pulled", lambda: team.document(last) is not None, seconds=120)
    record_property("documents", len(sent))
    record_property("seconds_until_pulled", round(took, 1))
    for api in (application, team):
        missing = [uid for uid in sent if api.document(uid) is None]
        assert missing == [], b.manage("shell", "-v", "0", "-c", _REFUSED)
        wrong = [uid for uid, row in sent.items() if _meaning(api.document(uid)) != _meaning(row)]
        assert wrong == [], f"{len(wrong)} of {len(sent)} differ on {api.organization}"


def _read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path) as lines:
        return [json.loads(line) for line in lines]


def _meaning(document: Mapping[str, Any] | None) -> bytes:
    """Members in their order, values, integers as integers: as bytes, but for what the server gives."""
    assert document is not None
    return documents.dumps({name: value for name, value in document.items() if name not in SERVER_GIVEN})


_REFUSED = (
    "from reviews.models import Pull, PullRefusal; "
    "print(list(PullRefusal.objects.values_list('uid', 'reason')), list(Pull.objects.values_list('listed', 'error')))"
)
