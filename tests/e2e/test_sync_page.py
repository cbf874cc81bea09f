"""The sync page in a browser: what changes appears by itself, nothing else moves, and it is calm in every width.

Console errors, violations of the content security policy and requests to other origins fail each test by themselves;
see tests/browser.py.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser import Contexts
from tests.e2e import steps
from tests.instances import Instance

pytestmark = pytest.mark.e2e
# What happens in the browser is the same on either database.
on_one_database = pytest.mark.sqlite

REVIEWS = 30
PHONE = {"width": 360, "height": 780}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": PHONE, "has_touch": True, "is_mobile": True},
    "narrow": {"color_scheme": "dark", "viewport": PHONE},
}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
EVERY_STATE = """
from django.utils import timezone
from reviews.workflow import documents
long = "The upstream answered 400: response.choices.0.message.content" + "_is_longer" * 20
rows = list(Push.objects.order_by("pk"))
for number, state in enumerate(("conflict", "absent", "attention", "superseded", "unlinked", "discarded")):
    for push in rows[number * 2 : number * 2 + 2]:
        Push.objects.filter(pk=push.pk).update(state=state, last_error=long, delivered_at=None, confirmed_at=None)
upstream, now = Upstream.objects.get(), timezone.now()
for number in range(3):
    PullRefusal.objects.get_or_create(upstream=upstream, fingerprint=str(number), defaults={
        "pull": upstream.pulls.first(), "uid": "x" * 120 * number, "reason": long * (number + 1), "first_at": now,
        "last_at": now, "data": documents.pack(b"<script>alert(1)</script>" * 200),
    })
"""


@dataclass
class Team:
    """An organization whose upstream is another one of the same instance."""

    shop: steps.Organization
    team: steps.Organization
    bob: steps.Reviewer
    bob_looks: steps.Reviewer

    @property
    def instance(self) -> Instance:
        """Where both are."""
        return self.team.instance

    def database(self, statement: str) -> str:
        """Carry out a statement on the rows."""
        return steps.ask_database(self.instance, statement)


@pytest.fixture(scope="module")
def busy() -> Iterator[Team]:
    """Thirty reviews with an edit each: sixty pushes that arrive while the tests look on."""
    with Instance("sync", env={"GRADEBENCH_UNDO_SECONDS": "1"}) as instance:
        shop, team = (steps.create_organization(instance, slug) for slug in ("shop", "team"))
        steps.add_member(team, "alice")
        steps.add_member(team, "bob", "reviewer")
        # Somebody of a team without an upstream sees an empty page.
        steps.add_member(steps.create_organization(instance, "new"), "carol")
        shop.create_feedback_task(steps.FEEDBACK_TASK)
        for number in range(REVIEWS + 10):
            shop.create(steps.chat(f"Question {number}?", f"Answer {number}.", organization_id="shop"))
        steps.add_upstream(team, shop)
        bob = steps.Reviewer(instance, "bob")
        made = Team(shop, team, bob, steps.Reviewer(instance, "bob"))
        (start,) = steps.wait_for("a queue to start", bob.startable)[0]
        assert bob.start(start)
        for _ in range(REVIEWS):
            assert bob.submit(lambda text: f"{text} Edited.") == 200
        yield made


def note_requests(page: Page, part: str) -> list[Request]:
    """Every request from now on whose address has `part` in it."""
    requests: list[Request] = []

    # Playwright marks its listeners with an attribute, which a list's own `append` cannot take.
    def note(request: Request) -> None:
        if part in request.url:
            requests.append(request)

    page.on("request", note)
    return requests


def sign_in(page: Page, busy: Team, name: str = "alice") -> None:
    """Through the form."""
    page.goto(f"{busy.instance.url}/sign-in")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{busy.instance.url}/")


def open_sync(page: Page, busy: Team, query: str = "") -> None:
    """The page, and that it fits."""
    answer = page.goto(f"{busy.instance.url}/sync{query}")
    assert answer is not None
    assert answer.status == 200
    fits(page)


def fits(page: Page) -> None:
    """Nothing is wider than the screen."""
    assert page.evaluate(OVERFLOW) <= 0, page.url


def calm(busy: Team) -> None:
    """Wait until nothing is on the way."""

    def on_the_way() -> str:
        assert busy.bob_looks.get("/sync") == 200
        found = re.search(r'id="figure-way".*?<dd>\s*([\d,+]+)\s*</dd>', busy.bob_looks.page, re.DOTALL)
        return found.group(1) if found else "?"

    steps.wait_for("Everything arrived", lambda: on_the_way() == "0", 120)


def look_again(page: Page) -> None:
    """Ask for what changed now, as the page will by itself."""
    with page.expect_response("**/sync/live**"):
        page.evaluate("htmx.trigger('#look', 'look')")


def hurry(page: Page) -> None:
    """Have the page ask each second, for a test that needs to see it ask."""
    page.evaluate("document.querySelector('#seen').dataset.every = '1'")


# Live ------------------------------------------------------------------------------------------------------------


def test_what_arrives_appears_without_a_reload(busy: Team, page: Page) -> None:
    calm(busy)
    sign_in(page, busy)
    open_sync(page, busy)
    loads: list[str] = []
    page.on("domcontentloaded", lambda loaded: loads.append(loaded.url))
    before = int(page.locator("#figures dd").nth(2).inner_text())
    uid = busy.bob.shown
    assert busy.bob.submit(lambda text: f"{text} Seen at once.") == 200
    expect(page.locator("#pushes tbody tr").filter(has_text=uid)).to_have_count(2, timeout=40_000)
    row = page.locator("#pushes tbody tr").filter(has_text=uid).first
    expect(row).to_contain_text("Arrived", timeout=40_000)
    expect(page.locator("#figures dd").nth(2)).to_have_text(str(before + 2), timeout=40_000)
    expect(page.locator("#live")).to_have_text("Live")
    assert loads == []


@on_one_database
def test_focus_and_what_is_open_survive(busy: Team, page: Page) -> None:
    sign_in(page, busy)
    open_sync(page, busy)
    page.locator("#upstreams summary").click()
    page.get_by_role("button", name="Pull now").focus()
    page.evaluate("document.querySelector('#upstreams').dataset.old = 'yes'")
    # The upstream is pulled each second, so its card is soon another.
    page.wait_for_function("() => !document.querySelector('#upstreams').dataset.old", timeout=30_000)
    expect(page.get_by_role("button", name="Pull now")).to_be_focused()
    expect(page.locator("#upstreams details")).to_have_attribute("open", "")
    expect(page.locator("#upstreams table")).to_be_visible()


@on_one_database
def test_a_part_that_did_not_change_is_left_alone(busy: Team, page: Page) -> None:
    calm(busy)
    sign_in(page, busy)
    open_sync(page, busy)
    look_again(page)
    page.evaluate("document.querySelector('#pushes').dataset.old = 'yes'")
    look_again(page)
    page.wait_for_timeout(200)
    assert page.evaluate("document.querySelector('#pushes').dataset.old") == "yes"


def test_what_needs_a_person_appears_and_goes_by_a_press(busy: Team, page: Page) -> None:
    calm(busy)
    sign_in(page, busy)
    open_sync(page, busy)
    expect(page.get_by_role("heading", name="Needs a person")).to_have_count(0)
    busy.database(
        "p = Push.objects.filter(kind='update').order_by('-pk').first(); "
        "Push.objects.filter(pk=p.pk).update("
        "state='attention', delivered_at=None, confirmed_at=None, last_error='The upstream answered 403: no')"
    )
    urgent = page.locator("#urgent")
    expect(urgent).to_contain_text("The upstream answered 403: no", timeout=30_000)
    loads: list[str] = []
    page.on("domcontentloaded", lambda loaded: loads.append(loaded.url))
    urgent.get_by_role("button", name="Try again").press("Enter")
    expect(page.locator("#said")).to_have_text("It is on its way again.")
    expect(page.locator("#said")).to_be_focused()
    expect(urgent.get_by_role("row")).to_have_count(0)
    assert loads == []
    calm(busy)


@on_one_database
def test_giving_up_asks_first_and_is_not_disturbed(busy: Team, page: Page) -> None:
    calm(busy)
    refused = (
        "p = Push.objects.filter(kind='feedback').order_by('pk').first(); "
        "Push.objects.filter(pk=p.pk).update(state='attention', delivered_at=None, confirmed_at=None, last_error='No.')"
    )
    busy.database(refused)
    sign_in(page, busy)
    open_sync(page, busy)
    asked = note_requests(page, "/sync/live")
    page.get_by_role("button", name="Give up", exact=True).click()
    dialog = page.get_by_role("dialog", name="Give up this grade?")
    expect(dialog).to_be_visible()
    asked.clear()
    page.wait_for_timeout(3_000)
    assert asked == []
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Give up", exact=True).click()
    dialog.get_by_role("button", name="Give it up").click()
    expect(page.locator("#said")).to_contain_text("The grade was given up.")
    expect(page.locator("#urgent tbody tr")).to_have_count(0)
    fits(page)


@on_one_database
def test_it_says_when_the_connection_is_lost_and_when_it_is_back(busy: Team, page: Page, contexts: Contexts) -> None:
    contexts.watch.allow("ERR_FAILED")
    contexts.watch.allow("htmx:(sendError|afterRequest)")
    sign_in(page, busy)
    open_sync(page, busy)
    hurry(page)
    page.route("**/sync/live**", lambda route: route.abort())
    expect(page.locator("#live")).to_contain_text("Connection lost, last seen", timeout=30_000)
    page.unroute("**/sync/live**")
    expect(page.locator("#live")).to_have_text("Live", timeout=30_000)


@on_one_database
def test_it_asks_nothing_while_nobody_sees_it(busy: Team, page: Page) -> None:
    sign_in(page, busy)
    open_sync(page, busy)
    hurry(page)
    hide = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s})"
    page.evaluate(hide % "true")
    page.wait_for_timeout(500)
    asked = note_requests(page, "/sync/live")
    page.wait_for_timeout(3_000)
    assert asked == []
    with page.expect_response("**/sync/live**"):
        page.evaluate(f"{hide % 'false'}; document.dispatchEvent(new Event('visibilitychange'))")


@on_one_database
def test_it_says_that_the_session_is_over(busy: Team, page: Page, contexts: Contexts) -> None:
    contexts.watch.allow("401|htmx:responseError")
    sign_in(page, busy)
    open_sync(page, busy)
    page.context.clear_cookies()
    look_again(page)
    expect(page.locator("#live")).to_contain_text("You are signed out.")


# Every width and scheme ------------------------------------------------------------------------------------------


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest, contexts: Contexts) -> Page:
    """A page in each scheme and width."""
    return contexts.new(**LOOKS[request.param]).new_page()


@on_one_database
def test_it_is_calm_with_nothing_to_show(busy: Team, look: Page) -> None:
    sign_in(look, busy, "carol")
    open_sync(look, busy)
    expect(look.get_by_text("No upstream yet.")).to_be_visible()
    look_again(look)
    look.goto(f"{busy.instance.url}/sync/refusals")
    expect(look.get_by_text("Nothing is set aside.")).to_be_visible()
    fits(look)


@on_one_database
def test_it_is_calm_with_sixty_pushes_in_every_state(busy: Team, look: Page) -> None:
    calm(busy)
    busy.database(EVERY_STATE)
    sign_in(look, busy)
    open_sync(look, busy)
    expect(look.locator("#urgent tbody tr")).not_to_have_count(0)
    for query in ("?state=person", "?state=way", "?state=arrived", "?state=ended"):
        open_sync(look, busy, query)
    open_sync(look, busy)
    look.locator("#older").click()
    look.wait_for_url("**/sync?before=**")
    fits(look)
    look.goto(f"{busy.instance.url}/sync/refusals")
    fits(look)
    look.locator("details.refusal-row summary").first.click()
    expect(look.locator("details.refusal-row pre").first).to_contain_text("<script>alert(1)</script>")
    fits(look)


@on_one_database
def test_it_needs_no_javascript(busy: Team, contexts: Contexts) -> None:
    calm(busy)
    busy.database(EVERY_STATE)
    page = contexts.new(java_script_enabled=False).new_page()
    sign_in(page, busy)
    open_sync(page, busy, "?state=person&kind=update")
    expect(page.get_by_role("link", name="Reload")).to_be_visible()
    expect(page.locator("#live")).to_be_hidden()
    page.get_by_role("button", name="Try again", exact=True).first.click()
    expect(page.get_by_role("status").filter(has_text="It is on its way again.")).to_be_visible()
    assert page.url.endswith("/sync?state=person&kind=update")
    page.goto(f"{busy.instance.url}/sync/refusals")
    page.locator("details.refusal-row summary").first.click()
    page.get_by_role("link", name="See what came").first.click()
    expect(page.locator("pre")).to_contain_text("<script>alert(1)</script>")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status").filter(has_text="tried again with the next pull")).to_be_visible()


# The banner and the news of a claim ------------------------------------------------------------------------------


@on_one_database
def test_the_decision_stays_in_sight_below_a_banner(busy: Team, contexts: Contexts) -> None:
    page = contexts.new(viewport={"width": 1280, "height": 800}).new_page()
    sign_in(page, busy)
    page.locator(".go button").first.click()
    submit = page.get_by_role("button", name="Submit and next")
    before = submit.bounding_box()
    down = "pull_failures=0, failing_since=None"
    try:
        busy.database("from django.utils import timezone; Upstream.objects.update(token_refused_at=timezone.now())")
        page.reload()
        expect(page.get_by_text("shop refuses its token")).to_be_visible()
        assert submit.bounding_box() == before
        page.mouse.wheel(0, 400)
        assert submit.bounding_box() == before
    finally:
        busy.database(f"Upstream.objects.update(token_refused_at=None, {down})")


@on_one_database
def test_a_reviewer_is_told_and_her_words_stay(busy: Team, page: Page) -> None:
    sign_in(page, busy)
    page.locator(".go button").first.click()
    page.get_by_label("Comment").fill("Not lost.")
    page.get_by_text("Edit the answer", exact=True).click()
    page.get_by_label("Text of the answer").fill("My better text.")
    uid = page.locator(".where a").inner_text()
    page.get_by_label("Text of the answer").focus()
    answer = busy.shop.document(uid) or {}
    answer["response"]["choices"][0]["message"]["content"] = "Changed upstream."
    assert busy.shop.call("POST", f"/api/v1/completions/{uid}", json=answer).status_code == 200
    expect(page.locator("#claim-news")).to_contain_text("The upstream changed this text.", timeout=60_000)
    assert page.get_by_label("Comment").input_value() == "Not lost."
    assert page.get_by_label("Text of the answer").input_value() == "My better text."
    expect(page.get_by_label("Text of the answer")).to_be_focused()
    with page.expect_popup() as popup:
        page.get_by_role("link", name="See the new text in another tab").click()
    expect(popup.value.locator("#answer ~ .said")).to_contain_text("Changed upstream.")
