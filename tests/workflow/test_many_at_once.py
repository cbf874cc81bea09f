"""Many at once, in threads with connections of their own: nothing twice, nothing lost, no error."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connections

from reviews.models import (
    Assignment,
    AssignmentState,
    Completion,
    Document,
    Feedback,
    FeedbackCompletion,
    ItemState,
    QueueItem,
    Revision,
    User,
)
from reviews.workflow import accounts, documents, ingest, outbox, queues
from reviews.workflow.ingest import Outcome
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 8
R = TypeVar("R")


def _at_once(works: list[Callable[[], R]]) -> list[R]:
    """Run all of them, each in a thread, begun at one instant; what they return. Raises what one of them raises."""
    ready = Barrier(len(works), timeout=30)

    def run(work: Callable[[], R]) -> R:
        try:
            ready.wait()
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as threads:
        return [started.result(timeout=300) for started in [threads.submit(run, work) for work in works]]


def test_eight_reviewers_empty_a_queue() -> None:
    wanted = factories.feedback_task(factories.organization())
    for _ in range(200):
        factories.completion(wanted.organization)

    def review_all(reviewer: User) -> list[int]:
        met = []
        while (claim := queues.claim_next(wanted.queue, reviewer=reviewer)) is not None:
            factories.submit(claim)
            met.append(claim.item_id)
        return met

    reviewers = [factories.reviewer(wanted.organization) for _ in range(THREADS)]
    met = _at_once([partial(review_all, reviewer) for reviewer in reviewers])
    assert sorted(chain.from_iterable(met)) == sorted(QueueItem.objects.values_list("pk", flat=True))
    assert Feedback.objects.count() == FeedbackCompletion.objects.values("completion").distinct().count() == 200
    assert QueueItem.objects.filter(state=ItemState.DONE, places_taken=1, reviews_done=1).count() == 200
    assert Assignment.objects.exclude(state=AssignmentState.DONE).count() == 0


def test_eight_requests_make_one_completion() -> None:
    organization = factories.organization()

    def receive(number: int) -> Outcome:
        return ingest.receive(organization, "one", {"status": "finished", f"member {number}": number}).outcome

    outcomes = _at_once([partial(receive, number) for number in range(THREADS)])
    completion = Completion.objects.select_related("current").get()
    members = {f"member {number}": number for number in range(THREADS)}
    assert documents.read(completion.current) == {"status": "finished", **members}
    assert sorted(outcomes) == [Outcome.CHANGED] * (THREADS - 1) + [Outcome.CREATED]
    assert sorted(Revision.objects.values_list("number", flat=True)) == list(range(1, THREADS))
    assert Document.objects.count() == THREADS


def test_eight_who_want_the_last_item_get_it_once() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    reviewers = [factories.reviewer(wanted.organization) for _ in range(THREADS)]
    claims = _at_once([partial(queues.claim_next, wanted.queue, reviewer=reviewer) for reviewer in reviewers])
    assert sum(claim is not None for claim in claims) == 1
    assert QueueItem.objects.get().places_taken == 1


def test_one_reviewer_in_eight_tabs_holds_one_item() -> None:
    wanted = factories.feedback_task(factories.organization())
    for _ in range(THREADS):
        factories.completion(wanted.organization)
    reviewer = factories.reviewer(wanted.organization)
    _at_once([lambda: queues.claim_next(wanted.queue, reviewer=reviewer)] * THREADS)
    assert Assignment.objects.held().count() == 1
    assert sum(QueueItem.objects.values_list("places_taken", flat=True)) == 1


def test_one_claim_submitted_eight_times_is_one_feedback() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    claim = factories.assignment(wanted)

    def submit() -> bool:
        try:
            factories.submit(claim, base_id=claim.item.completion.current_id)
        except queues.ClaimLost:
            return False
        return True

    assert sorted(_at_once([submit] * THREADS)) == [False] * (THREADS - 1) + [True]
    assert Feedback.objects.count() == 1


def test_a_link_clicked_eight_times_at_once_signs_in_once() -> None:
    secret = accounts.create_sign_in_link(factories.user())
    users = _at_once([lambda: accounts.use_sign_in_link(secret, address=None)] * THREADS)
    assert sum(user is not None for user in users) == 1


def test_a_push_is_leased_by_one_of_eight() -> None:
    upstream = factories.upstream(factories.organization())
    completion = factories.completion(upstream.organization, upstream=upstream)
    ingest.receive(upstream.organization, completion.uid, {"duration": 1})
    copies = [completion.pushes.get() for _ in range(THREADS)]
    leased = _at_once([partial(outbox.lease, push) for push in copies])
    assert sum(leased) == 1
