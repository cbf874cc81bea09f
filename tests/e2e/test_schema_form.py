"""A form with rows, variants and conditions, filled in by a person: with scripts, without them, and from a draft."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import Contexts
from tests.e2e import steps
from tests.instances import Instance

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite]

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "verdict": {"enum": ["works", "has a bug"], "title": "Verdict"},
        "seen": {"type": "array", "title": "Seen", "items": {"enum": ["question", "answer", "tools"]}},
        "reviewer": {
            "type": "object",
            "title": "Reviewer",
            "properties": {"name": {"type": "string", "maxLength": 40}, "on": {"type": "string", "format": "date"}},
            "required": ["name"],
        },
        "problems": {"type": "array", "title": "Problems", "items": {"$ref": "#/$defs/problem"}},
        "advice": {
            "title": "Advice",
            "oneOf": [
                {"type": "string", "title": "In words", "maxLength": 80},
                {
                    "type": "object",
                    "title": "A rule",
                    "properties": {"kind": {"const": "rule"}, "number": {"type": "integer"}},
                    "required": ["kind", "number"],
                    "additionalProperties": False,
                },
            ],
        },
    },
    "required": ["verdict"],
    "if": {"properties": {"verdict": {"const": "has a bug"}}, "required": ["verdict"]},
    "then": {"properties": {"line": {"type": "integer", "title": "Line"}}, "required": ["line"]},
    "$defs": {
        "problem": {
            "type": "object",
            "title": "Problem",
            "description": "What a *customer* would notice.",
            "properties": {
                "where": {"type": "string", "maxLength": 80, "title": "Where"},
                "severity": {"type": "integer", "minimum": 1, "maximum": 3, "title": "Severity"},
            },
            "required": ["where"],
        }
    },
}
TASK = {
    "name": "Nested",
    "instruction": "Judge the **answer**, not the question.",
    "json_schema": SCHEMA,
    "completion_tags_selector": ["support"],
}
GRADE = {
    "verdict": "has a bug",
    "seen": ["question", "tools"],
    "problems": [{"where": "line two"}],
    "advice": {"kind": "rule", "number": 4},
    "line": 12,
}


def team_of(instances: Callable[..., Instance]) -> steps.Organization:
    team = steps.create_organization(instances("a", env={"GRADEBENCH_UNDO_SECONDS": "0"}), "team")
    steps.add_member(team, "alice")
    team.create_feedback_task(TASK)
    team.create(steps.chat("When?", "We open at nine.", organization_id="team"))
    return team


def opened(page: Page, team: steps.Organization) -> Locator:
    """The decision, on the first review screen."""
    page.goto(f"{team.instance.url}/sign-in")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{team.instance.url}/")
    page.get_by_role("button", name="Start reviewing").click()
    return page.locator("#decision")


def graded(team: steps.Organization) -> dict[str, Any]:
    rows, _ = steps.wait_for("The grade is there", team.feedback)
    values: dict[str, Any] = rows[0]["json_values"]
    return values


def test_a_form_grows_and_shrinks_with_the_answers(instances: Callable[..., Instance], contexts: Contexts) -> None:
    team = team_of(instances)
    form = opened(contexts.new().new_page(), team)

    expect(form.get_by_text("Judge the answer")).to_be_visible()
    form.get_by_text("has a bug").click()
    form.get_by_label("Line").fill("12")
    form.get_by_role("button", name="Add one to Problems").click()
    expect(form.get_by_label("Where")).to_be_focused()
    form.get_by_label("Where").fill("line one")
    form.get_by_role("button", name="Add one to Problems").click()
    form.get_by_label("Where").nth(1).fill("line two")
    form.get_by_role("button", name="Remove Problem 1").click()
    expect(form.get_by_label("Where")).to_have_count(1)
    expect(form.get_by_label("Where")).to_have_value("line two")
    form.get_by_text("A rule").click()
    expect(form.get_by_label("Number")).to_be_visible()
    form.get_by_label("Number").fill("4")
    form.get_by_text("question", exact=True).click()
    form.get_by_text("tools", exact=True).click()
    expect(form.get_by_label("Line")).to_have_value("12")
    form.get_by_role("button", name="Submit and next").click()

    assert graded(team) == GRADE


def test_the_same_form_needs_no_javascript(instances: Callable[..., Instance], contexts: Contexts) -> None:
    team = team_of(instances)
    page = contexts.new(java_script_enabled=False).new_page()
    form = opened(page, team)

    form.get_by_label("has a bug").check()
    form.get_by_role("button", name="Show the fields for these answers").click()
    form.get_by_label("Line").fill("12")
    form.get_by_role("button", name="Add one to Problems").click()
    form.get_by_label("Where").fill("line two")
    form.get_by_label("A rule").check()
    form.get_by_role("button", name="Show its fields").click()
    form.get_by_label("Number").fill("4")
    form.get_by_role("checkbox", name="question").check()
    form.get_by_role("checkbox", name="tools").check()
    # The first button of the form is not one of those that add and remove.
    form.get_by_label("Line").press("Enter")

    assert graded(team) == GRADE


def test_what_is_wrong_stands_at_the_nested_field_and_leads_to_it(
    instances: Callable[..., Instance], contexts: Contexts
) -> None:
    team = team_of(instances)
    contexts.watch.allow("status of 422")
    page = contexts.new().new_page()
    form = opened(page, team)

    form.get_by_text("works").click()
    form.get_by_role("button", name="Add one to Problems").click()
    expect(form.get_by_label("Where")).to_be_focused()
    form.get_by_role("button", name="Submit and next").click()
    page.get_by_role("link", name="Problems › Problem 1 › Where: A value is required.").click()

    where = form.get_by_label("Where")
    expect(where).to_be_focused()
    expect(where).to_have_accessible_description(re.compile("A value is required"))
    assert not team.feedback()


def test_a_draft_brings_its_rows_back(instances: Callable[..., Instance], contexts: Contexts) -> None:
    team = team_of(instances)
    page = contexts.new().new_page()
    form = opened(page, team)
    form.get_by_text("has a bug").click()
    form.get_by_label("Line").fill("12")
    form.get_by_role("button", name="Add one to Problems").click()
    page.context.set_offline(True)
    contexts.watch.allow("ERR_INTERNET_DISCONNECTED|ERR_FAILED")
    form.get_by_label("Where").fill("line two")
    # What the server has not got is on this computer, and is put back.
    page.route("**/draft", lambda route: route.abort())
    page.context.set_offline(False)
    page.reload()

    expect(form.get_by_label("Where")).to_have_value("line two")
    expect(form.get_by_label("Line")).to_have_value("12")
