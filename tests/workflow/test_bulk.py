"""Many requests in bulk at once, in threads with connections of their own: nothing twice, nothing lost."""

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from reviews.models import Completion, CompletionTag, Document, QueueItem, Revision, Tag
from reviews.models.base import new_uid
from reviews.workflow import bulk, documents
from reviews.workflow.bulk import Given, Result
from reviews.workflow.ingest import Outcome
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 4


def test_the_same_lines_in_another_order_by_each_are_there_once() -> None:
    wanted = factories.feedback_task(factories.organization())
    rows = []
    for number in range(120):
        document = factories.document(tags=["review", f"tag {number % 7}"])
        rows.append(Given(new_uid(), document, documents.dumps(document)))
    ready = Barrier(THREADS, timeout=30)

    def send(seed: int) -> list[Result]:
        mine = random.Random(seed).sample(rows, len(rows))
        try:
            ready.wait()
            return [
                result
                for at in range(0, len(mine), 40)
                for result in bulk.receive_many(wanted.organization, mine[at : at + 40])
            ]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        results = [result for of_one in threads.map(send, range(THREADS)) for result in of_one]
    assert results.count(Outcome.CREATED) == Completion.objects.count() == QueueItem.objects.count() == 120
    assert results.count(Outcome.UNCHANGED) == (THREADS - 1) * 120
    assert (Document.objects.count(), CompletionTag.objects.count(), Tag.objects.count()) == (120, 240, 8)
    assert Revision.objects.count() == 0
