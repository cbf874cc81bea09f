"""The blows: what a part of GradeBench, or a server that it needs, can be dealt, and how it is mended.

Most have a name for `Siege.run`; those that last as long as a block does stand at the end.
"""

import contextlib
import os
import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace

import psutil
import psycopg
import redis

from tests.e2e import steps
from tests.faults.kills import Blow, Siege
from tests.instances import Instance
from tests.services import descendants

# The processes of GradeBench --------------------------------------------------------------------------------------


def _of_role(role: str) -> Blow:
    """The whole process group of a role."""
    return Blow(role, lambda siege: siege.instance.kill(role), lambda siege: siege.instance.start(role))


def children_of(siege: Siege, role: str) -> list[psutil.Process]:
    """The processes that the process of a role has started."""
    return descendants(siege.instance.processes[role].pid)[1:]


def _strike_child(role: str) -> Callable[[Siege], None]:
    def strike(siege: Siege) -> None:
        # A moment ago it was killed as a whole, and has none yet.
        children = children_of(siege, role)
        if children:
            with contextlib.suppress(psutil.NoSuchProcess):
                siege.chance.choice(children).kill()

    return strike


def _strike_parent(siege: Siege) -> None:
    """Only the parent of the worker: its children finish what they are at, or wait for more until they are killed."""
    os.kill(siege.instance.processes["worker"].pid, signal.SIGKILL)
    siege.wait(siege.chance.uniform(0.0, 0.5))
    siege.instance.kill("worker")


UP = _of_role("up")
UP_SENDING = replace(UP, name="up, sending", aimed=True)
WEB = _of_role("web")
WEB_CHILD = Blow("a process of web", _strike_child("web"))
WORKER = replace(_of_role("worker"), by_arrivals=True, aimed=True)
WORKER_CHILD = Blow("a process of worker", _strike_child("worker"), by_arrivals=True, aimed=True)
WORKER_PARENT = replace(WORKER, name="the parent of worker", strike=_strike_parent)
BEAT = replace(_of_role("beat"), by_arrivals=True)


# The servers ------------------------------------------------------------------------------------------------------


def _back(siege: Siege) -> None:
    """Bring PostgreSQL back after a short while without it."""
    siege.wait(siege.chance.uniform(0.0, 1.0))
    siege.database.start()


def _strike_backend(siege: Siege) -> None:
    """One process of the server that serves a connection: PostgreSQL then ends all others and recovers by itself."""
    with psycopg.connect(siege.database.url(), autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchall()
        if not rows:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(siege.chance.choice(rows)[0], signal.SIGKILL)
        # It has begun once this connection is ended as well.
        with contextlib.suppress(psycopg.OperationalError):
            for _ in range(1_000):
                connection.execute("SELECT pg_sleep(0.01)")


def _recovered(siege: Siege) -> None:
    """PostgreSQL takes connections again."""
    steps.wait_for("PostgreSQL has recovered", siege.database.answers)


def _freeze_database(siege: Siege) -> None:
    siege.database.freeze()
    siege.wait(siege.chance.uniform(0.5, 2.0))
    siege.database.thaw()


def _freeze_broker(siege: Siege) -> None:
    siege.broker.freeze()
    siege.wait(siege.chance.uniform(0.5, 2.0))
    siege.broker.thaw()


def _broker_back(siege: Siege) -> None:
    siege.wait(siege.chance.uniform(0.0, 1.0))
    siege.broker.start()


def _flush(siege: Siege) -> None:
    with redis.Redis.from_url(siege.broker.url, socket_timeout=5) as client:
        client.flushall()


POSTGRES = Blow("PostgreSQL", lambda siege: siege.database.kill(), _back, until_mended=True)
POSTGRES_IMMEDIATE = Blow(
    "PostgreSQL, immediate", lambda siege: siege.database.stop_at_once(), _back, until_mended=True
)
POSTGRES_BACKEND = Blow("a backend of PostgreSQL", _strike_backend, _recovered)
POSTGRES_FREEZE = Blow("PostgreSQL, stopped for a while", _freeze_database)
BROKER = Blow("broker", lambda siege: siege.broker.kill(), _broker_back, by_arrivals=True, until_mended=True)
BROKER_FLUSH = Blow("broker, emptied", _flush, by_arrivals=True)
BROKER_FREEZE = Blow("broker, stopped for a while", _freeze_broker, by_arrivals=True)


# While a block lasts ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def held_exclusively(instance: Instance) -> Iterator[None]:
    """Another process, this one, keeps everybody else from writing into the SQLite file."""
    with contextlib.closing(sqlite3.connect(instance.database_file, isolation_level=None)) as file:
        file.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            file.execute("ROLLBACK")


@contextlib.contextmanager
def disk_full(instance: Instance) -> Iterator[None]:
    """Nothing can be written beyond the first four kilobytes of a file. A soft limit: it can be taken back."""
    pid, limit = instance.processes["up"].pid, resource.RLIMIT_FSIZE
    soft, hard = resource.prlimit(pid, limit)
    resource.prlimit(pid, limit, (4096, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, limit, (soft, hard))
