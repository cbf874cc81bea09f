"""What the browser receives for a review: the page with all its assets, and each further item."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, Response, expect

from tests.browser import Contexts
from tests.e2e import everything
from tests.e2e.everything import Everything

# The pages are the same on both databases: once is enough.
pytestmark = [pytest.mark.e2e, pytest.mark.sqlite]

MOST_FOR_THE_PAGE, MOST_FOR_AN_ITEM = 120 * 1024, 30 * 1024
MOST_REQUESTS = 8
QUEUES = ("Support answers", "Code help", "Extraction")
CHOOSE = """() => {
  const chosen = new Set();
  for (const radio of document.querySelectorAll("#grade input[type=radio]")) {
    if (!chosen.has(radio.name) && !radio.closest("[data-optional]")) radio.click();
    chosen.add(radio.name);
  }
}"""


@pytest.fixture(scope="module")
def demo() -> Iterator[Everything]:
    """The demo, for these tests to review."""
    with everything.running() as demo:
        yield demo


class Load:
    """What a page receives from now on."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._requests: list[Request] = []
        page.on("requestfinished", self._note)

    def taken(self) -> list[tuple[str, int]]:
        """Each answer since this was asked last, once nothing is on the way: path, and bytes with the headers."""
        self._page.wait_for_load_state("networkidle")
        taken, self._requests = self._requests, []
        sizes = [(request.url, request.sizes()) for request in taken]
        return [(urlsplit(url).path, size["responseBodySize"] + size["responseHeadersSize"]) for url, size in sizes]

    def _note(self, request: Request) -> None:
        self._requests.append(request)


def test_the_review_page_is_light(
    demo: Everything, contexts: Contexts, record_property: Callable[[str, object], None]
) -> None:
    page = contexts.new().new_page()
    load = Load(page)
    assert demo.open(page, demo.reviews["lead"], "lead") == 200
    expect(page.locator("#answer")).to_be_visible()
    taken = load.taken()
    record_property("page_bytes", sum(size for _, size in taken))
    record_property("page_requests", len(taken))
    assert sum(size for _, size in taken) <= MOST_FOR_THE_PAGE, taken
    assert len(taken) <= MOST_REQUESTS, taken


def test_what_the_page_is_made_of_is_compressed(demo: Everything, page: Page) -> None:
    answers: list[Response] = []

    # Playwright marks its listeners with an attribute, which a list's own `append` cannot take.
    def note(response: Response) -> None:
        answers.append(response)

    page.on("response", note)
    assert demo.open(page, demo.reviews["lead"], "lead") == 200
    page.wait_for_load_state("networkidle")
    plain = [answer.url for answer in answers if answer.headers.get("content-encoding") != "gzip"]
    assert plain == []


def test_each_further_item_is_light(
    demo: Everything, contexts: Contexts, record_property: Callable[[str, object], None]
) -> None:
    page = contexts.new().new_page()
    assert demo.open(page, "/", "admin") == 200
    sizes: list[int] = []
    for queue in QUEUES:
        sizes += [sum(size for _, size in taken) for taken in reviewed(demo, page, queue)]
    assert len(sizes) > 20
    record_property("items", len(sizes))
    record_property("item_bytes_median", sorted(sizes)[len(sizes) // 2])
    record_property("item_bytes_most", max(sizes))
    assert max(sizes) <= MOST_FOR_AN_ITEM, sizes


def reviewed(demo: Everything, page: Page, queue: str) -> Iterator[list[tuple[str, int]]]:
    """Review a whole queue; what was received for each item but the first, which came with its page."""
    page.goto(f"{demo.instance.url}/")
    page.locator(f'form[action="/queues/{demo.queues[queue]}/start"] button').click()
    load = Load(page)
    load.taken()
    while "/reviews/" in page.url:
        before = page.url
        page.evaluate(CHOOSE)
        if page.url == before:
            page.locator("#submit").click()
        page.wait_for_function("(before) => location.href !== before", arg=before)
        taken = load.taken()
        if "/reviews/" in page.url:
            yield taken
