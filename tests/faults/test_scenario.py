"""A scenario without faults and with some: the driver, the upstream and the verdict together, on a whole GradeBench."""

from collections.abc import Callable

import pytest

from tests.faults import faults
from tests.faults.journal import POSTS
from tests.faults.scenario import Scenario
from tests.faults.upstream import FaultyUpstream
from tests.instances import Instance

pytestmark = pytest.mark.e2e


def test_reviewers_work_through_errors_and_nothing_is_lost(
    instances: Callable[..., Instance], record_property: Callable[[str, object], None]
) -> None:
    instance = instances("scenario", env={"GRADEBENCH_UNDO_SECONDS": "0"})
    with FaultyUpstream(seed=11) as upstream:
        scenario = Scenario(instance, upstream, seed=11)
        scenario.set_up(completions=10, reviewers=2, tasks=2)
        scenario.wait_pulled()
        upstream.switch_on(faults.any_error, on=POSTS, rate=0.1)
        scenario.work(submits=20, seconds=60)
        upstream.calm_down()
        seconds = scenario.calm(seconds=120)
        verdict = scenario.verdict("errors")
    print(f"\n{verdict}")
    record_property("verdict", str(verdict).splitlines()[0])
    record_property("calm_seconds", round(seconds, 1))
    assert verdict.clean, str(verdict)
    assert (verdict.acknowledged, verdict.held) == (40, 0)
