"""Two organizations on two instances: the application's side (A) serves, the team's side (B) pulls."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.instances import Instance

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENT_PYTHON = ROOT / ".venvs" / "log10py" / "bin" / "python"
CLIENT = ROOT / "tests" / "clients" / "log10py_client.py"
PASSWORD = "correct horse battery"
SCHEMA = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["good", "bad"], "title": "Verdict"},
        "note": {"type": "string", "maxLength": 100, "title": "Note"},
    },
    "required": ["verdict"],
    "additionalProperties": False,
}


def wait_for(what: str, is_so: Callable[[], bool], seconds: float = 60.0) -> float:
    """Wait until `is_so`; the seconds that it took. Fails with `what` when it takes too long."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if is_so():
            return time.monotonic() - start
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


@dataclass
class Api:
    """An instance's API under one organization's token."""

    url: str
    token: str
    organization: str

    def get(self, path: str, **parameters: str) -> requests.Response:
        """GET under /api."""
        return requests.get(self.url + path, params=parameters, headers=self._headers(), timeout=30)

    def post(self, path: str, value: Any) -> requests.Response:
        """POST JSON under /api."""
        return requests.post(self.url + path, json=value, headers=self._headers(), timeout=30)

    def document(self, uid: str) -> dict[str, Any] | None:
        """The current document of a completion; None when there is none."""
        response = self.get(f"/api/completions/{uid}")
        return dict(response.json()["data"]) if response.status_code == 200 else None

    def log10py(self, do: str, **members: Any) -> Any:
        """What the real log10py client answers."""
        command = {"do": do, "url": self.url, "token": self.token, "organization": self.organization, **members}
        done = subprocess.run(
            [str(CLIENT_PYTHON), str(CLIENT)],
            input=json.dumps(command),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def _headers(self) -> dict[str, str]:
        return {"X-Log10-Token": self.token}


def open_api(instance: Instance, slug: str, external_id: str = "") -> Api:
    """Create an organization with a token on a running instance."""
    instance.manage("create_organization", slug, "--external-id", external_id or slug)
    token = instance.manage("create_token", "--organization", slug, "--name", "test").split()[-1]
    return Api(instance.url, token, external_id or slug)


def connect(team: Instance, slug: str, application: Api) -> None:
    """Make `application` the upstream of `slug`, pulled each second."""
    team.manage(
        "create_upstream",
        *("--organization", slug, "--url", application.url, "--upstream-organization", application.organization),
        *("--name", "production", "--pull-seconds", "1", "--token-stdin"),
        input=application.token + "\n",
    )


def add_reviewer(team: Instance, slug: str, name: str = "mira") -> None:
    """A lead with a password."""
    team.manage(
        "create_member", name, "--organization", slug, "--role", "lead", "--password-stdin", input=PASSWORD + "\n"
    )


class Reviewer:
    """A person at a browser without scripts: forms, cookies, redirects."""

    def __init__(self, url: str, name: str = "mira") -> None:
        self.url = url
        self.session = requests.Session()
        page = self.session.get(f"{url}/sign-in", timeout=30)
        posted = {"csrfmiddlewaretoken": _csrf(page.text), "username": name, "password": PASSWORD, "next": ""}
        done = self.session.post(f"{url}/sign-in", posted, timeout=30, headers={"Referer": url})
        assert done.url == f"{url}/", done.text[:2000]

    def post(self, path: str, page: str, **posted: str) -> requests.Response:
        """Post a form of the page; redirects are followed."""
        form = {"csrfmiddlewaretoken": _csrf(page), **posted}
        return self.session.post(self.url + path, form, timeout=30, headers={"Referer": self.url})

    def start(self) -> requests.Response | None:
        """Start the first queue; the review page, or None when nothing is left."""
        page = self.session.get(f"{self.url}/", timeout=30).text
        found = re.search(r'action="(/queues/\d+/start)"', page)
        if found is None:
            return None
        shown = self.post(found[1], page)
        return shown if "/reviews/" in shown.url else None

    def submit(self, shown: requests.Response, verdict: str = "good", edit: str | None = None) -> requests.Response:
        """Grade what is on screen, with the answer replaced by `edit` where one is given; the page that follows."""
        posted = {name: _field(shown.text, name) for name in ("document", "base-0")}
        posted["v-verdict"] = json.dumps(verdict)
        if edit is not None:
            posted["edit-0"] = edit
        return self.post(shown.url.removeprefix(self.url) + "/submit", shown.text, **posted)


def _csrf(page: str) -> str:
    return _field(page, "csrfmiddlewaretoken")


def _field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"\s+value="([^"]*)"', page)
    assert found, f"no field {name} in {page[:3000]}"
    return found[1]


def completion(answer: str, *, tag: str = "support", **members: Any) -> dict[str, Any]:
    """A completion in Log10's create form, with members that nobody documented and integers beside floats."""
    return {
        "kind": "chat",
        "status": "finished",
        "tags": [tag, "prod"],
        "request": {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": "When does my parcel come?"}],
            "temperature": 0,
            "x_unknown": {"b": 1, "a": 1.0},
        },
        "response": {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1764200001,
            "model": "gpt-4o",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": answer}}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
        },
        "duration": 1.5,
        **members,
    }
