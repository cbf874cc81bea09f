"""Where a stretch of a list begins, as an address says it. What cannot be read in an address is None."""

from datetime import datetime

Place = tuple[datetime, int]


def number(text: str | None) -> int | None:
    """A positive number of an address that a database can hold, or None."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 and int(text) else None


def said(place: Place | None) -> str:
    """A row's moment and its id, for an address; "" for none."""
    return f"{place[0].isoformat()}_{place[1]}" if place else ""


def read(text: str) -> Place | None:
    """What `said` wrote. A moment that no database would take is None as well."""
    moment, _bar, pk = text.rpartition("_")
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return None
    known = number(pk)
    return (found, known) if known and found.tzinfo and 1970 <= found.year <= 9000 else None
