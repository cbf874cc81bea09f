"""What the page of the audit shows: frozen dataclasses, as in `display`."""

from dataclasses import dataclass
from datetime import date, datetime

from reviews.web.display_sync import Option


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a sentence, with where it leads where it leads anywhere."""

    text: str
    address: str = ""
    named: bool = False


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event: the pieces of its sentence, and what is said beside it. `name` is what it is about, `all_of`
    leads to all events of that.
    """

    id: int
    at: datetime
    parts: tuple[Part, ...]
    details: str = ""
    before: str = ""
    after: str = ""
    address: str = ""
    organization: str = ""
    all_of: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of hers, and what happened on it."""

    on: date
    rows: tuple[EventRow, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """A heading in a list of options, and what stands under it."""

    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class AuditBar:
    """The filters, with what is chosen. `target` names what the list is narrowed to, `target_value` is its address."""

    families: tuple[Choices, ...]
    organizations: tuple[Option, ...]
    people: tuple[str, ...]
    tokens: tuple[str, ...]
    person: str
    token: str
    since: str
    until: str
    target: str
    target_value: str
    without_target: str
    narrowed: bool


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The page. `query` is the filter as a query string, `zone` what its times are in."""

    days: tuple[Day, ...]
    bar: AuditBar
    query: str
    zone: str
    newer: str = ""
    older: str = ""
    sealed_at: datetime | None = None
