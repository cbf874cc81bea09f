"""The pages of leads in a browser, with JavaScript and without: flags, a queue's settings and items, feedback tasks."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import axe
from tests.browser import Contexts
from tests.e2e import steps
from tests.instances import Instance

# The pages are the same on both databases: once is enough.
pytestmark = [pytest.mark.e2e, pytest.mark.sqlite]

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LOOKS = [("light", {"width": 1280, "height": 800}), ("dark", {"width": 360, "height": 780})]


@pytest.fixture(scope="module")
def team() -> Iterator[steps.Organization]:
    """An organization with a lead, a reviewer, a feedback task and a few completions; both tests use up their own."""
    with Instance("leads") as instance:
        made = steps.create_organization(instance, "team")
        steps.add_member(made, "lena")
        steps.add_member(made, "mira", "reviewer")
        made.create_feedback_task(steps.FEEDBACK_TASK)
        for number in range(8):
            made.create(steps.chat(f"Question {number}?", f"Answer {number}.", organization_id="team"))
        yield made


@pytest.fixture(params=[True, False], ids=["scripted", "unscripted"])
def lead(request: pytest.FixtureRequest, team: steps.Organization, contexts: Contexts) -> Page:
    """The lead's browser, signed in."""
    page = contexts.new(java_script_enabled=request.param).new_page()
    page.goto(f"{team.instance.url}/sign-in")
    page.get_by_label("User name").fill("lena")
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{team.instance.url}/")
    return page


def reviewer(team: steps.Organization) -> steps.Reviewer:
    """The reviewer with an item on her screen."""
    mira = steps.Reviewer(team.instance, "mira")
    (start,) = mira.startable()
    assert mira.start(start)
    return mira


def is_for_everyone(page: Page, contexts: Contexts) -> None:
    """The page that is open, in a browser with scripts: no violation, nothing wider than the screen."""
    looks = contexts.new().new_page()
    looks.context.add_cookies([_kept(cookie) for cookie in page.context.cookies()])
    looks.goto(page.url)
    for scheme, size in LOOKS:
        looks.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        looks.set_viewport_size({"width": size["width"], "height": size["height"]})
        assert axe.violations(looks) == [], f"{scheme} {looks.url}"
        assert looks.evaluate(OVERFLOW) <= 0, looks.url
    looks.context.close()


def _kept(cookie: Any) -> Any:
    return {name: cookie[name] for name in ("name", "value", "domain", "path")}


def test_a_flag_comes_to_the_lead_and_goes(team: steps.Organization, lead: Page, contexts: Contexts) -> None:
    mira = reviewer(team)
    flagged = mira.shown
    mira.post(f"{mira.path}/flag", {**_token(mira), "reason": "Names a customer."})
    lead.get_by_role("navigation", name="Main").get_by_role("link", name="Flags").click()
    row = lead.get_by_role("article", name="Names a customer.")
    expect(row).to_contain_text("mira")
    expect(row.get_by_role("link", name=flagged)).to_be_visible()
    is_for_everyone(lead, contexts)
    # By keyboard: the question first, Escape leaves it flagged.
    row.get_by_role("button", name="Back to the queue").press("Enter")
    question = lead.get_by_role("dialog", name="Back to the queue?")
    expect(question).to_be_visible()
    lead.keyboard.press("Escape")
    expect(question).to_be_hidden()
    row.get_by_role("button", name="Back to the queue").press("Enter")
    question.get_by_role("button", name="Put it back").press("Enter")
    expect(lead.get_by_role("status")).to_contain_text("It is back in Support answers")
    expect(lead.get_by_role("heading", name="No flags wait")).to_be_visible()
    is_for_everyone(lead, contexts)


def test_a_queue_is_set_and_a_claim_taken_back(team: steps.Organization, lead: Page, contexts: Contexts) -> None:
    mira = reviewer(team)
    lead.goto(f"{team.instance.url}/")
    lead.get_by_role("link", name="Settings").click()
    is_for_everyone(lead, contexts)
    lead.get_by_label("Reviews per completion").fill("20")
    contexts.watch.allow("status of 422")
    lead.get_by_role("button", name="Save").click()
    expect(lead.get_by_text("From 1 to 10 reviews.")).to_be_visible()
    expect(lead.get_by_label("Reviews per completion")).to_have_value("20")
    lead.get_by_label("Reviews per completion").fill("2")
    lead.get_by_role("button", name="Save").click()
    expect(lead.get_by_role("status")).to_contain_text("open items follow.")
    lead.get_by_label("Reviews per completion").fill("1")
    # The page that comes says what the one before said: only its coming tells them apart.
    with lead.expect_navigation():
        lead.get_by_role("button", name="Save").click()
    row = lead.get_by_role("row").filter(has_text="mira")
    assert row.get_by_role("button", name="Take back").count()
    while row.get_by_role("button", name="Take back").count():
        row.get_by_role("button", name="Take back").first.click()
        with lead.expect_navigation():
            lead.get_by_role("button", name="Take it back").locator("visible=true").click()
        expect(lead.get_by_role("status")).to_contain_text("Taken back from mira")
    assert mira.get(f"{mira.path}/claim") == 200
    assert "A lead took this item back" in mira.page
    lead.get_by_role("button", name="Pause").click()
    expect(lead.get_by_role("status")).to_contain_text("Paused.")
    lead.get_by_role("button", name="Resume").click()
    expect(lead.get_by_role("status")).to_contain_text("Resumed.")


def test_what_was_skipped_is_offered_again(team: steps.Organization, lead: Page, contexts: Contexts) -> None:
    mira = reviewer(team)
    skipped = mira.shown
    mira.post(f"{mira.path}/skip", _token(mira))
    lead.get_by_role("link", name="Settings").click()
    lead.get_by_role("link", name="Items").click()
    lead.get_by_role("link", name="Skipped").click()
    is_for_everyone(lead, contexts)
    lead.get_by_role("checkbox", name=f"Tick {skipped}").check()
    lead.get_by_role("button", name="Offer again").click()
    lead.get_by_role("button", name="Those I ticked").click()
    expect(lead.get_by_role("status")).to_contain_text("1 item is offered again.")
    expect(lead.get_by_role("link", name=skipped)).to_have_count(0)


def test_a_feedback_task_is_made_with_its_form_in_view(
    team: steps.Organization, lead: Page, contexts: Contexts, request: pytest.FixtureRequest
) -> None:
    scripted = "unscripted" not in request.node.name
    name = "Tone, scripted" if scripted else "Tone"
    lead.get_by_role("navigation", name="Main").get_by_role("link", name="Feedback tasks").click()
    is_for_everyone(lead, contexts)
    lead.get_by_role("link", name="New feedback task").click()
    is_for_everyone(lead, contexts)
    lead.get_by_label("Name").fill(name)
    lead.get_by_label("Tag 1").fill("support")
    preview = lead.get_by_role("region", name="What reviewers see")
    show = lead.get_by_role("button", name="Preview")
    if not scripted:
        show.click()
    expect(preview.get_by_role("heading", name=name)).to_be_visible()
    expect(preview).to_contain_text("It selects 8 completions now.")
    lead.get_by_role("button", name="1 to 5 with reasons").click()
    expect(preview.get_by_role("radiogroup", name="Score")).to_be_visible()
    expect(lead.get_by_label("Name")).to_have_value(name)
    right = lead.get_by_label("JSON Schema").input_value()
    lead.get_by_label("JSON Schema").fill("{")
    if not scripted:
        show.click()
    expect(lead.locator("#schema-said")).to_contain_text("The schema is not valid JSON")
    lead.get_by_label("JSON Schema").fill(right)
    lead.get_by_role("button", name="Make it").click()
    expect(lead.get_by_role("heading", name=name)).to_be_visible()
    lead.get_by_role("link", name="Feedback task", exact=True).click()
    is_for_everyone(lead, contexts)
    lead.get_by_role("button", name="Archive", exact=True).click()
    lead.get_by_role("button", name="Archive it").click()
    expect(lead.get_by_role("status").first).to_contain_text("Archived.")


def _token(person: steps.Reviewer) -> dict[str, str]:
    """What protects the forms of the page that is open."""
    return {"csrfmiddlewaretoken": person.forms["grade"].fields["csrfmiddlewaretoken"]}
