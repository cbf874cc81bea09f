"""One GradeBench for all that is done to it here, on servers of its own, with leases of a few seconds.

Each test besieges it with an upstream and reviewers of its own; the figures of a test are in the summary of the run.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any, NamedTuple

import pytest

from tests.conftest import ON_POSTGRES
from tests.faults import kills
from tests.faults.kills import Siege
from tests.instances import Instance
from tests.services import Postgres, Valkey

# How long this instance waits for a database that is busy or gone; as shipped it is 20 seconds.
DATABASE_SECONDS = 6.0
# The seeds are fixed: a run can be repeated. `make chaos` takes others.
SEED = 4


class Target(NamedTuple):
    """The instance, and its servers where it has any."""

    instance: Instance
    postgres: Postgres | None
    valkey: Valkey | None

    @property
    def database(self) -> Postgres:
        """Its PostgreSQL."""
        assert self.postgres is not None, "SQLite has no server."
        return self.postgres

    @property
    def broker(self) -> Valkey:
        """Its Valkey."""
        assert self.valkey is not None, "The embedded form has no broker."
        return self.valkey


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    """Running and well when a test gets it, and left so."""
    env = kills.environment(short_leases=True, GRADEBENCH_DATABASE_SECONDS=f"{DATABASE_SECONDS:g}")
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres()) if ON_POSTGRES else None
        valkey = stack.enter_context(Valkey()) if ON_POSTGRES else None
        servers = kills.servers_of(postgres, valkey) if postgres and valkey else None
        instance = stack.enter_context(Instance("target", env=env, servers=servers))
        yield Target(instance, postgres, valkey)


@pytest.fixture
def besieged(target: Target) -> Callable[..., AbstractContextManager[Siege]]:
    """`kills.besieged` of that instance."""
    return partial(
        kills.besieged, target.instance, postgres=target.postgres, valkey=target.valkey, progress=_say_nothing
    )


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Puts figures into the summary: the verdict of a siege, and others by name."""

    def put(siege: Siege, name: str, **figures: Any) -> None:
        verdict = siege.verdict(name)
        record_property("verdict", f"{verdict}".splitlines()[0])
        for key, value in {"hits_in_flight": siege.hits, "repeated": verdict.repeated, **figures}.items():
            record_property(key, round(value, 1) if isinstance(value, float) else value)
        assert verdict.clean, f"{verdict}\n{siege.instance.log}"
        assert verdict.held == 0, "Nobody upstream changed anything, and yet somebody has to decide."

    return put


def _say_nothing(_words: str) -> None:
    """The figures are in the summary."""
