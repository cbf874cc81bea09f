"""Security 5: hostile texts on every page and in the admin, in a real browser, with the content security policy, which
would hide a mistake, and without it.

A script error, a violation of the policy and a request to anywhere else fail it by themselves: tests/browser.py.
"""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser import Contexts
from tests.e2e import hostile, steps
from tests.instances import Instance

# The pages are the same on both databases: once is enough.
pytestmark = [pytest.mark.e2e, pytest.mark.sqlite]

# What no text may become: an attribute that runs something, an address that does, a script of the page's own, or an
# element that fetches or leads away by itself.
FOUND = """() => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  const runs = /^(on|hx-on|data-hx-on|srcdoc$)/i;
  const leads = /^(href|src|action|formaction|data|xlink:href|background|poster|hx-get|hx-post)$/i;
  const bad = /^[\\s\\x00-\\x20]*(javascript|vbscript|data:(?!image\\/(png|jpeg|gif|webp)))/i;
  const fetches = /^(src|action|formaction|background|poster|hx-get|hx-post)$/i;
  const never = "iframe, object, embed, base, marquee, math, xss, use, animate, meta[http-equiv=refresh], body link, " +
    "script:not([src^='/']):not([type='application/json'])";
  const elsewhere = (address) => new URL(address, location.href).origin !== location.origin;
  const isWrong = ({ name, value }) => runs.test(name) || (leads.test(name) && bad.test(value)) ||
    (fetches.test(name) && !value.startsWith("data:") && elsewhere(value)) || (name === "style" && /[(@]/.test(value));
  return [...document.querySelectorAll("*")]
    .filter((element) => !element.matches("head > link[rel=icon]"))
    .filter((element) => element.matches(never) || [...element.attributes].some(isWrong))
    .map((element) => element.outerHTML.slice(0, 200));
}"""


def _open_a_refusal(page: Page) -> None:
    """Its bytes are asked for."""
    expect(page.locator("details.refusal-row pre").first).to_be_visible()


def _submit_nothing(page: Page) -> None:
    """Refused, and the form put in its place with the errors; the popovers beside it."""
    for popover in ("flag", "keys", "skip-why"):
        page.evaluate("id => document.getElementById(id).showPopover()", popover)
    page.keyboard.press("Escape")
    page.evaluate("() => document.getElementById('grade').requestSubmit()")
    expect(page.locator("#errors")).to_be_visible()


ACTED_ON: dict[str, Callable[[Page], None]] = {"/sync/refusals": _open_a_refusal, "review": _submit_nothing}


@pytest.fixture(scope="module")
def full() -> Iterator[tuple[Instance, steps.Reviewer, dict[str, list[str]]]]:
    """An instance full of hostile texts, somebody who may see all of it, and the addresses of its pages."""
    with Instance("hostile") as instance:
        fill = "from tests.e2e import hostile; import json; print(json.dumps(hostile.fill()))"
        pages: dict[str, list[str]] = json.loads(steps.ask_database(instance, fill).splitlines()[-1])
        password = "u = User.objects.get(username='lead'); u.set_password(%r); u.save()"
        steps.ask_database(instance, password % steps.PASSWORD)
        person = steps.Reviewer(instance)
        # What a browser calls itself is shown among the sessions.
        person.session.headers["User-Agent"] = hostile.VECTORS[1]
        person.sign_in("lead")
        yield instance, person, pages


@pytest.mark.parametrize("policy", [True, False])
def test_no_text_becomes_more_than_a_text(
    full: tuple[Instance, steps.Reviewer, dict[str, list[str]]],
    contexts: Contexts,
    policy: bool,
    record_property: Callable[[str, object], None],
) -> None:
    instance, person, pages = full
    context = contexts.new(bypass_csp=not policy)
    cookies = [{"name": one.name, "value": one.value or "", "url": instance.url} for one in person.session.cookies]
    context.add_cookies(cookies)  # type: ignore[arg-type]
    contexts.watch.allow("status of 422")
    dialogs: list[str] = []
    wrong: list[tuple[str, object]] = []
    shown = 0
    context.on("dialog", lambda dialog: _note(dialog, dialogs))
    page = context.new_page()
    for path in [*pages["lead"], *pages["staff"]]:
        answer = page.goto(f"{instance.url}{path}")
        assert answer is not None
        wrong += [(path, answer.status)] if answer.status != 200 else []
        wrong += [(path, found) for found in page.evaluate(FOUND)]
        shown += hostile.RUN in page.locator("body").inner_text()
        act = ACTED_ON.get("review" if path.startswith("/reviews/") else path)
        if act is not None:
            act(page)
            page.wait_for_load_state("networkidle")
            wrong += [(path, found) for found in page.evaluate(FOUND)]
    assert not wrong, "\n".join(map(str, wrong))
    assert dialogs == []
    # The texts are there to be seen, or nothing was shown by this.
    assert shown > len(pages["lead"])
    record_property("pages", len(pages["lead"]) + len(pages["staff"]))
    record_property("payloads", len(hostile.payloads()))
    record_property("pages with hostile texts", shown)


def _note(dialog: Dialog, dialogs: list[str]) -> None:
    dialogs.append(f"{dialog.page.url if dialog.page else ''}: {dialog.message}")
    dialog.dismiss()
