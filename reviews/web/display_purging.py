"""What the pages show of purges."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left to say where the text of a completion was: when it went, who wanted it ("" for the retention), and
    why.
    """

    at: datetime
    by: str
    because: str


@dataclass(frozen=True, slots=True)
class PurgePage:
    """The question before a purge. `refusal` says why it cannot be now; `error` what is wrong with the reason."""

    id: int
    name: str
    preview: str
    reason: str = ""
    refusal: str = ""
    error: str = ""
    upstream: str = ""
