"""What the database refuses of upstreams, pulls and pushes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from reviews.models import Push, PushKind, Upstream
from tests.models import rows

pytestmark = pytest.mark.django_db


def _two_in_flight() -> None:
    update = rows.push()
    until = rows.later(minutes=1)
    both = Push.objects.filter(completion=update.completion)
    both.update(state="sending", leased_until=until)


BREAKS: dict[str, Callable[[], Any]] = {
    "upstream_once": lambda: rows.again(rows.upstream(), uid="another", name="another"),
    "upstream_name": lambda: rows.again(rows.upstream(), uid="another", url="https://elsewhere.example"),
    "upstream_pull_seconds": lambda: rows.change(rows.upstream(), pull_seconds=0),
    "upstream_url": lambda: rows.change(rows.upstream(), url="file:///etc/passwd"),
    "upstream_token_kept": lambda: rows.change(rows.upstream(), token_sealed=""),
    "pull_state": lambda: rows.change(rows.ended_pull(), state="lost"),
    "pull_ended_whole": lambda: rows.change(rows.pull(), state="complete"),
    "pull_one_running": lambda: rows.again(rows.pull()),
    "pull_refusal_once": lambda: rows.again(rows.pull_refusal()),
    "pull_refusal_what": lambda: rows.change(rows.pull_refusal(), what="tag"),
    "push_confirmed_when_delivered": lambda: rows.change(rows.push(), confirmed_at=timezone.now()),
    "pull_refusal_retry_open": lambda: rows.change(
        rows.pull_refusal(), retry_asked_at=timezone.now(), taken_at=timezone.now()
    ),
    "push_state": lambda: rows.change(rows.push(), state="lost"),
    "push_carries_one": lambda: rows.change(rows.push(), kind=PushKind.FEEDBACK),
    "push_feedback_once": lambda: rows.again(rows.push(PushKind.FEEDBACK), uid="another"),
    "push_one_in_flight": _two_in_flight,
    "push_lease_whole": lambda: rows.change(rows.push(), state="sending"),
    "push_delivered_whole": lambda: rows.change(rows.push(), delivered_at=timezone.now()),
    "push_goes_somewhere": lambda: rows.change(rows.push(), upstream=None),
}


@pytest.mark.parametrize("name", BREAKS)
def test_it_is_refused_by_the_database(name: str) -> None:
    with rows.refused(name):
        BREAKS[name]()


def test_it_lets_a_pull_follow_one_that_ended() -> None:
    ended = rows.ended_pull()
    rows.again(ended, state="running", ended_at=None)
    assert ended.upstream.pulls.count() == 2


@pytest.mark.parametrize(("lease", "column"), [("pull_leased_until", "pull_due"), ("push_leased_until", "push_free")])
def test_it_is_left_alone_while_leased(lease: str, column: str) -> None:
    upstream, now = rows.upstream(), timezone.now()
    rows.change(upstream, **{lease: now + timedelta(seconds=1)})
    free = getattr(Upstream.objects, column)
    assert upstream not in free(now)
    assert upstream in free(now + timedelta(seconds=2))


@pytest.mark.parametrize("column", ["pull_due", "push_free"])
@pytest.mark.parametrize("why", [{"enabled": False}, {"token_refused_at": timezone.now()}])
def test_it_is_left_alone_while_disabled_or_refused(column: str, why: dict[str, Any]) -> None:
    upstream = rows.upstream()
    rows.change(upstream, **why)
    assert upstream not in getattr(Upstream.objects, column)(rows.later(seconds=1))


def test_it_is_not_pushed_to_while_quiet() -> None:
    upstream = rows.upstream()
    rows.change(upstream, quiet_until=rows.later(minutes=1))
    assert upstream not in Upstream.objects.push_free(timezone.now())
    assert upstream in Upstream.objects.push_free(rows.later(minutes=2))
