"""Whole corpora through both doors and on to B by pull: every document comes out as it went in, on both sides.

The corpus of our own always goes; the external one where GRADEBENCH_TEST_DATA names its folder.
"""

import copy
import gzip
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ON_POSTGRES
from tests.e2e import steps
from tests.instances import ROOT, Instance

pytestmark = pytest.mark.e2e

Documents = list[dict[str, Any]]
MakeInstance = Callable[..., Instance]
CLIENTS = 4
ONCE = 86_400


def feedback_task(tag: str) -> dict[str, Any]:
    """One that selects the completions with this tag."""
    return {**steps.FEEDBACK_TASK, "name": tag, "completion_tags_selector": [tag]}


def own_corpus() -> Documents:
    """The demo's completions, and what is hard to keep: numbers, odd texts, deep values, members nobody knows."""
    lines = (ROOT / "reviews" / "demo" / "completions.jsonl").read_text().splitlines()
    documents: Documents = [json.loads(line) for line in lines]
    plain = steps.chat("Why?", "Because.", organization_id="acme")
    deep: Any = "ground"
    for level in range(40):
        deep = {"down": deep} if level % 2 else [deep]
    odd = {
        "numbers": [0, -0.0, 1, 1.0, 1e22, 1.5e-9, 9007199254740993, -9223372036854775808, 18446744073709551615],
        "texts": ["", "\x00", "a\x00b", "\u2028", "\ufeff", "e\u0301", "😀", "\\u0000", "</script>", "\r\n\t"],
        "": "no name",
        "deep": deep,
        "zebra": 1,
        "apple": None,
    }
    documents.append({**plain, "x_odd": odd})
    documents.append({"tags": ["support"], "response": plain["response"], "request": odd, "status": "finished"})
    documents.append({**plain, "response": {**plain["response"], "choices": []}})
    documents.append({**plain, "kind": "embedding", "request": {}, "response": None, "failure_reason": None})
    for document in documents:
        document.pop("id", None)
        document["tags"] = [*document["tags"], "travel"]
    return documents


def external_corpus(folder: Path) -> Documents:
    """All documents of both files."""
    documents: Documents = []
    for name in ("completions.jsonl.gz", "recorded.jsonl.gz"):
        with gzip.open(folder / name) as file:
            documents += map(json.loads, file)
    return documents


def by_api(organization: steps.Organization, documents: Documents) -> dict[str, dict[str, Any]]:
    """Create all, four at a time; the documents by id."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        uids = list(pool.map(organization.create, documents))
    return dict(zip(uids, documents, strict=True))


def by_import(organization: steps.Organization, documents: Documents) -> dict[str, dict[str, Any]]:
    """Import all from a file; the documents by id."""
    named = {str(uuid.uuid4()): document for document in documents}
    file = organization.instance.folder / "corpus.jsonl.gz"
    with gzip.open(file, "wt", compresslevel=1) as lines:
        for uid, document in named.items():
            lines.write(json.dumps({**document, "id": uid}) + "\n")
    said = organization.instance.manage("import_completions", str(file), "--organization", organization.slug)
    assert f"{len(documents)} created, 0 changed, 0 unchanged, 0 refused" in said
    return named


DOORS = {"by API": by_api, "by import": by_import}


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> str:
    """The way into A."""
    return str(request.param)


def test_our_own_corpus_travels_whole(
    instances: MakeInstance, door: str, record_property: Callable[[str, object], None]
) -> None:
    travel(instances, door, own_corpus(), ["travel"], record_property)


def test_the_external_corpus_travels_whole(
    instances: MakeInstance,
    door: str,
    corpus_folder: Path | None,
    record_property: Callable[[str, object], None],
) -> None:
    if corpus_folder is None:
        pytest.skip("GRADEBENCH_TEST_DATA names no folder: the external corpus was not used.")
    documents = external_corpus(corpus_folder)
    assert len(documents) == 400 + 135
    travel(instances, door, documents, ["alpaca-eval", "judge", "recorded"], record_property)


def travel(
    instances: MakeInstance,
    door: str,
    documents: Documents,
    tags: list[str],
    record_property: Callable[[str, object], None],
) -> None:
    """Into A, on to B by one scheduled pull, and out of both, equal."""
    application = steps.create_organization(instances("a"), "acme")
    team = steps.create_organization(instances("b"), "team")
    kept = copy.deepcopy(documents)
    for tag in tags:
        application.create_feedback_task(feedback_task(tag))
    began = time.monotonic()
    sent = DOORS[door](application, documents)
    written = time.monotonic() - began
    assert documents == kept
    steps.add_upstream(team, application, pull_seconds=ONCE)
    began = time.monotonic()
    steps.wait_for("B has pulled", lambda: pulled(team.instance), 120)
    travelled = time.monotonic() - began

    for organization in (application, team):
        with ThreadPoolExecutor(CLIENTS) as pool:
            found = dict(zip(sent, pool.map(organization.document, sent), strict=True))
        unequal = [uid for uid, document in sent.items() if steps.same(found[uid] or {}) != steps.same(document)]
        assert unequal == [], f"{len(unequal)} of {len(sent)} differ on {organization.slug}"
        assert {row["organization_id"] for row in found.values() if row} == {organization.external_id}
        assert set(organization.ungraded()) == set(sent)
    database = "PostgreSQL" if ON_POSTGRES else "SQLite"
    print(
        f"\n{len(sent)} documents {door} in {written:.1f} s, by pull in {travelled:.1f} s, equal on both ({database})"
    )
    record_property("documents", len(sent))


def pulled(instance: Instance) -> bool:
    """Whether the first pull has ended, and well."""
    said = steps.ask_database(instance, "print(*Pull.objects.values_list('state', 'refused', 'error'))")
    assert "'failed'" not in said, said
    assert "'incomplete'" not in said, said
    assert "complete" not in said or "'complete', 0" in said, said
    return "'complete'" in said
