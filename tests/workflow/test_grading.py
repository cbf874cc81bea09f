"""Grading: what a submit writes, all of it or nothing, and feedback that comes by API."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from reviews.models import (
    Assignment,
    AuditEvent,
    Completion,
    Feedback,
    FeedbackCompletion,
    ItemState,
    Push,
    PushState,
    QueueItem,
    Upstream,
)
from reviews.workflow import documents, feedback_tasks, grading, ingest, queues
from reviews.workflow.audit import SYSTEM
from reviews.workflow.editing import EditRefused, LeafEdit, StaleDocument
from reviews.workflow.grading import FeedbackRefused
from reviews.workflow.queues import ClaimLost
from reviews.workflow.schema import ValuesRefused
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def upstream() -> Upstream:
    return factories.upstream(factories.organization())


@pytest.fixture
def claim(upstream: Upstream) -> Assignment:
    """A claim on a pulled completion, for a feedback task of its upstream."""
    wanted = factories.feedback_task(upstream.organization, upstream=upstream)
    factories.completion(upstream.organization, upstream=upstream)
    return factories.assignment(wanted)


def _rows() -> dict[str, list[Any]]:
    """All that stands in the database."""
    models = apps.get_app_config("reviews").get_models()
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


def _expire(claim: Assignment) -> None:
    past = timezone.now() - timedelta(hours=2)
    Assignment.objects.filter(pk=claim.pk).update(claimed_at=past, held_until=past + timedelta(minutes=1))
    queues.expire_claims(timezone.now())


def test_it_writes_grade_edit_and_pushes(claim: Assignment) -> None:
    before = claim.item.completion.current_id
    submitted = factories.submit(claim, answer="Better.", score=5, comment="Now right.")
    completion = Completion.objects.with_documents().get()
    assert documents.at(documents.read(completion.current), factories.ANSWER) == "Better."
    feedback, revision = submitted.feedback, submitted.revision
    assert (grading.values_of(feedback), feedback.comment) == ({"score": 5}, "Now right.")
    assert (feedback.reviewer, feedback.assignment, feedback.origin) == (claim.reviewer, claim, "review")
    assert revision is not None
    assert (revision.base_id, revision.result_id, revision.assignment) == (before, completion.current_id, claim)
    assert FeedbackCompletion.objects.get().document_id == completion.current_id
    assert [(push.kind, push.state) for push in Push.objects.order_by("pk")] == [
        ("update", "waiting"),
        ("feedback", "waiting"),
    ]


def test_it_closes_claim_and_item(claim: Assignment) -> None:
    factories.submit(claim)
    claim.refresh_from_db()
    item = QueueItem.objects.get()
    assert (claim.state, item.state, item.reviews_done) == ("done", ItemState.DONE, 1)
    assert item.graded_at is not None
    assert AuditEvent.objects.filter(action="feedback.create").count() == 1


def test_it_writes_no_revision_without_an_edit(claim: Assignment) -> None:
    assert factories.submit(claim).revision is None
    assert Push.objects.get().kind == "feedback"


def test_it_grades_under_the_revision_that_stands(claim: Assignment) -> None:
    wanted = claim.item.queue.feedback_task
    feedback_tasks.revise(wanted, factories.content(name="New", schema={"type": "object"}))
    claim = Assignment.objects.get(pk=claim.pk)
    assert factories.submit(claim).feedback.task_revision.number == 2


def test_it_pushes_nothing_without_an_upstream() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    factories.submit(factories.assignment(wanted), answer="Better.")
    assert not Push.objects.exists()


def test_it_keeps_feedback_that_the_upstream_has_no_feedback_task_for(upstream: Upstream) -> None:
    ours = factories.feedback_task(upstream.organization)
    factories.completion(upstream.organization, upstream=upstream)
    factories.submit(factories.assignment(ours))
    push = Push.objects.get()
    assert push.state == PushState.UNLINKED
    assert "no feedback task" in push.last_error


def test_it_keeps_the_order_of_the_values(claim: Assignment) -> None:
    schema = {"type": "object", "properties": {"z": {}, "a": {}}}
    feedback_tasks.revise(claim.item.queue.feedback_task, factories.content(schema=schema))
    base_id = claim.item.completion.current_id
    values = {"z": "\x00", "a": 1.0}
    claim = Assignment.objects.get(pk=claim.pk)
    feedback = grading.submit(claim, values=values, base_id=base_id, actor=SYSTEM).feedback
    assert list(grading.values_of(Feedback.objects.get(pk=feedback.pk)).items()) == list(values.items())


# All of it or nothing --------------------------------------------------------------------------------------------


REFUSALS: dict[str, tuple[type[Exception], dict[str, Any]]] = {
    "values": (ValuesRefused, {"score": 9}),
    "long comment": (FeedbackRefused, {"comment": "x" * (grading.LONGEST_COMMENT + 1)}),
    "comment with NUL": (FeedbackRefused, {"comment": "a\x00"}),
    "edit elsewhere": (EditRefused, {"edits": [LeafEdit("/request/model", "x")]}),
    "stale grade": (StaleDocument, {"base_id": 0}),
    "stale edit": (StaleDocument, {"base_id": 0, "answer": "Better."}),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_it_writes_nothing_when_it_refuses(name: str, claim: Assignment) -> None:
    error, given = REFUSALS[name]
    before = _rows()
    with pytest.raises(error):
        factories.submit(claim, **given)
    assert _rows() == before


@contextmanager
def _full_disk_at(statement: str) -> Iterator[None]:
    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(statement):
            raise OSError("The disk is full.")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield


@pytest.mark.parametrize(
    "statement",
    [
        'INSERT INTO "reviews_revision"',
        'UPDATE "reviews_assignment"',
        'UPDATE "reviews_queueitem"',
        'INSERT INTO "reviews_feedback"',
        'INSERT INTO "reviews_feedbackcompletion"',
        'INSERT INTO "reviews_push"',
        'INSERT INTO "reviews_auditevent"',
    ],
)
def test_it_writes_nothing_when_a_part_fails(statement: str, claim: Assignment) -> None:
    before = _rows()
    with _full_disk_at(statement), pytest.raises(OSError, match="disk is full"):
        factories.submit(claim, answer="Better.")
    assert _rows() == before


def test_it_is_stale_when_a_pull_changed_the_completion(claim: Assignment, upstream: Upstream) -> None:
    completion = claim.item.completion
    factories.pulled(upstream, completion.uid, factories.document(answer="Theirs."))
    with pytest.raises(StaleDocument):
        factories.submit(claim, base_id=completion.current_id)
    assert not Feedback.objects.exists()


# Claims ----------------------------------------------------------------------------------------------------------


def test_it_takes_one_of_two_submits(claim: Assignment) -> None:
    factories.submit(claim, answer="First.")
    with pytest.raises(ClaimLost, match="submitted this item already"):
        factories.submit(claim, answer="Second.")
    assert Feedback.objects.count() == 1
    assert Completion.objects.get().revision_count == 1


def test_it_takes_one_of_a_claim_that_was_renewed_since_it_was_read(claim: Assignment) -> None:
    assert queues.renew(Assignment.objects.get(pk=claim.pk))
    assert factories.submit(claim).feedback.assignment == claim
    assert Assignment.objects.get().state == "done"


def test_it_takes_the_claim_again_when_time_was_over(claim: Assignment) -> None:
    _expire(claim)
    feedback = factories.submit(claim).feedback
    assert feedback.assignment != claim
    assert feedback.reviewer == claim.reviewer


def test_it_is_lost_when_somebody_else_took_it(claim: Assignment) -> None:
    _expire(claim)
    factories.assignment(claim.item.queue.feedback_task)
    before = _rows()
    with pytest.raises(ClaimLost, match="Somebody else"):
        factories.submit(claim, answer="Mine.")
    assert _rows() == before


def test_it_is_lost_when_she_skipped_it(claim: Assignment) -> None:
    queues.skip(claim)
    with pytest.raises(ClaimLost):
        factories.submit(claim)


def test_it_is_lost_when_it_is_gone_upstream(claim: Assignment) -> None:
    queues.withdraw_gone(claim.item.completion)
    with pytest.raises(ClaimLost, match="left the queue"):
        factories.submit(claim)


def test_it_may_be_late_when_nobody_has_noticed(claim: Assignment) -> None:
    past = timezone.now() - timedelta(hours=2)
    Assignment.objects.update(claimed_at=past, held_until=past + timedelta(minutes=1))
    assert factories.submit(claim).feedback.assignment == claim


# By API ----------------------------------------------------------------------------------------------------------


def _record(claim: Assignment, *completions: Completion, **given: Any) -> Feedback:
    given = {"values": {"score": 2}, "comment": "", **given}
    wanted = claim.item.queue.feedback_task
    return grading.record(wanted, completions, actor=SYSTEM, api_token=None, **given)


def test_it_records_feedback_on_several_completions(claim: Assignment, upstream: Upstream) -> None:
    other = factories.completion(upstream.organization, upstream=upstream)
    feedback = _record(claim, claim.item.completion, other)
    assert feedback.origin == "api"
    assert set(feedback.completions.all()) == {claim.item.completion, other}
    assert Push.objects.filter(feedback=feedback, state=PushState.WAITING).count() == 2
    assert other.queue_items.get().state == ItemState.WITHDRAWN


@pytest.mark.parametrize("given", [{"values": {"score": 9}}, {"comment": "\x00"}])
def test_it_records_nothing_that_it_refuses(given: dict[str, Any], claim: Assignment) -> None:
    before = _rows()
    with pytest.raises((ValuesRefused, FeedbackRefused)):
        _record(claim, claim.item.completion, **given)
    assert _rows() == before


def test_it_records_nothing_when_a_completion_is_named_twice(claim: Assignment) -> None:
    before = _rows()
    with pytest.raises(FeedbackRefused, match="named twice"):
        _record(claim, claim.item.completion, claim.item.completion)
    assert _rows() == before


def test_it_lets_a_change_by_api_come_between(claim: Assignment) -> None:
    completion = claim.item.completion
    ingest.receive(completion.organization, completion.uid, {"duration": 2})
    with pytest.raises(StaleDocument):
        factories.submit(claim, base_id=completion.current_id)
    claim.refresh_from_db()
    assert claim.state == "held"
