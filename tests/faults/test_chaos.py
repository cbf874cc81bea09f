"""What `make chaos` makes of what it found, without killing anything."""

import pytest

from tests.faults.chaos import HEAD, Outcome, report
from tests.faults.phases import PHASES
from tests.faults.soak import Sample, growth, phase
from tests.faults.verdict import Verdict

# The same on both databases: once is enough.
pytestmark = pytest.mark.sqlite


def test_the_phases_are_what_is_promised() -> None:
    kills = {phase.name: phase.times for phase in PHASES}
    assert kills["web"] == kills["worker"] == kills["sqlite"] == 200
    assert kills["postgres"] == 50
    assert kills["broker"] // 2 == 20


def test_only_a_whole_and_clean_phase_is_a_success() -> None:
    assert Outcome("web", 60.0, Verdict("web", kills=3)).clean
    assert not Outcome("web", 60.0, Verdict("web", kills=3, lost=1)).clean
    assert not Outcome("web", 60.0, Verdict("web", kills=3, held=1)).clean
    assert not Outcome("web", 60.0, why="GradeBench did not start").clean


def test_the_table_has_a_row_for_each_phase_and_says_what_is_wrong() -> None:
    found = Verdict("web", kills=3, acknowledged=9, lost=1, recovery_p95=1.25, wrong=["lost: the edit edit-7-1"])
    outcomes = [Outcome("kill -9 of web", 90.0, found, 2, 5), Outcome("kill -9 of beat", 3.0, why="No port.")]
    table = report(outcomes, "`make chaos`, seed 7", 93.0)
    assert table.startswith(HEAD)
    assert "| kill -9 of web | 3 | 2 | 9 | 5 | 1 | 0 | 0 | 0 | 0 | 1.2 | 1.5 |" in table
    assert "| kill -9 of beat | not carried out: No port. |" in table
    assert "3 kills, 9 edits and grades acknowledged (5 edits): 1 lost, 0 duplicated" in table
    assert "- lost: the edit edit-7-1" in table


def test_growth_leaves_the_warm_up_out() -> None:
    steady = [Sample("beat-2", 10.0 * n, 40.0 if n < 12 else 100.0, 7) for n in range(240)]
    assert growth(steady) == ["beat-2: 100.0 to 100.0 MB (+0.0 %), 7 to 7 open files"]


def test_a_soak_strikes_once_a_minute() -> None:
    assert phase(40, "postgres").times == 40
