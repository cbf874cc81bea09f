"""The conflict page in a browser: two GradeBenches, an edit of ours on one, a change of theirs on the other.

Console errors, violations of the content security policy and requests to other origins fail each test by themselves;
see tests/browser.py.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import Contexts
from tests.e2e import steps
from tests.instances import Instance

pytestmark = pytest.mark.e2e
# What happens in the browser is the same on either database.
on_one_database = pytest.mark.sqlite

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": DESK},
    "dark": {"color_scheme": "dark", "viewport": DESK},
    "phone": {"color_scheme": "light", "viewport": PHONE, "has_touch": True, "is_mobile": True},
    "narrow": {"color_scheme": "dark", "viewport": PHONE},
}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BASE = "Yes. Helmets may be sent back within 14 days of delivery. The refund takes five working days."
OURS = "Yes. Helmets may be sent back within four weeks of delivery. The refund takes five working days, less postage."
THEIRS = "Yes. Helmets may be returned within 30 days of delivery. The refund takes five working days."
MERGED = "Yes. Helmets may be returned within four weeks of delivery. The refund takes five working days, less postage."
# Nothing here is wrong; all of it has been in answers.
UGLY = "".join(
    f"{number}. <b>&amp;</b> `x`\t|---|\n  ünï 🚲 \u202eabc\u202c {'a' * (number % 90)} {{'k': {number}}} </textarea>\n"
    for number in range(560)
)
CASES = ("look", "ugly", "keys", "box", "bare", "late")


@dataclass
class Conflicts:
    """The application's GradeBench, the team's, and the completions by name: uid and the team's primary key."""

    application: steps.Organization
    team: steps.Organization
    uids: dict[str, str]
    keys: dict[str, int]

    def path(self, name: str) -> str:
        """The page of a conflict."""
        return f"{self.team.instance.url}/completions/{self.keys[name]}/conflict"

    def there(self, name: str) -> str:
        """The answer as the application has it."""
        return steps.answer_of(self.application.document(self.uids[name]) or {})


@pytest.fixture(scope="module")
def met() -> Iterator[Conflicts]:
    """A reviewer edited every completion, and the application changed every one before the edits left."""
    with Instance("their") as there, Instance("our", env={"GRADEBENCH_UNDO_SECONDS": "4"}) as here:
        application = steps.create_organization(there, "shop")
        team = steps.create_organization(here, "team")
        steps.add_member(team, "lea")
        steps.add_member(team, "mira", role="reviewer")
        application.create_feedback_task(steps.FEEDBACK_TASK)
        originals = {name: _document(name) for name in CASES}
        uids = {name: application.create(document) for name, document in originals.items()}
        steps.add_upstream(team, application)
        _edit_all(team, uids)
        for name, uid in uids.items():
            if name != "late":
                _change(application, uid, originals[name], _theirs(name))
        keys = "json.dumps(dict(Completion.objects.filter(organization__slug='team').values_list('uid', 'pk')))"
        found = json.loads(steps.ask_database(here, f"import json\nprint({keys})"))
        waiting = "Completion.objects.filter(conflict_document__isnull=False).count()"
        steps.wait_for(
            "All are conflicts", lambda: steps.ask_database(here, f"print({waiting})") == str(len(CASES) - 1)
        )
        yield Conflicts(application, team, uids, {name: found[uid] for name, uid in uids.items()})


def _document(name: str) -> dict[str, Any]:
    document = steps.chat(f"Case {name}?", UGLY if name == "ugly" else BASE, organization_id="shop")
    del document["response"]["choices"][0]["logprobs"]
    return document


def _theirs(name: str) -> str:
    return UGLY.replace("`x`", "`y`").replace("\t", " ") if name == "ugly" else THEIRS


def _edit_all(team: steps.Organization, uids: dict[str, str]) -> None:
    """Every item but the one that is to be late, which stays for the last."""
    mira = steps.Reviewer(team.instance, "mira")
    steps.wait_for("All are in the queue", lambda: bool(mira.startable()) and f">{len(uids)}<" in mira.page)
    assert mira.start(mira.startable()[0])
    while mira.is_reviewing and mira.shown != uids["late"]:
        assert mira.submit(lambda text: text.replace("🚲", "🚗") if "🚲" in text else OURS) == 200


def _change(application: steps.Organization, uid: str, document: dict[str, Any], answer: str) -> None:
    response = json.loads(json.dumps(document["response"]))
    response["choices"][0]["message"]["content"] = answer
    changed = application.call("POST", f"/api/v1/completions/{uid}", json={**document, "response": response})
    assert changed.status_code == 200, changed.text


def sign_in(page: Page, team: steps.Organization, name: str = "lea") -> None:
    """Through the form."""
    page.goto(f"{team.instance.url}/sign-in")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{team.instance.url}/")


def fits(page: Page) -> None:
    """Nothing is wider than the screen."""
    assert page.evaluate(OVERFLOW) <= 0, page.url


def is_focused(locator: Locator) -> None:
    """It has the focus, and shows it."""
    expect(locator).to_be_focused()
    assert locator.evaluate("element => element.matches(':focus-visible')")


def arrived(met: Conflicts, name: str, text: str) -> None:
    """Both sides have the same text in the end."""
    steps.wait_for(f"{text!r} is there", lambda: met.there(name) == text)
    shown = steps.Reviewer(met.team.instance, "lea")
    shown.get(f"/completions/{met.keys[name]}")
    assert text in shown.page


@on_one_database
@pytest.mark.parametrize("name", ["look", "ugly"])
@pytest.mark.parametrize("look", LOOKS)
def test_it_fits(met: Conflicts, contexts: Contexts, look: str, name: str) -> None:
    page = contexts.new(**LOOKS[look]).new_page()
    sign_in(page, met.team)
    page.goto(met.path(name))
    fits(page)
    # What is marked can be told without colour.
    gone, come = page.locator("del:visible").first, page.locator("ins:visible").first
    assert "line-through" in gone.evaluate("element => getComputedStyle(element).textDecorationLine")
    assert come.evaluate("element => getComputedStyle(element).borderBottomWidth") != "0px"
    whole = page.get_by_text("show all,")
    if whole.count():
        whole.click()
        fits(page)
    if name == "ugly":
        assert page.locator("#merged-0").input_value().count("</textarea>") == 560
    for button in page.locator(".choices button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 24


@on_one_database
def test_the_texts_stand_side_by_side_where_there_is_room_and_differences_first_where_not(
    met: Conflicts, contexts: Contexts
) -> None:
    tops = {}
    for look in ("light", "phone"):
        page = contexts.new(**LOOKS[look]).new_page()
        sign_in(page, met.team)
        page.goto(met.path("look"))
        boxes = [page.locator(f".side.{side}:visible").bounding_box() for side in ("base", "theirs", "ours")]
        tops[look] = [box["y"] for box in boxes if box]
    assert len(set(tops["light"])) == 1
    base, theirs, ours = tops["phone"]
    assert theirs < ours < base


@on_one_database
def test_keys_bring_the_focus_to_a_choice_and_press_nothing(met: Conflicts, page: Page) -> None:
    sign_in(page, met.team)
    page.goto(met.path("keys"))
    address = page.url
    for key, label in (("o", "Keep ours"), ("t", "Take theirs"), ("m", "Send the merge")):
        page.keyboard.press(key)
        is_focused(page.get_by_role("button", name=label))
    page.locator("h1").click()
    # Nothing has the focus: the first choice gets it, and that is all.
    page.keyboard.press("Control+Enter")
    expect(page.locator(".choices button").first).to_be_focused()
    page.locator("#merged-0").focus()
    page.keyboard.press("t")
    expect(page.locator("#merged-0")).to_be_focused()
    # Enter on the answer about a grade is no decision.
    page.get_by_role("radio", name="It stands").first.focus()
    page.keyboard.press("Enter")
    assert page.url == address
    page.keyboard.press("t")
    is_focused(page.get_by_role("button", name="Take theirs"))
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status")).to_contain_text("text stands, and nothing is sent.")
    arrived(met, "keys", THEIRS)


def test_what_clashes_is_chosen_place_by_place_and_can_be_taken_back(met: Conflicts, page: Page) -> None:
    sign_in(page, met.team)
    page.goto(met.path("box"))
    box, text = page.locator("#merged-0"), MERGED
    assert box.input_value() == text
    theirs = page.get_by_role("button", name="theirs 30 days")
    ours = page.get_by_role("button", name="ours four weeks")
    expect(ours).to_have_attribute("aria-pressed", "true")
    # Also after something was written before the place.
    box.focus()
    page.keyboard.press("Control+Home")
    page.keyboard.type("Oh ")
    theirs.click()
    assert box.input_value() == "Oh " + text.replace("four weeks", "30 days")
    expect(theirs).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+z")
    assert box.input_value() == "Oh " + text
    ours.click()
    page.get_by_role("button", name="theirs", exact=True).click()
    assert box.input_value() == THEIRS
    # Nobody knows where the place is in another text.
    expect(theirs).to_be_disabled()
    page.keyboard.press("Control+z")
    assert box.input_value() == "Oh " + text
    theirs.click()
    assert box.input_value() == "Oh " + text.replace("four weeks", "30 days")
    page.get_by_role("button", name="merged", exact=True).click()
    theirs.click()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status")).to_contain_text("The merge leaves for")
    arrived(met, "box", text.replace("four weeks", "30 days"))


@on_one_database
def test_it_needs_no_javascript(met: Conflicts, contexts: Contexts) -> None:
    contexts.watch.allow("status of 422")
    page = contexts.new(java_script_enabled=False).new_page()
    sign_in(page, met.team)
    page.goto(met.path("bare"))
    fits(page)
    assert page.locator(".pick").count() == 2
    assert not page.get_by_text("Start from").is_visible()
    page.get_by_role("radio", name="Withdraw it").check()
    # Enter there presses no choice.
    page.get_by_role("radio", name="Withdraw it").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Choose one of the ways out.")
    assert page.get_by_role("radio", name="Withdraw it").is_checked()
    page.locator("#merged-0").fill("Two\nlines.")
    page.get_by_role("button", name="Send the merge").click()
    expect(page.get_by_role("status")).to_contain_text("1 grade is withdrawn")
    arrived(met, "bare", "Two\nlines.")


def test_an_edit_that_came_too_late_meets_the_same_view(met: Conflicts, page: Page, contexts: Contexts) -> None:
    contexts.watch.allow("status of 409")
    sign_in(page, met.team, "mira")
    page.locator(".go button").first.click()
    expect(page.locator(".where a")).to_have_text(met.uids["late"])
    page.get_by_text("Edit the answer", exact=True).click()
    page.get_by_label("Text of the answer").fill(OURS)
    page.get_by_role("radio", name="good").check()
    page.get_by_role("radio", name="3").check()
    page.get_by_label("Comment").fill("Kept.")
    _change(met.application, met.uids["late"], _document("late"), THEIRS)
    now = f"print(Completion.objects.get(pk={met.keys['late']}).revision_count)"
    steps.wait_for("It was pulled", lambda: steps.ask_database(met.team.instance, now) == "1")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#errors")).to_contain_text("changed this completion while you worked on it")
    fits(page)
    box = page.locator("#edit-0")
    assert box.input_value() == MERGED
    assert page.get_by_label("Comment").input_value() == "Kept."
    page.get_by_role("button", name="theirs 30 days").click()
    page.keyboard.press("Control+Enter")
    arrived(met, "late", MERGED.replace("four weeks", "30 days"))
