"""R11 with processes: an upstream that hangs holds up nobody but itself."""

import time
from collections.abc import Callable

import pytest

from tests.e2e import steps
from tests.faults import faults
from tests.faults.journal import EVERYTHING, LISTS, POSTS, READS, UPDATE, most_in_flight
from tests.faults.scenario import Scenario
from tests.faults.upstream import FaultyUpstream
from tests.faults.verdict import percentile
from tests.instances import Instance

pytestmark = pytest.mark.e2e

MakeInstance = Callable[..., Instance]
Record = Callable[[str, object], None]
AT_ONCE = {"GRADEBENCH_UNDO_SECONDS": "0"}
PUSHES = 10
# The client gives an upstream up that accepts and never answers after thirty seconds.
ARRIVE_SECONDS = 20


@pytest.mark.parametrize("hanging", [1, 4], ids=["one hangs", "as many hang as there are workers"])
def test_another_organizations_pushes_arrive_while_an_upstream_hangs(
    instances: MakeInstance, record_property: Record, hanging: int
) -> None:
    instance = instances("hanging", env=AT_ONCE)
    servers = [FaultyUpstream(seed=11) for _ in range(hanging + 1)]
    for server in servers:
        server.__enter__()
    try:
        *slow, quick = [
            Scenario(instance, server, seed=11, slug=f"team{number}") for number, server in enumerate(servers)
        ]
        for scenario in (*slow, quick):
            scenario.set_up(completions=1 if scenario in slow else PUSHES, reviewers=1)
            scenario.wait_pulled()
        for scenario in slow:
            scenario.upstream.switch_on(faults.never_answer, on=READS)
            scenario.upstream.switch_on(faults.drip(1.0), on=POSTS)
        began = time.monotonic()
        for scenario in slow:
            scenario.work(submits=1, seconds=30)
        steps.wait_for("One hangs", lambda: hangs(slow[0].upstream), 10)
        quick.work(submits=PUSHES, seconds=60)
        steps.wait_for("All edits arrived", lambda: len(arrived(quick)) == PUSHES, ARRIVE_SECONDS)
        asked = [row for scenario in slow for row in scenario.upstream.of(since=began)]
    finally:
        for server in servers:
            server.__exit__(None, None, None)
    took = seconds_to_arrive(quick)
    last = max(row.at for row in quick.upstream.entries if row.kind == UPDATE)
    record_property("pushes", len(took))
    record_property("push_p50_seconds", round(percentile(took, 0.5), 2))
    record_property("push_p95_seconds", round(percentile(took, 0.95), 2))
    assert quick.crew is not None
    record_property("submit_p95_seconds", round(percentile(quick.crew.seconds, 0.95), 3))
    assert asked
    assert [row for row in asked if row.ended_at is not None and row.ended_at <= last] == [], "It no longer hangs."


def hangs(upstream: FaultyUpstream) -> bool:
    """Whether a request is open there."""
    return any(row.ended_at is None for row in upstream.of())


def arrived(scenario: Scenario) -> set[str]:
    """The completions whose edits arrived."""
    return {row.uid for row in list(scenario.upstream.entries) if row.kind == UPDATE}


def seconds_to_arrive(scenario: Scenario) -> list[float]:
    """From the moment she was told that it is saved, for each edit."""
    there = {row.mark: row.at for row in scenario.upstream.entries if row.kind == UPDATE}
    return [there[edit.mark] - (edit.acknowledged_at or 0.0) for edit in scenario.ledger.edits]


def test_an_upstream_is_asked_one_thing_at_a_time(instances: MakeInstance, record_property: Record) -> None:
    instance = instances("single", env=AT_ONCE)
    with FaultyUpstream(seed=3) as upstream:
        scenario = Scenario(instance, upstream, seed=3)
        scenario.set_up(completions=5, reviewers=2)
        scenario.wait_pulled()
        upstream.switch_on(faults.slow(0.3), on=EVERYTHING)
        scenario.work(submits=5, seconds=30)
        scenario.calm()
        upstream.calm_down()
        verdict = scenario.verdict("R11")
        requests = upstream.of()
    record_property("requests", len(requests))
    record_property("most_in_flight", most_in_flight(requests))
    assert verdict.clean, str(verdict)
    assert most_in_flight([row for row in requests if row.kind in LISTS]) == 1
    assert most_in_flight([row for row in requests if row.kind in POSTS]) == 1
    assert most_in_flight(requests) == 1
