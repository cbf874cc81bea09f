"""Import: JSON lines in Log10's create form, or as `log10 completions download` writes them, through the same gate and
the same ingest as the API.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from reviews.log10 import strict_json, wire
from reviews.models import Organization
from reviews.models.base import new_uid
from reviews.workflow import audit, ingest


@dataclass(frozen=True)
class Refusal:
    """A line that was not taken; lines count from one."""

    line: int
    reason: str


@dataclass
class Report:
    """What became of a file's lines."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.created} created, {self.changed} changed, {self.unchanged} unchanged, {len(self.refused)} refused"
        )


def import_file(path: Path, organization: Organization) -> Report:
    """Take every line; blank ones do not count. Which organization a line names does not matter: whoever runs the
    import has said where it goes. Raises OSError, also for a gzip file that is none or is damaged; what came before
    the damage is kept.
    """
    report = Report()
    try:
        _import_lines(path, organization, report)
    finally:
        audit.record("completions.import", organization, organization=organization, details=f"{path.name}: {report}")
    return report


def _import_lines(path: Path, organization: Organization, report: Report) -> None:
    for number, raw in enumerate(_lines(path), start=1):
        if not raw.strip():
            continue
        try:
            outcome = import_line(raw.strip(), organization)
        except (strict_json.BadJson, wire.WireRefused, ingest.IngestRefused) as error:
            report.refused.append(Refusal(number, str(error)))
        else:
            setattr(report, outcome, getattr(report, outcome) + 1)


def import_line(raw: bytes, organization: Organization) -> ingest.Outcome:
    """One completion. Raises strict_json.BadJson, wire.WireRefused, ingest.IngestRefused."""
    if len(raw) > settings.API_MAX_BODY_BYTES:
        raise wire.WireRefused(f"The completion is larger than {settings.API_MAX_BODY_BYTES:,} bytes.")
    value = strict_json.loads(raw, max_depth=settings.API_MAX_DEPTH)
    if wire.is_downloaded(value):
        received = wire.read_downloaded(value, max_depth=settings.API_MAX_DEPTH)
        return ingest.receive(organization, received.uid or new_uid(), received.document).outcome
    received = wire.read_completion(value)
    return ingest.receive(organization, received.uid or new_uid(), received.document, raw=raw).outcome


def _lines(path: Path) -> Iterator[bytes]:
    """The lines, none held longer than one byte over the limit."""
    most = settings.API_MAX_BODY_BYTES + 2
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        try:
            while line := file.readline(most):
                yield line
                while not line.endswith(b"\n") and len(line) == most:
                    line = file.readline(most)
        except (EOFError, zlib.error) as error:
            raise OSError(f"{path} is damaged or ends too early: {error}.") from error
