"""R2: kill -9 of the worker, its children and its parent, while an edit or a grade is on its way."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.faults.blows import WORKER, WORKER_CHILD, WORKER_PARENT
from tests.faults.crashes.conftest import SEED
from tests.faults.kills import Siege

pytestmark = [pytest.mark.e2e, pytest.mark.postgres]


def test_what_a_killed_worker_was_sending_is_sent_again_and_once(
    besieged: Callable[..., AbstractContextManager[Siege]], note: Callable[..., None]
) -> None:
    # Three upstreams: while the lease of one that was hit runs out, the next kill hits another.
    with besieged(seed=SEED, teams=3, reviewers=1, pace=1.5, latency=0.3, backlog=12) as siege:
        siege.run([WORKER, WORKER_CHILD, WORKER_PARENT], times=8)
        while siege.hits < 5 and len(siege.kills) < 30:
            siege.run([WORKER, WORKER_CHILD, WORKER_PARENT], times=2)
        seconds = siege.settle()
        note(siege, "R2", settled_seconds=seconds)
        assert siege.hits >= 5, "Kills that hit nothing show nothing."
        assert siege.most_lists_at_once() == 1
