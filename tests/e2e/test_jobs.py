"""Jobs in a browser and by real workers: a file is imported, what it brought is exported, with progress to look at."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import axe
from tests.browser import Contexts
from tests.e2e import steps
from tests.instances import Instance

pytestmark = pytest.mark.e2e

LINES = 300
ASK = """
from reviews.workflow import jobs
from reviews.workflow.audit import SYSTEM
job = jobs.ask(Organization.objects.get(), JobKind.EXPORT, {"query": "", "through": 10**9, "format": "jsonl"},
    by=User.objects.get(username="lena"), actor=SYSTEM)
Job.objects.filter(pk=job.pk).update(not_before="2100-01-01T00:00:00Z", total=900, done=300)
print(job.pk)
"""
GO = "2020-01-01T00:00:00Z"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "phone": {"color_scheme": "dark", "viewport": {"width": 360, "height": 780}},
}


@pytest.fixture(scope="module")
def team() -> Iterator[steps.Organization]:
    """An organization with a lead, and nothing in it."""
    with Instance("jobs") as instance:
        made = steps.create_organization(instance, "team")
        steps.add_member(made, "lena")
        yield made


@pytest.fixture
def lead(team: steps.Organization, contexts: Contexts) -> Page:
    """Her browser, signed in."""
    page = contexts.new(accept_downloads=True).new_page()
    page.goto(f"{team.instance.url}/sign-in")
    page.get_by_label("User name").fill("lena")
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{team.instance.url}/")
    return page


def looked_at(page: Page, name: str) -> None:
    """The page in every look: nothing wider than the screen, nothing that axe finds; a picture where one is wanted."""
    for look, options in LOOKS.items():
        page.emulate_media(color_scheme=options["color_scheme"])
        page.set_viewport_size(options["viewport"])
        assert page.evaluate(OVERFLOW) <= 0, f"{name} {look}"
        assert axe.violations(page) == [], f"{name} {look}"
        if folder := os.environ.get("JOBS_PICTURES"):
            page.screenshot(path=f"{folder}/{name}-{look}.png", full_page=True)
    page.set_viewport_size(LOOKS["light"]["viewport"])


def figure(page: Page, label: str) -> str:
    return page.locator(".stats div", has_text=label).locator("dd").inner_text().strip()


def test_a_file_goes_in_and_comes_out_again(team: steps.Organization, lead: Page, tmp_path: Path) -> None:
    lead.get_by_role("navigation", name="Main").get_by_role("link", name="Jobs").click()
    expect(lead.get_by_role("heading", name="No jobs yet")).to_be_visible()
    looked_at(lead, "empty")
    lead.get_by_role("link", name="Import a file").first.click()
    looked_at(lead, "import")
    asked = [{"role": "user", "content": f"Question {number}?"} for number in range(LINES)]
    lines = [json.dumps({"messages": [one, {"role": "assistant", "content": "Yes."}]}) for one in asked]
    sent = tmp_path / "lines.jsonl"
    sent.write_text("\n".join([*lines, "{", '{"messages": []}']))
    lead.get_by_label("File").set_input_files(sent)
    lead.get_by_role("button", name="Import").click()
    expect(lead.get_by_role("heading", name="Refused lines")).to_be_visible(timeout=60_000)
    assert (figure(lead, "new"), figure(lead, "refused")) == (str(LINES), "2")
    looked_at(lead, "imported")

    job = steps.ask_database(team.instance, ASK)
    lead.goto(f"{team.instance.url}/jobs/{job}")
    progress = lead.get_by_role("progressbar", name="Done so far")
    assert (progress.get_attribute("value"), progress.get_attribute("max")) == ("300", "900")
    looked_at(lead, "waiting")
    lead.goto(f"{team.instance.url}/jobs")
    looked_at(lead, "list")
    lead.goto(f"{team.instance.url}/jobs/{job}")
    steps.ask_database(team.instance, f"Job.objects.filter(pk={job}).update(done=600)")
    expect(progress).to_have_attribute("value", "600")
    steps.ask_database(team.instance, f"Job.objects.filter(pk={job}).update(done=0, not_before='{GO}')")
    button = lead.get_by_role("button", name="Download, packed")
    expect(button).to_be_visible(timeout=60_000)
    assert figure(lead, "written") == str(LINES)
    expect(lead.locator("[hx-get]")).to_have_count(0)
    looked_at(lead, "exported")
    with lead.expect_download() as download:
        button.click()
    packed = Path(download.value.path()).read_bytes()
    read = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    assert [one["document"]["request"]["messages"] for one in read] == [[one] for one in asked]


@pytest.mark.sqlite
def test_it_works_without_javascript(team: steps.Organization, contexts: Contexts, lead: Page) -> None:
    job = steps.ask_database(team.instance, ASK)
    page = contexts.new(java_script_enabled=False).new_page()
    page.context.add_cookies(lead.context.cookies())  # type: ignore[arg-type] # it takes what it gives
    page.goto(f"{team.instance.url}/jobs/{job}")
    expect(page.get_by_role("link", name="Reload")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("What it has done stays.")).to_be_visible()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
