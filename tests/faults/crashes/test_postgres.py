"""R5: PostgreSQL is killed, stopped at once, or stands still. Who asks gets a sentence; nothing need be restarted."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import pytest
import requests

from tests.e2e import steps
from tests.faults.blows import POSTGRES, POSTGRES_BACKEND, POSTGRES_FREEZE, POSTGRES_IMMEDIATE
from tests.faults.crashes.conftest import SEED, Target
from tests.faults.kills import Siege

pytestmark = [pytest.mark.e2e, pytest.mark.postgres]
Besieged = Callable[..., AbstractContextManager[Siege]]


def test_no_end_of_postgresql_loses_or_halves_what_was_saved(
    besieged: Besieged, target: Target, note: Callable[..., None]
) -> None:
    before = {role: process.pid for role, process in target.instance.processes.items()}
    with besieged(seed=SEED) as siege:
        siege.run([POSTGRES, POSTGRES_IMMEDIATE, POSTGRES_BACKEND, POSTGRES_FREEZE], times=8, seconds=300, edits=9)
        siege.settle()
        note(siege, "R5")
        assert siege.edits > 8
    assert {role: process.pid for role, process in target.instance.processes.items()} == before
    assert [process.poll() for process in target.instance.processes.values()] == [None] * len(before)


@contextmanager
def away(target: Target, how: str) -> Iterator[None]:
    """PostgreSQL is gone, or silent, for the time of the block."""
    if how == "silent":
        target.database.freeze()
    else:
        target.database.kill()
    try:
        yield
    finally:
        if how == "silent":
            target.database.thaw()
        else:
            target.database.start()


@pytest.mark.parametrize("how", ["gone", "silent"])
def test_an_outage_is_answered_with_a_sentence(
    target: Target, how: str, record_property: Callable[[str, object], None]
) -> None:
    instance = target.instance
    team = steps.create_organization(instance, f"outage-{how}")
    steps.add_member(team, f"alice-{how}")
    document = steps.chat("When?", "At nine.", organization_id=team.slug)
    uid = team.create(document)
    team.create_feedback_task(steps.FEEDBACK_TASK)
    alice = steps.Reviewer(instance, f"alice-{how}")
    start = alice.startable()[0]
    form = alice.forms[start].fields

    def page(method: str, path: str, **headers: str) -> requests.Response:
        return alice.session.request(
            method, f"{instance.url}{path}", data=form, headers=headers, timeout=60, allow_redirects=False
        )

    # All at once: where the server is silent, each waits for as long as it may.
    with away(target, how), ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        calls = [
            pool.submit(team.call, "POST", "/api/v1/completions", json=document),
            pool.submit(team.call, "GET", "/api/v1/feedback"),
        ]
        pages = [pool.submit(page, "GET", "/"), pool.submit(page, "POST", start)]
        swap = pool.submit(page, "POST", start, **{"HX-Request": "true"})
        ready = pool.submit(requests.get, f"{instance.url}/readyz", timeout=60)
        for call in calls:
            answer = call.result()
            assert answer.status_code == 503, answer.text
            assert "Nothing of this request was written." in answer.json()["error"]
            assert answer.headers["Retry-After"] == "5"
        for shown in pages:
            answer = shown.result()
            assert answer.status_code == 503, answer.text
            assert "<h1>The database does not answer</h1>" in answer.text
            assert answer.headers["Retry-After"] == "5"
            assert "Traceback" not in answer.text
        words = swap.result()
        assert (words.status_code, words.headers["Content-Type"]) == (503, "text/plain; charset=utf-8")
        assert "Nothing of this request was written." in words.text
        assert (ready.result().status_code, ready.result().json()["database"]) == (503, "not reachable")
        assert requests.get(f"{instance.url}/healthz", timeout=60).json() == {"ok": True}
        record_property("asked_seconds", round(time.monotonic() - began, 1))

    _, seconds = steps.wait_for("It writes again", lambda: team.call("POST", "/api/v1/completions", json=document).ok)
    record_property("first_write_after_return_seconds", round(seconds, 2))
    assert steps.same(team.document(uid) or {}) == steps.same(document)
    assert page("POST", start).status_code == 303
