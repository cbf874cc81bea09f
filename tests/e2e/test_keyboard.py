"""By keyboard alone, on a phone, with large text, without motion, in forced colours, in one's own time zone."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Contexts
from tests.e2e import everything
from tests.e2e.everything import Everything

# The pages are the same on both databases: once is enough.
pytestmark = [pytest.mark.e2e, pytest.mark.sqlite]

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 780}
MOST_STOPS = 150
# What has the focus: a name that no other element has, the part of the page it is in, and whether one sees it there.
FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const all = [...document.querySelectorAll("*")];
  const part = element.closest(".skip, .top, .banner, .reading, .decision");
  const drawn = [element, element.closest("label"), element.parentElement].filter(Boolean);
  const seen = drawn.some((one) => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  });
  const box = (element.closest("label") ?? element).getBoundingClientRect();
  return {
    number: all.indexOf(element),
    html: element.outerHTML.slice(0, 120),
    group: element.type === "radio" ? element.name : "",
    part: ["skip", "top", "banner", "reading", "decision"].find((name) => part?.classList.contains(name)) ?? "",
    seen,
    inView: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""
# Every control that can be used now; of radio buttons with one name, one.
CONTROLS = """() => {
  const all = [...document.querySelectorAll("*")];
  const found = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
  const groups = new Set();
  return found.filter((one) => {
    if (one.disabled || one.tabIndex < 0 || !one.checkVisibility({ visibilityProperty: true })) return false;
    if (one.type !== "radio") return true;
    return groups.has(one.name) ? false : groups.add(one.name);
  }).map((one) => ({
    number: all.indexOf(one), html: one.outerHTML.slice(0, 120), group: one.type === "radio" ? one.name : "",
  }));
}"""
SMALL = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.type !== "hidden")
  .map((one) => one.closest("label") ?? one)
  .filter((one) => getComputedStyle(one).display !== "inline" && !one.classList.contains("skip"))
  .filter((one) => { const box = one.getBoundingClientRect(); return box.width < 24 || box.height < 24; })
  .map((one) => one.outerHTML.slice(0, 160))"""
# Scrolled to, is it itself what the pointer would meet? On a phone the actions stand before the end of the page.
HIDDEN = """() => [...document.querySelectorAll("main a[href], main button, main input, main textarea, main summary")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && one.type !== "hidden" && one.tabIndex >= 0)
  .map((one) => one.closest("label") ?? one)
  .filter((one) => {
    one.scrollIntoView({ block: one.getBoundingClientRect().height > 200 ? "start" : "center", behavior: "instant" });
    const box = one.getClientRects()[0];
    const [right, down] = [Math.min(box.width / 2, 40), Math.min(box.height / 2, 12)];
    const met = document.elementFromPoint(box.left + right, box.top + down);
    return !met || !(one.contains(met) || met.contains(one));
  })
  .map((one) => one.outerHTML.slice(0, 160))"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def demo() -> Iterator[Everything]:
    """One for all tests here; none of them submits anything."""
    with everything.running() as demo:
        yield demo


@pytest.fixture
def review(demo: Everything, contexts: Contexts) -> Page:
    """The review screen with every kind of field."""
    page = demo.page(contexts, demo.reviews["reviewer"], "reviewer", viewport=DESK)
    expect(page.locator("#answer")).to_be_visible()
    return page


def stops(page: Page) -> list[dict[str, Any]]:
    """Where Tab leads, from the beginning of the page until it leaves it or begins again."""
    found: list[dict[str, Any]] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None or (found and stop["number"] == found[0]["number"]):
            return found
        found.append(stop)
    raise AssertionError(f"Tab does not leave the page: {found[-3:]}")


# Keyboard --------------------------------------------------------------------------------------------------------


def test_tab_reaches_every_control(review: Page) -> None:
    wanted = review.evaluate(CONTROLS)
    found = stops(review)
    numbers, groups = {stop["number"] for stop in found}, {stop["group"] for stop in found}
    missed = [one["html"] for one in wanted if one["number"] not in numbers and one["group"] not in groups - {""}]
    assert missed == []


def test_tab_goes_from_reading_to_deciding(review: Page) -> None:
    order = ["skip", "top", "banner", "reading", "decision"]
    parts = [stop["part"] for stop in stops(review) if stop["part"]]
    assert parts == sorted(parts, key=order.index)
    assert {"skip", "top", "reading", "decision"} <= set(parts)


def test_the_focus_is_always_seen(review: Page) -> None:
    found = stops(review)
    # A field of several parts is one element, and draws the focus within some of them itself.
    seen = {stop["number"] for stop in found if stop["seen"]}
    assert [stop["html"] for stop in found if stop["number"] not in seen] == []
    assert [stop["html"] for stop in found if not stop["inView"]] == []


def test_shift_tab_leads_back(review: Page) -> None:
    review.locator("#submit").focus()
    before = review.evaluate(FOCUSED)["number"]
    review.keyboard.press("Tab")
    review.keyboard.press("Shift+Tab")
    assert review.evaluate(FOCUSED)["number"] == before


@pytest.mark.parametrize("popover", ["keys", "flag", "menu"])
def test_escape_closes_a_popover_and_gives_the_focus_back(review: Page, popover: str) -> None:
    button = review.locator(f"[popovertarget={popover}]").first
    button.focus()
    review.keyboard.press("Enter")
    expect(review.locator(f"#{popover}")).to_be_visible()
    review.keyboard.press("Escape")
    expect(review.locator(f"#{popover}")).to_be_hidden()
    expect(button).to_be_focused()


@pytest.mark.parametrize(("key", "popover"), [("?", "keys"), ("!", "flag")])
def test_a_key_opens_a_popover_and_escape_leads_back(review: Page, key: str, popover: str) -> None:
    start = review.locator("#grade input[type=radio]").first
    start.focus()
    review.keyboard.press(key)
    expect(review.locator(f"#{popover}")).to_be_visible()
    review.keyboard.press("Escape")
    expect(review.locator(f"#{popover}")).to_be_hidden()
    expect(start).to_be_focused()


def test_a_key_acts_before_a_popover_that_closed_has_lost_the_focus(review: Page) -> None:
    review.evaluate("document.activeElement.blur()")
    review.keyboard.press("?")
    review.locator("#keys-on").focus()
    # Both in one task, as when the keys come faster than the page is drawn.
    held = review.evaluate("""() => {
      document.getElementById("keys").hidePopover();
      const held = document.activeElement;
      held.dispatchEvent(new KeyboardEvent("keydown", { key: "2", bubbles: true, cancelable: true }));
      return held.id;
    }""")
    assert held == "keys-on"
    expect(review.locator("#grade input[data-key='2']").first).to_be_checked()


@pytest.mark.parametrize(("number", "target"), [(1, "answer"), (2, "decision")])
def test_a_skip_link_skips(review: Page, number: int, target: str) -> None:
    for _ in range(number):
        review.keyboard.press("Tab")
    link = review.locator(".skip:focus")
    expect(link).to_be_in_viewport()
    review.keyboard.press("Enter")
    expect(review.locator(f"#{target}")).to_be_focused()


@pytest.mark.parametrize("path", ["/", "/sync", "/sync/refusals"])
def test_every_page_can_be_skipped_into(demo: Everything, page: Page, path: str) -> None:
    demo.open(page, path, "lead")
    page.keyboard.press("Tab")
    expect(page.locator(".skip:focus")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


# Eyes and hands --------------------------------------------------------------------------------------------------


def test_what_is_pressed_on_a_phone_is_large_enough(demo: Everything, contexts: Contexts) -> None:
    look: dict[str, Any] = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
    for path in ("/", demo.reviews["lead"], "/sync", f"/completions/{demo.conflict}/conflict"):
        page = demo.page(contexts, path, "lead", **look)
        assert page.evaluate(SMALL) == [], path


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_text_of_twice_the_size_hides_nothing(demo: Everything, contexts: Contexts, viewport: Any) -> None:
    for path in ("/", demo.reviews["lead"], "/sync", f"/completions/{demo.conflict}"):
        page = demo.page(contexts, path, "lead", viewport=viewport)
        page.evaluate("document.documentElement.style.fontSize = '32px'")
        assert page.evaluate(OVERFLOW) <= 0, path
        assert page.evaluate(HIDDEN) == [], path


def test_nothing_moves_for_who_wants_no_motion(demo: Everything, contexts: Contexts) -> None:
    page = demo.page(contexts, demo.reviews["lead"], "lead", reduced_motion="reduce")
    moving = """[...document.querySelectorAll("*")].filter((one) => {
      const style = getComputedStyle(one);
      return style.transitionDuration !== "0s" || style.animationDuration !== "0s" || style.scrollBehavior !== "auto";
    }).map((one) => one.outerHTML.slice(0, 120))"""
    assert page.evaluate(moving) == []


def test_forced_colours_show_what_is_chosen_and_where_one_is(demo: Everything, contexts: Contexts) -> None:
    page = demo.page(contexts, demo.reviews["lead"], "lead", forced_colors="active")
    radio = page.locator("#grade input[type=radio]").first
    radio.focus()
    page.keyboard.press("Space")
    expect(radio).to_be_checked()
    # The form may come anew from the server, for the fields that hang on the answer.
    expect(page.locator("#grade .option:has(input:focus)")).to_have_css("outline-style", "solid")
    assert page.evaluate(FOCUSED)["seen"]


def test_times_are_in_the_zone_of_the_reader(demo: Everything, contexts: Contexts) -> None:
    said = []
    for zone in ("Asia/Tokyo", "America/New_York"):
        page = demo.page(contexts, demo.reviews["lead"], "lead", timezone_id=zone)
        shown = page.locator(".claim time")
        moment = "one => new Date(one.dateTime).toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit'})"
        expect(shown).to_have_text(shown.evaluate(moment))
        said.append(shown.inner_text())
    assert said[0] != said[1]
