"""The loop: log10py writes to A, B pulls, a person reviews on B in a browser, and A has what she decided."""

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import steps
from tests.instances import Instance

pytestmark = pytest.mark.e2e

MakeInstance = Callable[..., Instance]
ANSWERS = {
    "When do you open?": "Monday is our day off; every other day we open at nine and close on Saturday at noon.",
    "Do you repair hubs?": "Yes, we repair hubs by Dellinger and Roe; bring the wheel in until Wednesday.",
    "What is a pannier?": "A pannier is a bag that hangs at the side of a carrier.",
}


@dataclass
class Loop:
    """A with an application, B with a team whose upstream is A."""

    application: steps.Organization
    team: steps.Organization
    feedback_task: str
    originals: dict[str, dict[str, Any]]


@pytest.fixture(params=["completions first", "feedback task first"])
def loop(request: pytest.FixtureRequest, instances: MakeInstance) -> Loop:
    """Both running, the application's completions created by the real client."""
    application = steps.create_organization(instances("a"), "shop", external_id="org-7-shop")
    undo = {"GRADEBENCH_UNDO_SECONDS": "1"}
    team = steps.create_organization(instances("b", env=undo), "team")
    steps.add_member(team, "alice")
    steps.add_upstream(team, application)
    documents = [steps.chat(question, text, organization_id="org-7-shop") for question, text in ANSWERS.items()]
    creations = [{"do": "create", "completion": document} for document in documents]
    task = {"do": "create_feedback_task", "feedback_task": steps.FEEDBACK_TASK}
    if request.param == "completions first":
        *rows, uid = application.by_log10py(*creations, task)
    else:
        uid, *rows = application.by_log10py(task, *creations)
    originals = {row["id"]: application.document(row["id"]) or {} for row in rows}
    for original, document in zip(originals.values(), documents, strict=True):
        # The client puts members in an order of its own; beyond that A holds what was sent.
        assert original == {**document, "id": original["id"]}
    return Loop(application, team, uid, originals)


def test_what_a_reviewer_decides_arrives_upstream(
    loop: Loop, page: Page, record_property: Callable[[str, object], None]
) -> None:
    listed = loop.application.by_log10py({"do": "list_ungraded"})[0]
    assert set(listed) == set(loop.originals)
    sign_in(page, loop.team)
    _, pulled = steps.wait_for("All three are in B's queue", lambda: waiting(page, loop.team) == 3)
    # The item behind is fetched before she submits: else it may be the third, which another request takes meanwhile.
    with page.expect_response(lambda answer: answer.url.endswith("/prefetch")):
        page.get_by_role("button", name="Start reviewing").press("Enter")

    first = by_keyboard(page)
    second = by_mouse(page, after=first)

    expected = {
        first: edited(loop.originals[first], "noon.", "three."),
        second: edited(loop.originals[second], "Yes", "Certainly"),
    }
    _, arrived = steps.wait_for("A has both grades", lambda: len(loop.application.feedback()) == 2)
    # Edits go ahead of grades, so they are there by now.
    for uid, document in expected.items():
        assert current(loop, uid) == steps.same(document)
    print(f"\nB pulled after {pulled:.1f} s; edits and grades were on A {arrived:.1f} s after submit")
    record_property("arrived_seconds", round(arrived, 1))
    assert {row["completions"][0]: row["comment"] for row in feedback_by_client(loop)} == {
        first: "",
        second: "By hand.",
    }
    assert {row["task_id"] for row in feedback_by_client(loop)} == {loop.feedback_task}
    values = {row["matched_completion_ids"][0]: row["json_values"] for row in loop.application.feedback()}
    assert values[first] == {"verdict": "weak", "score": 4, "send": True}
    assert values[second] == {"verdict": "good", "score": 2}
    (third,) = set(loop.originals) - {first, second}
    assert loop.application.by_log10py({"do": "list_ungraded"}) == [[third]]
    assert current(loop, third) == steps.same(loop.originals[third])


def sign_in(page: Page, team: steps.Organization) -> None:
    """Through the form."""
    page.goto(f"{team.instance.url}/sign-in")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{team.instance.url}/")


def waiting(page: Page, team: steps.Organization) -> int:
    """How many completions the queue page offers."""
    page.goto(f"{team.instance.url}/")
    figures = page.locator(".queue-row .stats dd").first
    return int(figures.inner_text()) if figures.count() else 0


def shown(page: Page) -> str:
    """The id of the completion on the screen."""
    return page.locator(".where a").inner_text()


def key_of(page: Page, question: str, choice: str) -> str:
    """The key that chooses a value."""
    group = page.get_by_role("radiogroup", name=re.compile(f"^{question}"))
    return group.get_by_role("radio", name=choice).get_attribute("data-key") or ""


def by_keyboard(page: Page) -> str:
    """Grade and edit without touching the mouse; the id."""
    expect(page.locator("#answer")).to_be_visible()
    # Keys are listened to from then on.
    page.wait_for_load_state()
    uid = shown(page)
    keys = [key_of(page, "Verdict", "weak"), key_of(page, "Score", "4"), key_of(page, "Send it", "Yes")]
    assert all(keys)
    for key in keys:
        page.keyboard.press(key)
    page.keyboard.press("e")
    page.keyboard.press("Control+End")
    for _ in "noon.":
        page.keyboard.press("Backspace")
    page.keyboard.type("three.")
    expect(page.locator("[data-edit] .changed")).to_have_text("1 word changed")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".where a")).not_to_have_text(uid)
    return uid


def by_mouse(page: Page, *, after: str) -> str:
    """Grade and edit with the mouse, but for the word itself; the id."""
    uid = shown(page)
    assert uid != after
    page.get_by_role("radiogroup", name=re.compile("^Verdict")).get_by_role("radio", name="good").click()
    page.get_by_role("radiogroup", name=re.compile("^Score")).get_by_role("radio", name="2").click()
    page.get_by_text("Edit the answer", exact=True).click()
    box = page.get_by_label("Text of the answer")
    # The first word: a double click selects it.
    box.dblclick(position={"x": 20, "y": 20})
    page.keyboard.type("Certainly")
    page.get_by_label("Comment").fill("By hand.")
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator(".where a")).not_to_have_text(uid)
    return uid


def edited(document: dict[str, Any], before: str, after: str) -> dict[str, Any]:
    """The document but for one word of its answer."""
    changed = copy.deepcopy(document)
    message = changed["response"]["choices"][0]["message"]
    assert message["content"].count(before) == 1
    message["content"] = message["content"].replace(before, after)
    return changed


def current(loop: Loop, uid: str) -> str:
    """What A holds now, in a form to compare."""
    return steps.same(loop.application.document(uid) or {})


def feedback_by_client(loop: Loop) -> list[dict[str, Any]]:
    """A's feedback as the real client lists it."""
    rows: list[dict[str, Any]] = loop.application.by_log10py({"do": "list_feedback", "task_id": loop.feedback_task})[0]
    return rows
