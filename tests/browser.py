"""Chromium for the browser tests, driven by playwright, and a watch over what its pages do.

Playwright keeps an event loop running in the thread that drives it, and Django refuses the database there. So the
browser drives whole instances only (`tests/instances.py`), it is closed at the end of each module, and a test that
asks for both a page and the database is refused when tests are collected.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Request, WebError, sync_playwright

CHROMIUM_NAMES = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # Nothing but loopback has an address, so that no page can reach out while we only look on.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
WAIT_MILLISECONDS = 10_000
# By its name too: a security key is bound to one.
LOOPBACK = ("127.0.0.1", "localhost")
LOCAL_SCHEMES = ("about", "blob", "data")

# The console names a violation in words that change between versions; the event does not.
REPORT_CSP = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP violation: ${event.effectiveDirective} blocked ${event.blockedURI} ${event.sample}`);
});
"""


class BrowserMissingError(Exception):
    """There is no Chromium on this machine; the message says how to get one."""


def chromium_path() -> str:
    """The path of the system's Chromium. Raises BrowserMissingError."""
    for name in CHROMIUM_NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    raise BrowserMissingError("The browser tests need Chromium: sudo apt-get install -y chromium")


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """A headless Chromium with an empty profile; closed, and the event loop with it, at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(),
            headless=True,
            args=[*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
        )
        try:
            yield browser
        finally:
            browser.close()


class Watch:
    """Notes what no page of ours may do: script errors, errors in the console (content security policy violations are
    among them) and requests to anything but loopback.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._allowed: list[re.Pattern[str]] = []

    def allow(self, pattern: str) -> None:
        """Expect problems in which `pattern` is found: r"status of 422" where a test sends a form that is wrong."""
        self._allowed.append(re.compile(pattern))

    def check(self) -> None:
        """Raise AssertionError with all problems that were not expected."""
        unexpected = [text for text in self.problems if not any(pattern.search(text) for pattern in self._allowed)]
        assert not unexpected, "The browser saw:\n" + "\n".join(unexpected)

    def over(self, context: BrowserContext) -> None:
        """Watch all pages of `context`, those opened later too."""
        context.add_init_script(REPORT_CSP)
        context.on("console", self._console)
        context.on("weberror", self._web_error)
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _web_error(self, error: WebError) -> None:
        self.problems.append(f"script error: {error.error}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in LOCAL_SCHEMES and address.hostname not in LOOPBACK:
            self.problems.append(f"request to another origin: {request.method} {request.url}")


class Contexts:
    """Makes browser contexts (each a browser of its own: cookies, storage, cache) and watches over all of them."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.watch = Watch()
        self._contexts: list[BrowserContext] = []

    def new(self, **options: Any) -> BrowserContext:
        """A fresh watched context; `options` are playwright's: color_scheme="dark", java_script_enabled=False…"""
        defaults = {"locale": "en-GB", "timezone_id": "UTC", "service_workers": "block"}
        context = self.browser.new_context(**{**defaults, **options})
        context.set_default_timeout(WAIT_MILLISECONDS)
        self.watch.over(context)
        self._contexts.append(context)
        return context

    def close(self) -> None:
        """Close all contexts; what their pages reported until then is noted."""
        for context in self._contexts:
            for page in context.pages:
                # A round trip to the page, so that what it said last has arrived. It may be gone, or between documents.
                try:
                    page.title()
                except Error:
                    continue
            context.close()
        self._contexts.clear()
