"""Every link, followed as each role: nothing is changed by looking, and nothing is seen of another organization.

What one organization's people see is compared, page by page, with what they saw before the other one was there: a
figure that counts too many would differ.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest
from django.test import Client
from django.urls import Resolver404, resolve
from pytest_django.fixtures import Settings

from tests.security import world
from tests.security.asking import plain, writes

pytestmark = pytest.mark.django_db
# Of one page with the same words in its query, so many are looked at.
MOST_ALIKE = 3
MOST_ASKED = 200
_FAR = re.compile(r"\b7[1-4]\d{5}\b")
_AGO = re.compile(r"\b\d+ (s|min)\b")
PAGES = ("picture", "doubtful", "edited")
# What a lead comes to, if links are found at all.
REACHED = {
    "api_docs",
    "api_schema",
    "completion",
    "completions",
    "conflict",
    "feedback_task",
    "feedback_task_new",
    "feedback_tasks",
    "flags",
    "going_back",
    "media",
    "queue_items",
    "queue_resume",
    "queue_settings",
    "queues",
    "refusal",
    "refusals",
    "review",
    "sync",
    "sync_live",
}


class Links(HTMLParser):
    """Where a page leads without a POST: links, pictures, what scripts ask for, and forms that ask."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._form: tuple[str, list[tuple[str, str]]] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what leads on."""
        given = {name: value or "" for name, value in attrs}
        self.found += [given[name] for name in ("href", "src", "hx-get", "data-href", "data-live") if given.get(name)]
        if tag == "form":
            asks = given.get("method", "get").lower() == "get"
            self._form = (given.get("action", ""), []) if asks else None
        elif self._form and tag in ("input", "option") and (given.get("name") or tag == "option"):
            self._form[1].append((given.get("name", ""), given.get("value", "")))
        elif self._form and tag == "select":
            self._name = given.get("name", "")

    def handle_endtag(self, tag: str) -> None:
        """A form that asks is asked as it stands."""
        if tag == "form" and self._form:
            action, fields = self._form
            self.found.append(f"{action}?{urlencode([pair for pair in fields if pair[0]])}")
            self._form = None


@dataclass
class Crawl:
    """What one visitor meets."""

    client: Client
    starts: list[str]
    seen: dict[str, tuple[int, str]] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    _alike: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def run(self) -> "Crawl":
        """Until nothing new is led to."""
        waiting = list(self.starts)
        while waiting:
            path = waiting.pop(0)
            if path in self.seen or self._is_enough(path):
                continue
            with writes() as written:
                answer = self.client.get(path)
            self.written += [f"{path}: {sql}" for sql in written]
            text = b"".join(answer) if answer.streaming else answer.content
            body = text.decode(errors="replace")
            self.seen[path] = (answer.status_code, body)
            if "Location" in answer.headers:
                waiting.append(_path(path, answer["Location"]))
            if "html" in answer.headers.get("Content-Type", ""):
                waiting += [_path(path, link) for link in Links(body).found]
        return self

    @property
    def names(self) -> set[str]:
        """The routes that were asked."""
        return {asked[0] for asked in self._alike}

    def _is_enough(self, path: str) -> bool:
        """Whether it was elsewhere, or enough like it was seen."""
        parts = urlsplit(path)
        if not path.startswith("/") or parts.path.startswith("/static/"):
            return True
        try:
            name = resolve(parts.path).view_name
        except Resolver404:
            name = "nowhere"
        asked = (name, *sorted(key for key, _ in parse_qsl(parts.query)))
        self._alike[asked] += 1
        return self._alike[asked] > MOST_ALIKE or len(self.seen) >= MOST_ASKED


def _path(at: str, link: str) -> str:
    """Where a link leads, from the host on; elsewhere as it is."""
    parts = urlsplit(urljoin(f"http://testserver{at}", link))
    if parts.netloc != "testserver":
        return link
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def starts(*sides: world.Side) -> list[str]:
    """The front pages, and what the first pages of lists may have no link to."""
    more = [f"/completions/{side.completions[name].pk}" for side in sides for name in PAGES]
    return ["/", "/admin/", "/api/docs", *more, *(f"/queues/{side.feedback_task.queue.pk}/resume" for side in sides)]


def visitors(here: world.Side) -> Iterator[tuple[str, Client]]:
    """Those who are in one organization, and nobody."""
    yield "nobody", Client()
    for role in world.ROLES:
        yield role, here.client(role)


def test_looking_changes_nothing_and_shows_nothing_of_another_organization(
    record_property: Callable[[str, object], None], settings: Settings
) -> None:
    # What can be taken back for a few seconds is a link for as long.
    settings.UNDO_SECONDS = 0
    here = world.first()
    alone = {role: Crawl(client, starts(here)).run() for role, client in visitors(here)}
    world.second()
    before = world.dump()
    beside = {role: Crawl(client, starts(here)).run() for role, client in visitors(here)}
    assert world.dump() == before
    wrong = []
    for role, crawl in beside.items():
        assert crawl.written == [], role
        for path, (status, body) in crawl.seen.items():
            if status >= 500 and path != "/readyz":
                wrong.append(f"{role} {path}: {status}")
            if "zebra" in body.lower() or _FAR.search(body):
                wrong.append(f"{role} {path}: {_FAR.findall(body)[:3] or 'zebra'}")
            then = alone[role].seen.get(path, (0, ""))
            if (then[0], _plain(then[1])) != (status, _plain(body)):
                wrong.append(f"{role} {path}: it said {_first_difference(_plain(then[1]), _plain(body))}")
    assert not wrong, "\n".join(wrong)
    assert sorted(REACHED - beside["lead"].names) == []
    record_property("pages", {role: len(crawl.seen) for role, crawl in beside.items()})


def test_looking_changes_nothing_for_site_staff(record_property: Callable[[str, object], None]) -> None:
    """Who sees all of the admin; somebody of both organizations, as well, and in both."""
    here, there = world.two()
    staff = world.site_staff()
    client = world.signed_in(staff)
    for side in (here, there):
        side.organization.members.create(user=staff, role="admin")
    before = world.dump()
    crawl = Crawl(client, starts(here, there)).run()
    assert world.dump() == before
    assert crawl.written == []
    assert [path for path, (status, _) in crawl.seen.items() if status >= 500 and path != "/readyz"] == []
    record_property("pages", len(crawl.seen))


def _plain(body: str) -> str:
    return _AGO.sub("", plain(body))


def _first_difference(one: str, other: str) -> str:
    lines = zip(one.splitlines(), other.splitlines(), strict=False)
    return next((f"{a.strip()!r}, and now {b.strip()!r}" for a, b in lines if a != b), "less")
