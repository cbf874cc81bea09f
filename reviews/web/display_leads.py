"""What a lead's pages show: flags, a queue's settings and items, feedback tasks. Frozen dataclasses, as in display."""

from dataclasses import dataclass
from datetime import datetime

from reviews.web.display_sync import Figure, Option

# --- flags -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FlagRow:
    """A flagged item. `over` says why it is no longer offered at all, where it is not; `may_grade`: a review of it is
    free for her.
    """

    id: int
    completion_id: int
    completion_name: str
    preview: str
    queue_id: int
    queue_name: str
    reason: str
    by: str
    at: datetime
    over: str = ""
    may_grade: bool = False


@dataclass(frozen=True, slots=True)
class FlagsPage:
    """The inbox of flags, the one that has waited longest first. `first` and `further` are addresses; `back` is its
    own, for actions.
    """

    rows: tuple[FlagRow, ...]
    count: Figure
    queues: tuple[Option, ...]
    back: str = ""
    first: str = ""
    further: str = ""
