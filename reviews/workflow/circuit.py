"""Whether an upstream may be asked now, and what its answers change: failures in a row open a circuit, in which one
request at a time finds out whether it is well again.
"""

from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from reviews.models import Push, PushState, Upstream
from reviews.workflow import clock

FAILURES = 5
WAIT = timedelta(seconds=15)
LONGEST_WORDS = 2_000


def may_pull(upstream_id: int) -> bool:
    """Whether the upstream may be read from now. In an open circuit a yes takes the one attempt that there is."""
    # Where the list is answered and only edits are not, pulls go on as usual.
    doubted = Q(pull_failures__gte=FAILURES) | Q(pull_failures__gte=1, push_failures__gte=FAILURES)
    return _may(upstream_id, doubted)


def may_push(upstream_id: int) -> bool:
    """Whether something may be sent to the upstream now. In an open circuit a yes takes the one attempt."""
    return _may(upstream_id, Q(push_failures__gte=FAILURES) | Q(pull_failures__gte=FAILURES))


def _may(upstream_id: int, doubted: Q) -> bool:
    now = clock.now()
    quiet_over = Q(quiet_until=None) | Q(quiet_until__lte=now)
    upstream = Upstream.objects.filter(quiet_over, pk=upstream_id, enabled=True, token_refused_at=None)
    if upstream.filter(~doubted).exists():
        return True
    # Of several who ask at once, one finds the row as it was.
    return bool(upstream.filter(doubted).update(quiet_until=now + WAIT))


def is_open(upstream_id: int) -> bool:
    """Whether the upstream has failed so often in a row that it is only tried now and then."""
    failing = Q(push_failures__gte=FAILURES) | Q(pull_failures__gte=FAILURES)
    return Upstream.objects.filter(failing, pk=upstream_id).exists()


def pull_failed(upstream_id: int, words: str, *, wait: timedelta | None) -> None:
    """A pull ended badly. `wait` is what the upstream asked for by Retry-After: it is left alone for that long."""
    _failed(Upstream.objects.filter(pk=upstream_id), "pull_failures", words, wait)


def push_failed(upstream_id: int, words: str, *, wait: timedelta | None) -> None:
    """A push failed for a reason that may pass."""
    _failed(Upstream.objects.filter(pk=upstream_id), "push_failures", words, wait)


def _failed(upstream: QuerySet[Upstream], counter: str, words: str, wait: timedelta | None) -> None:
    now = clock.now()
    upstream.update(
        **{counter: F(counter) + 1},
        last_error=words[:LONGEST_WORDS],
        failing_since=Coalesce("failing_since", now),
        last_failed_at=now,
    )
    if wait is not None:
        upstream.update(quiet_until=now + wait)
    else:
        upstream.filter(Q(pull_failures__gte=FAILURES) | Q(push_failures__gte=FAILURES)).update(quiet_until=now + WAIT)


def leave_alone(upstream_id: int, wait: timedelta) -> None:
    """The upstream asked for it by Retry-After, though nothing failed that counts."""
    Upstream.objects.filter(pk=upstream_id).update(quiet_until=clock.now() + wait)


def pulled_well(upstream_id: int) -> None:
    """A whole list was read."""
    _well(upstream_id, "pull_failures", other="push_failures")


def pushed_well(upstream_id: int) -> None:
    """A push arrived: what waited for its next try because the upstream was down goes now."""
    _well(upstream_id, "push_failures", other="pull_failures")


def _well(upstream_id: int, counter: str, *, other: str) -> None:
    failing = Q(**{f"{counter}__gte": 1}) | Q(failing_since__isnull=False) | ~Q(last_error="")
    upstream = Upstream.objects.filter(pk=upstream_id)
    # Nothing is written as long as all is well: this comes with every push.
    if not upstream.filter(failing).exists():
        return
    # The one attempt in an open circuit was this. A wait that was asked for is not ended by another's success.
    upstream.filter(**{f"{counter}__gte": FAILURES, other: 0}).update(quiet_until=None)
    had_failed = upstream.filter(**{f"{counter}__gte": 1}).update(**{counter: 0})
    upstream.filter(**{other: 0}).update(failing_since=None, last_error="")
    if had_failed and counter == "push_failures":
        _send_what_waited(upstream_id, clock.now())


def _send_what_waited(upstream_id: int, now: datetime) -> None:
    tried = Push.objects.filter(upstream=upstream_id, state=PushState.WAITING, attempts__gte=1, not_before__gt=now)
    # Not those that wait because an older text may still be on its way: they have not been tried.
    tried.update(not_before=now)
