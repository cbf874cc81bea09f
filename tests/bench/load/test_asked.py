"""What the load test makes of what was noted."""

import pytest

from tests.bench.load.asked import CREATE, HEAD, REVIEW, Asked, table, too_slow

# The same on both databases: once is enough.
pytestmark = pytest.mark.sqlite


def _asked(kind: str, milliseconds: float, status: int = 200, *, late: float = 0.0) -> Asked:
    return Asked(kind, due=100.0, sent=100.0 + late, ended=100.0 + late + milliseconds / 1000, status=status)


def test_what_was_sent_late_is_counted_from_when_it_was_due() -> None:
    assert _asked(REVIEW, 20, late=2.0).seconds == pytest.approx(2.02)


def test_the_table_has_a_row_for_each_kind_and_one_for_all_that_reviewers_ask() -> None:
    rows = [_asked(REVIEW, 10), _asked(REVIEW, 30), _asked(CREATE, 5), _asked(CREATE, 900, 502)]
    assert table(rows, 2.0).splitlines() == [
        *HEAD.splitlines(),
        "| create | 2 | 1.0 | 5 | 5 | 5 | 5 | 1 |",
        "| review page | 2 | 1.0 | 10 | 30 | 30 | 30 | 0 |",
        "| all of reviewers | 2 | 1.0 | 10 | 30 | 30 | 30 | 0 |",
    ]


def test_it_says_which_limit_was_not_kept() -> None:
    quick, slow = [_asked(REVIEW, 20)] * 97, [_asked(REVIEW, 1500)] * 3
    assert too_slow(quick) == []
    assert too_slow([*quick, *slow]) == ["pages of reviewers: 99% within 1500 ms, allowed are 1000"]


@pytest.mark.parametrize(("status", "failed"), [(0, True), (200, False), (303, False), (422, True), (502, True)])
def test_whatever_was_not_answered_as_asked_has_failed(status: int, failed: bool) -> None:
    assert _asked(REVIEW, 1, status).failed is failed


@pytest.mark.parametrize(
    ("status", "kills", "excused"),
    [
        (0, [100.5], True),
        (502, [50.0, 100.5], True),
        (502, [], False),
        (502, [98.0], False),
        (502, [102.5], False),
        (503, [100.5], False),
    ],
    ids=["no answer", "the second kill", "none", "long before", "afterwards", "an answer"],
)
def test_only_what_was_under_way_at_a_kill_was_broken_off_by_it(status: int, kills: list[float], excused: bool) -> None:
    assert _asked(REVIEW, 2000, status).broken_off(kills) is excused
