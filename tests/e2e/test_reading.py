"""Reading in a browser: as written or rendered, pictures when asked for, the session one key away."""

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser import Contexts
from tests.e2e import steps
from tests.instances import Instance

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite]

PNG = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
).decode()
MARKED = "**Yes**, by *Friday*."


def turns(number: int, **members: Any) -> dict[str, Any]:
    """One of a session of three, with two pictures: one that is there and one that is none."""
    asked = [
        {"type": "text", "text": f"Question **{number}**?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    document = steps.chat("", MARKED, organization_id="team")
    document["request"]["messages"] = [{"role": "user", "content": asked}]
    return {**document, "session_id": "s", **members}


@pytest.fixture(scope="module")
def team() -> Iterator[steps.Organization]:
    """A team whose queue holds one session."""
    with Instance("reading") as instance:
        team = steps.create_organization(instance, "team")
        steps.add_member(team, "alice")
        team.create_feedback_task(steps.FEEDBACK_TASK)
        for number in range(1, 4):
            team.create(turns(number))
        yield team


def start(page: Page, team: steps.Organization) -> str:
    """Signed in and at the first review; its address."""
    page.goto(f"{team.instance.url}/sign-in")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.locator(".go button").first.click()
    expect(page.locator("#answer")).to_be_visible()
    page.wait_for_load_state("networkidle")
    return page.url


def test_it_stays_as_it_was_chosen(page: Page, team: steps.Organization) -> None:
    start(page, team)
    answer = page.locator(".answer")
    expect(answer.locator("strong")).to_have_text("Yes")
    expect(answer.get_by_text(MARKED, exact=True).first).to_be_hidden()
    page.get_by_label("As written").check()
    expect(answer.locator(".written")).to_have_text(MARKED)
    expect(answer.locator("strong")).to_be_hidden()
    page.reload()
    expect(answer.locator(".written")).to_be_visible()
    page.get_by_label("Rendered").check()
    expect(answer.locator("strong")).to_be_visible()


def test_it_is_chosen_without_javascript_too(contexts: Contexts, team: steps.Organization) -> None:
    # The browser's own page around a picture would like to be styled, and the tests to look into it.
    contexts.watch.allow("/media/0|default-src 'none'")
    page = contexts.new(java_script_enabled=False).new_page()
    address = start(page, team)
    page.get_by_label("As written").check()
    expect(page.locator(".answer .written")).to_be_visible()
    page.goto(f"{address}?raw=1")
    expect(page.locator(".answer .written")).to_have_text(MARKED)
    page.locator("a[data-load]").first.evaluate("link => link.removeAttribute('target')")
    page.get_by_role("link", name="Show the picture").first.click()
    page.wait_for_url(re.compile(r"/completions/\d+/media/0$"))


def test_a_picture_comes_when_it_is_asked_for(page: Page, team: steps.Organization) -> None:
    page_loads: list[str] = []

    def note(request: Request) -> None:
        if "/media/" in request.url:
            page_loads.append(request.url)

    page.on("request", note)
    start(page, team)
    assert page_loads == []
    page.get_by_role("link", name="Show the picture").first.click()
    expect(page.get_by_role("link", name="Open it alone")).to_be_visible()
    assert page.locator("img.picture").evaluate("picture => picture.naturalWidth") == 1
    assert len(page_loads) == 1


def test_a_picture_that_is_none_says_so(page: Page, team: steps.Organization, contexts: Contexts) -> None:
    contexts.watch.allow("status of 415")
    start(page, team)
    page.get_by_role("link", name="Show the picture").nth(1).click()
    expect(page.get_by_role("link", name="It could not be loaded. Read why")).to_be_visible()
    expect(page.locator("img.picture")).to_have_count(0)


def test_the_session_is_one_key_away(page: Page, team: steps.Organization) -> None:
    address = start(page, team)
    expect(page.get_by_text("1 of 3 in this session")).to_be_visible()
    page.keyboard.press("l")
    page.wait_for_url(re.compile(r"/completions/\d+\?review="))
    expect(page.get_by_text("2 of 3 in this session")).to_be_visible()
    expect(page.get_by_text("Question 2?", exact=True)).to_be_visible()
    page.keyboard.press("h")
    expect(page.get_by_text("1 of 3 in this session")).to_be_visible()
    page.keyboard.press("b")
    page.wait_for_url(address)
