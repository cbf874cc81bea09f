"""What the tests of the real clients share: the processes that the clients run in, and what passes on the wire."""

import json
import os
import select
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.e2e.steps import LOG10PY, Organization
from tests.fake_upstream import Seen
from tests.faults.passage import Passage
from tests.instances import ROOT
from tests.services import bound_to_parent

FOLDER = ROOT / "tests" / "clients"
LOG10IO = ROOT / ".venvs" / "log10io" / "bin"
# A client that asks for ever must not stop the tests.
ANSWER_SECONDS = 60.0

Json = dict[str, Any]


class ClientFailed(AssertionError):
    """A client died, or raised where it must not."""


class Client:
    """A script that answers each line of JSON with one, in a process of its own, with a home of its own."""

    def __init__(self, python: Path, script: str, env: dict[str, str]) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="gradebench-client-")
        self.home = Path(self._home.name)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", **env}
        self._errors = (self.home / "stderr").open("w+")
        self._process = subprocess.Popen(
            [*bound_to_parent("KILL"), str(python), str(FOLDER / script)],
            cwd=self.home,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()
        self._home.cleanup()

    def ask(self, line: Json) -> Any:
        """Send one line; the line that answers it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(line)}\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> Any:
        """The next line. Raises ClientFailed when there is none within 60 seconds."""
        assert self._process.stdout is not None
        waiting, _, _ = select.select([self._process.stdout], [], [], ANSWER_SECONDS)
        if not waiting:
            self._process.kill()
            raise ClientFailed(f"The client did not come back within {ANSWER_SECONDS:.0f} s.")
        line = self._process.stdout.readline()
        if not line:
            raise ClientFailed((self.home / "stderr").read_text())
        return json.loads(line)


def settings(url: str, organization: Organization) -> dict[str, str]:
    """What log10-io reads when it is imported, and the guide to clients for all of them."""
    return {"LOG10_URL": url, "LOG10_TOKEN": organization.token, "LOG10_ORG_ID": organization.external_id}


class Log10Py(Client):
    """log10py against `url`, which leads to the server of `organization`."""

    def __init__(self, url: str, organization: Organization) -> None:
        super().__init__(LOG10PY, "log10py_calls.py", settings(url, organization))
        self._said: Json = {"url": url, "token": organization.token, "organization": organization.external_id}

    def __call__(self, do: str, *, sdk: Json | None = None, **call: Any) -> Any:
        """What the SDK makes of a call; `sdk` has what its constructor is given otherwise."""
        return self.ask({**self._said, **(sdk or {}), "calls": [{"do": do, **call}]})[0]


class Log10Io(Client):
    """log10-io against `url`. `providers` is the port of the OpenAI and Anthropic that its applications call."""

    def __init__(self, url: str, organization: Organization, *, providers: int) -> None:
        env = {
            **settings(url, organization),
            "OPENAI_API_KEY": "sk-fake",
            "OPENAI_BASE_URL": f"http://openai.localhost:{providers}/v1",
            "ANTHROPIC_API_KEY": "sk-ant-fake",
            "ANTHROPIC_BASE_URL": f"http://anthropic.localhost:{providers}",
            # Tables as wide as their content.
            "COLUMNS": "400",
            "TERM": "dumb",
        }
        super().__init__(LOG10IO / "python", "log10io_calls.py", env)
        self.logged = ""

    def __call__(self, do: str, **call: Any) -> Any:
        """What a call gives. Raises ClientFailed when the client raises; `logged` is what its logger said."""
        outcome = self.outcome(do, **call)
        if "raised" in outcome:
            raise ClientFailed(outcome["raised"]["where"])
        return outcome["result"]

    def refused(self, do: str, **call: Any) -> Json:
        """The exception of a call that must raise: its `kind`, its `text`, the `body` of the response behind it."""
        outcome = self.outcome(do, **call)
        assert "raised" in outcome, outcome
        raised: Json = outcome["raised"]
        return raised

    def command(self, *words: str) -> str:
        """What `log10 words…` prints. Raises ClientFailed when it fails."""
        done = self("command", words=words)
        if done["code"] != 0:
            raise ClientFailed(f"log10 {' '.join(words)}: {done['died']}\n{done['printed']}\n{self.logged}")
        printed: str = done["printed"]
        return printed

    def outcome(self, do: str, **call: Any) -> Json:
        """The whole answer."""
        outcome: Json = self.ask({"do": do, **call})
        self.logged = outcome["logged"]
        return outcome


class Wire:
    """What a client asked since the last look, and what it was answered."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage
        self._before = 0

    def exchanges(self) -> list[tuple[Seen, int]]:
        """The requests since the last call of this, each with the status of its answer."""
        new = self._passage.answered[self._before :]
        self._before += len(new)
        return new

    def last(self) -> tuple[Seen, int]:
        """The last request since the last look, and its status."""
        return self.exchanges()[-1]


def header(seen: Seen, name: str) -> str | None:
    """A header whatever its case; None where it was not sent."""
    return {given.lower(): value for given, value in seen.headers.items()}.get(name.lower())


def path(seen: Seen) -> str:
    """The path without its query."""
    return urlsplit(seen.path).path


def query(seen: Seen) -> dict[str, str]:
    """The query; of a name that is there more than once the last."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(seen.path).query, keep_blank_values=True).items()}
