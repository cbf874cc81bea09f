"""What the sync pages show: frozen dataclasses, as in `display`. Two that are equal look the same, so that a page that
is open needs a new part only when its part is another.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.utils.translation import gettext as _

from reviews.web.display import SyncState
from reviews.web.words import seconds_text

Tone = Literal["good", "calm", "bad"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A count that is counted no further than `most`."""

    count: int
    most: int

    @property
    def text(self) -> str:
        """ "12", or "1,000+" where counting stopped."""
        return f"{self.most:,}+" if self.count > self.most else f"{self.count:,}"


@dataclass(frozen=True, slots=True)
class Figures:
    """The head of the sync page. `oldest_at` is when the oldest push on the way was made."""

    person: Figure
    way: Figure
    arrived_today: Figure
    refused: Figure
    oldest_at: datetime | None = None


# --- upstreams ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RefusedReason:
    """What pulls of one upstream set aside for one reason and is still open. `example` is an id, where one is known."""

    upstream_id: int
    upstream: str
    reason: str
    count: int
    address: str
    example: str = ""
    asked: int = 0
    may_retry: bool = False

    @property
    def waiting(self) -> bool:
        """Whether all of them will be tried with the next pull."""
        return self.asked >= self.count


@dataclass(frozen=True, slots=True)
class PullRow:
    """One poll of an upstream. `error` is empty when it went well; `finished_at` is None while it runs."""

    started_at: datetime
    finished_at: datetime | None
    came: int = 0
    new: int = 0
    changed: int = 0
    conflicts: int = 0
    gone: int = 0
    refused: int = 0
    error: str = ""

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """What it did, as word and number."""
        return (
            (_("came"), self.came),
            (_("new"), self.new),
            (_("changed"), self.changed),
            (_("conflicts"), self.conflicts),
            (_("gone"), self.gone),
            (_("refused"), self.refused),
        )

    @property
    def seconds_text(self) -> str:
        """How long it took, for a reader."""
        return seconds_text((self.finished_at - self.started_at).total_seconds()) if self.finished_at else ""


@dataclass(frozen=True, slots=True)
class Health:
    """How an upstream is. `head` is a word or two; the moments are there where they mean something."""

    tone: Tone
    head: str
    since: datetime | None = None
    failures: int = 0
    last: datetime | None = None
    next_try: datetime | None = None
    words: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamCard:
    """An upstream with its last pulls, newest first, and what of its items is set aside."""

    id: int
    name: str
    url: str
    health: Health
    next_pull_at: datetime | None
    pulls: tuple[PullRow, ...] = ()
    refused: tuple[RefusedReason, ...] = ()
    refused_count: int = 0
    active: bool = True
    may_pull: bool = False

    @property
    def more_refused(self) -> int:
        """How many items were set aside for further reasons than those that are shown."""
        return self.refused_count - sum(row.count for row in self.refused)

    @property
    def running(self) -> PullRow | None:
        """The pull that is under way."""
        return self.pulls[0] if self.pulls and self.pulls[0].finished_at is None else None

    @property
    def last(self) -> PullRow | None:
        """The newest pull that has ended."""
        return next((pull for pull in self.pulls if pull.finished_at is not None), None)


# --- pushes ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PushRow:
    """One outbox row, or, with `id` None, a conflict of which no push waits. What she may do stands in `may_…`."""

    id: int | None
    what: str
    completion_id: int
    completion_name: str
    upstream: str
    sync: SyncState
    created_at: datetime | None = None
    attempts: int = 0
    may_retry: bool = False
    may_push_again: bool = False
    may_decide: bool = False
    may_give_up: bool = False


@dataclass(frozen=True, slots=True)
class PushList:
    """A stretch of pushes. `newer` and `older` are the addresses of its neighbours; `back` is its own, for actions.

    `again` is how many of those that match can be pushed again in one go.
    """

    rows: tuple[PushRow, ...]
    back: str = ""
    newer: str = ""
    older: str = ""
    again: Figure | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a filter. `address` leads to it where it is a link."""

    value: str
    label: str
    chosen: bool
    address: str = ""


@dataclass(frozen=True, slots=True)
class FilterBar:
    """The filters of the push list, with what is chosen."""

    groups: tuple[Option, ...]
    kinds: tuple[Option, ...]
    upstreams: tuple[Option, ...]
    group: str = ""
    completion: str = ""
    narrowed: bool = False


@dataclass(frozen=True, slots=True)
class SyncPage:
    """The sync page. `urgent` is what needs a person, on top while nothing is filtered; `live` the address that its
    parts are asked for again at, every `every` seconds.
    """

    figures: Figures
    urgent: PushList | None
    upstreams: tuple[UpstreamCard, ...]
    pushes: PushList
    filters: FilterBar
    live: str
    every: int


# --- refusals ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """One item that was set aside. `text` is the beginning of its bytes, where it is open; `cut` says there is more."""

    id: int
    upstream: str
    what: str
    name: str
    reason: str
    first_at: datetime
    last_at: datetime
    asked: bool = False
    taken_at: datetime | None = None
    may_retry: bool = False
    text: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class RefusalsPage:
    """What pulls set aside: by reason, and one by one."""

    reasons: tuple[RefusedReason, ...]
    rows: tuple[RefusalRow, ...]
    upstreams: tuple[Option, ...]
    reason: str = ""
    back: str = ""
    newer: str = ""
    older: str = ""
