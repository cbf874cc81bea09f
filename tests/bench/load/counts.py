"""What must hold at the end of a load test, asked of the database, of the upstream's journal, and of what was noted."""

from dataclasses import dataclass, field

from tests.bench.load.asked import CREATE, Asked
from tests.bench.load.generator import Noted
from tests.bench.load.kills import Killer
from tests.bench.load.stage import Stage
from tests.e2e import steps
from tests.faults import driver, whole
from tests.faults.verdict import Ledger, Verdict, judge

CALM_SECONDS = 300.0

# Those that have more claims than reviews are wanted, held or done.
OVERFULL = """
    SELECT count(*) FROM reviews_queueitem AS item WHERE item.completion_id > ? AND item.reviews_needed < (
        SELECT count(*) FROM reviews_assignment AS a
        WHERE a.item_id = item.id AND a.state IN ('held', 'done') AND a.requeued_at IS NULL)"""
# A claim is written into the ledger while its item is locked, so for one item the order of the ids is that of events.
AT_ONCE = """
    SELECT count(DISTINCT item_id) FROM (
        SELECT a.item_id, item.reviews_needed, sum(CASE e.change
                WHEN 'claimed' THEN 1 WHEN 'skipped' THEN -1 WHEN 'expired' THEN -1 WHEN 'released' THEN -1 ELSE 0 END)
            OVER (PARTITION BY a.item_id ORDER BY e.id) AS holders
        FROM reviews_claimevent AS e
        JOIN reviews_assignment AS a ON a.id = e.assignment_id
        JOIN reviews_queueitem AS item ON item.id = a.item_id
        WHERE e.id > ?
    ) AS told WHERE holders > reviews_needed"""
CREATED = "SELECT uid FROM reviews_completion WHERE id > ? AND upstream_id IS NULL"
UNROUTED = """
    SELECT count(*) FROM reviews_completion AS it WHERE it.id > ? AND NOT EXISTS (
        SELECT 1 FROM reviews_queueitem AS item WHERE item.completion_id = it.id)"""
STUCK = """
    SELECT id, kind, state, last_error FROM reviews_push WHERE completion_id > ?
    AND state IN ('conflict', 'attention', 'absent', 'unlinked') ORDER BY id"""
GRADES = "SELECT f.comment FROM reviews_feedback AS f WHERE f.id > ?"


@dataclass
class Before:
    """What stood there when the load began: the newest claim event and feedback, the pushes that go nowhere, and the
    halves of the filled rows.
    """

    event: int
    feedback: int
    waiting: int
    halves: dict[str, int]

    @classmethod
    def of(cls, stage: Stage) -> "Before":
        """Now."""
        newest = "SELECT coalesce(max(id), 0) FROM reviews_{}".format
        event, feedback = (_one(stage, newest(table)) for table in ("claimevent", "feedback"))
        return cls(event, feedback, driver.on_the_way(stage.instance), halves(stage))


@dataclass
class Found:
    """The counts, and a sentence for each thing that is wrong."""

    counts: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def must_be_none(self, what: str, count: int) -> None:
        """Note a count that should be 0."""
        self.counts[what] = count
        if count:
            self.wrong.append(f"{what}: {count}")

    def __str__(self) -> str:
        return "\n".join([*(f"- {what}: {count:,}" for what, count in self.counts.items()), *self.notes])


def halves(stage: Stage) -> dict[str, int]:
    """How many rows lack what was written along with them; those filled in do by thousands."""
    return {what: _one(stage, statement) for what, statement in whole.HALVES.items()}


def find(stage: Stage, noted: Noted, before: Before, killer: Killer) -> Found:
    """Wait until all pushes have arrived, and count."""
    found = Found()
    _find_requests(found, noted.asked, killer.moments("web"))
    waiting = before.waiting
    _, took = steps.wait_for(
        "All pushes have arrived", lambda: driver.on_the_way(stage.instance) <= waiting, CALM_SECONDS
    )
    found.notes.append(f"- the last push arrived {took:.0f} s after the last request")
    found.must_be_none("single items with more claims than reviews", _one(stage, OVERFULL, 0))
    found.must_be_none("items handed out to two at once", _one(stage, AT_ONCE, before.event))
    _find_creates(found, stage, noted)
    found.must_be_none("created completions that stand in no queue", _one(stage, UNROUTED, stage.newest))
    _find_pushes(found, stage, noted, before, killer.moments())
    for what, count in halves(stage).items():
        found.must_be_none(what, count - before.halves[what])
    return found


def _find_requests(found: Found, asked: list[Asked], kills: list[float]) -> None:
    failed = [row for row in asked if row.failed]
    found.counts["requests"] = len(asked)
    # What was under way at a process that was killed has no answer, and nobody was told anything.
    broken_off = [row for row in failed if row.broken_off(kills)]
    found.must_be_none("failed requests", len(failed) - len(broken_off))
    if kills:
        found.counts["requests that a kill broke off"] = len(broken_off)
    found.notes += [f"- {row.kind} was answered {row.status}: {row.said}" for row in failed[:20]]


def _find_creates(found: Found, stage: Stage, noted: Noted) -> None:
    creates = [row for row in noted.asked if row.kind == CREATE]
    acknowledged = {row.said for row in creates if row.status == 200}
    there = {uid for (uid,) in driver.query(stage.instance, CREATED, stage.newest)}
    unanswered = {row.said.partition(" ")[0] for row in creates if row.failed}
    found.counts["creates acknowledged"] = len(acknowledged)
    found.must_be_none("creates acknowledged and not there", len(acknowledged - there))
    found.must_be_none("completions that nobody created", len(there - acknowledged - unanswered))
    if unanswered:
        found.counts["creates without an answer, and there"] = len(unanswered & there)
        found.counts["creates without an answer, and not there"] = len(unanswered - there)


def _find_pushes(found: Found, stage: Stage, noted: Noted, before: Before, kills: list[float]) -> None:
    pulled = stage.upstream.completions
    ledger = Ledger(
        [row for row in noted.edits if row.uid in pulled], [row for row in noted.grades if row.uid in pulled]
    )
    grades = [row for row in noted.grades if row.acknowledged]
    saved = {text.strip("[]") for (text,) in driver.query(stage.instance, GRADES, before.feedback)}
    found.counts["submits acknowledged"] = len(grades)
    found.must_be_none("submits acknowledged and not there", len({row.mark for row in grades} - saved))
    verdict: Verdict = judge(
        "load",
        ledger,
        stage.upstream.entries,
        stage.upstream.final(),
        held=driver.held(stage.instance),
        kills=kills,
    )
    found.counts["pushes in the upstream's journal"] = len(stage.upstream.entries)
    for what in ("lost", "duplicated", "late", "blind", "held"):
        found.must_be_none(f"pushes {what}", getattr(verdict, what))
    found.wrong += verdict.wrong
    stuck = driver.query(stage.instance, STUCK, stage.newest)
    found.notes += [f"- the {kind} {number} is {state}: {error}" for number, kind, state, error in stuck[:20]]


def _one(stage: Stage, statement: str, *values: object) -> int:
    return int(driver.query(stage.instance, statement, *values)[0][0])
