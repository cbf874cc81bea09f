"""Real exchanges open, with every piece of text that their documents hold on the page."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from reviews.models import Assignment, Queue
from reviews.workflow import accounts, feedback_tasks, ingest
from reviews.workflow.feedback_tasks import Content
from tests.web.page_text import missing
from tests.web.scene import SCHEMA, person

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
TAG = "read"


def demo() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (ROOT / "reviews" / "demo" / "completions.jsonl").read_text().splitlines()]


def recorded(folder: Path) -> list[dict[str, Any]]:
    with gzip.open(folder / "recorded.jsonl.gz") as file:
        return [json.loads(line) for line in file]


def samples(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((folder / "log10-samples").glob("*.json"))]


def pages(client: Client, queue: Queue) -> Iterator[tuple[str, str]]:
    """Every item of a queue on the review screen: the completion's id, the page."""
    answer = client.post(f"/queues/{queue.pk}/start")
    while "/reviews/" in answer["Location"]:
        assignment_id = int(answer["Location"].rsplit("/", 1)[1])
        page = client.get(answer["Location"])
        assert page.status_code == 200
        yield Assignment.objects.get(pk=assignment_id).item.completion.uid, page.content.decode()
        answer = client.post(f"/reviews/{assignment_id}/skip")


def read_all(documents: list[dict[str, Any]]) -> int:
    """Open each document as a completion, and as an item under review where it gets that far; how many did."""
    organization = accounts.create_organization("acme")
    _, client = person("mira", organization)
    task = feedback_tasks.create(organization, Content("Reading", "", SCHEMA, (TAG,)))
    held = {f"c-{number}": document | {"tags": [*document["tags"], TAG]} for number, document in enumerate(documents)}
    for uid, document in held.items():
        document.pop("id", None)
        row = ingest.receive(organization, uid, document).completion
        page = client.get(f"/completions/{row.pk}")
        assert (page.status_code, missing(document, page.content.decode())) == (200, []), uid
    reviewed = dict(pages(client, task.queue))
    assert {uid: lost for uid, html in reviewed.items() if (lost := missing(held[uid], html))} == {}
    return len(reviewed)


def test_every_completion_of_the_demo_opens_whole() -> None:
    documents = demo()
    assert read_all(documents) == len(documents)


@pytest.mark.parametrize(("read", "count", "reviewed"), [(recorded, 135, 135), (samples, 9, 8)])
def test_every_exchange_of_the_external_corpus_opens_whole(
    corpus_folder: Path | None, read: Callable[[Path], list[dict[str, Any]]], count: int, reviewed: int
) -> None:
    if corpus_folder is None:
        pytest.skip("GRADEBENCH_TEST_DATA names no folder: the external corpus was not used.")
    documents = read(corpus_folder)
    assert len(documents) == count
    # One of the samples was only started, and nobody reviews what has no answer yet.
    assert read_all(documents) == reviewed
