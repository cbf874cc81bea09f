"""axe-core on every page, for each role, light and dark, wide and on a phone, and in the states that pages take.

A page that is added to reviews/web/urls.py needs a row here: a test counts them.
"""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Page, ViewportSize, expect

from gradebench.outages import Outage
from reviews.admin.site import site
from reviews.web.urls import urlpatterns
from tests import axe
from tests.browser import Contexts
from tests.e2e import everything, steps
from tests.e2e.everything import ROLES, Everything

# The pages are the same on both databases: once is enough.
pytestmark = [pytest.mark.e2e, pytest.mark.sqlite]

WIDE, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=360, height=780)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOOKS = [(scheme, size) for scheme in SCHEMES for size in (WIDE, PHONE)]

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

NOBODY = ("",)
LEADS = ("lead", "admin")

# Each page by its name in urls.py: the address of an example, and whose pages to look at.
PAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "queues": ("/", ROLES),
    "sign_in": ("/sign-in?next=/sync", NOBODY),
    "welcome": ("{link}", NOBODY),
    # These two in test_second_factor.py, with what they need.
    "mfa_authenticate": ("/sign-in/second-step", ()),
    "recovery_codes": ("/you/second-factor/codes", ()),
    "you": ("/you", ("reviewer", "lead")),
    "account_reauthenticate": ("/you/confirm?next=/you", ("reviewer",)),
    "you_password": ("/you/password", ("reviewer",)),
    "sessions": ("/you/sessions", ("reviewer",)),
    "app_add": ("/you/second-factor/app", ("reviewer",)),
    "key_add": ("/you/second-factor/key", ("reviewer",)),
    "queue_done": ("/queues/{demo.queues[Nothing to do]}/done", ROLES),
    "queue_settings": ("/queues/{demo.queues[Every kind of field]}/settings", LEADS),
    "queue_items": ("/queues/{demo.queues[Every kind of field]}/items", LEADS),
    "review": ("{review}", ROLES),
    "review_amend": ("/reviews/{demo.amended}/amend", ("reviewer",)),
    "completions": ("/completions?q=the&status=finished", ROLES),
    "completion": ("/completions/{demo.conflict}", ROLES),
    "uncertain_words": ("{demo.uncertain}", ROLES),
    "conflict": ("/completions/{demo.conflict}/conflict", ROLES),
    "completion_purge": ("/completions/{demo.conflict}/purge", ("admin",)),
    "going_back": ("/completions/{demo.conflict}/back/0", LEADS),
    "flags": ("/flags", LEADS),
    "feedback_tasks": ("/feedback-tasks", LEADS),
    "feedback_task_new": ("/feedback-tasks/new", LEADS),
    "feedback_task": ("/feedback-tasks/{demo.feedback_task}", LEADS),
    "jobs": ("/jobs", LEADS),
    "job": ("/jobs/{demo.job}", LEADS),
    "import_new": ("/imports/new", LEADS),
    "sync": ("/sync", ROLES),
    "audit": ("/audit", ("admin",)),
    "refusals": ("/sync/refusals", ROLES),
    "refusal": ("/sync/refusals/{demo.refusal}", ROLES),
}
# They answer a POST, or lead on, and with one of the pages above.
ACTIONS = {
    "sign_out",
    "account_login",  # another name of sign_in
    "openid_start",
    "openid_connect_callback",
    "you_details",
    "sessions_end_others",
    "session_end",
    "app_remove",
    "key_remove",
    "queue_start",
    "queue_prefetch",
    "queue_back",
    "queue_resume",
    "queue_pause",
    "queue_items_act",
    "view_save",
    "view_change",
    "claim_release",
    "review_draft",
    "draft_drop",
    "review_undo",
    "review_form",
    "feedback_task_archive",
    "feedback_task_restore",
    "flag_back",
    "flag_close",
    "flag_grade",
    "completions_act",
    "job_cancel",
    "job_download",
    "review_submit",
    "review_skip",
    "review_flag",
    "pushes_retry",
    "push_retry",
    "push_give_up",
    "refusals_retry",
    "refusal_retry",
    "pull_now",
    "audit_export",
}
# Parts of pages above, which scripts ask for, and what machines read.
PARTS = {
    "review_claim",
    "review_preview",
    "feedback_task_preview",
    "feedback_task_preview_new",
    "media",
    "job_live",
    "sync_live",
    "scripts",
    "healthz",
    "metrics",
    "readyz",
}


@pytest.fixture(scope="module")
def demo() -> Iterator[Everything]:
    """One for all tests here; none of them submits anything."""
    with everything.running() as demo:
        yield demo


def clean(page: Page) -> None:
    """No violation, and nothing wider than the screen, in any look."""
    found: list[str] = []
    for scheme, size in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        look = f"{scheme} {size['width']} px"
        found += [f"{look}: {said}" for said in axe.violations(page)]
        found += [f"{look}: wider than the screen by {by} px"] if (by := page.evaluate(OVERFLOW)) > 0 else []
    assert found == [], f"{page.url}:\n" + "\n".join(found)


def test_every_page_has_a_row() -> None:
    assert {pattern.name for pattern in urlpatterns} == {*PAGES, *ACTIONS, *PARTS}


@pytest.mark.parametrize(("name", "role"), [(name, role) for name, (_, roles) in PAGES.items() for role in roles])
def test_a_page_is_for_everyone(demo: Everything, contexts: Contexts, name: str, role: str) -> None:
    address, _ = PAGES[name]
    path = address.format(demo=demo, review=demo.reviews.get(role), link=demo.sign_in_link)
    clean(demo.page(contexts, path, role))


@pytest.mark.parametrize("role", [*NOBODY, "lead"])
def test_the_page_of_the_api_is_for_everyone(demo: Everything, contexts: Contexts, role: str) -> None:
    clean(demo.page(contexts, "/api/docs", role))


def test_every_completion_of_the_demo_is_for_everyone(demo: Everything, page: Page) -> None:
    for scheme, size in (LOOKS[0], LOOKS[-1]):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        for uid, pk in demo.completions.items():
            assert demo.open(page, f"/completions/{pk}", "lead") == 200
            assert axe.violations(page) == [], uid


def test_a_purge_and_what_is_left_are_for_everyone(demo: Everything, page: Page, contexts: Contexts) -> None:
    contexts.watch.allow("status of 422")
    ready = "Completion.objects.filter(organization__slug='demo').exclude(queue_items__assignments__state='held')"
    unsent = "Push.objects.undecided().values('completion')"
    pk = steps.ask_database(demo.instance, f"print({ready}.exclude(pk__in={unsent}).earliest('pk').pk)")
    assert demo.open(page, f"/completions/{pk}/purge", "admin") == 200
    clean(page)
    page.locator("#reason").fill(" ")
    page.get_by_role("button", name="Purge it for good").click()
    expect(page.locator("#reason-error")).to_be_visible()
    clean(page)
    page.locator("#reason").fill("The customer asked us to forget this conversation.")
    page.get_by_role("button", name="Purge it for good").click()
    expect(page.locator(".tombstone")).to_be_visible()
    clean(page)


# Review screen ---------------------------------------------------------------------------------------------------


@pytest.fixture
def review(demo: Everything, page: Page) -> Page:
    """The review screen with every kind of field."""
    assert demo.open(page, demo.reviews["reviewer"], "reviewer") == 200
    return page


@pytest.mark.parametrize("queue", ["Support answers", "Code help", "Extraction"])
def test_a_queue_of_the_demo_is_for_everyone(demo: Everything, page: Page, queue: str) -> None:
    person = demo.people["admin"]
    person.get("/")
    assert person.start(f"/queues/{demo.queues[queue]}/start")
    assert demo.open(page, person.path, "admin") == 200
    clean(page)


@pytest.mark.parametrize("popover", ["flag", "keys", "menu", "skip-why"])
def test_an_open_popover_is_for_everyone(review: Page, popover: str) -> None:
    review.evaluate("id => document.getElementById(id).showPopover()", popover)
    expect(review.locator(f"#{popover}")).to_be_visible()
    clean(review)


def test_an_open_edit_is_for_everyone(review: Page) -> None:
    review.keyboard.press("e")
    box = review.locator("[data-edit] textarea").first
    expect(box).to_be_focused()
    box.fill(f"{box.input_value()} Or so.")
    clean(review)


def test_a_refused_grade_is_for_everyone(review: Page, contexts: Contexts) -> None:
    contexts.watch.allow("status of 422")
    review.locator("#submit").click()
    expect(review.locator("#errors")).to_be_visible()
    clean(review)


def test_a_lost_server_is_for_everyone(review: Page, contexts: Contexts) -> None:
    contexts.watch.allow("ERR_|htmx:(sendError|afterRequest)")
    review.route("**/submit", lambda route: route.abort())
    review.locator("#submit").click()
    expect(review.locator("#trouble")).to_be_visible()
    clean(review)


# Other states ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["person", "way", "arrived", "ended"])
def test_each_list_of_pushes_is_for_everyone(demo: Everything, page: Page, state: str) -> None:
    assert demo.open(page, f"/sync?state={state}", "lead") == 200
    clean(page)


def test_an_open_confirmation_is_for_everyone(demo: Everything, page: Page) -> None:
    assert demo.open(page, "/sync", "lead") == 200
    page.get_by_role("button", name="Give up", exact=True).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    clean(page)


def test_an_opened_refusal_is_for_everyone(demo: Everything, page: Page) -> None:
    assert demo.open(page, "/sync/refusals", "lead") == 200
    page.locator("details.refusal-row summary").first.click()
    expect(page.locator("details.refusal-row pre").first).to_be_visible()
    clean(page)


def test_an_upstream_in_trouble_is_for_everyone(demo: Everything, page: Page) -> None:
    refused = "from django.utils import timezone; Upstream.objects.update(token_refused_at=%s)"
    try:
        steps.ask_database(demo.instance, refused % "timezone.now()")
        for path in ("/", "/sync", demo.reviews["lead"]):
            assert demo.open(page, path, "lead") == 200
            expect(page.locator(".banner")).to_be_visible()
            clean(page)
    finally:
        steps.ask_database(demo.instance, refused % "None")


def test_a_wrong_password_is_for_everyone(demo: Everything, page: Page, contexts: Contexts) -> None:
    contexts.watch.allow("status of 422")
    demo.open(page, "/sign-in")
    page.get_by_label("User name").fill("reviewer")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    clean(page)


def test_a_link_that_was_used_is_for_everyone(demo: Everything, page: Page, contexts: Contexts) -> None:
    contexts.watch.allow("status of 410")
    assert demo.open(page, "/welcome/used") == 410
    clean(page)


def test_what_is_not_there_is_for_everyone(demo: Everything, page: Page, contexts: Contexts) -> None:
    contexts.watch.allow("status of 404")
    for role in ("", "reviewer"):
        assert demo.open(page, "/nowhere", role) == 404
        clean(page)


OUTAGE = Outage("The database does not answer", "Nothing was stored. It is tried again.", 503, 5)
WITHOUT_A_REQUEST: dict[str, dict[str, Any]] = {
    "403.html": {},
    "403_csrf.html": {},
    "500.html": {},
    "503.html": {"outage": OUTAGE, "again": "/"},
}


@pytest.mark.parametrize("template", WITHOUT_A_REQUEST)
def test_a_page_about_an_error_is_for_everyone(demo: Everything, page: Page, template: str) -> None:
    html = render_to_string(template, WITHOUT_A_REQUEST[template])
    page.route("**/broken", lambda route: route.fulfill(body=html, content_type="text/html"))
    demo.open(page, "/broken")
    expect(page.locator("h1")).to_be_visible()
    clean(page)


# Django's own ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["", "reviews/completion/", "reviews/push/?turn=person", "reviews/feedback/?q=nowhere"]
)
def test_the_admin_is_for_everyone(demo: Everything, page: Page, path: str) -> None:
    assert demo.open(page, f"/admin/{path}", "admin") == 200
    clean(page)


def test_the_question_before_items_are_closed_is_for_everyone(demo: Everything, page: Page, contexts: Contexts) -> None:
    contexts.watch.allow("status of 422")
    assert demo.open(page, "/admin/reviews/queueitem/?state__exact=open", "admin") == 200
    page.locator(".action-select").first.check()
    page.locator("select[name=action]").select_option("close")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_label("Why")).to_be_visible()
    clean(page)
    page.get_by_label("Why").fill(" ")
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    clean(page)


def test_no_page_of_the_admin_breaks_its_policy(demo: Everything, page: Page) -> None:
    """Scripts, styles and requests of Django's own pages: the watch over the context has the last word."""
    for model in site._registry:
        assert demo.open(page, f"/admin/reviews/{model._meta.model_name}/", "admin") == 200
        row = page.locator("#result_list tbody tr a").first
        if row.count():
            row.click()
            expect(page.locator("#content h1")).to_be_visible()
