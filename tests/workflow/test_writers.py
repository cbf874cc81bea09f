"""Twenty clients who log one completion at once; the long form is `python -m tests.bench.writers`."""

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from reviews.models import Completion, Document, QueueItem, Revision
from reviews.models.base import new_uid
from reviews.workflow import documents, ingest
from tests import factories
from tests.writers import ORDERS, WRITERS, Writers, arrival, round_of, wrong

pytestmark = pytest.mark.django_db(transaction=True)

# A round that is left to chance, and each order of arrival forced once.
ROUNDS = [0, *range(1, 2 * len(ORDERS), 2)]
SEED = 11


def test_twenty_writers_make_the_union_in_every_order(record_property: Callable[[str, object], None]) -> None:
    wanted = factories.feedback_task(factories.organization(), selector=["logged"])
    orders, chance = set(), random.Random(SEED)
    began = time.monotonic()

    def post(uid: str, body: dict[str, Any]) -> None:
        ingest.receive(wanted.organization, uid, body, logged=chance.random() < 0.5)

    with Writers(post, connections.close_all) as writers:
        for number in ROUNDS:
            uid, writes = new_uid(), round_of(number, SEED)
            writers.write(uid, writes)
            document = documents.read(Completion.objects.select_related("current").get(uid=uid).current)
            assert wrong(document, writes) == []
            orders.add(arrival(document, writes))
            _check_rows(uid)
    assert orders == set(ORDERS)
    record_property("rounds", len(ROUNDS))
    record_property("writers", WRITERS)
    record_property("seconds", round(time.monotonic() - began, 1))


def _check_rows(uid: str) -> None:
    """One completion, in one queue, once; its revisions are one chain from what was received to what stands."""
    completion = Completion.objects.get(uid=uid)
    chain = list(Revision.objects.filter(completion=completion).order_by("number").values_list("base", "result"))
    ends = [completion.received_id, *(result for _, result in chain)]
    assert [base for base, _ in chain] == ends[:-1]
    assert (completion.current_id, completion.revision_count) == (ends[-1], len(chain))
    assert WRITERS <= len(ends) == Document.objects.filter(pk__in=ends).count()
    assert completion.status == "finished"
    assert QueueItem.objects.filter(completion=completion).count() == 1
