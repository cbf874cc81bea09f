"""Token probabilities and edits in a browser: jump, choose, compare, go back, and what arrives in the document.

Console errors, violations of the content security policy and requests to other origins fail each test by themselves;
see tests/browser.py.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser import Contexts
from tests.e2e import answers, steps
from tests.instances import Instance

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite]

HELMET: list[answers.Token] = [
    "Yes. 🚲 Helmets may be",
    (" sent", 0.45, {" returned": 0.4, " brought": 0.1}),
    (" back within", 0.97, {}),
    (" 14", 0.34, {" 30": 0.31, " 28": 0.19, " four": 0.07}),
    " days of delivery",
    (",", 0.4, {" and": 0.3, ".\n": 0.2}),
    (" unworn", 0.6, {" unused": 0.3}),
    " and in their original packaging.",
]
TEXT = "Yes. 🚲 Helmets may be sent back within 14 days of delivery, unworn and in their original packaging."
JSON: list[answers.Token] = [
    '{"na',
    'me": "',
    ("Ren", 0.3, {"Jan": 0.2}),
    'é", "it',
    'ems": [',
    ("7", 0.6, {}),
    ", 8]}",
]
names = (f"q{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def team() -> Iterator[steps.Organization]:
    """A team with a reviewer; each test adds the completion that it wants."""
    with Instance("answers") as instance:
        team = steps.create_organization(instance, "team")
        steps.add_member(team, "alice")
        yield team


@pytest.fixture
def add(team: steps.Organization, page: Page) -> Callable[..., str]:
    """Add a completion and open it for review."""

    def make(*choices: dict[str, Any], on: Page = page) -> str:
        name = next(names)
        uid = answers.add(team, name, *choices)
        answers.review(on, team, name)
        return uid

    return make


def box(page: Page, name: str = "edit-0") -> Locator:
    """The edit box of a text."""
    return page.locator(f"#{name}")


def words(page: Page) -> Locator:
    """The float with the words."""
    return page.locator("#alternatives")


def token(page: Page, text: str) -> Locator:
    """An uncertain token."""
    return page.locator("[data-tokens] a.t", has_text=text)


def focused(page: Page) -> str:
    """The text of what has the focus."""
    text: str = page.evaluate("document.activeElement.textContent")
    return text


def written(team: steps.Organization, uid: str) -> list[Any]:
    """What the messages of the choices say now."""
    document = team.document(uid) or {}
    return [choice["message"]["content"] for choice in document["response"]["choices"]]


def test_the_keys_go_from_one_uncertain_word_to_the_next(add: Callable[..., str], page: Page) -> None:
    add(answers.choice(HELMET))
    seen = []
    for key in "]]]][":
        page.keyboard.press(key)
        seen.append(focused(page))
    assert seen == ["sent", "14", ",", "sent", ","]
    expect(words(page)).to_contain_text("and")


def test_enter_opens_the_words_and_enter_puts_one_in(add: Callable[..., str], team: Any, page: Page) -> None:
    uid = add(answers.choice(HELMET))
    page.evaluate("window.heard = []; document.addEventListener('input', (event) => heard.push(event.target.name))")
    page.keyboard.press("]")
    page.keyboard.press("]")
    page.keyboard.press("Enter")
    assert "30" in focused(page)
    page.keyboard.press("ArrowDown")
    assert "28" in focused(page)
    page.keyboard.press("Enter")
    expected = TEXT.replace(" 14 ", " 28 ")
    expect(box(page)).to_have_value(expected)
    expect(box(page)).to_be_focused()
    assert (
        page.evaluate("document.activeElement.selectionStart")
        == len((expected[: expected.index("28")] + "28").encode("utf-16-le")) // 2
    )
    expect(page.locator(".put-note")).to_have_text("The text after it was written for the other word.")
    assert page.evaluate("heard") == ["edit-0"]
    page.keyboard.press("Escape")
    answers.grade(page)
    assert written(team, uid) == [expected]


LONG: list[answers.Token] = [("one", 0.4, {"two": 0.3}), *((f" w{at}", 0.6, {f" v{at}": 0.2}) for at in range(300))]


def test_the_words_of_a_long_answer_are_fetched_once_it_is_shown(add: Callable[..., str], page: Page) -> None:
    add(answers.choice(LONG))
    assert page.locator("ol.words").count() == 0
    page.keyboard.press("]")
    expect(words(page)).to_contain_text("two")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(box(page)).to_have_value("two" + "".join(f" w{at}" for at in range(300)))


def test_enter_waits_for_the_words_and_submits_nothing(add: Callable[..., str], page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    # What came to nothing is asked for again.
    page.route("**/uncertain/**", lambda route: route.fulfill(body=""))
    add(answers.choice(LONG))
    page.route("**/uncertain/**", hold)
    where = page.url
    page.keyboard.press("]")
    page.keyboard.press("Enter")
    expect(words(page)).not_to_be_visible()
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    expect(words(page)).to_be_visible()
    expect(words(page).get_by_role("button", name="two")).to_be_focused()
    assert page.url == where


def test_without_scripts_a_word_of_a_long_answer_leads_to_its_row(
    add: Callable[..., str], contexts: Contexts, page: Page
) -> None:
    plain = contexts.new(java_script_enabled=False).new_page()
    add(answers.choice(LONG), on=plain)
    token(plain, "w7").first.click()
    expect(plain.locator("li:has(:target)")).to_contain_text("v7")


def test_a_click_puts_a_word_in(add: Callable[..., str], page: Page) -> None:
    add(answers.choice(HELMET))
    token(page, "14").click()
    words(page).get_by_role("button", name="four").click()
    expect(box(page)).to_have_value(TEXT.replace(" 14 ", " four "))


def test_a_digit_puts_a_word_in_and_grades_nothing(add: Callable[..., str], page: Page) -> None:
    add(answers.choice(HELMET))
    page.keyboard.press("]")
    page.keyboard.press("Enter")
    page.keyboard.press("2")
    expect(box(page)).to_have_value(TEXT.replace("sent", "returned"))
    assert page.locator("#grade :checked").count() == 0


def test_several_words_find_their_places(add: Callable[..., str], page: Page) -> None:
    add(answers.choice(HELMET))
    pick(page, "14", "four")
    pick(page, "sent", "returned")
    pick(page, "unworn", "unused")
    pick(page, "14", "30")
    pick(page, ",", ".")
    expected = TEXT.replace("14", "30").replace("sent", "returned").replace(", unworn", ".\n unused")
    expect(box(page)).to_have_value(expected)


def pick(page: Page, text: str, word: str) -> None:
    """Choose a word by the pointer."""
    token(page, text).click()
    words(page).locator("button", has=page.locator("b", has_text=word)).first.click()
    expect(words(page)).not_to_be_visible()


def test_a_word_finds_its_place_after_edits_by_hand(add: Callable[..., str], page: Page) -> None:
    add(answers.choice(HELMET))
    page.keyboard.press("e")
    box(page).fill(TEXT.replace("Yes.", "Yes, gladly. 🎉").replace("packaging", "box").replace("days of", "days\n\nof"))
    pick(page, "14", "28")
    expect(box(page)).to_have_value(
        "Yes, gladly. 🎉 🚲 Helmets may be sent back within 28 days\n\nof delivery, unworn and in their original box."
    )


def test_a_place_that_was_changed_by_hand_is_left_alone(add: Callable[..., str], page: Page) -> None:
    add(answers.choice(HELMET))
    page.keyboard.press("e")
    by_hand = TEXT.replace("within 14 days", "in two weeks")
    box(page).fill(by_hand)
    pick(page, "14", "28")
    expect(box(page)).to_have_value(by_hand)
    expect(page.locator(".put-note")).to_have_text("That place was changed by hand, so nothing was put in.")


def test_undo_takes_a_word_out_again_and_it_can_be_chosen_anew(add: Callable[..., str], page: Page) -> None:
    add(answers.choice(HELMET))
    pick(page, "14", "28")
    page.keyboard.press("Control+z")
    expect(box(page)).to_have_value(TEXT)
    pick(page, "14", "30")
    expect(box(page)).to_have_value(TEXT.replace("14", "30"))


def test_what_is_changed_is_marked_while_it_is_written(add: Callable[..., str], page: Page) -> None:
    add(answers.choice(HELMET))
    page.keyboard.press("e")
    box(page).fill(TEXT.replace("14 days", "four weeks").replace("packaging", "box"))
    pane = page.locator("[data-marked]")
    expect(pane.locator("del")).to_have_text(["14 days", "packaging"])
    expect(pane.locator("ins")).to_have_text(["four weeks", "box"])
    expect(page.locator(".changed")).to_have_text("3 words changed")
    box(page).fill(TEXT)
    expect(pane.locator("del")).to_have_count(0)
    expect(page.locator(".changed")).to_have_text("")
    box(page).fill(f"{TEXT} ")
    expect(pane.locator("ins")).to_have_text("·")
    expect(page.locator(".changed")).to_have_text("only spaces changed")


def test_the_way_back_and_forth(add: Callable[..., str], page: Page) -> None:
    add(answers.choice(HELMET))
    page.keyboard.press("e")
    back = page.locator("[data-revert]")
    expect(back).not_to_be_visible()
    box(page).fill("Something else.")
    back.click()
    expect(box(page)).to_have_value(TEXT)
    page.get_by_role("button", name="Back to your edit").click()
    expect(box(page)).to_have_value("Something else.")
    page.get_by_role("button", name="Back to what it was").click()
    box(page).focus()
    page.keyboard.press("Control+z")
    expect(box(page)).to_have_value("Something else.")


def test_what_will_be_sent_is_shown_before(add: Callable[..., str], page: Page) -> None:
    odd = "One \r\n\ttwo\u00a0"
    add(answers.choice([odd]))
    page.keyboard.press("e")
    page.get_by_text("What will be sent").click()
    expect(page.locator("[data-sent]")).to_contain_text("Nothing is changed yet")
    box(page).press("Control+End")
    box(page).press_sequentially(" three")
    leaf = page.locator("[data-sent] code")
    expect(leaf).to_have_text(['"One \\r\\n\\ttwo\u00a0"', '"One \\r\\n\\ttwo\u00a0 three"'])
    expect(page.locator(".sent")).to_contain_text("/response/choices/0/message/content")


def test_several_texts_of_several_answers_arrive_at_their_places(
    add: Callable[..., str], team: Any, page: Page
) -> None:
    parts = [
        {"type": "text", "text": "One."},
        {"type": "text", "text": "Two, too."},
        {"type": "text", "text": "Three."},
    ]
    several = {"message": {"role": "assistant", "content": parts}, "finish_reason": "stop"}
    uid = add(answers.choice(HELMET), several, answers.choice(["Nothing ", ("here", 0.4, {"there": 0.3}), "."]))
    pick(page, "here", "there")
    pick(page, "14", "30")
    for name, text in (("edit-1-2", "Two. "), ("edit-1-3", "3")):
        page.locator("details[data-edit]", has=box(page, name)).locator("summary").first.click()
        box(page, name).fill(text)
    answers.grade(page)
    kept = [{"type": "text", "text": text} for text in ("One.", "Two. ", "3")]
    assert written(team, uid) == [TEXT.replace("14", "30"), kept, "Nothing there."]


def test_a_member_of_a_json_answer_leads_to_its_place(add: Callable[..., str], page: Page) -> None:
    add(answers.choice(JSON))
    rows = page.locator(".member-list li")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("name")
    expect(rows.first).to_contain_text("30 %")
    page.get_by_role("link", name="name").press("Enter")
    assert focused(page) == "Ren"
    expect(words(page)).to_contain_text("Jan")
    page.get_by_role("link", name="items.1").click()
    assert focused(page) == ", 8]}"


def test_without_scripts_the_words_are_a_list(add: Callable[..., str], contexts: Contexts) -> None:
    bare = contexts.new(java_script_enabled=False).new_page()
    add(answers.choice(JSON), on=bare)
    bare.get_by_text("Uncertain words, 2").click()
    expect(bare.locator(".words li").first).to_have_text("Ren 30 % or Jan 20 %")
    expect(bare.locator(".marked")).not_to_be_visible()
    bare.get_by_role("link", name="items.1").click()
    assert bare.locator(":target").inner_text() == ", 8]}"


def test_a_long_answer_is_compared_in_a_pause(
    add: Callable[..., str], page: Page, record_property: Callable[[str, object], None]
) -> None:
    long = "".join(
        f"Line {number} of the answer says that wheel {number * 7} turns, and why. " for number in range(660)
    )
    add(answers.choice([long]))
    page.keyboard.press("e")
    box(page).fill(long.replace("Line 5 ", "Line five ").replace("Line 600 ", "Row 600 "))
    expect(page.locator("[data-marked] ins")).to_have_text(["five", "Row"])
    took = {}
    for name, text in {
        "two words": long.replace("Line 5 ", "Line five ").replace("Line 601 ", "Row 601 "),
        "500 words": long.replace(" says", " tells", 250).replace("wheel", "tyre", 250),
        "everything": long.upper(),
    }.items():
        took[name] = page.evaluate(COMPARE, text)
    expect(page.locator("[data-marked] p")).to_contain_text("The whole text is replaced")
    record_property(f"{len(long)} characters compared, ms", {name: round(ms, 1) for name, ms in took.items()})


# The longest time in which the page did nothing else, from the input on.
COMPARE = """async (text) => {
  const area = document.getElementById("edit-0");
  area.value = text;
  area.dispatchEvent(new Event("input", { bubbles: true }));
  const began = performance.now();
  let [longest, last] = [0, began];
  while (last - began < 600) {
    await new Promise((done) => setTimeout(done));
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }
  return longest;
}"""
