"""Ten items from sign-in to the end of the queue: with few actions, without scripts, through a broken network and a
killed server; and nobody meets an item that somebody else has.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Contexts
from tests.e2e import steps
from tests.e2e.ten_items import ITEMS, ONE_CHOICE, Person, is_done, shown, sign_in, start, team_with, wait_for_next
from tests.instances import Instance

pytestmark = pytest.mark.e2e
# What happens in the browser is the same on either database.
on_one_database = pytest.mark.sqlite
TWO_QUESTIONS: dict[str, Any] = {
    **ONE_CHOICE,
    "json_schema": {
        "type": "object",
        "properties": {
            "verdict": {"type": "string", "enum": ["good", "weak", "wrong"], "title": "Verdict"},
            "note": {"type": "string", "title": "Note"},
        },
        "required": ["verdict"],
    },
}
# What the browser says by itself while there is no network or no server.
BROKEN = r"Failed to load resource|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|htmx:"


@pytest.fixture
def record(record_property: Callable[[str, object], None]) -> Callable[[str, object], None]:
    """Put a figure on record."""
    return record_property


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    """One for all teams."""
    with Instance("ten") as made:
        yield made


@pytest.fixture
def team(instance: Instance) -> Iterator[steps.Organization]:
    """A team of two with ten completions. They leave it with the test: what is left there is nothing to the next."""
    made = team_with(instance, "alice", "bob")
    yield made
    steps.ask_database(instance, f"Member.objects.filter(organization__slug={made.slug!r}).delete()")


def grades(team: steps.Organization) -> dict[str, dict[str, Any]]:
    """The feedback by completion, each graded once."""
    rows = {row["matched_completion_ids"][0]: row for row in team.feedback()}
    assert len(rows) == len(team.feedback())
    return rows


@on_one_database
def test_ten_items_take_a_key_each_where_one_choice_is_asked_for(
    team: steps.Organization, page: Page, record: Callable[[str, object], None]
) -> None:
    sign_in(page, team, "alice")
    person = Person(page)
    person.click("Start reviewing")
    expect(page.locator("#answer")).to_be_visible()
    met = []
    while not is_done(page):
        met.append(shown(page))
        person.press("1")
        wait_for_next(page, met[-1])
    record("actions for ten items, one choice", person.actions)
    record("documents loaded", len(person.loads))
    assert len(set(met)) == len(met) == ITEMS
    assert person.actions <= 14
    assert len(person.loads) <= 2, person.loads
    assert {uid: row["json_values"]["verdict"] for uid, row in grades(team).items()} == dict.fromkeys(met, "good")


@on_one_database
def test_ten_items_take_a_digit_and_enter_where_she_wants_it_so(
    team: steps.Organization, page: Page, record: Callable[[str, object], None]
) -> None:
    sign_in(page, team, "alice")
    person = Person(page)
    person.click("Start reviewing")
    expect(page.locator("#answer")).to_be_visible()
    person.press("?")
    page.get_by_label("One key grades and goes on").uncheck()
    person.actions += 1
    person.press("Escape")
    met = []
    while not is_done(page):
        met.append(shown(page))
        person.press("2")
        expect(page.get_by_role("radio", name="weak")).to_be_checked()
        person.press("Enter")
        wait_for_next(page, met[-1])
    record("actions for ten items, digit and Enter", person.actions)
    assert len(set(met)) == ITEMS
    assert person.actions <= 24
    assert len(person.loads) <= 2, person.loads
    assert {row["json_values"]["verdict"] for row in grades(team).values()} == {"weak"}


def test_ten_items_without_javascript(team: steps.Organization, contexts: Contexts) -> None:
    page = contexts.new(java_script_enabled=False).new_page()
    sign_in(page, team, "alice")
    page.get_by_role("button", name="Start reviewing").click()
    met = []
    while not is_done(page):
        met.append(shown(page))
        page.get_by_role("radio", name="wrong").check()
        page.get_by_label("Comment").fill(f"Number {len(met)}.")
        page.get_by_role("button", name="Submit and next").click()
        page.wait_for_load_state()
    assert len(set(met)) == len(met) == ITEMS
    assert {uid: row["comment"] for uid, row in grades(team).items()} == {
        uid: f"Number {number}." for number, uid in enumerate(met, 1)
    }


@on_one_database
def test_undo_without_javascript(team: steps.Organization, contexts: Contexts) -> None:
    page = contexts.new(java_script_enabled=False).new_page()
    sign_in(page, team, "alice")
    page.get_by_role("button", name="Start reviewing").click()
    first = shown(page)
    page.get_by_role("radio", name="wrong").check()
    page.get_by_label("Comment").fill("Too fast.")
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator(".undo")).to_contain_text("Graded: wrong")
    page.get_by_role("button", name="Undo").click()
    assert shown(page) == first
    assert page.get_by_label("Comment").input_value() == "Too fast."
    expect(page.get_by_role("radio", name="wrong")).to_be_checked()


def test_ten_items_through_a_broken_network_and_a_killed_server(
    instances: Callable[..., Instance], contexts: Contexts
) -> None:
    instance = instances("broken")
    team = team_with(instance, "alice", feedback_task=TWO_QUESTIONS)
    contexts.watch.allow(BROKEN)
    context = contexts.new()
    page = context.new_page()
    start(page, team, "alice")
    met = []
    for number in range(ITEMS):
        met.append(shown(page))
        if number == 3:
            context.set_offline(True)
        if number == 6:
            instance.kill()
        page.get_by_label("Note").fill(f"Note {number}")
        page.get_by_label("Comment").press_sequentially(f"Comment {number}, to the last character.")
        page.keyboard.press("Escape")
        # She has begun to write, so the key only chooses.
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        if number in (3, 6):
            said_so(page, f"Comment {number}, to the last character.")
            if number == 3:
                context.set_offline(False)
            else:
                instance.start()
                instance.wait_ready()
            goes_on_by_itself(page)
            page.keyboard.press("Enter")
        wait_for_next(page, met[-1])
    page.wait_for_url(re.compile("/done$"))
    assert len(set(met)) == ITEMS
    assert {uid: (row["json_values"], row["comment"]) for uid, row in grades(team).items()} == {
        uid: ({"verdict": "good", "note": f"Note {number}"}, f"Comment {number}, to the last character.")
        for number, uid in enumerate(met)
    }


def said_so(page: Page, words: str) -> None:
    """Nothing is shown as saved that is not, and nothing is lost."""
    expect(page.locator("#trouble")).to_contain_text("Not submitted")
    expect(page.locator("#saved .here")).to_contain_text("kept on this computer, the server does not answer")
    assert page.get_by_label("Comment").input_value() == words


def goes_on_by_itself(page: Page) -> None:
    """Once the server answers again, the draft is there without a press."""
    expect(page.locator("#saved .here")).to_have_text("", timeout=20_000)
    expect(page.locator("#saved .on-server")).to_be_visible()


@on_one_database
def test_no_character_older_than_a_second_is_lost_with_the_browser(
    instances: Callable[..., Instance], contexts: Contexts
) -> None:
    team = team_with(instances("lost"), "alice")
    context = contexts.new()
    page = context.new_page()
    start(page, team, "alice")
    page.get_by_text("Edit the answer", exact=True).click()
    page.get_by_label("Text of the answer").press_sequentially("They open at nine. ", delay=30)
    page.get_by_label("Comment").press_sequentially("Half a sentence that", delay=30)
    page.keyboard.press("Escape")
    uid, words = shown(page), page.get_by_label("Text of the answer").input_value()
    time.sleep(1.0)
    # Another machine: nothing of this browser is there.
    cookies = context.cookies()
    elsewhere = contexts.new()
    elsewhere.add_cookies([{**cookie} for cookie in cookies])  # type: ignore[typeddict-item]
    other = elsewhere.new_page()
    other.goto(page.url)
    assert shown(other) == uid
    assert other.get_by_label("Comment").input_value() == "Half a sentence that"
    assert other.get_by_label("Text of the answer").input_value() == words


@on_one_database
def test_what_the_server_never_got_is_put_back_on_this_computer(team: steps.Organization, contexts: Contexts) -> None:
    contexts.watch.allow(BROKEN)
    context = contexts.new()
    page = context.new_page()
    start(page, team, "alice")
    context.set_offline(True)
    page.get_by_label("Comment").fill("Written without a network.")
    expect(page.locator("#saved .here")).to_contain_text("kept on this computer")
    # The page is gone before the network is back, as in a crash.
    address = page.url
    page.close(run_before_unload=False)
    context.set_offline(False)
    again = context.new_page()
    again.goto(address)
    expect(again.get_by_label("Comment")).to_have_value("Written without a network.")
    expect(again.locator("#saved .on-server")).to_be_visible()


@on_one_database
def test_a_draft_of_another_text_is_offered_and_thrown_away(team: steps.Organization, page: Page) -> None:
    start(page, team, "alice")
    page.get_by_label("Comment").fill("About the old text.")
    expect(page.locator("#saved .on-server")).to_be_visible()
    uid = shown(page)
    document = team.document(uid) or {}
    document["response"]["choices"][0]["message"]["content"] = "Another text."
    assert team.call("POST", f"/api/v1/completions/{uid}", json=document).status_code == 200
    page.reload()
    expect(page.get_by_text("You wrote something before the text changed")).to_be_visible()
    assert page.get_by_label("Comment").input_value() == ""
    page.get_by_role("link", name="Use it").click()
    assert page.get_by_label("Comment").input_value() == "About the old text."
    page.go_back()
    page.get_by_role("button", name="Throw it away").first.click()
    expect(page.get_by_text("You wrote something before the text changed")).to_be_hidden()


@on_one_database
def test_nothing_of_hers_stays_on_the_computer_after_she_signs_out(team: steps.Organization, page: Page) -> None:
    start(page, team, "alice")
    page.get_by_label("Comment").fill("Private.")
    assert page.evaluate("JSON.stringify(localStorage)").count("Private.") == 1
    page.get_by_role("button", name="alice").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/sign-in"))
    page.wait_for_load_state("load")
    assert "Private." not in page.evaluate("JSON.stringify(localStorage)")
    sign_in(page, team, "alice")
    page.get_by_role("button", name="Go on").click()
    assert page.get_by_label("Comment").input_value() == "Private."


def test_two_reviewers_at_once_never_meet_the_same_item(team: steps.Organization, contexts: Contexts) -> None:
    pages = [contexts.new().new_page() for _ in range(2)]
    for page, name in zip(pages, ("alice", "bob"), strict=True):
        start(page, team, name)
    met: list[str] = []
    while not all(is_done(page) for page in pages):
        on_screens = [shown(page) for page in pages if not is_done(page)]
        assert len(set(on_screens)) == len(on_screens)
        for page in pages:
            if not is_done(page):
                met.append(shown(page))
                page.keyboard.press("1")
        for page, before in zip([page for page in pages if not is_done(page)], on_screens, strict=False):
            wait_for_next(page, before)
    assert len(set(met)) == len(met)
    assert set(grades(team)) == set(met)
    assert len(team.ungraded()) == ITEMS - len(met) == 0
