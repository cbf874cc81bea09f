"""The floor beside an instance: the bare view (tests/bench/bare) in the same server over a database of its own."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.bench.driver import Client, Servers
from tests.instances import ROOT, Instance, compose_command
from tests.services import HOST, bound_to_parent, create_database, drop_database, end_process, free_port, wait_until

SECONDS = 600


class Floor:
    """Use it as a context manager: filled with so many rows, served, and removed at the end."""

    def __init__(self, instance: Instance, rows: int, also: list[int]) -> None:
        """`also`: the processes that serve as well, the database's."""
        self.port = free_port()
        self._instance, self._rows, self._also = instance, rows, also
        self._folder: Path = instance.folder / "floor"
        self._database = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir()
        env = {**self._instance.env, "GRADEBENCH_DATA_DIR": str(self._folder)}
        if not self._instance.is_embedded:
            self._database = "floor"
            server = self._instance.env["DATABASE_URL"].rpartition("/")[0]
            create_database(f"{server}/postgres", self._database)
            env |= {"DATABASE_URL": f"{server}/{self._database}", "GRADEBENCH_WEB_BIND": f"{HOST}:{self.port}"}
        module = [sys.executable, "-m", "tests.bench.bare.app"]
        subprocess.run([*module, "fill", str(self._rows)], env=env, cwd=ROOT, timeout=SECONDS, check=True)
        log = self._folder / "log"
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                [*bound_to_parent("KILL"), *self._command(module)],
                env=env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                process_group=0,
            )
        wait_until(self._answers, self._process, log)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            end_process(self._process, signal.SIGTERM, seconds=10)
        if self._database:
            drop_database(self._instance.env["DATABASE_URL"], self._database)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def servers(self) -> Servers:
        """What serves it."""
        assert self._process is not None, "It was not started."
        return Servers([self._process.pid, *self._also], self._process.pid)

    def _command(self, module: list[str]) -> list[str]:
        if self._instance.is_embedded:
            return [*module, "serve", str(self.port)]
        words = compose_command("web")
        words = ["tests.bench.bare.app" if word == "gradebench.wsgi" else word for word in words]
        return [str(Path(sys.executable).parent / words[0]), *words[1:]]

    def _answers(self) -> bool:
        try:
            with Client(self.port) as client:
                return client.get("/list").status == 200
        except OSError:
            return False
