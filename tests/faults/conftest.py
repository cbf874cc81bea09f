"""A world before a faulty upstream, for the tests that need no processes of their own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from reviews import tasks
from reviews.log10 import client
from tests.faults.upstream import FaultyUpstream
from tests.faults.world import Clock, World


@pytest.fixture
def make_world(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], World]]:
    """Makes worlds of a seed: loopback allowed, no undo, messages carried out at once, a silent peer given up soon."""
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    settings.UNDO_SECONDS = 0
    for task in (tasks.pull_upstream, tasks.push_upstream):
        monkeypatch.setattr(task, "apply_async", _at_once(task))
    monkeypatch.setattr(client, "READ_SECONDS", 0.3)
    servers: list[FaultyUpstream] = []

    def make(seed: int) -> World:
        clock = Clock()
        server = FaultyUpstream(seed=seed, clock=clock)
        servers.append(server)
        server.__enter__()
        return World(server, clock, seed=seed)

    yield make
    for server in servers:
        server.__exit__(None)


@pytest.fixture
def world(make_world: Callable[[int], World]) -> World:
    """A world of the seed 4."""
    return make_world(4)


def _at_once(task: Any) -> Callable[..., None]:
    def apply_async(args: tuple[int, ...], **_: object) -> None:
        task(*args)

    return apply_async
