"""What log10-io sends: its headers, and completions as texts inside JSON."""

from typing import Any

import orjson

HEADERS = {"X-Log10-Organization-Id": "acme", "User-Agent": "python-httpx/0.28.1"}
TEXTS = ("request", "response", "stacktrace")


def logged(document: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A document as log10-io posts it: objects as JSON texts, whole milliseconds, its own word for a prompt."""
    row: dict[str, Any] = {
        name: orjson.dumps(value).decode() if name in TEXTS else value for name, value in document.items()
    }
    if isinstance(row.get("duration"), (int, float)):
        row["duration"] = round(row["duration"] * 1000)
    if row.get("kind") == "prompt":
        row["kind"] = "completion"
    return {**row, **members}
