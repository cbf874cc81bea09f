"""Many at once, in threads with connections of their own: nothing twice, nothing lost, no error."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from threading import Barrier
from typing import Any, TypeVar

import pytest
from django.db import connections

from reviews.models import (
    Assignment,
    AssignmentState,
    Completion,
    Document,
    Draft,
    Feedback,
    FeedbackCompletion,
    FeedbackTask,
    ItemState,
    Push,
    PushState,
    Queue,
    QueueItem,
    Revision,
    User,
)
from reviews.workflow import accounts, amending, documents, drafts, ingest, outbox, queue_settings, queues, throttling
from reviews.workflow.audit import SYSTEM, Actor
from reviews.workflow.drafts import DraftTooLate
from reviews.workflow.ingest import Outcome
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 8
R = TypeVar("R")


def _at_once(works: Sequence[Callable[[], R]]) -> list[R]:
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


def test_reviews_per_completion_hold_while_a_lead_changes_them() -> None:
    wanted = factories.feedback_task(factories.organization(), reviews_per_completion=2)
    for _ in range(25):
        factories.completion(wanted.organization)

    def review_all(reviewer: User) -> None:
        while (claim := queues.claim_next(wanted.queue, reviewer=reviewer)) is not None:
            factories.submit(claim)

    def change_often() -> None:
        for number in (3, 1, 2, 3, 1, 2):
            _ask_for(number, wanted)

    reviewers = [factories.reviewer(wanted.organization) for _ in range(5)]
    works: list[Callable[[], Any]] = [change_often, *(partial(review_all, reviewer) for reviewer in reviewers)]
    _at_once(works)
    for reviewer in reviewers:
        review_all(reviewer)
    items = list(QueueItem.objects.all())
    assert {item.state for item in items} == {ItemState.DONE}
    for item in items:
        given = item.assignments.filter(state=AssignmentState.DONE).count()
        # What was done while one was enough stays done.
        assert given == item.reviews_done == item.places_taken == item.reviews_needed
        assert 1 <= item.reviews_done <= 3
    assert Feedback.objects.values("reviewer", "completions").distinct().count() == Feedback.objects.count()


def test_nobody_gets_a_place_that_a_lead_has_just_taken_away() -> None:
    wanted = factories.feedback_task(factories.organization(), reviews_per_completion=8)
    factories.completion(wanted.organization)
    reviewers = [factories.reviewer(wanted.organization) for _ in range(THREADS)]
    claims = [partial(queues.claim_next, wanted.queue, reviewer=reviewer) for reviewer in reviewers]
    works: list[Callable[[], Any]] = [lambda: _ask_for(1, wanted), *claims]
    _at_once(works)
    item = QueueItem.objects.get()
    held = Assignment.objects.held().count()
    assert (item.places_taken, item.reviews_needed) == (held, max(1, held))
    while held < 1:
        held += queues.claim_next(wanted.queue, reviewer=reviewers[0]) is not None
    assert queues.claim_next(wanted.queue, reviewer=factories.reviewer(wanted.organization)) is None


def _ask_for(number: int, wanted: FeedbackTask) -> None:
    queue = Queue.objects.get(feedback_task=wanted)
    settings = replace(queue_settings.settings_of(queue), reviews_per_completion=number)
    queue_settings.change(queue, settings, actor=SYSTEM)


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


def test_a_reviewer_who_asks_eight_times_for_what_comes_next_holds_one_item_behind_her_screen() -> None:
    wanted = factories.feedback_task(factories.organization())
    for _ in range(2 * THREADS):
        factories.completion(wanted.organization)
    reviewer = factories.reviewer(wanted.organization)
    factories.assignment(wanted, reviewer=reviewer)
    _at_once([lambda: queues.prefetch(wanted.queue, reviewer=reviewer)] * THREADS)
    assert sorted(Assignment.objects.held().values_list("prefetched", flat=True)) == [False, True]
    assert sum(QueueItem.objects.values_list("places_taken", flat=True)) == 2


def test_what_waits_behind_a_screen_goes_to_her_or_to_others_and_to_one_alone() -> None:
    wanted = factories.feedback_task(factories.organization())
    for _ in range(2):
        factories.completion(wanted.organization)
    reviewer = factories.reviewer(wanted.organization)
    factories.submit(_with_one_behind(wanted, reviewer))
    others = [factories.reviewer(wanted.organization) for _ in range(THREADS - 1)]
    claims = _at_once([partial(queues.claim_next, wanted.queue, reviewer=person) for person in (reviewer, *others)])
    assert sum(claim is not None for claim in claims) == 1
    assert Assignment.objects.held().get().prefetched is False
    assert sorted(QueueItem.objects.values_list("places_taken", flat=True)) == [1, 1]


def _with_one_behind(wanted: FeedbackTask, reviewer: User) -> Assignment:
    """Her claim on the item on screen; another waits behind it."""
    claim = factories.assignment(wanted, reviewer=reviewer)
    assert queues.prefetch(wanted.queue, reviewer=reviewer) is not None
    return claim


def test_eight_reviewers_who_claim_ahead_empty_a_queue() -> None:
    wanted = factories.feedback_task(factories.organization())
    for _ in range(80):
        factories.completion(wanted.organization)

    def review_all(reviewer: User) -> list[int]:
        met = []
        while (claim := queues.claim_next(wanted.queue, reviewer=reviewer)) is not None:
            queues.prefetch(wanted.queue, reviewer=reviewer)
            factories.submit(claim)
            met.append(claim.item_id)
        return met

    reviewers = [factories.reviewer(wanted.organization) for _ in range(THREADS)]
    met = _at_once([partial(review_all, reviewer) for reviewer in reviewers])
    assert sorted(chain.from_iterable(met)) == sorted(QueueItem.objects.values_list("pk", flat=True))
    assert QueueItem.objects.filter(state=ItemState.DONE, places_taken=1, reviews_done=1).count() == 80


def test_drafts_that_come_with_the_submit_neither_hinder_nor_outlive_it() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    claim = factories.assignment(wanted)
    base = claim.item.completion.current

    def save() -> None:
        with suppress(DraftTooLate):
            drafts.save(claim, [("comment", "Words.")], base=base)

    def submit() -> None:
        factories.submit(claim, base_id=base.pk)

    _at_once([*[save] * (THREADS - 1), submit])
    assert Feedback.objects.count() == 1
    assert not Draft.objects.exists()


def test_a_submit_is_taken_back_or_its_push_leaves() -> None:
    upstream = factories.upstream(factories.organization())
    wanted = factories.feedback_task(upstream.organization, upstream=upstream)
    for number in range(4):
        factories.completion(upstream.organization, upstream=upstream)
        claim = factories.assignment(wanted)
        factories.submit(claim, answer=f"Better {number}.")
        copies = list(Push.objects.filter(completion=claim.item.completion_id))
        undo = partial(amending.undo, claim, fields=[], actor=Actor(user=claim.reviewer))
        leases = [partial(outbox.lease, push) for push in copies * 2]
        works: list[Callable[[], Any]] = [partial(_or_none, undo), *leases]
        undone, *leased = _at_once(works)
        assert (undone is None) == any(leased), (undone, leased)
        if undone is not None:
            states = set(Push.objects.filter(completion=claim.item.completion_id).values_list("state", flat=True))
            assert states <= {PushState.DISCARDED, PushState.SUPERSEDED}
            factories.submit(undone)


def _or_none(undo: Callable[[], Assignment]) -> Assignment | None:
    try:
        return undo()
    except amending.UndoRefused:
        return None


def test_eight_presses_of_undo_take_a_submit_back_once() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    claim = factories.assignment(wanted)
    factories.submit(claim, answer="Better.")
    undo = partial(amending.undo, claim, fields=[], actor=Actor(user=claim.reviewer))
    undone = _at_once([partial(_or_none, undo)] * THREADS)
    assert sum(again is not None for again in undone) == 1
    assert Assignment.objects.held().count() == 1
    assert Revision.objects.count() == 2


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


def _tried(key: str) -> bool:
    try:
        throttling.attempt(key)
    except throttling.TooMany:
        return False
    return True


def test_of_passwords_tried_at_once_no_more_are_looked_at_than_of_those_tried_in_turn() -> None:
    key = throttling.key_of("password", "mira", "192.0.2.1")
    assert all(_tried(key) for _ in range(throttling.MOST - 2))
    assert sum(_at_once([partial(_tried, key)] * THREADS)) <= 2
    assert sum(_tried(key) for _ in range(3)) <= 2


def test_a_push_is_leased_by_one_of_eight() -> None:
    upstream = factories.upstream(factories.organization())
    completion = factories.completion(upstream.organization, upstream=upstream)
    ingest.receive(upstream.organization, completion.uid, {"duration": 1})
    copies = [completion.pushes.get() for _ in range(THREADS)]
    leased = _at_once([partial(outbox.lease, push) for push in copies])
    assert sum(leased) == 1


def test_what_is_fetched_ahead_during_a_submit_is_never_left_behind() -> None:
    wanted = factories.feedback_task(factories.organization())
    reviewer = factories.reviewer(wanted.organization)
    for _ in range(15):
        factories.completion(wanted.organization)
        factories.completion(wanted.organization)
        claim = queues.claim_next(wanted.queue, reviewer=reviewer)
        assert claim is not None
        factories.submit(claim)
        claim = queues.claim_next(wanted.queue, reviewer=reviewer)
        assert claim is not None
        factories.completion(wanted.organization)
        met = _at_once([partial(_submit_and_go_on, claim, wanted.queue), partial(_fetch_ahead, wanted.queue, reviewer)])
        held = Assignment.objects.held().filter(reviewer=reviewer)
        assert set(held.values_list("prefetched", flat=True)) <= {False}, met
        last = met[0] or queues.claim_next(wanted.queue, reviewer=reviewer)
        assert last is not None
        factories.submit(last)


def _submit_and_go_on(claim: Assignment, queue: Queue) -> Assignment | None:
    factories.submit(claim)
    return queues.claim_next(queue, reviewer=claim.reviewer)


def _fetch_ahead(queue: Queue, reviewer: User) -> Assignment | None:
    return queues.prefetch(queue, reviewer=reviewer)
