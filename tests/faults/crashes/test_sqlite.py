"""R6, R8: somebody else holds the SQLite file; the disk is full. People wait, or get a sentence; nothing is lost."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser import Watch
from tests.e2e import steps
from tests.faults import whole
from tests.faults.blows import disk_full, held_exclusively
from tests.faults.crashes.conftest import DATABASE_SECONDS, Target
from tests.instances import Instance

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite]


class Desk:
    """An organization with a member who reviews, and completions for her."""

    def __init__(self, instance: Instance, slug: str) -> None:
        self.instance = instance
        self.team = steps.create_organization(instance, slug)
        self.username = f"alice-{slug}"
        steps.add_member(self.team, self.username)
        self.team.create_feedback_task(steps.FEEDBACK_TASK)
        self.create()
        self.create()

    @property
    def document(self) -> dict[str, Any]:
        """A completion as an application logs it."""
        return steps.chat("When?", "At nine.", organization_id=self.team.slug)

    def create(self) -> requests.Response:
        """Log a completion by the API; the answer."""
        return self.team.call("POST", "/api/v1/completions", json=self.document)

    def listed(self) -> requests.Response:
        """Read by the API; the answer."""
        return self.team.call("GET", "/api/v1/completions/ungraded")


def test_who_finds_the_file_held_waits(target: Target, record_property: Callable[[str, object], None]) -> None:
    desk = Desk(target.instance, "waiting")
    for seconds in (1.0, 4.0):
        with ThreadPoolExecutor(8) as pool:
            with held_exclusively(target.instance):
                began = time.monotonic()
                writes = [pool.submit(desk.create) for _ in range(6)]
                time.sleep(seconds)
                assert not any(write.done() for write in writes)
                assert desk.listed().status_code == 200
            assert [write.result().status_code for write in writes] == [200] * 6
            record_property(f"held_{seconds:g}_answered_after_seconds", round(time.monotonic() - began, 2))


def test_who_waits_too_long_is_told_so_and_loses_nothing(target: Target, page: Page, watch: Watch) -> None:
    desk = Desk(target.instance, "told")
    sign_in(page, desk)
    page.get_by_role("button", name="Start reviewing").click()
    page.get_by_role("radiogroup", name="Verdict").get_by_role("radio", name="good").click()
    page.get_by_role("radiogroup", name="Score").get_by_role("radio", name="2").click()
    page.get_by_label("Comment").fill("Mind the hours.")
    before = desk.listed().json()
    watch.allow("503")

    with held_exclusively(target.instance), ThreadPoolExecutor(1) as pool:
        write = pool.submit(desk.create)
        page.get_by_role("button", name="Submit and next").click()
        trouble = page.get_by_role("alert")
        expect(trouble).to_contain_text("Something else kept the database", timeout=(DATABASE_SECONDS + 10) * 1000)
        expect(trouble).to_contain_text("Nothing of this request was written.")
        expect(trouble).to_contain_text("Your work is still here.")
        refused = write.result()
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert "Nothing of this request was written." in refused.json()["error"]
        assert desk.listed().json() == before

    expect(page.get_by_label("Comment")).to_have_value("Mind the hours.")
    page.get_by_role("button", name="Submit and next").click()
    _, _ = steps.wait_for("The grade is there", desk.team.feedback)
    assert [row["comment"] for row in desk.team.feedback()] == ["Mind the hours."]


def sign_in(page: Page, desk: Desk) -> None:
    """Through the form."""
    page.goto(f"{desk.instance.url}/sign-in")
    page.get_by_label("User name").fill(desk.username)
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{desk.instance.url}/")


def test_a_full_disk_is_told_reading_goes_on_and_nothing_need_be_restarted(target: Target) -> None:
    instance = target.instance
    desk = Desk(instance, "full")
    alice = steps.Reviewer(instance, desk.username)
    start = alice.startable()[0]
    before = desk.listed().json()

    with disk_full(instance):
        refused = desk.create()
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
        assert "is full or refuses to write. Nothing of this request was written" in refused.json()["error"]
        assert alice.post(start, alice.forms[start].fields) == 503
        assert "<h1>There is no room to write</h1>" in alice.page
        assert desk.listed().json() == before
        assert alice.get("/") == 200
        ready = requests.get(f"{instance.url}/readyz", timeout=30)
        assert ready.status_code == 503
        assert ready.json()["disk"].startswith("cannot be written")

    created = desk.create()
    assert created.status_code == 200, created.text
    assert alice.post(start, alice.forms[start].fields) == 200
    assert requests.get(f"{instance.url}/readyz", timeout=30).status_code == 200
    assert len(desk.listed().json()["completions"]) == len(before["completions"]) + 1
    assert whole.faults(instance, ()) == []
