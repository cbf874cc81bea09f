"""Completions whose answers have token probabilities, and the way to the review screen of one of them."""

import math
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e import steps

Token = str | tuple[str, float, dict[str, float]]


def choice(tokens: list[Token], **members: Any) -> dict[str, Any]:
    """A choice whose text is made of tokens: certain ones as text, others with their probability and alternatives."""
    entries = [(token, 0.99, {}) if isinstance(token, str) else token for token in tokens]
    return {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": "".join(text for text, _, _ in entries), "refusal": None},
        "logprobs": {"content": [_entry(*entry) for entry in entries]},
        **members,
    }


def _entry(text: str, probability: float, others: dict[str, float]) -> dict[str, Any]:
    return {
        **_plain(text, probability),
        "top_logprobs": [_plain(*one) for one in [(text, probability), *others.items()]],
    }


def _plain(text: str, probability: float) -> dict[str, Any]:
    return {"token": text, "logprob": math.log(probability), "bytes": list(text.encode())}


def add(team: steps.Organization, name: str, *choices: dict[str, Any]) -> str:
    """A completion with these choices, alone in a queue of that name; its id."""
    task = {**steps.FEEDBACK_TASK, "name": name, "completion_tags_selector": [name]}
    team.create_feedback_task(task)
    document = steps.chat("May I send it back?", "", organization_id=team.external_id, tags=(name,))
    document["response"]["choices"] = [{**made, "index": at} for at, made in enumerate(choices)]
    return team.create(document)


def sign_in(page: Page, team: steps.Organization, name: str) -> None:
    """Through the form."""
    page.goto(f"{team.instance.url}/sign-in")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{team.instance.url}/")


def review(page: Page, team: steps.Organization, queue: str, name: str = "alice") -> None:
    """Sign in and open the item of a queue."""
    sign_in(page, team, name)
    row = page.locator(".queue-row", has=page.get_by_role("heading", name=queue, exact=True))
    row.locator(".go button").click()
    expect(page.locator("#answer")).to_be_visible()
    page.wait_for_load_state("networkidle")


def grade(page: Page) -> None:
    """Answer what is required, and submit."""
    page.get_by_role("radio", name="good").check()
    page.get_by_role("radio", name="3").check()
    page.get_by_role("button", name="Submit and next").click()
    page.wait_for_url("**/done")
