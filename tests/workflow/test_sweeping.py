"""The sweep: what time alone changes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from reviews.models import Assignment, Push, Upstream
from reviews.workflow import outbox, sweeping
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def push() -> Push:
    """The push of a submit, ready to leave."""
    upstream = factories.upstream(factories.organization())
    wanted = factories.feedback_task(upstream.organization, upstream=upstream)
    factories.completion(upstream.organization, upstream=upstream)
    factories.submit(factories.assignment(wanted))
    Push.objects.update(not_before=timezone.now())
    return Push.objects.get()


def test_it_frees_claims_that_ran_out() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    factories.assignment(wanted)
    past = timezone.now() - timedelta(hours=1)
    Assignment.objects.update(claimed_at=past, held_until=past + timedelta(minutes=1))
    sweeping.sweep(timezone.now())
    assert Assignment.objects.get().state == "expired"


def test_it_frees_pushes_whose_sender_died(push: Push) -> None:
    outbox.lease(push)
    sweeping.sweep(timezone.now() + outbox.LEASE * 2)
    push.refresh_from_db()
    assert (push.state, push.ambiguous) == ("waiting", True)


def test_it_says_when_it_last_ran_to_five_seconds() -> None:
    assert sweeping.last_sweep() is None
    now = timezone.now()
    for seconds in (0, 3, 7):
        sweeping.sweep(now + timedelta(seconds=seconds))
    assert sweeping.last_sweep() == now + timedelta(seconds=7)


def test_it_does_not_write_a_heartbeat_each_second() -> None:
    now = timezone.now()
    for seconds in (0, 3):
        sweeping.sweep(now + timedelta(seconds=seconds))
    assert sweeping.last_sweep() == now


def test_it_lists_upstreams_that_have_something_due(push: Push) -> None:
    factories.upstream(factories.organization())
    now = timezone.now()
    assert sweeping.upstreams_with_due_pushes(now) == [push.upstream_id]
    Upstream.objects.update(quiet_until=now + timedelta(seconds=9))
    assert sweeping.upstreams_with_due_pushes(now) == []


def test_it_lists_no_upstream_whose_pushes_must_wait(push: Push) -> None:
    assert sweeping.upstreams_with_due_pushes(push.not_before - timedelta(seconds=1)) == []


def test_it_gives_up_every_lease_at_the_start(push: Push) -> None:
    outbox.lease(push)
    later = timezone.now() + timedelta(minutes=1)
    Upstream.objects.update(pull_leased_until=later, push_leased_until=later)
    sweeping.release_leases()
    push.refresh_from_db()
    assert (push.state, push.ambiguous) == ("waiting", True)
    assert Upstream.objects.filter(pull_leased_until=None, push_leased_until=None).count() == 1
