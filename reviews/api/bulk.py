"""Completions in bulk: a line each, taken as they come and answered a line each."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import Any

import orjson
from django.conf import settings
from django.db import Error
from django.http import StreamingHttpResponse
from rest_framework import exceptions, status
from rest_framework.request import Request

from gradebench import outages
from gradebench.errors import FAILED
from reviews.access import organization_named
from reviews.api.http import LengthRequired, TooLarge, View, WrongEncoding, is_chunked
from reviews.api.lines import Limits, Line, Lines
from reviews.api.openapi import bulk as described
from reviews.log10 import strict_json, wire
from reviews.models.base import new_uid
from reviews.workflow import bulk
from reviews.workflow.bulk import Given
from reviews.workflow.ingest import IngestRefused, Outcome

log = logging.getLogger(__name__)

NDJSON = "application/x-ndjson"
TYPES = (NDJSON, "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/json-lines")
GZIP = ("gzip", "x-gzip")
# Of one transaction: others wait for it, and its lines are held in memory.
MOST_LINES = 100
MOST_BYTES = 4 * 1024 * 1024
COUNTED = (Outcome.CREATED.value, Outcome.CHANGED.value, Outcome.UNCHANGED.value, "refused")
# waitress has this in its environment; it hands a body over when it is there to the end.
WAITRESS = "waitress.client_disconnected"
HELD_IN_MEMORY = 1024 * 1024
PIECE = 64 * 1024

NOT_LINES = f"Send one completion a line, as {NDJSON}, plain or with “Content-Encoding: gzip”."
UNTERMINATED = "This server does not read a body in chunks; send it with a Content-Length."


class _Stopped(RuntimeError):
    """The database failed; the sentence says what became of the lines at hand."""


class CompletionsBulk(View):
    """POST /api/gradebench/v1/completions/bulk: one completion a line in the form of POST /api/v1/completions.

    Answers a line for each: its number, and its id with what became of it, or the error; at last a line that sums up.
    What is answered is stored. Nothing but a line's own fault refuses it, and none stops those after it.
    """

    needs = {"POST": "ingest"}
    operations = {"POST": described.TAKE}
    takes_chunks = True
    # Ids do it here, and an answer may have a million lines.
    takes_keys = False

    def post(self, request: Request) -> StreamingHttpResponse:
        answer = self._answer(_lines_of(request))
        if WAITRESS not in request.META:
            answer = _held_back(answer)
        return StreamingHttpResponse(answer, content_type=NDJSON, headers={"X-Accel-Buffering": "no"})

    def _answer(self, lines: Lines) -> Iterator[bytes]:
        counts: Counter[str] = Counter()
        broken = ""
        for batch in _batches(lines):
            try:
                results = self._take(batch)
            except _Stopped as error:
                broken = str(error)
                results = [{"line": line.number, "error": broken} for line in batch]
            counts.update(result.get("outcome", "refused") for result in results)
            yield b"".join(orjson.dumps(result) + b"\n" for result in results)
            if broken:
                lines.drain()
                break
        yield orjson.dumps(_summary(lines.count, counts, broken or lines.broken)) + b"\n"

    def _take(self, batch: list[Line]) -> list[dict[str, Any]]:
        """An answer for each line, once what it says is committed. Raises _Stopped."""
        answers: dict[int, dict[str, Any]] = {}
        given: dict[int, Given] = {}
        for line in batch:
            try:
                given[line.number] = self._read(line)
            except (exceptions.APIException, strict_json.BadJson, wire.WireRefused) as error:
                answers[line.number] = {"error": str(error)}
        results = self._received(list(given.values()))
        for (number, one), result in zip(given.items(), results, strict=True):
            refused = isinstance(result, IngestRefused)
            answers[number] = {"error": str(result)} if refused else {"id": one.uid, "outcome": result}
        return [{"line": line.number, **answers[line.number]} for line in batch]

    def _read(self, line: Line) -> Given:
        """Through the gate that a single create goes through. Raises APIException, BadJson, WireRefused."""
        if line.raw is None:
            raise TooLarge(f"The line is larger than {settings.API_MAX_BODY_BYTES:,} bytes.")
        value = strict_json.loads(line.raw, max_depth=settings.API_MAX_DEPTH)
        if isinstance(value, dict):
            organization_named(self.organization, value.get("organization_id"))
        received = wire.read_completion(value)
        return Given(received.uid or new_uid(), received.document, line.raw)

    def _received(self, given: list[Given]) -> list[bulk.Result]:
        # Each batch has its own time for the database: that of the request ended when the answer began.
        with outages.waiting_at_most(settings.DATABASE_SECONDS):
            try:
                return bulk.receive_many(self.organization, given, actor=self.actor)
            except Error as error:
                log.exception("The database failed during a bulk request.")
                raise _Stopped(_words(outages.outage_of(error))) from error


def _lines_of(request: Request) -> Lines:
    """The lines of the body. Raises APIException."""
    media_type = (request.content_type or "").partition(";")[0].strip().lower()
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if media_type not in TYPES or encoding not in ("", "identity", *GZIP):
        raise WrongEncoding(NOT_LINES)
    most = settings.API_BULK_MAX_BYTES
    limits = Limits(settings.API_MAX_BODY_BYTES, most, settings.API_BULK_MAX_LINES)
    meta = request.META
    if is_chunked(meta):
        if not meta.get("wsgi.input_terminated"):
            raise LengthRequired(UNTERMINATED)
        return Lines(meta["wsgi.input"].read, length=None, gzipped=encoding in GZIP, limits=limits)
    announced = meta.get("CONTENT_LENGTH") or ""
    length = int(announced) if announced.isdecimal() else 0
    if length > most:
        raise TooLarge(f"The body is larger than {most:,} bytes; send the lines in several requests.")
    # Not `request.data`, for which a parser would read it whole.
    return Lines(request.read, length=length, gzipped=encoding in GZIP, limits=limits)


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line.raw or b"")
        if len(batch) >= MOST_LINES or size >= MOST_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _held_back(answer: Iterator[bytes]) -> Iterator[bytes]:
    """The answer from when all is read: who reads it only after sending everything, and most clients do, would send
    for ever to a server that waits for its answer to be read.
    """
    with SpooledTemporaryFile(HELD_IN_MEMORY) as held:
        for piece in answer:
            held.write(piece)
        held.seek(0)
        while piece := held.read(PIECE):
            yield piece


def _summary(count: int, counts: Counter[str], broken: str) -> dict[str, Any]:
    figures = {name: counts[name] for name in COUNTED}
    summary = {"complete": not broken, "lines": count, **figures}
    return {**summary, "error": broken} if broken else summary


def _words(outage: outages.Outage | None) -> str:
    if outage is None:
        return FAILED
    nothing = outage.status == status.HTTP_503_SERVICE_UNAVAILABLE
    became = "Nothing of this line was written" if nothing else "It is not known what became of this line"
    return f"{outage.title}. {became}: send it again, and those after it."
