"""What the list of completions shows. Frozen dataclasses, as in display."""

from dataclasses import dataclass, field
from datetime import datetime

from reviews.web.display_sync import Figure, Option


@dataclass(frozen=True, slots=True)
class FoundRow:
    """One completion of the list; `address` leads to it and back. `marks` are words: edited, flagged, graded; so is
    `conflict`."""

    id: int
    name: str
    address: str
    preview: str
    model: str
    status: str
    received_at: datetime
    tags: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    conflict: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that the list is filtered by, and the address of the list without it."""

    label: str
    words: str
    without: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter that is chosen from a list."""

    name: str
    label: str
    options: tuple[Option, ...]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A filter that is written; `offered` are words that fit."""

    name: str
    label: str
    value: str
    kind: str = "text"
    hint: str = ""
    offered: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A saved view. `by` is who shares it, where that is somebody else."""

    id: int
    name: str
    address: str
    chosen: bool
    by: str = ""
    shared: bool = False


@dataclass(frozen=True, slots=True)
class FoundPage:
    """The list of completions of one organization. `query` is the filter as an address says it; `newer` and `older` are
    addresses. `count` is None where the filter could not be read. `act` is where a lead's form goes.
    """

    organization: str
    organizations: tuple[Option, ...]
    query: str
    q: str
    rows: tuple[FoundRow, ...] = ()
    chips: tuple[Chip, ...] = ()
    fields: tuple[Choice | Entry, ...] = ()
    count: Figure | None = None
    narrowed: bool = False
    start: str = ""
    newer: str = ""
    older: str = ""
    error: str = ""
    q_error: str = ""
    views: tuple[ViewLink, ...] = ()
    mine: ViewLink | None = None
    view_name: str = ""
    view_error: str = ""
    leads: bool = False
    act: str = ""
    queues: tuple[Option, ...] = field(default=())

    @property
    def opened(self) -> bool:
        """Whether the fold of further filters stands open: what is wrong in it must be seen."""
        return any(one.error for one in self.fields)
