"""The same review without a line of JavaScript: forms and redirects alone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser import Contexts
from tests.e2e import steps
from tests.instances import Instance

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite]


def test_a_review_needs_no_javascript(instances: Callable[..., Instance], contexts: Contexts) -> None:
    application = steps.create_organization(instances("a"), "shop")
    undo = {"GRADEBENCH_UNDO_SECONDS": "1"}
    team = steps.create_organization(instances("b", env=undo), "team")
    steps.add_member(team, "alice")
    steps.add_upstream(team, application)
    originals = {}
    for text in ("We open at nine.\nNot on Monday.", "We close at six."):
        document = steps.chat("When?", text, organization_id="shop")
        originals[application.create(document)] = document
    feedback_task = application.create_feedback_task(steps.FEEDBACK_TASK)
    contexts.watch.allow("status of 422")
    page = contexts.new(java_script_enabled=False).new_page()
    sign_in_and_start(page, team)

    first = page.locator(".where a").inner_text()
    submit(page, choose_score=False)
    # Refused: the page says why, and keeps what was chosen and written.
    assert page.locator("#errors").is_visible()
    assert page.get_by_label("Text of the answer").input_value().startswith("They open")
    assert page.get_by_role("radio", name="good").is_checked()
    submit(page)
    second = page.locator(".where a").inner_text()
    page.get_by_role("button", name="Skip", exact=True).click()

    page.wait_for_url(re.compile("/queues/[0-9]+/done$"))
    assert {first, second} == set(originals)
    steps.wait_for("A has the grade", application.feedback)
    (row,) = application.feedback()
    assert (row["task_id"], row["matched_completion_ids"]) == (feedback_task, [first])
    assert row["json_values"] == {"verdict": "good", "score": 3}
    # A browser posts line ends as CR LF; the document keeps its own.
    changed = application.document(first) or {}
    text = "They open at nine.\nNot on Monday."
    assert steps.answer_of(changed) == text
    originals[first]["response"]["choices"][0]["message"]["content"] = text
    for uid, document in originals.items():
        assert steps.same(application.document(uid) or {}) == steps.same(document)
    assert application.ungraded() == [second]


def sign_in_and_start(page: Page, team: steps.Organization) -> None:
    """Up to the first review screen."""
    page.goto(f"{team.instance.url}/sign-in")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    # Without waiting, the first reload may meet a page that is just giving way to the next.
    page.wait_for_url(f"{team.instance.url}/")
    steps.wait_for("Both are in the queue", lambda: waits(page))
    page.get_by_role("button", name="Start reviewing").click()


def waits(page: Page) -> bool:
    """Whether the queue page, read again, offers two."""
    page.reload()
    figures = page.locator(".queue-row .stats dd").first
    return figures.count() > 0 and figures.inner_text() == "2"


def submit(page: Page, *, choose_score: bool = True) -> None:
    """Choose, change the first word, submit."""
    page.get_by_role("radio", name="good").check()
    if choose_score:
        page.get_by_role("radio", name="3").check()
    box = page.get_by_label("Text of the answer")
    if not box.is_visible():
        page.get_by_text("Edit the answer", exact=True).click()
    box.fill(box.input_value().replace("We ", "They ", 1))
    page.get_by_role("button", name="Submit and next").click()
