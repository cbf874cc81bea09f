"""What the pages of jobs show. Frozen dataclasses, as in display."""

from dataclasses import dataclass
from datetime import datetime

from reviews.web.display_sync import Option


@dataclass(frozen=True, slots=True)
class CountLine:
    """How many of a kind came of it."""

    label: str
    count: int
    calls: bool = False


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job in the list. `tone` is good, bad or empty; `about` says which completions or which file; `total` is None
    where it is not known, or not yet; `outcome` is what came of it, in short.
    """

    id: int
    title: str
    about: str
    organization: str
    by: str
    state: str
    state_text: str
    tone: str
    at: datetime
    ended_at: datetime | None
    done: int
    total: int | None
    outcome: tuple[CountLine, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether something more will happen to it."""
        return self.ended_at is None


@dataclass(frozen=True, slots=True)
class JobsPage:
    """A stretch of the jobs of the organizations that she leads, newest first. `newer` and `older` are addresses."""

    rows: tuple[JobRow, ...]
    several: bool = False
    newer: str = ""
    older: str = ""


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """What was not taken."""

    line: int | None
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class JobPage:
    """A job with what came of it so far. `left` says how long it may still take; `cancelling` that somebody has asked
    for its end, `stays` what then stays done; `file_name` is that of a file that can be had, `gone` why there is none.
    """

    row: JobRow
    counts: tuple[CountLine, ...]
    left: str = ""
    error: str = ""
    cancelling: bool = False
    stays: str = ""
    file_name: str = ""
    size: int = 0
    kept_until: datetime | None = None
    gone: str = ""
    refused: tuple[RefusedLine, ...] = ()
    refused_count: int = 0
    refused_kept: int = 0


@dataclass(frozen=True, slots=True)
class ImportPage:
    """The form that takes a file."""

    organizations: tuple[Option, ...]
    forms: tuple[Option, ...]
    most_bytes: int
    most_lines: int
    error: str = ""
