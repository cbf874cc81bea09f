"""A process that stands ready to run manage.py commands: what takes a second or two, to start Python and Django, is
done once, and each command is a fork of that.

`Commands` is the tests' end of it. `python -m tests.commands` is the process: it reads a line of JSON for each command
from its standard input, `{"words": […], "input": "…"}`, and writes one for its end, `{"code": …, "out": "…"}`, with
what the command printed to either output under `out` and `errors`.
"""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

import django
from django.core.management import execute_from_command_line

from tests.services import bound_to_parent, descendants, kill_all

ROOT = Path(__file__).resolve().parent.parent


class Done(NamedTuple):
    """How a command ended: its exit code (negative: the signal that killed it) and what it printed."""

    code: int
    out: str
    errors: str


class CommandsEndedError(Exception):
    """The process is not there any more, or did not start; what it had to say is in the test's own output."""


class Commands:
    """The process, with an environment; started at once. It ends with the thread that started it."""

    def __init__(self, env: dict[str, str]) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [*bound_to_parent("KILL"), sys.executable, "-m", "tests.commands"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        self._answer()

    def run(self, words: tuple[str, ...], text: str, *, seconds: float) -> Done:
        """Run a command with `text` as its standard input.

        Raises subprocess.TimeoutExpired after `seconds`, when it is killed and this process with it, and
        CommandsEndedError.
        """
        with self._lock:
            overdue = threading.Event()

            def give_up() -> None:
                overdue.set()
                self.close()

            timer = threading.Timer(seconds, give_up)
            timer.start()
            try:
                return self._ask(words, text)
            except CommandsEndedError as error:
                if overdue.is_set():
                    raise subprocess.TimeoutExpired(list(words), seconds) from error
                raise
            finally:
                timer.cancel()

    @property
    def has_ended(self) -> bool:
        """Whether the process is not there any more, as when the thread that made it is not."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End it, and the command that it may be running."""
        kill_all(descendants(self._process.pid))
        self._process.wait()

    def _ask(self, words: tuple[str, ...], text: str) -> Done:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"words": words, "input": text}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise CommandsEndedError from error
        return Done(**self._answer())

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise CommandsEndedError
        answer: dict[str, Any] = json.loads(line)
        return answer


def serve() -> None:
    """Carry out what is asked for until there is nothing more to read. In a fork it returns as well: its exit code is
    then that of the command, like that of manage.py.
    """
    asked, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    django.setup()
    print("{}", file=answers, flush=True)
    for line in asked:
        command = json.loads(line)
        with TemporaryFile() as text, TemporaryFile() as out, TemporaryFile() as errors:
            text.write(command["input"].encode())
            text.seek(0)
            child = os.fork()
            if child == 0:
                for number, file in enumerate((text, out, errors)):
                    os.dup2(file.fileno(), number)
                sys.argv = ["manage.py", *command["words"]]
                execute_from_command_line(sys.argv)
                return
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            done = Done(code, *(os.pread(file.fileno(), 1 << 30, 0).decode() for file in (out, errors)))
            print(json.dumps(done._asdict()), file=answers, flush=True)


if __name__ == "__main__":
    serve()
