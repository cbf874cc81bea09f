"""The verdict: what reviewers were told against what the upstream applied.

`judge` takes what a driver was acknowledged (tests/faults/driver.py), the journal of the upstream and the documents it
ends with (tests/faults/upstream.py), and what GradeBench itself says waits for a person. It counts

- lost: an acknowledged newest edit, or an acknowledged grade, that is not there at the end and waits for nobody;
- duplicated: an edit or grade that was sent again although the time before had ended with a true answer;
- late: an older edit applied after a newer one, and left standing;
- blind: an update over a change by somebody else that GradeBench had not been shown, or nobody had decided about.

Each of them is also said in a sentence. What is repeated after an end without an answer is allowed, and counted apart.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.journal import ELSEWHERE, FEEDBACK, UPDATE, Entry
from tests.faults.marks import marks_in

# After a kill nobody knows whether the answer of this long before had been noted down.
KILL_SECONDS = 10.0


@dataclass
class Edit:
    """An edit that a reviewer posted, and whether she was told that it is saved."""

    uid: str
    mark: str
    asked_at: float
    acknowledged: bool = False
    acknowledged_at: float | None = None


@dataclass
class Grade(Edit):
    """A grade, known by the mark in its comment."""


@dataclass
class Ledger:
    """What a driver did: every edit and grade, acknowledged or not. A thread that appends needs no lock."""

    edits: list[Edit] = field(default_factory=list)
    grades: list[Grade] = field(default_factory=list)
    refused: int = 0
    unanswered: int = 0

    @property
    def acknowledged(self) -> int:
        """Edits and grades that somebody was told are saved."""
        return sum(row.acknowledged for row in (*self.edits, *self.grades))


@dataclass
class Verdict:
    """The counts of one run; `wrong` has a sentence for each of the lost, duplicated, late and blind."""

    name: str
    seed: int = 0
    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0
    late: int = 0
    blind: int = 0
    repeated: int = 0
    held: int = 0
    recovery_p95: float | None = None
    wrong: list[str] = field(default_factory=list)

    HEAD = (
        "| fault | kills | acknowledged | lost | duplicated | late | blind | repeated | held | recovery p95, s | seed |"
        "\n|---|---|---|---|---|---|---|---|---|---|---|"
    )

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.duplicated or self.late or self.blind)

    @property
    def row(self) -> str:
        """A row of the table under HEAD."""
        counts = (self.kills, self.acknowledged, self.lost, self.duplicated, self.late, self.blind)
        cells = (self.name, *counts, self.repeated, self.held, self._recovery, self.seed)
        return f"| {' | '.join(str(cell) for cell in cells)} |"

    @property
    def _recovery(self) -> str:
        return "" if self.recovery_p95 is None else f"{self.recovery_p95:.1f}"

    def __str__(self) -> str:
        said = (
            f"{self.name}: {self.kills} kills, {self.acknowledged} acknowledged, {self.lost} lost, "
            f"{self.duplicated} duplicated, {self.late} late, {self.blind} blind"
        )
        recovery = f"; recovery p95 {self._recovery} s" if self._recovery else ""
        return "\n".join([said + recovery, *self.wrong])


def judge(
    name: str,
    ledger: Ledger,
    entries: Sequence[Entry],
    final: Mapping[str, str],
    *,
    held: Collection[str] = (),
    given_up: Collection[str] = (),
    decided: Collection[str] = (),
    sent_again: Collection[str] = (),
    kills: Sequence[float] = (),
    recoveries: Sequence[float] = (),
    seed: int = 0,
) -> Verdict:
    """The verdict on a run.

    `entries` is the upstream's journal, `final` the JSON of each completion as the upstream ends with it. The others
    hold marks: `held` of edits and grades that GradeBench shows to a person who has to decide, `given_up` of those that
    a person gave up, `decided` of changes by others that a person chose to overwrite, `sent_again` of what a person had
    pushed again. `kills` are the moments at which a process was killed, `recoveries` the seconds it took after each.
    """
    verdict = Verdict(name, seed=seed, kills=len(kills), acknowledged=ledger.acknowledged, held=len(held))
    verdict.recovery_p95 = percentile(recoveries, 0.95) if recoveries else None
    settled = {*held, *given_up}
    for uid, edits in _by_uid(ledger.edits).items():
        _judge_edits(verdict, edits, [row for row in entries if row.uid == uid], final.get(uid, ""), settled)
    _judge_grades(verdict, ledger.grades, entries, settled)
    _judge_repeats(verdict, entries, kills, sent_again)
    _judge_overwriting(verdict, entries, decided)
    return verdict


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _by_uid(edits: Iterable[Edit]) -> dict[str, list[Edit]]:
    """The edits of each completion, oldest first: one is made on the text that the one before left."""
    found: dict[str, list[Edit]] = defaultdict(list)
    for edit in sorted(edits, key=lambda row: row.asked_at):
        found[edit.uid].append(edit)
    return found


def _judge_edits(
    verdict: Verdict, edits: list[Edit], entries: list[Entry], final: str, settled: Collection[str]
) -> None:
    standing = marks_in(final)
    acknowledged = [edit for edit in edits if edit.acknowledged]
    if acknowledged:
        newest = acknowledged[-1].mark
        if newest not in standing and newest not in settled:
            verdict.lost += 1
            verdict.wrong.append(f"lost: the edit {newest} of {edits[0].uid}, which ends with {standing or 'no mark'}")
    for older, newer in _overtaken(edits, [row for row in entries if row.kind == UPDATE]):
        if newer not in standing and newer not in settled:
            verdict.late += 1
            verdict.wrong.append(f"late: the edit {older} of {edits[0].uid} was applied after {newer} and stands")


def _overtaken(edits: list[Edit], updates: list[Entry]) -> list[tuple[str, str]]:
    """The update that was applied last, with each newer edit that had been applied before it and is not in it."""
    if not updates:
        return []
    rank = {edit.mark: number for number, edit in enumerate(edits)}
    last = updates[-1]
    before = dict.fromkeys(mark for row in updates[:-1] for mark in row.marks if mark in rank)
    newest = max((rank[mark] for mark in last.marks if mark in rank), default=-1)
    return [(last.mark, mark) for mark in before if mark not in last.marks and rank[mark] > newest]


def _judge_grades(
    verdict: Verdict, grades: Iterable[Grade], entries: Sequence[Entry], settled: Collection[str]
) -> None:
    arrived = {row.mark for row in entries if row.kind == FEEDBACK}
    for grade in grades:
        if grade.acknowledged and grade.mark not in arrived and grade.mark not in settled:
            verdict.lost += 1
            verdict.wrong.append(f"lost: the grade {grade.mark} of {grade.uid}")


def _judge_repeats(
    verdict: Verdict, entries: Sequence[Entry], kills: Sequence[float], sent_again: Collection[str]
) -> None:
    asked: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda row: row.asked_at):
        if entry.kind in (UPDATE, FEEDBACK) and entry.mark:
            asked[entry.kind, entry.uid, entry.mark].append(entry)
    for (kind, uid, mark), rows in asked.items():
        needless = sum(row.told and not _was_killed_after(row, kills) for row in rows[:-1])
        if mark in sent_again:
            needless = 0
        verdict.repeated += len(rows) - 1 - needless
        verdict.duplicated += needless
        if needless:
            verdict.wrong.append(f"duplicated: the {kind} {mark} of {uid} was sent {len(rows)} times")


def _was_killed_after(entry: Entry, kills: Sequence[float]) -> bool:
    """Whether a kill may have kept the sender from noting the answer down."""
    return any(entry.asked_at <= kill <= entry.at + KILL_SECONDS for kill in kills)


def _judge_overwriting(verdict: Verdict, entries: Sequence[Entry], decided: Collection[str]) -> None:
    changes = {row.mark: row for row in entries if row.kind == ELSEWHERE}
    gone: set[str] = set()
    for update in (row for row in entries if row.kind == UPDATE):
        overwritten = [changes[mark] for mark in update.over if mark in changes and mark not in update.marks]
        for change in overwritten:
            unseen = change.shown_at is None or change.shown_at > update.asked_at
            if change.mark in gone or not (unseen or change.mark not in decided):
                continue
            gone.add(change.mark)
            verdict.blind += 1
            why = "had not been shown" if unseen else "was decided by nobody"
            verdict.wrong.append(f"blind: {update.mark} overwrote {change.mark} of {update.uid}, which {why}")
