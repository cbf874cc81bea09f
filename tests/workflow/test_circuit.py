"""When an upstream may be asked."""

from datetime import timedelta

import pytest
from django.utils import timezone

from reviews.models import Upstream
from reviews.workflow import circuit
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def upstream() -> Upstream:
    return factories.upstream(factories.organization())


def fail(upstream: Upstream, times: int = circuit.FAILURES, *, pulls: bool = False) -> None:
    for _ in range(times):
        (circuit.pull_failed if pulls else circuit.push_failed)(upstream.pk, "Busy.", wait=None)
    upstream.refresh_from_db()


def let_time_pass() -> None:
    Upstream.objects.update(quiet_until=timezone.now() - timedelta(seconds=1))


def test_it_may_be_asked_while_all_is_well(upstream: Upstream) -> None:
    assert circuit.may_pull(upstream.pk)
    assert circuit.may_push(upstream.pk)
    upstream.refresh_from_db()
    assert upstream.quiet_until is None


def test_it_counts_failures_in_a_row(upstream: Upstream) -> None:
    fail(upstream, circuit.FAILURES - 1)
    assert circuit.may_push(upstream.pk)
    assert (upstream.push_failures, upstream.last_error) == (circuit.FAILURES - 1, "Busy.")
    assert upstream.failing_since is not None
    circuit.pushed_well(upstream.pk)
    assert Upstream.objects.filter(push_failures=0, failing_since=None, last_error="").exists()


@pytest.mark.parametrize("pulls", [True, False])
def test_it_is_tried_by_one_at_a_time_when_it_is_down(upstream: Upstream, pulls: bool) -> None:
    fail(upstream, pulls=pulls)
    fail(upstream, 1, pulls=not pulls)
    assert not circuit.may_push(upstream.pk)
    assert not circuit.may_pull(upstream.pk)
    let_time_pass()
    # Pull and push share the one attempt.
    assert [circuit.may_push(upstream.pk), circuit.may_pull(upstream.pk), circuit.may_push(upstream.pk)] == [
        True,
        False,
        False,
    ]


def test_lists_are_read_as_usual_when_only_edits_are_not_taken(upstream: Upstream) -> None:
    fail(upstream)
    let_time_pass()
    assert circuit.may_pull(upstream.pk)
    assert circuit.may_pull(upstream.pk)
    assert circuit.may_push(upstream.pk)


def test_it_is_left_alone_for_as_long_as_it_asks(upstream: Upstream) -> None:
    circuit.pull_failed(upstream.pk, "Slow down.", wait=timedelta(minutes=3))
    upstream.refresh_from_db()
    assert upstream.quiet_until is not None
    assert upstream.quiet_until > timezone.now() + timedelta(minutes=2)
    assert not circuit.may_push(upstream.pk)
    assert upstream not in Upstream.objects.pull_due(timezone.now() + timedelta(minutes=2))
    assert upstream in Upstream.objects.pull_due(timezone.now() + timedelta(minutes=4))


def test_it_is_not_well_before_both_ways_are(upstream: Upstream) -> None:
    fail(upstream)
    fail(upstream, pulls=True)
    circuit.pulled_well(upstream.pk)
    upstream.refresh_from_db()
    assert (upstream.pull_failures, upstream.push_failures) == (0, circuit.FAILURES)
    assert upstream.failing_since is not None
    circuit.pushed_well(upstream.pk)
    assert Upstream.objects.filter(push_failures=0, failing_since=None, quiet_until=None).exists()


@pytest.mark.parametrize("changed", [{"enabled": False}, {"token_refused_at": timezone.now()}])
def test_it_is_not_asked_when_nobody_is_let_in(upstream: Upstream, changed: dict[str, object]) -> None:
    Upstream.objects.update(**changed)
    assert not circuit.may_pull(upstream.pk)
    assert not circuit.may_push(upstream.pk)
