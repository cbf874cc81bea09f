"""CSV that opens as what it says: RFC 4180, and no cell that a spreadsheet would take for a formula."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

# OWASP's list. What stands before them does not help: spreadsheets drop spaces and quotes before they look.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
GUARD = "'"
BEFORE_IT = " \"'\N{NO-BREAK SPACE}\N{ZERO WIDTH NO-BREAK SPACE}\v\f\0"
Value = str | int | float | datetime | None


def safe(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet could take it for a formula, or for one so guarded."""
    return f"{GUARD}{text}" if text.lstrip(BEFORE_IT).startswith(FORMULA) or text.startswith(GUARD) else text


def unsafe(cell: str) -> str:
    """What `safe` was given."""
    return cell.removeprefix(GUARD)


def written(value: Value) -> str:
    """A value as a cell: numbers bare, moments in UTC, text made safe."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return safe(value) if isinstance(value, str) else str(value)


class _Line:
    """A file that is its last line: the csv module writes into files only."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text = text


def rows(lines: Iterator[Sequence[Value]]) -> Iterator[bytes]:
    """The lines of a CSV file, each as bytes of UTF-8, as they are asked for."""
    line = _Line()
    writer = csv.writer(line, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    for values in lines:
        writer.writerow([written(value) for value in values])
        yield line.text.encode()
