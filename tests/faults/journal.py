"""The journal of a faulty upstream: what came, what was applied, and how to count in it."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.fake_upstream import Seen

TASKS, LIST, LOOKUP, UPDATE, FEEDBACK, OTHER = "tasks", "list", "lookup", "update", "feedback", "other"
READS = (TASKS, LIST, LOOKUP)
LISTS = (TASKS, LIST)
POSTS = (UPDATE, FEEDBACK)
EVERYTHING = (*READS, *POSTS, OTHER)
ELSEWHERE = "elsewhere"

UNGRADED = "/api/v1/completions/ungraded"
V1_COMPLETIONS = "/api/v1/completions/"
COMPLETIONS = "/api/completions/"
V1_FEEDBACK = "/api/v1/feedback"


@dataclass
class Entry:
    """One thing that was applied, in the journal.

    `marks` are those of what was written, `over` those of what stood there before. `asked_at` is when its request
    came, `at` when it was applied, which may be later. `told`: whoever asked got an answer that says so truly. Of what
    somebody else changed, `shown_at` is when the client was first shown it. `by` names the reviewer's side or another.
    """

    kind: str
    uid: str
    mark: str
    marks: tuple[str, ...]
    over: tuple[str, ...]
    asked_at: float
    at: float
    value: Any = None
    told: bool = False
    shown_at: float | None = None


@dataclass
class Request:
    """One request: what it was, when it came, when its answer left and when it ended, and what it was told. Moments are
    monotonic seconds.
    """

    kind: str
    uid: str
    at: float
    seen: Seen
    token_known: bool = True
    left_at: float | None = None
    ended_at: float | None = None
    status: int | None = None
    whole: bool = False
    quiet_until: float = 0.0
    entry: Entry | None = None
    shows: list[Entry] = field(default_factory=list)
    truthful: bool = False


def kind_of(seen: Seen) -> tuple[str, str]:
    """What a request is, and the completion it names."""
    path = urlsplit(seen.path).path
    match seen.method:
        case "GET" if path == "/api/v1/feedback_task":
            return TASKS, ""
        case "GET" if path == UNGRADED:
            return LIST, ""
        case "GET" if path == V1_FEEDBACK:
            return LOOKUP, ""
        case "GET" if path.startswith(COMPLETIONS):
            return LOOKUP, unquote(path.removeprefix(COMPLETIONS))
        case "POST" if path == V1_FEEDBACK:
            return FEEDBACK, ""
        case "POST" if path.startswith(V1_COMPLETIONS):
            return UPDATE, unquote(path.removeprefix(V1_COMPLETIONS))
    return OTHER, ""


# Counting ---------------------------------------------------------------------------------------------------------


def busiest(requests: Collection[Request], seconds: float) -> int:
    """The most requests that came within any stretch of so many seconds, its end not counted."""
    moments = sorted(row.at for row in requests)
    return max((sum(start <= at < start + seconds for at in moments) for start in moments), default=0)


def most_in_flight(requests: Iterable[Request]) -> int:
    """How many of these were ever open at one moment. A request is no longer open once its answer leaves: the next one
    may come before the server has noted that this one ended.
    """
    steps = []
    for row in requests:
        over = row.ended_at if row.left_at is None else row.left_at
        steps += [(row.at, 1), (math.inf if over is None else over, -1)]
    most = open_now = 0
    for _, step in sorted(steps):
        open_now += step
        most = max(most, open_now)
    return most


def too_early(requests: Collection[Request]) -> list[Request]:
    """Those that came before the moment that an answer before them had named in its Retry-After."""
    early, quiet_until = [], 0.0
    told = sorted((row.ended_at, row.quiet_until) for row in requests if row.ended_at and row.quiet_until)
    for row in sorted(requests, key=lambda row: row.at):
        while told and told[0][0] < row.at:
            quiet_until = max(quiet_until, told.pop(0)[1])
        if row.at < quiet_until:
            early.append(row)
    return early
