"""Ten completions to grade, and a person at the keyboard whose presses and page loads are counted."""

import itertools
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e import steps
from tests.instances import Instance

ITEMS = 10
_numbers = itertools.count(1)
ONE_CHOICE: dict[str, Any] = {
    **steps.FEEDBACK_TASK,
    "json_schema": {
        "type": "object",
        "properties": {"verdict": {"type": "string", "enum": ["good", "weak", "wrong"], "title": "Verdict"}},
        "required": ["verdict"],
    },
}


def team_with(
    instance: Instance, *names: str, feedback_task: dict[str, Any] = ONE_CHOICE, items: int = ITEMS
) -> steps.Organization:
    """A team with these reviewers, and a queue of completions that the feedback task matches."""
    team = steps.create_organization(instance, f"team-{next(_numbers)}")
    for name in names:
        steps.add_member(team, name, "reviewer")
    team.create_feedback_task(feedback_task)
    for number in range(items):
        team.create(steps.chat(f"Question {number}?", f"We open at {number}.", organization_id=team.slug))
    return team


def sign_in(page: Page, team: steps.Organization, name: str) -> None:
    """As far as the list of queues."""
    page.goto(f"{team.instance.url}/sign-in")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{team.instance.url}/")


def start(page: Page, team: steps.Organization, name: str) -> None:
    """As far as the first review screen, with the next item fetched behind it."""
    sign_in(page, team, name)
    with page.expect_response(lambda answer: answer.url.endswith("/prefetch")):
        page.locator(".go button").first.click()
    expect(page.locator("#answer")).to_be_visible()


def shown(page: Page) -> str:
    """The id of the completion on the screen."""
    return page.locator(".where a").first.inner_text()


def is_done(page: Page) -> bool:
    """Whether the end of the queue is shown."""
    return page.url.endswith("/done")


def wait_for_next(page: Page, before: str) -> None:
    """Until another item than `before`, or the end of the queue, is on the screen."""
    page.wait_for_function(
        "before => location.pathname.endsWith('/done')"
        " || (document.querySelector('.where a') && document.querySelector('.where a').textContent !== before)",
        arg=before,
    )


@dataclass
class Person:
    """Somebody at the keyboard: what she pressed and clicked, and which documents were loaded meanwhile."""

    page: Page
    actions: int = 0
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("domcontentloaded", lambda loaded: self.loads.append(loaded.url))

    def press(self, key: str) -> None:
        """One key, once the page that is open has its scripts."""
        self.actions += 1
        self.page.wait_for_load_state()
        self.page.keyboard.press(key)

    def click(self, name: str) -> None:
        """One button."""
        self.actions += 1
        self.page.get_by_role("button", name=name).first.click()
