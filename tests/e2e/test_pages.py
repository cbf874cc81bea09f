"""The pages in a browser: calm in every scheme and width, on one origin, without a navigation where a swap will do.

Console errors, violations of the content security policy and requests to other origins fail each test by themselves;
see tests/browser.py.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser import Contexts
from tests.e2e import steps
from tests.instances import Instance

pytestmark = pytest.mark.e2e
# How a page looks is the same on either database.
looks_alone = pytest.mark.sqlite

PHONE = {"width": 390, "height": 844}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": PHONE, "has_touch": True, "is_mobile": True},
    "narrow": {"color_scheme": "dark", "viewport": PHONE},
}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDE = "| column | column | column |\n" + "unbreakable" * 40 + "\n\n    " + "code = code + 1; " * 20


@pytest.fixture(scope="module")
def team() -> Iterator[steps.Organization]:
    """A team with a queue of a dozen, one of them with lines that no phone can hold."""
    with Instance("pages") as instance:
        team = steps.create_organization(instance, "team")
        steps.add_member(team, "alice")
        # Somebody of a team without a feedback task sees empty pages.
        steps.add_member(steps.create_organization(instance, "new"), "bob")
        team.create_feedback_task(steps.FEEDBACK_TASK)
        team.create(steps.chat(WIDE, WIDE, organization_id="team"))
        for number in range(12):
            team.create(steps.chat(f"Question {number}?", f"Answer {number}.", organization_id="team"))
        yield team


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest, contexts: Contexts) -> Page:
    """A page in each scheme and width."""
    return contexts.new(**LOOKS[request.param]).new_page()


def open_page(page: Page, team: steps.Organization, path: str) -> None:
    """Open it, and see that it fits."""
    answer = page.goto(f"{team.instance.url}{path}")
    assert answer is not None
    assert answer.status == 200
    fits(page)


def fits(page: Page) -> None:
    """Nothing is wider than the screen."""
    assert page.evaluate(OVERFLOW) <= 0, page.url


def sign_in(page: Page, team: steps.Organization, name: str) -> None:
    """Through the form."""
    open_page(page, team, "/sign-in")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{team.instance.url}/")


def start(page: Page, team: steps.Organization) -> None:
    """As far as the first review screen."""
    sign_in(page, team, "alice")
    page.locator(".go button").first.click()
    expect(page.locator("#answer")).to_be_visible()
    # What a test counts from here on is not the rest of this page's own loading.
    page.wait_for_load_state("networkidle")


def note_requests(page: Page, requests: list[Request]) -> None:
    """Put every request from now on into `requests`."""

    # Playwright marks its listeners with an attribute, which a list's own `append` cannot take.
    def note(request: Request) -> None:
        requests.append(request)

    page.on("request", note)


@looks_alone
def test_every_page_fits(team: steps.Organization, look: Page) -> None:
    start(look, team)
    fits(look)
    address = look.url
    look.get_by_text("Edit the answer", exact=True).click()
    fits(look)
    completion = look.locator(".where a").get_attribute("href") or ""
    for path in ("/", "/sync", completion):
        open_page(look, team, path)
    look.goto(address)
    expect(look.get_by_role("button", name="Submit and next")).to_be_visible()


@looks_alone
def test_an_empty_queue_list_fits(team: steps.Organization, look: Page) -> None:
    sign_in(look, team, "bob")
    expect(look.get_by_text("No queues yet")).to_be_visible()
    for path in ("/", "/sync"):
        open_page(look, team, path)


@looks_alone
def test_the_schemes_differ(team: steps.Organization, contexts: Contexts) -> None:
    seen = set()
    for name in ("light", "dark"):
        page = contexts.new(**LOOKS[name]).new_page()
        open_page(page, team, "/sign-in")
        seen.add(page.evaluate("getComputedStyle(document.body).color"))
    assert len(seen) == 2


def test_a_wrong_password_is_answered_with_a_sentence(team: steps.Organization, page: Page, contexts: Contexts) -> None:
    contexts.watch.allow("status of 422")
    open_page(page, team, "/sign-in")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not match")


def test_submit_is_a_swap(team: steps.Organization, page: Page) -> None:
    start(page, team)
    loads: list[str] = []
    requests: list[Request] = []
    note_requests(page, requests)
    page.on("domcontentloaded", lambda loaded: loads.append(loaded.url))
    addresses = [page.url]
    for _ in range(3):
        uid = page.locator(".where a").inner_text()
        page.keyboard.press(page.locator("[data-key]").first.get_attribute("data-key") or "")
        page.get_by_role("radio", name="3").check()
        page.keyboard.press("Enter")
        expect(page.locator(".where a")).not_to_have_text(uid)
        # The address follows the item, so that a reload shows what is on the screen.
        page.wait_for_function("before => location.href !== before", arg=addresses[-1])
        addresses.append(page.url)
    assert loads == []
    assert [request.resource_type for request in requests if request.is_navigation_request()] == []
    # What else the page asks for is the next item and the keeping of drafts.
    fetched = [urlsplit(request.url).path for request in requests if request.resource_type in ("xhr", "fetch")]
    assert len([path for path in fetched if path.endswith("/submit")]) == 3
    assert {path.rsplit("/", 1)[1] for path in fetched} <= {"submit", "prefetch", "draft"}
    assert len(set(addresses)) == 4
    uid = page.locator(".where a").inner_text()
    page.reload()
    assert page.locator(".where a").inner_text() == uid


def test_a_refused_form_is_a_swap_too(team: steps.Organization, page: Page, contexts: Contexts) -> None:
    contexts.watch.allow("status of 422")
    start(page, team)
    loads: list[str] = []
    page.on("domcontentloaded", lambda loaded: loads.append(loaded.url))
    page.get_by_label("Comment").fill("Not lost.")
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator("#errors")).to_be_visible()
    assert page.get_by_label("Comment").input_value() == "Not lost."
    assert loads == []


def test_the_review_page_is_light(team: steps.Organization, contexts: Contexts) -> None:
    page = contexts.new().new_page()
    sign_in(page, team, "alice")
    requests: list[Request] = []
    note_requests(page, requests)
    page.locator(".go button").first.click()
    expect(page.locator("#answer")).to_be_visible()
    page.wait_for_load_state("networkidle")
    documents = [request for request in requests if request.resource_type == "document"]
    others = [request for request in requests if request.resource_type != "document"]
    print(f"\nreview page: {len(documents)} documents (POST, redirect), {len(others)} more requests")
    assert len(others) <= 8
