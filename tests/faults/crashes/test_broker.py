"""R4: the broker is killed, emptied and stopped. Saving does not need it, and what waits leaves once it is back."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import requests

from tests.e2e import steps
from tests.faults.blows import BROKER, BROKER_FLUSH, BROKER_FREEZE
from tests.faults.crashes.conftest import SEED
from tests.faults.kills import Siege

pytestmark = [pytest.mark.e2e, pytest.mark.postgres]
Besieged = Callable[..., AbstractContextManager[Siege]]


def test_an_emptied_killed_or_stopped_broker_loses_nothing(besieged: Besieged, note: Callable[..., None]) -> None:
    with besieged(seed=SEED) as siege:
        siege.run([BROKER, BROKER_FLUSH, BROKER_FREEZE], times=6)
        seconds = siege.settle()
        note(siege, "R4", settled_seconds=seconds)
        assert siege.scenarios[0].ledger.unanswered == 0


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_edits_are_saved_without_a_broker_and_leave_once_it_is_back(
    besieged: Besieged, note: Callable[..., None], how: str
) -> None:
    with besieged(seed=SEED + 1 + len(how)) as siege:
        saved: list[int] = []

        def away() -> None:
            if how == "killed":
                siege.broker.kill()
            else:
                siege.broker.freeze()
            before, until = siege.acknowledged, time.monotonic() + 120
            siege.wait(4)
            while siege.acknowledged - before <= 4 and time.monotonic() < until:
                siege.wait(0.2)
            saved.append(siege.acknowledged - before)
            answer = requests.get(f"{siege.instance.url}/readyz", timeout=30)
            assert (answer.status_code, answer.json()["broker"]) == (503, "not reachable")
            if how == "killed":
                siege.broker.start()
            else:
                siege.broker.thaw()

        siege.work(away)
        began = time.monotonic()
        siege.settle()
        slowest = max(person_seconds for person_seconds in _seconds(siege))
        note(siege, f"broker {how}", back_seconds=time.monotonic() - began, slowest_submit_seconds=slowest)
        assert saved[0] > 4
        assert siege.scenarios[0].ledger.unanswered == 0
        steps.wait_for("All is well again", lambda: requests.get(f"{siege.instance.url}/readyz", timeout=30).ok)


def _seconds(siege: Siege) -> list[float]:
    crew = siege.scenarios[0].crew
    assert crew is not None
    return crew.seconds
