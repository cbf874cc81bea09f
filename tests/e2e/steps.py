"""What the end-to-end tests do over and over: set up organizations, call the API, review as a person does."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

import requests

from tests.instances import ROOT, Instance

T = TypeVar("T")
LOG10PY = ROOT / ".venvs" / "log10py" / "bin" / "python"
CLIENT = ROOT / "tests" / "clients" / "log10py_calls.py"
PASSWORD = "seven quiet otters"
SERVER_GIVEN = ("id", "organization_id")


def wait_for(what: str, ask: Callable[[], T | None], seconds: float = 60.0) -> tuple[T, float]:
    """Ask until the answer is true; the answer and the seconds it took. Raises AssertionError after `seconds`."""
    began = time.monotonic()
    while True:
        answer = ask()
        passed = time.monotonic() - began
        if answer:
            return answer, passed
        assert passed < seconds, f"{what}: not within {seconds:.0f} s."
        time.sleep(0.1)


def same(document: dict[str, Any]) -> str:
    """A text that is equal for equal documents: members in order, integers apart from floats, without what the server
    gives.
    """
    return json.dumps({name: value for name, value in document.items() if name not in SERVER_GIVEN})


@dataclass
class Organization:
    """An organization on an instance, with an API token."""

    instance: Instance
    slug: str
    external_id: str
    token: str

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Any call of the API, `path` from /api on."""
        headers = {"X-Log10-Token": self.token, **options.pop("headers", {})}
        return requests.request(
            method, f"{self.instance.url}{path}", headers=headers, timeout=60, allow_redirects=False, **options
        )

    def create(self, document: dict[str, Any]) -> str:
        """Create a completion; its id."""
        answer = self.call("POST", "/api/v1/completions", json=document)
        assert answer.status_code == 200, answer.text
        uid: str = answer.json()["id"]
        return uid

    def create_feedback_task(self, feedback_task: dict[str, Any]) -> str:
        """Create a feedback task; its id."""
        answer = self.call("POST", "/api/v1/feedback_task", json=feedback_task)
        assert answer.status_code == 200, answer.text
        uid: str = answer.json()["id"]
        return uid

    def document(self, uid: str) -> dict[str, Any] | None:
        """The current document of a completion; None where there is none."""
        answer = self.call("GET", f"/api/completions/{uid}")
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()["data"]
        return document

    def feedback(self) -> list[dict[str, Any]]:
        """All feedback."""
        answer = self.call("GET", "/api/v1/feedback", params={"limit": 1000})
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["feedback"]
        return rows

    def ungraded(self) -> list[str]:
        """The ids that `ungraded` lists."""
        answer = self.call("GET", "/api/v1/completions/ungraded")
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()["completions"]]

    def by_log10py(self, *calls: dict[str, Any]) -> list[Any]:
        """What the real client makes of `calls`; see tests/clients/log10py_calls.py."""
        asked = {"url": self.instance.url, "token": self.token, "organization": self.external_id, "calls": calls}
        done = subprocess.run(
            [str(LOG10PY), str(CLIENT)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers: list[Any] = json.loads(done.stdout)
        return answers


def create_organization(instance: Instance, slug: str, *, external_id: str = "") -> Organization:
    """By the commands that operators use."""
    instance.carry_out("create_organization", slug, "--external-id", external_id)
    printed = instance.carry_out("create_token", "--organization", slug, "--name", "tests")
    return Organization(instance, slug, external_id or slug, printed.splitlines()[-1])


def add_member(organization: Organization, username: str, role: str = "lead") -> None:
    """A member whose password is PASSWORD."""
    words = ("create_member", username, "--organization", organization.slug, "--role", role, "--password-stdin")
    organization.instance.carry_out(*words, input=f"{PASSWORD}\n")


def add_upstream(here: Organization, there: Organization, *, pull_seconds: int = 1) -> None:
    """Make `there` the upstream of `here`."""
    words = ["create_upstream", "--organization", here.slug, "--url", there.instance.url]
    words += ["--upstream-organization", there.external_id, "--pull-seconds", str(pull_seconds), "--token-stdin"]
    here.instance.carry_out(*words, input=f"{there.token}\n")


def ask_database(instance: Instance, statement: str) -> str:
    """What `manage.py shell` prints for a Python statement, the models imported; for what no page and no API says."""
    return instance.carry_out("shell", "--verbosity", "0", "-c", f"from reviews.models import *\n{statement}").strip()


# A person over plain HTTP -----------------------------------------------------------------------------------------


@dataclass
class Form:
    """A form of a page: where it goes and what it would post if submitted as it is."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class Forms(HTMLParser):
    """All forms of a page, by id, or by action where they have none."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: dict[str, Form] = {}
        self._open = ""
        self._writing: tuple[str, str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms and their controls."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = given.get("id") or given.get("action", "")
            self._form(self._open).action = given.get("action", "")
        elif tag in ("input", "textarea") and given.get("name"):
            form = self._form(given.get("form") or self._open)
            if tag == "textarea":
                self._writing = (given.get("form") or self._open, given["name"])
                form.fields[given["name"]] = ""
            elif given.get("type") == "radio":
                form.choices.setdefault(given["name"], []).append(given["value"])
            else:
                form.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened."""
        if tag == "form":
            self._open = ""
        elif tag == "textarea" and self._writing:
            fields, name = self._form(self._writing[0]).fields, self._writing[1]
            # As browsers do it: the line end after the opening tag is not of the text.
            fields[name] = fields[name].removeprefix("\n")
            self._writing = None

    def handle_data(self, data: str) -> None:
        """The text of a textarea."""
        if self._writing:
            self._form(self._writing[0]).fields[self._writing[1]] += data

    def _form(self, name: str) -> Form:
        return self.forms.setdefault(name, Form())


class Served(Protocol):
    """What has an address: an instance, or whatever stands before one."""

    @property
    def url(self) -> str:
        """Without a slash at its end."""


class Reviewer:
    """A person with a session who reads pages and sends their forms; `seconds` has what each request took."""

    def __init__(self, instance: Served, username: str = "") -> None:
        self.base = instance.url
        self.session = requests.Session()
        # As browsers do; over TLS Django asks for it.
        self.session.headers["Origin"] = instance.url
        self.seconds: list[tuple[float, str]] = []
        self.page = ""
        self.address = ""
        if username:
            self.sign_in(username)

    def sign_in(self, username: str) -> None:
        """By user name and password."""
        self.get("/sign-in")
        self.post("/sign-in", {**self.forms["/sign-in"].fields, "username": username, "password": PASSWORD})
        assert self.path == "/", self.page

    def get(self, path: str) -> int:
        """Open a page; the status."""
        return self._send("GET", path)

    def post(self, path: str, values: dict[str, str]) -> int:
        """Send a form and follow where it leads; the status."""
        return self._send("POST", path, data=values)

    @property
    def forms(self) -> dict[str, Form]:
        """The forms of the page that is open."""
        return Forms(self.page).forms

    @property
    def path(self) -> str:
        """The path of the page that is open."""
        return urlsplit(self.address).path

    @property
    def is_reviewing(self) -> bool:
        """Whether a review screen is open."""
        return self.path.startswith("/reviews/")

    @property
    def shown(self) -> str:
        """The id of the completion on the review screen."""
        found = re.search(r'class="where quiet">\s*Completion <a href="[^"]*">([^<]+)</a>', self.page)
        assert found, self.page
        return found.group(1)

    def startable(self) -> list[str]:
        """The paths that start the queues which have something for her."""
        self.get("/")
        return [path for path in self.forms if path.endswith("/start")]

    def start(self, path: str) -> bool:
        """Start a queue; whether it handed something out."""
        self.post(path, self.forms[path].fields)
        return self.is_reviewing

    def submit(self, edit: Callable[[str], str] | None = None, comment: str = "") -> int:
        """Give the first value of every choice, change the answer by `edit`, and submit; the status."""
        form = self.forms["grade"]
        values = {**form.fields, **{name: values[0] for name, values in form.choices.items()}, "comment": comment}
        if edit:
            values["edit-0"] = edit(values["edit-0"])
        return self.post(form.action, values)

    def _send(self, method: str, path: str, data: dict[str, str] | None = None) -> int:
        """One request, and the redirects that follow it, each measured by itself."""
        url = urljoin(self.base, path)
        while True:
            began = time.perf_counter()
            # Redirects are followed here, not by `requests`, so that each request is measured by itself.
            answer = self.session.request(method, url, data=data, timeout=60, allow_redirects=False)
            self.seconds.append((time.perf_counter() - began, f"{method} {urlsplit(url).path} {answer.status_code}"))
            if answer.status_code not in (302, 303):
                break
            method, data, url = "GET", None, urljoin(url, answer.headers["Location"])
        self.page, self.address = answer.text, url
        return answer.status_code


def statuses(reviewers: Iterable[Reviewer]) -> list[str]:
    """Every request of theirs that the server failed: method, path and status."""
    return [said for person in reviewers for _, said in person.seconds if said.rsplit(" ", 1)[1].startswith("5")]


# Completions and feedback tasks of our own ------------------------------------------------------------------------

FEEDBACK_TASK: dict[str, Any] = {
    "name": "Support answers",
    "instruction": "Is the answer right, and would you send it?",
    "json_schema": {
        "type": "object",
        "properties": {
            "verdict": {"type": "string", "enum": ["good", "weak", "wrong"], "title": "Verdict"},
            "score": {"type": "integer", "minimum": 1, "maximum": 5, "title": "Score"},
            "send": {"type": "boolean", "title": "Send it"},
        },
        "required": ["verdict", "score"],
    },
    "completion_tags_selector": ["support"],
}


def chat(question: str, answer: str, *, organization_id: str, tags: tuple[str, ...] = ("support",)) -> dict[str, Any]:
    """A completion as an application logs it, with members in an order, numbers and unknown members worth keeping."""
    return {
        "organization_id": organization_id,
        "kind": "chat",
        "status": "finished",
        "tags": list(tags),
        "request": {
            "model": "gpt-4.1-mini",
            "temperature": 1.0,
            "max_tokens": 400,
            "messages": [
                {"role": "system", "content": "You answer for a bicycle shop."},
                {"role": "user", "content": question, "x_seen": [1, 1.0, None, "1"]},
            ],
        },
        "response": {
            "id": "chatcmpl-8",
            "object": "chat.completion",
            "created": 1792669675,
            "model": "gpt-4.1-mini",
            "system_fingerprint": None,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "logprobs": {
                        "content": [
                            {"token": word, "logprob": -0.25, "bytes": list(word.encode()), "top_logprobs": []}
                            for word in answer.split(" ")
                        ]
                    },
                    "message": {"role": "assistant", "content": answer, "refusal": None},
                }
            ],
            "usage": {"prompt_tokens": 31, "completion_tokens": 9, "total_tokens": 40},
        },
        "duration": 2.0,
    }


def answer_of(document: dict[str, Any]) -> str:
    """The text of the first choice."""
    text: str = document["response"]["choices"][0]["message"]["content"]
    return text
