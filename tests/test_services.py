"""The servers that the tests run on: they start, crash, come back, end, and do not outlive who started them."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from tests.services import HOST, Postgres, ServiceError, Valkey, free_port, is_alive

# Servers of their own: once is enough, and the PostgreSQL run has them all.
pytestmark = pytest.mark.postgres

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres(settings={"max_connections": "10"}) as server:
        yield server


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


def one(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def test_postgres_is_version_18_and_syncs_to_disk(postgres: Postgres) -> None:
    assert str(one(postgres.url(), "SHOW server_version")).startswith("18.")
    assert one(postgres.url(), "SHOW fsync") == "on"
    assert one(postgres.url(), "SHOW max_connections") == "10"


def test_postgres_does_not_run_as_root(postgres: Postgres) -> None:
    assert psutil.Process(postgres.pid).uids().effective != 0


def test_postgres_wants_its_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.url().replace(postgres.password, "wrong"))


def test_a_database_is_created_empty(postgres: Postgres) -> None:
    url = postgres.create_database("Odd name")
    assert one(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    with pytest.raises(psycopg.errors.DuplicateDatabase):
        postgres.create_database("Odd name")


def test_postgres_keeps_what_it_committed_when_killed(postgres: Postgres) -> None:
    url = postgres.create_database("crash")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
        connection.commit()
        family = psutil.Process(postgres.pid).children(recursive=True)
        postgres.kill()
    assert not [process for process in family if is_alive(process)]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2)
    postgres.start()
    assert one(url, "SELECT value FROM kept") == 7


def test_postgres_stops_and_starts_with_its_data(postgres: Postgres) -> None:
    url = postgres.create_database("stopped")
    pid = postgres.pid
    postgres.stop()
    assert not psutil.pid_exists(pid)
    with pytest.raises(ServiceError, match="does not run"):
        assert postgres.pid
    postgres.start()
    assert one(url, "SELECT 1") == 1


def test_a_wrong_setting_is_told_in_the_servers_words() -> None:
    server = Postgres(settings={"max_connections": "many"})
    try:
        with pytest.raises(ServiceError, match=r'invalid value for parameter "max_connections"'):
            server.start()
    finally:
        server.close()


def test_nothing_is_left_on_disk(valkey: Valkey) -> None:
    folder = valkey.folder
    assert folder.is_dir()
    valkey.close()
    assert not folder.exists()


def test_valkey_answers_and_forgets_when_killed(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.database_url(63)) as client:
        client.set("word", "kept in memory alone")
        valkey.kill()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        valkey.start()
        assert client.get("word") is None


def test_valkey_stops(valkey: Valkey) -> None:
    pid = valkey.pid
    valkey.stop()
    assert not psutil.pid_exists(pid)


def test_a_service_runs_once(valkey: Valkey) -> None:
    with pytest.raises(ServiceError, match="runs already"):
        valkey.start()


def test_the_servers_end_with_who_started_them() -> None:
    script = (
        "import time\n"
        "from tests.services import Postgres, Valkey\n"
        "servers = Postgres(fsync=False), Valkey()\n"
        "for server in servers: server.start()\n"
        "print(*(server.pid for server in servers), flush=True)\n"
        "print(*(server.folder for server in servers), flush=True)\n"
        "time.sleep(60)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    with starter.stdout as said:
        servers = [psutil.Process(int(word)) for word in said.readline().split()]
        folders = [Path(word) for word in said.readline().split()]
        starter.send_signal(signal.SIGKILL)
        starter.wait()
    _, alive = psutil.wait_procs(servers, timeout=10)
    assert len(servers) == 2
    assert alive == []
    for folder in folders:
        shutil.rmtree(folder)


def test_a_free_port_is_below_those_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = {free_port() for _ in range(50)}
    assert max(ports) < lowest
    assert len(ports) > 40
    assert HOST == "127.0.0.1"


def test_a_stranger_on_the_port_is_not_taken_for_the_server(valkey: Valkey) -> None:
    other = Valkey()
    other.port = valkey.port
    began = time.monotonic()
    try:
        with pytest.raises(ServiceError, match="in use"):
            other.start()
    finally:
        other.close()
    assert time.monotonic() - began < 10
