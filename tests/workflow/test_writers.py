"""Twenty clients who log one completion at once; the long form is `python -m tests.bench.writers`."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from reviews.models import Completion, Document, QueueItem, Revision
from reviews.models.base import new_uid
from reviews.workflow import documents
from tests.api.conftest import Api, make_api
from tests.writers import ORDERS, WRITERS, Writers, arrival, round_of, wrong

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 40
SEED = 11


def test_twenty_writers_make_the_union_in_every_order(record_property: Callable[[str, object], None]) -> None:
    api = make_api("acme")
    api.feedback_task("logged")
    own = threading.local()
    orders = set()
    began = time.monotonic()

    def post(uid: str, body: dict[str, Any]) -> None:
        if not hasattr(own, "api"):
            own.api = Api(api.organization, api.token, api.secret)
        answer = own.api.post(f"/api/v1/completions/{uid}", body)
        assert answer.status == 200, answer.raw

    with Writers(post, connections.close_all) as writers:
        for number in range(ROUNDS):
            uid, writes = new_uid(), round_of(number, SEED)
            writers.write(uid, writes)
            document = documents.read(Completion.objects.select_related("current").get(uid=uid).current)
            assert wrong(document, writes) == []
            orders.add(arrival(document, writes))
            _check_rows(uid)
    assert orders == set(ORDERS)
    record_property("rounds", ROUNDS)
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
