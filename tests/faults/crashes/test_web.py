"""R1, R7: kill -9 of the web, and of the one process that is everything on SQLite, while reviewers submit."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.faults.blows import UP, UP_SENDING, WEB, WEB_CHILD
from tests.faults.crashes.conftest import SEED
from tests.faults.kills import Siege

pytestmark = pytest.mark.e2e
Besieged = Callable[..., AbstractContextManager[Siege]]


@pytest.mark.postgres
def test_no_kill_of_the_web_loses_or_halves_what_was_saved(besieged: Besieged, note: Callable[..., None]) -> None:
    with besieged(seed=SEED) as siege:
        siege.run([WEB, WEB_CHILD], times=10, seconds=300, edits=11)
        siege.settle()
        note(siege, "R1")
        assert siege.edits > 10


@pytest.mark.sqlite
def test_no_kill_of_the_one_process_loses_or_halves_what_was_saved(
    besieged: Besieged, note: Callable[..., None]
) -> None:
    with besieged(seed=SEED, pace=0.8, latency=0.15, backlog=20) as siege:
        siege.run([UP, UP_SENDING], times=8, seconds=300, edits=9)
        siege.settle()
        note(siege, "R7")
        assert siege.edits > 8
