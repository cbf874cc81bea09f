"""The Celery tasks: they wake, and the database decides."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from reviews import tasks
from reviews.log10 import sync
from reviews.models import Heartbeat, Organization, Push, PushState, Upstream
from reviews.workflow import accounts, ingest, upstreams
from tests.api.samples import document

pytestmark = pytest.mark.django_db


class Calls:
    """What was asked of the broker, and what of the sync."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pulls: list[tuple[int, ...]] = []
        self.pushes: list[tuple[int, ...]] = []
        self.pulled: list[Upstream] = []
        self.pushed: list[Upstream] = []
        self.options: list[dict[str, Any]] = []
        monkeypatch.setattr(tasks.pull_upstream, "apply_async", self._asked(self.pulls))
        monkeypatch.setattr(tasks.push_upstream, "apply_async", self._asked(self.pushes))
        monkeypatch.setattr(sync, "pull", self.pulled.append)
        monkeypatch.setattr(sync, "push", self.pushed.append)

    def _asked(self, where: list[tuple[int, ...]]) -> Any:
        def apply_async(args: tuple[int, ...], **options: Any) -> None:
            where.append(args)
            self.options.append(options)

        return apply_async


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The broker and the sync, listened to."""
    return Calls(monkeypatch)


@pytest.fixture
def organization() -> Organization:
    """An organization."""
    return accounts.create_organization("acme")


@pytest.fixture
def upstream(organization: Organization) -> Upstream:
    """An upstream, due for its first pull."""
    return upstreams.create(organization, url="http://127.0.0.1:9", upstream_organization="o", token="t")


def waiting_push(upstream: Upstream) -> Push:
    """An edit by API of a completion that was pulled."""
    raw = b'{"id":"a"}'
    now = timezone.now()
    ingest.take_pulled(upstream, "a", {"id": "a"}, raw, asked_at=now)
    ingest.receive(upstream.organization, "a", document(id="a"))
    Push.objects.update(not_before=now)
    return Push.objects.get()


def test_a_pull_wakes_the_push_that_could_not_go_while_it_ran(calls: Calls, upstream: Upstream) -> None:
    tasks.pull_upstream(upstream.pk)
    assert (calls.pulled, calls.pushes) == ([upstream], [])
    waiting_push(upstream)
    tasks.pull_upstream(upstream.pk)
    assert (calls.pulled, calls.pushes) == ([upstream, upstream], [(upstream.pk,)])


def test_it_wakes_who_is_due_for_a_pull(calls: Calls, upstream: Upstream) -> None:
    tasks.tick()
    assert (calls.pulls, calls.pushes) == ([(upstream.pk,)], [])
    assert calls.options == [{"expires": 30}]


@pytest.mark.parametrize(
    "members",
    [
        {"next_pull_at": timezone.now() + timedelta(days=1)},
        {"enabled": False},
        {"token_refused_at": timezone.now()},
        {"pull_leased_until": timezone.now() + timedelta(days=1)},
    ],
)
def test_it_lets_others_sleep(calls: Calls, upstream: Upstream, members: dict[str, Any]) -> None:
    Upstream.objects.update(**members)
    tasks.tick()
    tasks.pull_upstream(upstream.pk)
    assert (calls.pulls, calls.pulled) == ([], [])


def test_it_wakes_who_has_something_to_send(calls: Calls, upstream: Upstream) -> None:
    waiting_push(upstream)
    tasks.tick()
    assert calls.pushes == [(upstream.pk,)]
    Push.objects.update(not_before=timezone.now() + timedelta(minutes=1))
    tasks.tick()
    assert calls.pushes == [(upstream.pk,)]


def test_it_sweeps(calls: Calls, upstream: Upstream) -> None:
    waiting_push(upstream)
    Push.objects.update(state=PushState.SENDING, leased_until=timezone.now())
    tasks.tick()
    push = Push.objects.get()
    assert (push.state, push.ambiguous) == (PushState.WAITING, True)
    assert Heartbeat.objects.get(name="sweep").at <= timezone.now()


def test_it_pulls_and_pushes_the_one_that_is_named(calls: Calls, upstream: Upstream) -> None:
    tasks.pull_upstream(upstream.pk)
    tasks.push_upstream(upstream.pk)
    assert (calls.pulled, calls.pushed) == ([upstream], [upstream])


def test_it_does_nothing_about_what_is_no_longer_there(calls: Calls, upstream: Upstream) -> None:
    tasks.pull_upstream(upstream.pk + 1)
    tasks.push_upstream(upstream.pk + 1)
    assert (calls.pulled, calls.pushed) == ([], [])
