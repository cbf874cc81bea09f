"""Import: lines of JSON in Log10's create form, as `log10 completions download` writes them, as an export of GradeBench
has them, or in OpenAI's forms; through the same gate and the same ingest as the API.

A line without an id gets one that is made of what it says, so that a file that is imported twice doubles nothing.
"""

import gzip
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from reviews.log10 import strict_json, wire
from reviews.models import Organization
from reviews.workflow import audit, bulk, documents, ingest, jobs
from reviews.workflow.audit import SYSTEM, Actor
from reviews.workflow.bulk import Given

FORMS = ("auto", "log10", "openai")
# Of the ids of lines that have none.
NAMESPACE = uuid.UUID("6f2f0a52-9a0f-4f0e-8a1c-1f6f5c7e6d10")
# Of lines that are taken at once: in number, and in bytes.
BATCH_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True)
class Refusal:
    """A line that was not taken; lines count from one. `uid` is its id, where that is known."""

    line: int
    reason: str
    uid: str = ""


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


Numbered = tuple[int, bytes]


def import_file(path: Path, organization: Organization, *, form: str = "auto") -> Report:
    """Take every line; blank ones do not count. Which organization a line names does not matter: whoever runs the
    import has said where it goes. Raises OSError, also for a gzip file that is none or is damaged; what came before
    the damage is kept.
    """
    report = Report()
    try:
        for batch in _batches(enumerate(_lines(path), start=1)):
            taken, refused = take(organization, batch, form)
            report.created += taken.get("created", 0)
            report.changed += taken.get("changed", 0)
            report.unchanged += taken.get("unchanged", 0)
            report.refused += refused
    finally:
        audit.record("completions.import", organization, organization=organization, details=f"{path.name}: {report}")
    return report


def take(
    organization: Organization, lines: Iterable[Numbered], form: str, *, actor: Actor = SYSTEM
) -> tuple[dict[str, int], list[Refusal]]:
    """What became of these lines, by outcome, and those that were refused."""
    read, refused = read_lines(organization, lines, form)
    counts, more = receive(organization, read, actor=actor)
    return counts, sorted((*refused, *more), key=lambda refusal: refusal.line)


def read_lines(
    organization: Organization, lines: Iterable[Numbered], form: str
) -> tuple[list[tuple[int, Given]], list[Refusal]]:
    """The completions that these lines are, each with its number, and the lines that are none. Nothing is written."""
    read: list[tuple[int, Given]] = []
    refused: list[Refusal] = []
    for number, raw in lines:
        line = raw.strip()
        if not line:
            continue
        try:
            read.append((number, read_line(organization, line, form)))
        except (strict_json.BadJson, wire.WireRefused) as error:
            refused.append(Refusal(number, str(error)))
    return read, refused


def receive(
    organization: Organization, read: Sequence[tuple[int, Given]], *, actor: Actor = SYSTEM
) -> tuple[dict[str, int], list[Refusal]]:
    """Take them: how many had which outcome, and which were refused."""
    # An id that another organization holds as well is no secret here, and no reason: whoever imports has the text.
    results = bulk.receive_many(organization, [given for _, given in read], actor=actor, anywhere=True)
    counts: dict[str, int] = {}
    refused: list[Refusal] = []
    for (number, given), result in zip(read, results, strict=True):
        if isinstance(result, ingest.IngestRefused):
            refused.append(Refusal(number, str(result), given.uid))
        else:
            counts[result.value] = counts.get(result.value, 0) + 1
    return counts, refused


def read_line(organization: Organization, raw: bytes, form: str = "auto") -> Given:
    """One completion. Raises strict_json.BadJson, wire.WireRefused."""
    if len(raw) > settings.API_MAX_BODY_BYTES:
        raise wire.WireRefused(f"The completion is larger than {settings.API_MAX_BODY_BYTES:,} bytes.")
    value = strict_json.loads(raw, max_depth=settings.API_MAX_DEPTH)
    if form != "openai" and _is_exported(value):
        received = _exported(value)
    elif form == "openai" or (form == "auto" and wire.is_openai(value)):
        received = wire.read_openai(value)
    elif wire.is_downloaded(value):
        received = wire.read_downloaded(value, max_depth=settings.API_MAX_DEPTH)
    else:
        received = wire.read_completion(value)
        return Given(received.uid or _derived(organization, value), received.document, raw)
    document = received.document
    return Given(received.uid or _derived(organization, value), document, documents.dumps(document))


def _is_exported(value: object) -> bool:
    return isinstance(value, dict) and "document" in value and isinstance(value.get("provenance"), dict)


def _exported(value: Mapping[str, Any]) -> wire.CompletionIn:
    if value["document"] is None:
        raise wire.WireRefused("The text of this completion was purged before it was exported.")
    read = wire.read_completion(value["document"])
    uid = value.get("id")
    return wire.CompletionIn(uid if isinstance(uid, str) and uid else read.uid, None, read.document)


def _derived(organization: Organization, value: object) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{organization.pk}\n{documents.dumps(value).decode()}"))


def _batches(lines: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    most = jobs.small(500, 100)
    batch: list[Numbered] = []
    size = 0
    for number, raw in lines:
        if batch and (len(batch) >= most or size + len(raw) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((number, raw))
        size += len(raw)
    if batch:
        yield batch


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
