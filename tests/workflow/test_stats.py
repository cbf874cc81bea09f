"""Counts that pages show."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from reviews.models import Assignment, FeedbackTask, Queue, QueueItem
from reviews.workflow import queues, stats
from reviews.workflow.stats import QueueCounts, ReviewerDay
from tests import factories

pytestmark = pytest.mark.django_db


def _filled(completions: int) -> FeedbackTask:
    wanted = factories.feedback_task(factories.organization())
    for _ in range(completions):
        factories.completion(wanted.organization)
    return wanted


def test_it_counts_free_held_and_done_items() -> None:
    wanted = _filled(6)
    factories.submit(factories.assignment(wanted))
    factories.assignment(wanted)
    withdrawn = QueueItem.objects.claimable().first()
    assert withdrawn is not None
    queues.withdraw_gone(withdrawn.completion)
    counts = stats.count_items([wanted.queue])[wanted.queue.pk]
    assert counts == QueueCounts(free=3, held=1, done=1)
    assert counts.total == 5


def test_it_counts_many_queues_in_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    full, empty = _filled(1), _filled(0)
    with django_assert_num_queries(1):
        counts = stats.count_items([full.queue, empty.queue])
    assert [counts[full.queue.pk].total, counts[empty.queue.pk].total] == [1, 0]


def test_a_long_queue_is_as_it_was_when_it_was_last_counted(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(stats, "LONG", 2)
    wanted, now = _filled(3), timezone.now()
    factories.submit(factories.assignment(wanted))
    assert stats.keep_counts(now) == wanted.queue
    factories.submit(factories.assignment(wanted))
    long = Queue.objects.get(pk=wanted.queue.pk)
    with django_assert_num_queries(0):
        assert stats.count_items([long])[long.pk] == QueueCounts(free=2, held=0, done=1)
    monkeypatch.setattr(stats, "LONG", 3)
    assert stats.count_items([long])[long.pk] == QueueCounts(free=1, held=0, done=2)


def test_each_queue_is_counted_once_a_minute() -> None:
    queues_of = {_filled(1).queue.pk, _filled(0).queue.pk}
    now = timezone.now()
    assert {queue.pk for _ in range(2) if (queue := stats.keep_counts(now))} == queues_of
    assert stats.keep_counts(now + timedelta(seconds=59)) is None
    assert stats.keep_counts(now + timedelta(seconds=60)) is not None


def test_it_counts_what_she_skipped_and_others_may_still_take() -> None:
    wanted = _filled(2)
    reviewer = factories.reviewer(wanted.organization)
    for _ in range(2):
        queues.skip(factories.assignment(wanted, reviewer=reviewer))
    assert stats.skipped_by(reviewer, [wanted.queue]) == {wanted.queue.pk: 2}
    factories.submit(factories.assignment(wanted))
    assert stats.skipped_by(reviewer, [wanted.queue]) == {wanted.queue.pk: 1}


def test_it_counts_what_she_submitted() -> None:
    wanted = _filled(3)
    reviewer = factories.reviewer(wanted.organization)
    for _ in range(2):
        factories.submit(factories.assignment(wanted, reviewer=reviewer))
    factories.submit(factories.assignment(wanted))
    assert stats.done_by(reviewer, [wanted.queue]) == {wanted.queue.pk: 2}
    assert stats.done_by(reviewer, [wanted.queue], since=timezone.now()) == {}


def test_it_knows_how_long_one_took_her_without_pauses() -> None:
    wanted = _filled(5)
    reviewer, start = factories.reviewer(wanted.organization), timezone.now()
    for seconds in (0, 10, 40, 5000, 5020):
        claim = factories.assignment(wanted, reviewer=reviewer)
        factories.submit(claim)
        Assignment.objects.filter(pk=claim.pk).update(ended_at=start + timedelta(seconds=seconds))
    day = stats.reviewer_day(reviewer, wanted.queue, since=start)
    assert day == ReviewerDay(submitted=5, seconds_each=20.0, last_at=start + timedelta(seconds=5020))


def test_it_knows_no_time_of_a_first_review() -> None:
    wanted = _filled(1)
    claim = factories.assignment(wanted)
    day = stats.reviewer_day(claim.reviewer, wanted.queue, since=claim.claimed_at)
    assert day == ReviewerDay(submitted=0, seconds_each=None, last_at=None)
    factories.submit(claim)
    assert stats.reviewer_day(claim.reviewer, wanted.queue, since=claim.claimed_at).seconds_each is None
