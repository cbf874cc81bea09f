"""Routing: which completions stand in a queue, and when they leave it."""

import pytest
from django.utils import timezone

from reviews.models import Completion, FeedbackTask, ItemState, Job, QueueItem
from reviews.workflow import feedback_tasks, grading, ingest, jobs, queues, sweeping
from reviews.workflow.audit import SYSTEM
from tests import factories, jobs_run

pytestmark = pytest.mark.django_db


def _standing(feedback_task: FeedbackTask) -> set[str]:
    """The ids of the completions that stand open in the queue."""
    items = QueueItem.objects.open().filter(queue__feedback_task=feedback_task)
    return set(items.values_list("completion__uid", flat=True))


def _one(selector: str = "a") -> tuple[FeedbackTask, Completion]:
    """A feedback task for one tag and a completion that has it."""
    wanted = factories.feedback_task(factories.organization(), selector=[selector])
    return wanted, factories.completion(wanted.organization, uid="one", tags=[selector])


def _grade_by_api(wanted: FeedbackTask, completion: Completion) -> None:
    grading.record(wanted, [completion], values={"score": 1}, comment="", actor=SYSTEM, api_token=None)


def test_it_offers_what_has_all_the_tags() -> None:
    wanted = factories.feedback_task(factories.organization(), selector=["a", "b"])
    factories.completion(wanted.organization, uid="both", tags=["b", "c", "a"])
    factories.completion(wanted.organization, uid="one", tags=["a"])
    assert _standing(wanted) == {"both"}


def test_it_offers_what_was_there_before_the_selector() -> None:
    organization = factories.organization()
    factories.completion(organization, uid="both", tags=["a", "b"])
    factories.completion(organization, uid="one", tags=["a"])
    assert _standing(factories.feedback_task(organization, selector=["a", "b"])) == {"both"}


def test_an_empty_selector_selects_nothing() -> None:
    organization = factories.organization()
    factories.completion(organization, tags=[])
    wanted = factories.feedback_task(organization, selector=[])
    factories.completion(organization, tags=["a"])
    assert _standing(wanted) == set()


def test_it_offers_nothing_that_has_only_started() -> None:
    organization = factories.organization()
    factories.completion(organization, uid="before", status="started")
    wanted = factories.feedback_task(organization)
    factories.completion(organization, uid="after", status="started")
    assert _standing(wanted) == set()


def test_it_offers_what_started_once_that_has_ended() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization, uid="one", status="started")
    ingest.receive(wanted.organization, "one", factories.document())
    assert _standing(wanted) == {"one"}


def test_it_withdraws_the_untouched_when_tags_change() -> None:
    wanted, completion = _one()
    ingest.receive(wanted.organization, "one", {"tags": ["b"]})
    item = completion.queue_items.get()
    assert (item.state, item.closed_because) == (ItemState.WITHDRAWN, "no longer matches")
    ingest.receive(wanted.organization, "one", {"tags": ["a"]})
    assert _standing(wanted) == {"one"}


def test_it_leaves_what_is_held_when_tags_change() -> None:
    wanted, _ = _one()
    factories.assignment(wanted)
    ingest.receive(wanted.organization, "one", {"tags": ["b"]})
    assert _standing(wanted) == {"one"}


def test_it_leaves_what_was_reviewed_once_when_tags_change() -> None:
    wanted = factories.feedback_task(factories.organization(), selector=["a"], reviews_per_completion=2)
    factories.completion(wanted.organization, uid="one", tags=["a"])
    factories.submit(factories.assignment(wanted))
    ingest.receive(wanted.organization, "one", {"tags": ["b"]})
    assert _standing(wanted) == {"one"}


def test_it_leaves_the_done_done_when_it_matches_again() -> None:
    wanted, completion = _one()
    factories.submit(factories.assignment(wanted))
    ingest.receive(wanted.organization, "one", {"duration": 3})
    assert completion.queue_items.get().state == ItemState.DONE


def test_a_changed_selector_withdraws_and_offers() -> None:
    wanted, _ = _one()
    factories.completion(wanted.organization, uid="other", tags=["b"])
    feedback_tasks.revise(wanted, factories.content(name=wanted.name, selector=["b"]))
    assert _standing(wanted) == {"other"}
    feedback_tasks.revise(wanted, factories.content(name=wanted.name, selector=["a"]))
    assert _standing(wanted) == {"one"}


def test_a_changed_selector_leaves_what_is_held() -> None:
    wanted, _ = _one()
    factories.assignment(wanted)
    feedback_tasks.revise(wanted, factories.content(name=wanted.name, selector=["b"]))
    assert _standing(wanted) == {"one"}


@pytest.fixture
def _chunks_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "BACKLOG_CHUNK", 2)


@pytest.mark.usefixtures("_chunks_of_two")
def test_a_long_backlog_is_offered_in_steps() -> None:
    organization = factories.organization()
    for _ in range(5):
        factories.completion(organization)
    wanted = factories.feedback_task(organization)
    assert len(_standing(wanted)) == 2
    assert queues.route_backlog(wanted)
    assert not queues.route_backlog(wanted)
    assert not queues.route_backlog(wanted)
    assert len(_standing(wanted)) == 5


@pytest.mark.usefixtures("_chunks_of_two")
def test_a_job_offers_the_rest_of_a_backlog() -> None:
    organization = factories.organization()
    for _ in range(5):
        factories.completion(organization)
    wanted = factories.feedback_task(organization)
    job = jobs_run.to_the_end(Job.objects.get())
    assert (job.asked_by, job.done, job.total, jobs.outcome(job)) == (None, 3, 3, {"offered": 3})
    assert len(_standing(wanted)) == 5


@pytest.mark.usefixtures("_chunks_of_two")
def test_the_sweep_asks_for_a_backlog_that_no_job_is_at() -> None:
    organization = factories.organization()
    for _ in range(5):
        factories.completion(organization)
    wanted = factories.feedback_task(organization)
    sweeping.sweep(timezone.now())
    jobs.cancel(Job.objects.get(), actor=SYSTEM)
    sweeping.sweep(timezone.now())
    assert Job.objects.count() == 1
    Job.objects.update(state="done")
    sweeping.sweep(timezone.now())
    jobs_run.to_the_end(Job.objects.open().get())
    assert len(_standing(wanted)) == 5


@pytest.mark.usefixtures("_chunks_of_two")
def test_a_backlog_begins_anew_when_the_selector_changes() -> None:
    organization = factories.organization()
    for tag in "aaabbb":
        factories.completion(organization, tags=[tag])
    wanted = factories.feedback_task(organization, selector=["a"])
    feedback_tasks.revise(wanted, factories.content(name=wanted.name, selector=["b"]))
    while queues.route_backlog(wanted):
        pass
    assert len(_standing(wanted)) == 3


# Order -----------------------------------------------------------------------------------------------------------


def _order(order: str) -> list[str]:
    """The ids in the order in which one reviewer meets them, the first received being the surest."""
    wanted = factories.feedback_task(factories.organization(), order=order)
    for uid, logprob in [("1", -0.1), ("2", -2.0), ("3", None), ("4", -1.0)]:
        choice = {"message": {"content": "It is."}, "logprobs": {"content": [{"logprob": logprob}]}}
        factories.completion(wanted.organization, uid=uid, response={"choices": [choice]})
    reviewer = factories.reviewer(wanted.organization)
    met = []
    while (claim := queues.claim_next(wanted.queue, reviewer=reviewer)) is not None:
        met.append(claim.item.completion.uid)
        queues.skip(claim)
    return met


@pytest.mark.parametrize(("order", "met"), [("oldest", "1234"), ("newest", "4321"), ("least_confident", "2413")])
def test_it_offers_in_the_order_of_the_queue(order: str, met: str) -> None:
    assert "".join(_order(order)) == met


def test_it_offers_a_higher_priority_first() -> None:
    wanted, completion = _one()
    later = factories.completion(wanted.organization, tags=["a"])
    later.queue_items.update(priority=1)
    assert factories.assignment(wanted).item.completion == later
    assert factories.assignment(wanted).item.completion == completion


# Leaving ---------------------------------------------------------------------------------------------------------


def test_what_is_gone_upstream_leaves_and_comes_back() -> None:
    wanted, completion = _one()
    assert queues.withdraw_gone(completion) == 1
    assert queues.withdraw_gone(completion) == 0
    assert _standing(wanted) == set()
    queues.welcome_back(completion)
    assert _standing(wanted) == {"one"}


def test_what_is_gone_upstream_does_not_come_back_by_routing() -> None:
    wanted, completion = _one()
    queues.withdraw_gone(completion)
    ingest.receive(wanted.organization, "one", {"duration": 3})
    assert _standing(wanted) == set()


def test_who_holds_what_is_gone_upstream_loses_it() -> None:
    wanted, completion = _one()
    claim = factories.assignment(wanted)
    assert queues.withdraw_gone(completion) == 1
    claim.refresh_from_db()
    assert (claim.state, completion.queue_items.get().places_taken) == ("released", 0)


def test_what_is_graded_elsewhere_leaves() -> None:
    wanted, completion = _one()
    _grade_by_api(wanted, completion)
    item = completion.queue_items.get()
    assert (item.state, item.closed_because) == (ItemState.WITHDRAWN, "graded elsewhere")
    assert item.graded_at is not None


def test_who_holds_what_is_graded_elsewhere_may_finish() -> None:
    wanted = factories.feedback_task(factories.organization(), reviews_per_completion=2)
    completion = factories.completion(wanted.organization)
    claim = factories.assignment(wanted)
    _grade_by_api(wanted, completion)
    assert queues.claim_next(wanted.queue, reviewer=factories.reviewer(wanted.organization)) is None
    factories.submit(claim)
    assert completion.queue_items.get().state == ItemState.DONE


def test_what_is_graded_elsewhere_stays_away_when_it_changes() -> None:
    wanted, completion = _one()
    _grade_by_api(wanted, completion)
    ingest.receive(wanted.organization, "one", {"duration": 3})
    assert _standing(wanted) == set()


def test_what_is_graded_elsewhere_stays_away_when_the_selector_comes_back() -> None:
    wanted, completion = _one()
    _grade_by_api(wanted, completion)
    feedback_tasks.revise(wanted, factories.content(name=wanted.name, selector=["b"]))
    feedback_tasks.revise(wanted, factories.content(name=wanted.name, selector=["a"]))
    assert _standing(wanted) == set()


def test_what_started_again_upstream_is_not_offered_by_a_backlog() -> None:
    upstream = factories.upstream(factories.organization())
    wanted = factories.feedback_task(upstream.organization, selector=["a"])
    factories.pulled(upstream, "one", factories.document(tags=["a"]))
    factories.pulled(upstream, "one", factories.document(tags=["a", "b"], status="started"))
    feedback_tasks.revise(wanted, factories.content(name=wanted.name, selector=["b"]))
    assert _standing(wanted) == set()
