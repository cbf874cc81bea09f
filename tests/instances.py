"""Whole running GradeBenches for end-to-end tests, in processes of their own on loopback.

On SQLite an instance is one process, `manage.py up`. On the PostgreSQL run (DATABASE_URL is set) it is what
docker-compose.yml runs, the very same commands: gunicorn, a Celery worker and beat, over a database and a broker
database of its own.
"""

import base64
import contextlib
import itertools
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit, urlunsplit

import redis
import requests
import yaml

from tests.commands import Commands
from tests.services import (
    HOST,
    VALKEY_DATABASES,
    bound_to_parent,
    create_database,
    descendants,
    drop_database,
    free_port,
    kill_all,
)

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 30.0
STOP_SECONDS = 20.0
COMMAND_SECONDS = 180.0

# What a child may know of the machine it runs on; everything about GradeBench is said anew.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")

DATABASE_FILE = "gradebench.sqlite3"

_templates: dict[str, Path] = {}
_templates_folder = tempfile.TemporaryDirectory(prefix="gradebench-templates-")
_numbers = itertools.count(1)
_broker_numbers_in_use: set[int] = set()


class InstanceError(AssertionError):
    """An instance or one of its commands failed; the message holds what it said."""


def compose_command(service: str) -> list[str]:
    """The words of the command that docker-compose.yml gives `service`."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return shlex.split(compose["services"][service]["command"])


def encryption_key() -> str:
    """A fresh key for GRADEBENCH_ENCRYPTION_KEYS: 32 random bytes in url-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


class Servers(NamedTuple):
    """A PostgreSQL and a Valkey, as the URLs that lead to them; two empty texts are the embedded form."""

    database_url: str
    broker_url: str


class Instance:
    """One GradeBench with data of its own. As a context manager it is started, ready, and removed at the end.

    `env` is added to the environment of all its processes and commands, on top of what the instance sets itself; a
    value of None takes a name away. `role_env` adds to that of the processes of one role. It uses the servers of the
    run unless given `servers`, which a test that kills servers has of its own. Start instances in the main thread:
    their processes end with the thread that started them.
    """

    def __init__(
        self,
        name: str = "gradebench",
        *,
        env: dict[str, str | None] | None = None,
        servers: Servers | None = None,
    ) -> None:
        self.name = name
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"gradebench-{name}-"))
        self.data_dir = self.folder / "data"
        self.data_dir.mkdir()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.role_env: dict[str, dict[str, str]] = {}
        self._server_url, self._broker_url = servers or (
            os.environ.get("DATABASE_URL", ""),
            os.environ.get("REDIS_URL", ""),
        )
        self._database = ""
        self._broker_number = 0
        self._is_prepared = False
        self._commands: Commands | None = None
        self._commands_from: object = None
        self.env = self._environment()
        for key, value in (env or {}).items():
            self.env.pop(key, None)
            if value is not None:
                self.env[key] = value

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_embedded(self) -> bool:
        """Whether it is the one-process form on SQLite."""
        return not self._server_url

    @property
    def roles(self) -> tuple[str, ...]:
        """The processes that it is made of."""
        return ("up",) if self.is_embedded else ("web", "worker", "beat")

    @property
    def database_file(self) -> Path:
        """The file that the embedded form keeps its rows in."""
        return self.data_dir / DATABASE_FILE

    @property
    def url(self) -> str:
        """Its address without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> str:
        """The last lines of what each process said, for the message of a failure."""
        return "\n".join(
            f"--- {self.name} {path.stem}\n{path.read_text(errors='replace')[-6000:]}"
            for path in sorted(self.folder.glob("*.log"))
        )

    def start(self, *roles: str) -> None:
        """Start all its processes, on a migrated database, or those of the roles named: "worker", or "worker-2" for
        one more. Returns at once; see `wait_ready()`.
        """
        roles = roles or self.roles
        running = [role for role in roles if role in self.processes]
        if running:
            raise InstanceError(f"{self.name} runs already: {', '.join(running)}.")
        self._prepare()
        for role in roles:
            with (self.folder / f"{role}.log").open("ab") as log:
                self.processes[role] = subprocess.Popen(
                    [*bound_to_parent("KILL"), *self._command(role)],
                    cwd=ROOT,
                    env=self.env | self.role_env.get(role, {}),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    process_group=0,
                )

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Return once /healthz answers 200. Raises InstanceError with the log when a process ends or time runs out."""
        deadline = time.monotonic() + seconds
        while not self._is_healthy():
            ended = [role for role, process in self.processes.items() if process.poll() is not None]
            if ended or not self.processes:
                raise InstanceError(
                    f"{self.name}: {', '.join(ended) or 'nothing'} ended before it was ready.\n{self.log}"
                )
            if time.monotonic() > deadline:
                raise InstanceError(f"{self.name} was not ready within {seconds:.0f} s.\n{self.log}")
            time.sleep(0.05)

    def stop(self) -> dict[str, int]:
        """SIGTERM all processes, wait up to 20 s, then SIGKILL; the exit code of each. Data stays for `start()`."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self.processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill_family(process)
        return self._forget()

    def kill(self, *roles: str) -> None:
        """SIGKILL whole process groups: all of them, or the roles named ("up", or "web", "worker" and "beat")."""
        for role in roles or tuple(self.processes):
            _kill_family(self.processes.pop(role))

    def close(self) -> None:
        """Stop it and remove its data, its database and what it has in the broker."""
        self.stop()
        self._close_commands()
        if self._database:
            drop_database(self._server_url, self._database)
            self._database = ""
        if self._broker_number:
            with redis.Redis.from_url(self.env["REDIS_URL"], socket_timeout=5) as client:
                client.flushdb()
            _broker_numbers_in_use.discard(self._broker_number)
            self._broker_number = 0
        shutil.rmtree(self.folder, ignore_errors=True)

    def manage(self, *args: str, input: str | None = None, seconds: float = COMMAND_SECONDS) -> str:  # noqa: A002
        """Run a manage.py command in its environment, `input` as standard input; what the command printed.

        The instance need not run; what runs first migrates. Raises InstanceError with both outputs when the command
        fails or takes longer than `seconds`.
        """
        self._prepare()
        return self._run(*args, text=input or "", seconds=seconds)

    def carry_out(self, *args: str, input: str | None = None, seconds: float = COMMAND_SECONDS) -> str:  # noqa: A002
        """What `manage()` does, in a fraction of the time from the second command on: for setting up and for asking.

        The command is run by a process that has started already; see tests/commands.py. Not for what is about starting,
        and nothing for `collectstatic`, which settings.py wants to know of.
        """
        self._prepare()
        if self._commands is None or self._commands.has_ended or self._commands_from != self._starts_from():
            self._close_commands()
            self._commands = Commands(self.env)
            self._commands_from = self._starts_from()
        try:
            done = self._commands.run(args, input or "", seconds=seconds)
        except subprocess.TimeoutExpired as error:
            raise self._took_too_long(args, seconds) from error
        return self._said(args, done.code, done.out, done.errors)

    def _starts_from(self) -> tuple[dict[str, str], list[bytes]]:
        """All that a process of it reads once, when it starts: the environment and the files with the secrets."""
        return dict(self.env), [path.read_bytes() for path in sorted(self.data_dir.glob("*.key"))]

    def _close_commands(self) -> None:
        if self._commands is not None:
            self._commands.close()
            self._commands = None

    def _run(
        self,
        *args: str,
        text: str = "",
        seconds: float = COMMAND_SECONDS,
        env: dict[str, str] | None = None,
    ) -> str:
        try:
            done = subprocess.run(
                [*bound_to_parent("KILL"), sys.executable, "manage.py", *args],
                cwd=ROOT,
                env=env or self.env,
                input=text,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise self._took_too_long(args, seconds) from error
        return self._said(args, done.returncode, done.stdout, done.stderr)

    def _took_too_long(self, args: tuple[str, ...], seconds: float) -> InstanceError:
        return InstanceError(f"{self.name}: manage.py {shlex.join(args)} took over {seconds:.0f} s.")

    def _said(self, args: tuple[str, ...], code: int, out: str, errors: str) -> str:
        """What a command printed; raises InstanceError with all of it when it failed."""
        if code != 0:
            raise InstanceError(f"{self.name}: manage.py {shlex.join(args)} ended with {code}:\n{out}{errors}")
        return out

    def _environment(self) -> dict[str, str]:
        env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        env |= {
            "DJANGO_SETTINGS_MODULE": "gradebench.settings",
            "PYTHONUNBUFFERED": "1",
            "GRADEBENCH_DATA_DIR": str(self.data_dir),
            # What a collectstatic by hand left in the tree has no say here.
            "GRADEBENCH_STATIC_ROOT": str(self.folder / "static"),
            "ALLOWED_HOSTS": f"{HOST},localhost",
            "GRADEBENCH_OUTBOUND_ALLOW": "127.0.0.0/8",
        }
        if not self.is_embedded:
            env |= {
                "SECRET_KEY": secrets.token_urlsafe(50),
                "GRADEBENCH_ENCRYPTION_KEYS": encryption_key(),
                # Plain HTTP on loopback could not carry the cookies that are bound to TLS.
                "GRADEBENCH_HTTPS": "0",
                "GRADEBENCH_WEB_BIND": f"{HOST}:{self.port}",
            }
        return env

    def _prepare(self) -> None:
        """Before the first process: databases of its own, migrated."""
        if self._is_prepared:
            return
        if self.is_embedded:
            shutil.copyfile(self._migrated("file") / DATABASE_FILE, self.data_dir / DATABASE_FILE)
        else:
            template = self._migrated(self._server_url).name
            self._database = f"instance_{os.getpid()}_{next(_numbers)}"
            create_database(self._server_url, self._database, template=template)
            self._broker_number = next(n for n in range(1, VALKEY_DATABASES) if n not in _broker_numbers_in_use)
            _broker_numbers_in_use.add(self._broker_number)
            self.env.setdefault("DATABASE_URL", _with_path(self._server_url, self._database))
            self.env.setdefault("REDIS_URL", _with_path(self._broker_url, str(self._broker_number)))
        self._is_prepared = True

    def _migrated(self, server: str) -> Path:
        """A folder with a freshly migrated database file, or on a `server` of a database of that name.

        Migrating takes seconds, so it is done once, and each instance gets a copy.
        """
        if server not in _templates:
            folder = Path(_templates_folder.name) / f"template_{os.getpid()}_{len(_templates)}"
            folder.mkdir()
            env = {**self.env, "GRADEBENCH_DATA_DIR": str(folder)}
            if not self.is_embedded:
                create_database(server, folder.name)
                env |= {"DATABASE_URL": _with_path(server, folder.name), "REDIS_URL": self._broker_url}
            self._run("migrate", "--verbosity", "0", env=env)
            _templates[server] = folder
        return _templates[server]

    def _command(self, role: str) -> list[str]:
        """What to run for a role."""
        if self.is_embedded:
            return [sys.executable, "manage.py", "up", "--port", str(self.port)]
        return self._adapted(compose_command(role.partition("-")[0]))

    def _adapted(self, words: list[str]) -> list[str]:
        """A command of docker-compose.yml with this environment's programs."""
        return [str(Path(sys.executable).parent / words[0]), *words[1:]]

    def _is_healthy(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def _forget(self) -> dict[str, int]:
        codes = {role: process.wait() for role, process in self.processes.items()}
        self.processes.clear()
        return codes


def _kill_family(process: "subprocess.Popen[bytes]") -> None:
    """SIGKILL a process, its process group and every descendant, and wait for them to be gone."""
    # Looked up first: a child in a group of its own cannot be found once its parent is gone.
    family = descendants(process.pid)
    # Also when the leader ended already: others of its group may live on.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    kill_all(family)
    process.wait()


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
