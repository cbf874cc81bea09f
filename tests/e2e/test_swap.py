"""How long it takes from the press of a key until the next item is painted. Measured, never asserted: over 40 items,
or as many as SWAP_ITEMS says.
"""

import os
from collections.abc import Callable
from statistics import quantiles

import pytest
from playwright.sync_api import Page

from tests.e2e.ten_items import shown, start, team_with, wait_for_next
from tests.instances import Instance

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite]
ITEMS = int(os.environ.get("SWAP_ITEMS", "40"))
# The frame in which the new item stands is painted by the time the task after it runs.
WATCH = """
window.swaps = [];
let pressed = 0;
addEventListener("keydown", (event) => { if (event.key === "1") pressed = event.timeStamp; }, true);
new MutationObserver(() => {
  const name = document.querySelector(".where a")?.textContent;
  if (!pressed || !name || name === window.shown) return;
  window.shown = name;
  const begun = pressed;
  pressed = 0;
  requestAnimationFrame(() => setTimeout(() => window.swaps.push(performance.now() - begun)));
}).observe(document.body, { childList: true, subtree: true });
window.shown = document.querySelector(".where a").textContent;
"""


def test_the_next_item_is_painted_soon_after_a_key(
    instances: Callable[..., Instance], page: Page, record_property: Callable[[str, object], None]
) -> None:
    team = team_with(instances("swap"), "alice", items=ITEMS + 2)
    start(page, team, "alice")
    page.evaluate(WATCH)
    sent: list[int] = []
    page.on(
        "requestfinished",
        lambda request: sent.append(request.sizes()["responseBodySize"]) if request.url.endswith("/submit") else None,
    )
    for _ in range(ITEMS):
        before = shown(page)
        with page.expect_response(lambda answer: answer.url.endswith("/prefetch")):
            page.keyboard.press("1")
            wait_for_next(page, before)
    swaps = page.evaluate("window.swaps")
    assert len(swaps) == ITEMS
    parts = quantiles(swaps, n=20)
    record_property("press to paint p50 ms", round(parts[9]))
    record_property("press to paint p95 ms", round(parts[18]))
    record_property("bytes of an answer p95", round(quantiles(sent, n=20)[18]))
    assert len(team.feedback()) == ITEMS
