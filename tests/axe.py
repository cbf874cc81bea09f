"""axe-core over a page in the browser: what it says against WCAG 2.2 AA and its own best practices."""

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'], iframes: false})"


@cache
def script() -> str:
    """axe-core itself, as the package carries it."""
    return (files("axe_playwright_python") / "axe.min.js").read_text()


def violations(page: Page) -> list[str]:
    """Every violation on the page as it stands: the rule, the element, and what is the matter with it."""
    # Evaluated, not added as an element, which the content security policy would rightly refuse.
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(script())
    found: dict[str, Any] = page.evaluate(RUN, TAGS)
    return [
        f"{violation['id']}: {node['html'][:200]} ({_why(node)})"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def _why(node: dict[str, Any]) -> str:
    checks = [*node["any"], *node["all"], *node["none"]]
    return "; ".join(check["message"] for check in checks)
