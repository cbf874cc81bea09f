"""Exports: completions with their grades, edits and provenance, as lines of JSON or of CSV, read some hundred at once.

A document stands in its line as the bytes that it is kept as: members in their order, numbers as they were spelled.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db import transaction
from django.db.models import F, QuerySet

from reviews.models import Completion, Document, Encoding, Feedback, FeedbackCompletion, Revision
from reviews.workflow import audit, cells, documents
from reviews.workflow.audit import Actor

FORMATS = ("jsonl", "csv")
ROWS = 500
# Of documents that are held in memory at once, unpacked.
BYTES = 2 * 1024 * 1024
ABSENT = b"null"

Json = Any


def record(completions: Iterable[Completion], *, actor: Actor) -> None:
    """Say in the audit of each that its text leaves; before it does."""
    with transaction.atomic():
        for completion in completions:
            audit.record("completion.export", completion, organization=completion.organization, actor=actor)


def lines(found: QuerySet[Completion], form: str = "jsonl") -> Iterator[bytes]:
    """All of them by their ids, a line each, in one of the FORMATS; memory stays the same however many they are."""
    yield from head(form)
    after = 0
    while stretch := next_stretch(found, after):
        yield from written(read(stretch.ids), form)
        if not stretch.more:
            return
        after = stretch.ids[-1]


# Reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stretch:
    """The ids of some completions, one behind the other, and whether there are more behind them."""

    ids: tuple[int, ...]
    more: bool

    def __bool__(self) -> bool:
        return bool(self.ids)


def next_stretch(found: QuerySet[Completion], after: int) -> Stretch:
    """The next ROWS behind that id, or fewer where their documents are large."""
    behind = found.filter(pk__gt=after).order_by("pk").values_list("pk", "current__size")
    rows = list(behind[: ROWS + 1])
    size, count = 0, 0
    for _pk, bytes_of_one in rows[:ROWS]:
        size += bytes_of_one
        if count and size > BYTES:
            break
        count += 1
    return Stretch(tuple(pk for pk, _size in rows[:count]), more=len(rows) > count)


COLUMNS = (
    "uid",
    "received_at",
    "created_at",
    "kind",
    "status",
    "model",
    "session_uid",
    "prompt_tokens",
    "completion_tokens",
    "duration",
    "confidence_mean",
    "confidence_low",
    "uncertain_tokens",
    "gone_upstream_at",
)


@dataclass(frozen=True)
class Row:
    """A completion with all that is written of it. `received` is None where it is the current document still, and
    `document` where it was purged in the meantime.
    """

    organization: str
    columns: dict[str, Json]
    document: bytes | None
    received: bytes | None
    hashes: dict[str, str | None]
    upstream: dict[str, str] | None
    in_conflict: bool
    grades: list[dict[str, Json]] = field(default_factory=list)
    edits: list[dict[str, Json]] = field(default_factory=list)


def read(ids: Sequence[int]) -> list[Row]:
    """The completions of these ids, in their order: six queries, however many they are."""
    found = Completion.objects.filter(pk__in=ids).annotate(
        slug=F("organization__slug"),
        current_data=F("current__data"),
        current_encoding=F("current__encoding"),
        current_hash=F("current__hash"),
        received_hash=F("received__hash"),
        upstream_hash=F("upstream_document__hash"),
        upstream_name=F("upstream__name"),
        upstream_url=F("upstream__url"),
        upstream_organization=F("upstream__upstream_organization"),
    )
    extra = ("pk", "slug", "received_id", "current_id", "conflict_document_id")
    of_documents = ("current_data", "current_encoding", "current_hash", "received_hash", "upstream_hash")
    of_upstream = ("upstream_name", "upstream_url", "upstream_organization")
    by_id = {row["pk"]: row for row in found.values(*extra, *COLUMNS, *of_documents, *of_upstream)}
    changed = [row["received_id"] for row in by_id.values() if row["received_id"] != row["current_id"]]
    received = dict(
        Document.objects.filter(pk__in=changed, encoding=Encoding.ZSTD).values_list("pk", "data") if changed else ()
    )
    grades, edits = _grades(ids), _edits(ids)
    return [
        Row(
            organization=row["slug"],
            columns={name: row[name] for name in COLUMNS},
            document=_bytes(row["current_data"]) if row["current_encoding"] == Encoding.ZSTD else None,
            received=_bytes(received.get(row["received_id"])),
            hashes={"received": row["received_hash"], "current": row["current_hash"], "upstream": row["upstream_hash"]},
            upstream=_upstream(row),
            in_conflict=row["conflict_document_id"] is not None,
            grades=grades.get(pk, []),
            edits=edits.get(pk, []),
        )
        for pk in ids
        if (row := by_id.get(pk)) is not None
    ]


def _bytes(data: bytes | memoryview | None) -> bytes | None:
    if data is None:
        return None
    try:
        # Between tokens a line break is a blank like others; within a string there is none.
        return documents.unpack(data).replace(b"\r", b" ").replace(b"\n", b" ")
    except documents.DocumentUnreadable:
        return None


def _upstream(row: dict[str, Json]) -> dict[str, str] | None:
    if row["upstream_name"] is None:
        return None
    return {"name": row["upstream_name"], "url": row["upstream_url"], "organization": row["upstream_organization"]}


def _grades(ids: Sequence[int]) -> dict[int, list[dict[str, Json]]]:
    spoken_of = FeedbackCompletion.objects.filter(completion__in=ids)
    links = sorted(spoken_of.values_list("feedback_id", "completion_id", "document__hash"))
    told = _feedback({feedback_id for feedback_id, _, _ in links})
    found: dict[int, list[dict[str, Json]]] = {}
    for feedback_id, pk, seen in links:
        found.setdefault(pk, []).append({**told[feedback_id], "graded_hash": seen})
    return found


def _feedback(ids: Collection[int]) -> dict[int, dict[str, Json]]:
    rows = Feedback.objects.filter(pk__in=ids).values_list(
        "pk",
        "uid",
        "feedback_task__name",
        "feedback_task__uid",
        "feedback_task__upstream_uid",
        "task_revision__number",
        "values_text",
        "comment",
        "origin",
        "reviewer__username",
        "api_token__name",
        "created_at",
        "assignment__requeued_at",
    )
    # A question of its own: where hardly anything was corrected SQLite would not use the index in a join, and read all
    # feedback there is for each of these.
    corrected = dict(Feedback.objects.filter(supersedes__in=ids).values_list("supersedes_id", "uid"))
    return {
        pk: {
            "id": uid,
            "feedback_task": task,
            "feedback_task_id": task_uid,
            "feedback_task_id_upstream": over_there or None,
            "feedback_task_revision": number,
            "values": orjson.Fragment(values),
            "comment": comment,
            "by": by or token or "",
            "origin": origin,
            "created_at": at,
            "standing": pk not in corrected and not gone,
            "superseded_by": corrected.get(pk),
        }
        for pk, uid, task, task_uid, over_there, number, values, comment, origin, by, token, at, gone in rows
    }


def _edits(ids: Sequence[int]) -> dict[int, list[dict[str, Json]]]:
    made = Revision.objects.filter(completion__in=ids).order_by("completion_id", "number")
    rows = made.values_list(
        "completion_id",
        "number",
        "origin",
        "author__username",
        "api_token__name",
        "created_at",
        "changes_text",
        "base__hash",
        "result__hash",
    )
    found: dict[int, list[dict[str, Json]]] = {}
    for pk, number, origin, by, token, at, changes, before, after in rows:
        edit = {
            "number": number,
            "origin": origin,
            "by": by or token or "",
            "created_at": at,
            # Of [pointer, before, after] each.
            "changes": orjson.Fragment(changes),
            "hash_before": before,
            "hash_after": after,
        }
        found.setdefault(pk, []).append(edit)
    return found


# Writing ---------------------------------------------------------------------------------------------------------

CSV_COLUMNS = (
    "id",
    "received_at",
    "created_at",
    "kind",
    "status",
    "model",
    "session_id",
    "prompt_tokens",
    "completion_tokens",
    "duration",
    "confidence_mean",
    "confidence_low",
    "uncertain_tokens",
    "tags",
    "prompt",
    "answer",
    "answer_received",
    "grades",
    "grades_superseded",
    "edits",
    "upstream",
    "upstream_url",
    "upstream_organization",
    "gone_upstream_at",
    "in_conflict",
    "hash_received",
    "hash_current",
    "hash_upstream",
    "organization",
    "document",
)


def head(form: str) -> Iterator[bytes]:
    """What stands before the first line."""
    if form == "csv":
        yield from cells.rows(iter([CSV_COLUMNS]))


def written(rows: Iterable[Row], form: str) -> Iterator[bytes]:
    """A line for each."""
    return cells.rows(map(_cells, rows)) if form == "csv" else map(_json_line, rows)


def _json_line(row: Row) -> bytes:
    columns = row.columns
    said = {
        "id": columns["uid"],
        "organization": row.organization,
        "received_at": columns["received_at"],
        "feedback": row.grades,
        "edits": row.edits,
        "provenance": {
            "upstream": row.upstream,
            "gone_upstream_at": columns["gone_upstream_at"],
            "in_conflict": row.in_conflict,
            "hashes": row.hashes,
        },
    }
    received = b"" if row.received is None else b',"document_received":' + row.received
    return orjson.dumps(said)[:-1] + received + b',"document":' + (row.document or ABSENT) + b"}\n"


def _cells(row: Row) -> list[cells.Value]:
    document = orjson.loads(row.document) if row.document else {}
    received = orjson.loads(row.received) if row.received else document
    upstream = row.upstream or {}
    return [
        *(row.columns[name] for name in COLUMNS[:-1]),
        _json(documents.tag_names(document)),
        documents.prompt_of(document),
        documents.answer_of(document),
        documents.answer_of(received),
        _json([grade for grade in row.grades if grade["standing"]]),
        _json([grade for grade in row.grades if not grade["standing"]]),
        _json(row.edits),
        upstream.get("name"),
        upstream.get("url"),
        upstream.get("organization"),
        row.columns["gone_upstream_at"],
        "yes" if row.in_conflict else "no",
        row.hashes["received"],
        row.hashes["current"],
        row.hashes["upstream"],
        row.organization,
        (row.document or b"").decode(),
    ]


def _json(value: list[Json]) -> str:
    return orjson.dumps(value).decode() if value else ""
