"""python -m tests.pictures [folder]: draw the pictures of the review screen in docs/pictures, from the demo itself."""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser import running_chromium
from tests.e2e import steps
from tests.instances import ROOT, Instance

FOLDER = ROOT / "docs" / "pictures"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 780}
LINK = re.compile(r"http://\S+/welcome/\S+")
EACH_SECOND = "Upstream.objects.update(pull_seconds=1, next_pull_at='2020-01-01T00:00:00Z')"


def as_it_opens(page: Page) -> None:
    """Nothing is done to it."""


def at_an_uncertain_word(page: Page) -> None:
    """The alternatives of the second uncertain word are open."""
    page.keyboard.press("]")
    page.keyboard.press("]")
    expect(page.locator("#alternatives")).to_be_visible()


def at_a_tool(page: Page) -> None:
    """Scrolled to the first call."""
    page.locator(".box.call").first.evaluate("one => one.closest('.turn, .answer').scrollIntoView({block: 'start'})")


def with_an_edit(page: Page) -> None:
    """Two words of the answer changed, one added."""
    page.keyboard.press("e")
    box = page.locator("[data-edit] textarea").first
    words = box.input_value().split(" ")
    words[2:4] = ["gladly", words[3]]
    box.fill(" ".join([*words, "Tell us if it does not."]))
    expect(page.locator("[data-marked] ins").first).to_be_visible()
    page.locator("[data-edit]").first.evaluate("one => one.scrollIntoView({block: 'end'})")


@dataclass(frozen=True)
class Picture:
    """`queue` and `has` choose the first item that fits: a selector that the page must have, or none."""

    queue: str
    has: str
    prepare: Callable[[Page], None]
    look: dict[str, Any]


LIGHT = {"color_scheme": "light", "viewport": WIDE}
DARK = {"color_scheme": "dark", "viewport": WIDE}
IN_THE_HAND = {"color_scheme": "light", "viewport": PHONE, "has_touch": True, "is_mobile": True}
PICTURES = {
    "ordinary": Picture("Code help", "#answer", as_it_opens, LIGHT),
    "logprobs": Picture("Support answers", ".tokens a.t", at_an_uncertain_word, LIGHT),
    "tools": Picture("Support answers", ".box.call", at_a_tool, LIGHT),
    "edit": Picture("Support answers", "[data-edit]", with_an_edit, LIGHT),
    "dark": Picture("Support answers", "#answer", as_it_opens, DARK),
    "phone": Picture("Support answers", "#answer", as_it_opens, IN_THE_HAND),
}


def main() -> None:
    """Start a demo, draw every picture, say how large each is."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    instance = Instance("pictures", env={"GRADEBENCH_OUTBOUND_ALLOW": None})
    try:
        instance.manage("seed_demo")
        steps.ask_database(instance, EACH_SECOND)
        instance.start()
        instance.wait_ready()
        with running_chromium() as browser:
            state = _signed_in(instance, browser)
            for name, picture in PICTURES.items():
                path = folder / f"{name}.png"
                _draw(instance, browser.new_context(storage_state=state, **picture.look).new_page(), picture, path)
                print(f"{path.name}: {path.stat().st_size // 1024} KB")
    finally:
        instance.close()


def _signed_in(instance: Instance, browser: Browser) -> Any:
    """The cookies of the demo's person, once every queue is there."""
    log = instance.folder / "up.log"
    found, _ = steps.wait_for("`up` prints a link", lambda: LINK.search(log.read_text()))
    context = browser.new_context()
    page = context.new_page()
    page.goto(found.group())
    page.get_by_role("button").click()
    steps.wait_for("The queues fill", lambda: _is_full(page))
    return context.storage_state()


def _is_full(page: Page) -> bool:
    page.reload()
    return all(page.get_by_role("article", name=one.queue).locator("button").count() for one in PICTURES.values())


def _draw(instance: Instance, page: Page, picture: Picture, path: Path) -> None:
    """Skip to the first item that fits, and draw it."""
    page.goto(instance.url)
    page.get_by_role("article", name=picture.queue).locator("button").click()
    expect(page.locator("#answer")).to_be_visible()
    while not page.locator(picture.has).count():
        before = page.url
        page.locator("button[form=skip]").click()
        page.wait_for_function("(before) => location.href !== before", arg=before)
    page.wait_for_load_state("networkidle")
    picture.prepare(page)
    page.screenshot(path=path)


if __name__ == "__main__":
    main()
