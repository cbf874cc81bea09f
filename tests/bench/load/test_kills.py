"""When the load test kills what."""

import pytest

from tests.bench.load.kills import plan

pytestmark = pytest.mark.sqlite


@pytest.mark.parametrize("seed", range(5))
def test_each_round_kills_one_of_each_and_never_two_at_a_time(seed: int) -> None:
    kills = plan(600.0, 3, seed)
    assert [sum(kill.role.startswith(role) for kill in kills) for role in ("web", "worker", "beat")] == [3, 3, 3]
    ends = [0.0, *(kill.after + kill.down for kill in kills)]
    assert all(end < kill.after for end, kill in zip(ends, kills, strict=False))
    assert ends[-1] < 600.0


def test_a_seed_kills_the_same_at_the_same_moments() -> None:
    assert plan(60.0, 1, 7) == plan(60.0, 1, 7) != plan(60.0, 1, 8)
