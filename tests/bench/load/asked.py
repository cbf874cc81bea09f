"""What a load generator notes of each request, and the figures made of it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.faults.verdict import percentile

QUEUES, START, REVIEW, SUBMIT, AHEAD, CREATE = "queue page", "start", "review page", "submit", "fetch ahead", "create"
PAGES = (QUEUES, START, REVIEW, SUBMIT, AHEAD)
BAD_GATEWAY = 502
# So long a kill takes at most, until nothing of the process is left that takes a request.
KILL_SECONDS = 1.0
LIMITS = {0.95: 0.5, 0.99: 1.0}
HEAD = (
    "| request | count | per s | p50, ms | p95, ms | p99, ms | longest, ms | failed |\n"
    "|---|---|---|---|---|---|---|---|"
)


class Asked(NamedTuple):
    """One request. Moments are monotonic seconds, the same in all processes: when it was due, sent, and answered.

    `status` is 0 without an answer; `said` is the body of a failure, or the id of what was created.
    """

    kind: str
    due: float
    sent: float
    ended: float
    status: int
    said: str = ""

    @property
    def seconds(self) -> float:
        """How long somebody waited, from when she wanted to ask."""
        return self.ended - self.due

    @property
    def failed(self) -> bool:
        """Whether it was answered with nothing, or with the server's fault, or refused."""
        return self.status == 0 or self.status >= 400

    def broken_off(self, kills: Iterable[float]) -> bool:
        """Whether it has no answer, and was under way at one of these moments, at which a web process was killed."""
        unanswered = self.status in (0, BAD_GATEWAY)
        return unanswered and any(self.sent <= kill + KILL_SECONDS and kill <= self.ended for kill in kills)


def table(rows: Sequence[Asked], seconds: float) -> str:
    """The figures of each kind of request, and of all together that a reviewer makes."""
    kinds: dict[str, list[Asked]] = defaultdict(list)
    for row in rows:
        kinds[row.kind].append(row)
    lines = [_line(kind, kinds[kind], seconds) for kind in sorted(kinds)]
    pages = [row for row in rows if row.kind in PAGES]
    return "\n".join([HEAD, *lines, *([_line("all of reviewers", pages, seconds)] if pages else [])])


def too_slow(rows: Iterable[Asked]) -> list[str]:
    """A sentence for each limit that the reviewers' pages, or the creates, are over."""
    found = []
    rows = list(rows)
    for what, kinds in (("pages of reviewers", PAGES), ("creates", (CREATE,))):
        took = [row.seconds for row in rows if row.kind in kinds and not row.failed]
        for share, limit in LIMITS.items():
            if took and (figure := percentile(took, share)) > limit:
                found.append(f"{what}: {share:.0%} within {figure * 1000:.0f} ms, allowed are {limit * 1000:.0f}")
    return found


def _line(what: str, rows: Sequence[Asked], seconds: float) -> str:
    took = [row.seconds for row in rows if not row.failed] or [0.0]
    figures = [percentile(took, share) * 1000 for share in (0.5, 0.95, 0.99, 1.0)]
    cells = (what, f"{len(rows):,}", f"{len(rows) / seconds:.1f}", *(f"{figure:.0f}" for figure in figures))
    return f"| {' | '.join(cells)} | {sum(row.failed for row in rows)} |"
