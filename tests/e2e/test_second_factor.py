"""Second factors in the browser: an app by keyboard alone, and a security key that Chromium plays."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser import Contexts
from tests.e2e import steps
from tests.e2e.test_accessibility import clean
from tests.instances import Instance
from tests.totp import code_of

# The pages are the same on both databases: once is enough.
pytestmark = [pytest.mark.e2e, pytest.mark.sqlite]
KEY = {
    "protocol": "ctap2",
    "transport": "usb",
    "hasResidentKey": False,
    "hasUserVerification": False,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """By its name: a browser binds a security key to no number."""
    instance = Instance("second-factor")
    try:
        instance.carry_out("create_organization", "acme")
        team = steps.Organization(instance, "acme", "acme", "")
        for name in ("mira", "nadia"):
            steps.add_member(team, name, "reviewer")
        instance.start()
        instance.wait_ready()
        yield instance.url.replace("127.0.0.1", "localhost")
    finally:
        instance.close()


def _first_step(page: Page, site: str, name: str) -> None:
    page.goto(f"{site}/sign-in")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(steps.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_have_count(0)


def _plug_in(page: Page) -> CDPSession:
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    return devices


def test_an_app_is_added_and_asked_for_by_keyboard_alone(page: Page, contexts: Contexts, site: str) -> None:
    contexts.watch.allow("status of 422")
    _first_step(page, site, "mira")
    page.goto(f"{site}/you/second-factor/app")
    secret = page.locator("code.secret").inner_text()
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    page.keyboard.type(code_of(secret))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    clean(page)
    page.goto(f"{site}/you")
    expect(page.get_by_text("10 left")).to_be_visible()
    clean(page)
    page.context.clear_cookies()
    _first_step(page, site, "mira")
    expect(page.get_by_label("Code of your app")).to_be_focused()
    clean(page)
    page.keyboard.type(code_of(secret, ahead=1))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="mira")).to_be_visible()


def test_a_security_key_is_added_and_asked_for(page: Page, contexts: Contexts, site: str) -> None:
    devices = _plug_in(page)
    _first_step(page, site, "nadia")
    page.goto(f"{site}/you/second-factor/key")
    clean(page)
    page.get_by_label("Name, to tell your keys apart").fill("Blue key")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.context.clear_cookies()
    _first_step(page, site, "nadia")
    expect(page.get_by_role("button", name="Use a security key")).to_be_focused()
    clean(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="nadia")).to_be_visible()
    page.goto(f"{site}/you")
    expect(page.get_by_text("Blue key")).to_be_visible()
    # Another key, which she did not add.
    devices.send("WebAuthn.disable")
    _plug_in(page)
    page.context.clear_cookies()
    _first_step(page, site, "nadia")
    page.get_by_role("button", name="Use a security key").click()
    expect(page.get_by_role("alert")).to_be_visible()
