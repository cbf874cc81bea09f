"""The outbox: what may leave, in which order, and what becomes of an attempt."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from reviews.models import AuditEvent, Completion, Push, PushKind, PushState, QueueItem, Upstream
from reviews.workflow import circuit, grading, ingest, outbox, upstreams
from reviews.workflow.audit import SYSTEM
from reviews.workflow.outbox import NotRetryable
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def upstream() -> Upstream:
    made = factories.upstream(factories.organization())
    factories.feedback_task(made.organization, upstream=made)
    return made


@pytest.fixture
def completion(upstream: Upstream) -> Completion:
    return factories.completion(upstream.organization, upstream=upstream)


def _submit(upstream: Upstream, answer: str | None = None) -> None:
    factories.submit(factories.assignment(upstream.feedback_tasks.get()), answer=answer)


def _change(completion: Completion, number: int) -> Push:
    """The push of a change by API."""
    ingest.receive(completion.organization, completion.uid, {"duration": number})
    return Push.objects.filter(completion=completion, kind=PushKind.UPDATE).latest("pk")


def _soon() -> datetime:
    """Past the time in which a submit may be undone, and past the longest wait."""
    return timezone.now() + timedelta(hours=1)


def _due(upstream: Upstream) -> Push:
    push = outbox.next_due(upstream, _soon())
    assert push is not None
    return push


def _leased(upstream: Upstream) -> Push:
    push = _due(upstream)
    assert outbox.lease(push)
    return push


def _states(kind: PushKind = PushKind.UPDATE) -> list[str]:
    """The states of the pushes of this kind, oldest first."""
    return list(Push.objects.filter(kind=kind).order_by("pk").values_list("state", flat=True))


# Order -----------------------------------------------------------------------------------------------------------


def test_it_sends_nothing_that_may_still_be_undone(upstream: Upstream, completion: Completion) -> None:
    _submit(upstream)
    assert outbox.next_due(upstream, timezone.now()) is None
    assert outbox.next_due(upstream, _soon()) is not None


def test_it_sends_the_edit_before_the_grade(upstream: Upstream, completion: Completion) -> None:
    _submit(upstream, answer="Better.")
    update = _leased(upstream)
    assert update.kind == PushKind.UPDATE
    assert outbox.next_due(upstream, _soon()) is None
    assert outbox.delivered(update)
    assert _due(upstream).kind == PushKind.FEEDBACK


@pytest.mark.parametrize("state", ["waiting", "conflict", "attention"])
def test_it_keeps_the_grade_until_the_edit_is_decided(state: str, upstream: Upstream, completion: Completion) -> None:
    _submit(upstream, answer="Better.")
    Push.objects.filter(kind=PushKind.UPDATE).update(state=state, not_before=_soon() + timedelta(days=1))
    assert outbox.next_due(upstream, _soon()) is None


def test_it_keeps_the_grade_while_the_completion_is_reviewed_elsewhere(
    upstream: Upstream, completion: Completion
) -> None:
    other = factories.feedback_task(upstream.organization)
    _submit(upstream, answer="Better.")
    assert outbox.delivered(_leased(upstream))
    assert outbox.next_due(upstream, _soon()) is None
    factories.submit(factories.assignment(other))
    assert _due(upstream).kind == PushKind.FEEDBACK


def test_it_keeps_the_grade_until_the_last_review(upstream: Upstream, completion: Completion) -> None:
    QueueItem.objects.update(reviews_needed=2)
    _submit(upstream)
    assert outbox.next_due(upstream, _soon()) is None
    _submit(upstream)
    assert _due(upstream).kind == PushKind.FEEDBACK


def test_it_sends_the_oldest_first(upstream: Upstream, completion: Completion) -> None:
    other = factories.completion(upstream.organization, upstream=upstream)
    first, second = _change(other, 1), _change(completion, 1)
    assert _leased(upstream) == first
    assert _leased(upstream) == second


def test_it_sends_to_one_upstream_what_is_its_own(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    assert outbox.next_due(factories.upstream(upstream.organization), _soon()) is None


def test_it_sends_the_newest_edit_alone(upstream: Upstream, completion: Completion) -> None:
    newest = [_change(completion, number) for number in (1, 2, 3)][-1]
    assert _states() == ["superseded", "superseded", "waiting"]
    assert _due(upstream) == newest


def test_it_supersedes_an_edit_that_needed_attention(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    outbox.failed(_leased(upstream), "No.", permanent=True)
    _change(completion, 2)
    assert _states() == ["superseded", "waiting"]


def test_it_has_one_in_flight_per_completion(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    sent = _leased(upstream)
    newer = _change(completion, 2)
    assert _states() == ["sending", "waiting"]
    assert outbox.next_due(upstream, _soon()) is None
    assert not outbox.lease(newer)
    assert outbox.delivered(sent)
    assert _leased(upstream) == newer


def test_it_waits_with_a_newer_edit_after_an_attempt_without_a_word(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    outbox.failed(_leased(upstream), "Cut off.", permanent=False, ambiguous=True)
    newer = _change(completion, 2)
    assert newer.not_before > timezone.now() + outbox.DOUBT - timedelta(seconds=5)


def test_it_holds_a_newer_edit_back_in_a_conflict(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    ingest.receive(completion.organization, completion.uid, {"response": {"ours": 1}})
    factories.pulled(upstream, completion.uid, factories.document(answer="Theirs."))
    _change(completion, 3)
    assert _states() == ["superseded", "superseded", "conflict"]
    assert outbox.next_due(upstream, _soon()) is None


# Leases ----------------------------------------------------------------------------------------------------------


def test_it_leases_once(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    one, other = _due(upstream), _due(upstream)
    assert outbox.lease(one)
    assert not outbox.lease(other)
    assert outbox.still_mine(one)
    assert not outbox.still_mine(other)
    assert Push.objects.get().attempts == one.attempts == 1


def test_it_records_what_arrived(upstream: Upstream, completion: Completion) -> None:
    push = _change(completion, 1)
    Upstream.objects.update(push_failures=3, last_error="Down.")
    assert outbox.delivered(_leased(upstream))
    completion.refresh_from_db()
    push.refresh_from_db()
    upstream.refresh_from_db()
    assert (push.state, push.leased_until) == (PushState.DELIVERED, None)
    assert completion.upstream_document_id == completion.current_id
    assert (upstream.push_failures, upstream.last_error) == (0, "")
    assert AuditEvent.objects.filter(action="push.deliver").count() == 1


def test_it_frees_what_a_dead_sender_held(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    dead = _leased(upstream)
    assert outbox.sweep(timezone.now()) == 0
    assert outbox.sweep(_soon()) == 1
    push = Push.objects.get()
    assert (push.state, push.ambiguous, push.leased_until) == (PushState.WAITING, True, None)
    assert not outbox.still_mine(dead)


def test_it_lets_a_slow_sender_write_nothing(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    slow = _leased(upstream)
    outbox.sweep(_soon())
    faster = _leased(upstream)
    assert not outbox.delivered(slow)
    outbox.failed(slow, "Late.", permanent=True)
    assert outbox.still_mine(faster)
    assert Push.objects.get().last_error == ""


def test_it_writes_nothing_of_an_attempt_whose_lease_was_lost(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    slow = _leased(upstream)
    outbox.sweep(_soon())
    outbox.failed(slow, "Late.", permanent=True)
    assert not AuditEvent.objects.filter(action="push.give_up").exists()


# Failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 1), (2, 2), (5, 16), (10, 512), (11, 900), (5000, 900)])
def test_it_waits_longer_each_time(attempts: int, seconds: int) -> None:
    waits = [outbox.backoff(attempts).total_seconds() for _ in range(50)]
    assert min(waits) >= seconds * 0.75
    assert max(waits) <= seconds
    assert len(set(waits)) > 1


def test_it_tries_again_what_may_pass(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    before = timezone.now()
    outbox.failed(_leased(upstream), "Busy." * 1000, permanent=False, status=503)
    push = Push.objects.get()
    assert (push.state, push.last_status, len(push.last_error)) == (PushState.WAITING, 503, 2000)
    assert before < push.not_before < before + timedelta(seconds=10)
    assert push.first_failed_at is not None


def test_it_remembers_the_first_failure_and_a_doubt(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    outbox.failed(_leased(upstream), "Cut off.", permanent=False, ambiguous=True)
    first = Push.objects.get().first_failed_at
    outbox.failed(_leased(upstream), "Busy.", permanent=False)
    push = Push.objects.get()
    assert (push.first_failed_at, push.ambiguous, push.attempts) == (first, True, 2)


def test_it_asks_a_person_when_it_will_not_pass(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    outbox.failed(_leased(upstream), "Unknown id.", permanent=True, status=404)
    assert _states() == ["attention"]
    assert outbox.next_due(upstream, _soon()) is None
    upstream.refresh_from_db()
    assert upstream.push_failures == 0
    assert AuditEvent.objects.filter(action="push.give_up").count() == 1


def test_it_asks_a_person_after_thirty_attempts(upstream: Upstream, completion: Completion) -> None:
    push = _change(completion, 1)
    Push.objects.update(attempts=outbox.MOST_ATTEMPTS - 2)
    outbox.failed(_leased(upstream), "Busy.", permanent=False)
    assert _states() == ["waiting"]
    outbox.failed(_leased(upstream), "Busy.", permanent=False)
    assert _states() == ["attention"]
    assert Push.objects.get().pk == push.pk


def test_it_rests_after_five_failures(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    for _ in range(circuit.FAILURES - 1):
        outbox.failed(_leased(upstream), "Busy.", permanent=False)
    assert upstream in Upstream.objects.push_free(timezone.now())
    outbox.failed(_leased(upstream), "Busy.", permanent=False)
    assert upstream not in Upstream.objects.push_free(timezone.now())
    assert upstream in Upstream.objects.push_free(timezone.now() + circuit.WAIT)


def test_it_waits_as_long_as_the_upstream_asks(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    now = timezone.now()
    outbox.failed(_leased(upstream), "Slow down.", permanent=False, status=429, wait=timedelta(minutes=5))
    push = Push.objects.get()
    upstream.refresh_from_db()
    assert upstream.quiet_until is not None
    assert upstream.quiet_until >= push.not_before
    assert push.not_before >= now + timedelta(minutes=5)


def test_it_stops_when_the_token_is_refused(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    outbox.give_back(_leased(upstream), "Not authorized.", status=401)
    upstreams.refuse_token(upstream, "Not authorized.")
    push = Push.objects.get()
    assert (push.state, push.last_status) == (PushState.WAITING, 401)
    assert not Upstream.objects.push_free(_soon()).exists()


def test_it_is_pushed_again_by_a_person(upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    outbox.failed(_leased(upstream), "Unknown id.", permanent=True)
    outbox.retry(Push.objects.get(), actor=SYSTEM)
    push = Push.objects.get()
    assert (push.state, push.attempts) == (PushState.WAITING, 0)
    assert _leased(upstream) == push


@pytest.mark.parametrize("state", ["waiting", "superseded", "unlinked", "conflict"])
def test_it_is_not_pushed_again_when_it_needs_no_attention(
    state: str, upstream: Upstream, completion: Completion
) -> None:
    push = _change(completion, 1)
    Push.objects.update(state=state)
    with pytest.raises(NotRetryable, match="needs attention"):
        outbox.retry(push, actor=SYSTEM)
    assert _states() == [state]


def test_it_pushes_feedback_by_api_at_once(upstream: Upstream, completion: Completion) -> None:
    wanted = upstream.feedback_tasks.get()
    grading.record(wanted, [completion], values={"score": 1}, comment="", actor=SYSTEM, api_token=None)
    assert _due(upstream).kind == PushKind.FEEDBACK


# An older edit never goes after a newer one ----------------------------------------------------------------------


def _drain(upstream: Upstream) -> None:
    """Let all arrive that is due within a minute, then what is due within an hour."""
    for wait in (timedelta(minutes=1), timedelta(hours=1)):
        while (push := outbox.next_due(upstream, timezone.now() + wait)) is not None:
            assert outbox.lease(push)
            assert outbox.delivered(push)


ENDINGS: dict[str, Callable[[Push], object]] = {
    "busy": lambda push: outbox.failed(push, "Busy.", permanent=False),
    "refused": lambda push: outbox.failed(push, "Too large.", permanent=True),
    "no token": lambda push: outbox.give_back(push, "Not authorized."),
    "not comparable": outbox.not_listed,
    "sender died": lambda _push: outbox.sweep(_soon()),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_it_never_sends_an_older_edit_after_a_newer_one(name: str, upstream: Upstream, completion: Completion) -> None:
    _change(completion, 1)
    older = _leased(upstream)
    _change(completion, 2)
    ENDINGS[name](older)
    Push.objects.filter(pk=older.pk).update(not_before=timezone.now() + timedelta(minutes=15))
    _drain(upstream)
    completion.refresh_from_db()
    assert completion.upstream_document_id == completion.current_id
    assert not Push.objects.undecided().exists()
