"""Completions in the dialect of log10-io, under /api/completions: reserve an id, log to it, list, read one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db.models import QuerySet
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from reviews.access import completion_of
from reviews.api import etags
from reviews.api.completions import check_known_or_uuid
from reviews.api.http import View
from reviews.api.openapi import legacy as described
from reviews.api.paging import window
from reviews.log10 import strict_json, wire
from reviews.models import Completion, CompletionTag, Document, Encoding, Organization, Tag
from reviews.workflow import documents, ingest
from reviews.workflow.ingest import PURGED, IdPurged

ROWS = 25
MOST_NAMED = 1_000
MOST_READ_BYTES = 48 * 1024 * 1024
COLUMNS = ("uid", "kind", "status", "session_uid", "duration", "received_at", "current__size")
# Behind a token, so that nobody else keeps it; who keeps it asks each time whether it still is so. Whose it is and in
# which form it is shown goes by these headers.
KEPT = {
    "Cache-Control": "private, no-cache",
    "Vary": "X-Log10-Token, X-Log10-Organization, X-Log10-Organization-Id, User-Agent",
}
BAD_DATES = "“createdFilter” must be a JSON object with “from” and “to”, moments such as 2026-01-31T08:00:00Z, or {}."


class LegacyCompletions(View):
    """GET and POST /api/completions."""

    needs = {"GET": "read", "POST": "ingest"}
    operations = {"GET": described.LIST, "POST": described.RESERVE}

    def get(self, request: Request) -> Response:
        """Newest first, 25 unless `limit` says otherwise, at most 1,000. Rows are for a table: a part of each document.

        `tagFilter` are ids of tags, all of which a completion must carry; `createdFilter` is about when it came here,
        both ends included; `ids` are ids of completions. An empty filter is none. Of the documents of a page at most
        48 MB are read: a row beyond that is listed without `request` and `response`.
        """
        parameters = request.query_params
        found = _filtered(self.organization, parameters)
        order = ("received_at", "pk") if _is_ascending(parameters) else ("-received_at", "-pk")
        part = window(parameters, default=ROWS)
        page = list(found.select_related("current").only(*COLUMNS).order_by(*order)[part])
        tags, read = _tags(page), _documents(page)
        organization_id = self.organization.external_id
        rows = [
            wire.logged_row(row, tags[row.pk], read.get(row.current_id), organization_id=organization_id)
            for row in page
        ]
        return Response({"data": rows})

    def post(self, request: Request) -> Response:
        """An id to log to. Nothing is written: the first post to it makes the completion, as it does for ids that a
        client made, and an id that is never used leaves nothing behind.
        """
        self.optional_body()
        return Response({"completionID": str(uuid4()), "organizationSlug": self.organization.slug})


class LegacyCompletion(View):
    """GET and POST /api/completions/{id}."""

    needs = {"GET": "read", "POST": "ingest"}
    operations = {"GET": described.GET, "POST": described.LOG}

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Of refusals too: what is not there yet may be there soon."""
        kept = KEPT if self.request.method in ("GET", "HEAD") else {}
        return {**super().default_response_headers, **kept}

    def get(self, request: Request, uid: str) -> Response:
        """The whole current document under `data`: as it is stored, or in log10-io's dialect where that asks.

        Nothing of it is read for whoever has it already.
        """
        completion = completion_of(self.organization, uid)
        if completion.purged_at is not None:
            raise IdPurged(PURGED.format(uid=uid))
        tags = _tags([completion])[completion.pk] if self.reader.logs else []
        etag = self._tag(completion, tags)
        if etags.is_held(request, etag):
            return etags.not_modified(etag)
        return Response({"data": self._shown(completion, tags)}, headers={"ETag": etag})

    def _tag(self, completion: Completion, tags: Iterable[Tag]) -> str:
        """Made of all that `_shown` reads. A document never changes: what is edited or logged is a new one."""
        form = (self.reader.logs, self.reader.parses_strictly)
        named = [(tag.uid, tag.name) for tag in tags]
        return etags.tag_of(completion.current_id, self.organization.external_id, *form, named)

    def _shown(self, completion: Completion, tags: Iterable[Tag]) -> dict[str, Any]:
        document = documents.read(completion.current)
        uid, organization_id = completion.uid, self.organization.external_id
        if not self.reader.logs:
            return wire.completion(document, uid=uid, organization_id=organization_id, reader=self.reader)
        return wire.logged_completion(
            document, uid=uid, organization_id=organization_id, received_at=completion.received_at, tags=tags
        )

    def post(self, request: Request, uid: str) -> Response:
        """Log to it: started, finished or failed, whole or in parts, in any order; an unknown uuid is created."""
        received = wire.read_logged(self.body().value, max_depth=settings.API_MAX_DEPTH)
        if received.uid not in (None, uid):
            raise ParseError("The body's “id” is not the id in the path.")
        check_known_or_uuid(self.organization, uid)
        ingest.receive(self.organization, uid, received.document, actor=self.actor, logged=True)
        return Response({"completionID": uid})


def _filtered(organization: Organization, parameters: Mapping[str, str]) -> QuerySet[Completion]:
    found = Completion.objects.readable().filter(organization=organization)
    tag_uids = _listed(parameters, "tagFilter")
    if tag_uids:
        tags = Tag.objects.filter(organization=organization, uid__in=tag_uids)
        tag_ids = set(tags.values_list("pk", flat=True))
        found = found.having_tags(tag_ids if len(tag_ids) == len(tag_uids) else set())
    uids = _listed(parameters, "ids")
    if uids:
        found = found.filter(uid__in=uids)
    start, end = _dates(parameters.get("createdFilter", ""))
    if start is not None:
        found = found.filter(received_at__gte=start)
    return found if end is None else found.filter(received_at__lte=end)


def _listed(parameters: Mapping[str, str], name: str) -> set[str]:
    found = {part.strip() for part in parameters.get(name, "").replace("\x00", "").split(",")} - {""}
    if len(found) > MOST_NAMED:
        raise ParseError(f"“{name}” must name at most {MOST_NAMED:,} ids.")
    return found


def _dates(text: str) -> tuple[datetime | None, datetime | None]:
    if not text:
        return None, None
    try:
        value = strict_json.loads(text.encode(), max_depth=2)
    except (strict_json.BadJson, UnicodeEncodeError) as error:
        raise ParseError(BAD_DATES) from error
    if not isinstance(value, dict):
        raise ParseError(BAD_DATES)
    return _moment(value.get("from")), _moment(value.get("to"))


def _moment(value: Any) -> datetime | None:
    """A moment without a zone is one of UTC."""
    if value in (None, ""):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise ParseError(BAD_DATES) from error


def _is_ascending(parameters: Mapping[str, str]) -> bool:
    if parameters.get("sort", "") not in ("", "created_at"):
        raise ParseError("“sort” must be created_at: completions are listed by when they came.")
    if parameters.get("desc", "") not in ("", "true", "false"):
        raise ParseError("“desc” must be true or false.")
    return parameters.get("desc") == "false"


def _tags(page: Iterable[Completion]) -> dict[int, list[Tag]]:
    links = CompletionTag.objects.filter(completion__in=[completion.pk for completion in page])
    found: dict[int, list[Tag]] = defaultdict(list)
    for link in links.select_related("tag").order_by("tag__name"):
        found[link.completion_id].append(link.tag)
    return found


def _documents(page: Iterable[Completion]) -> dict[int, dict[str, Any]]:
    """The documents of a page by their keys, in its order as far as the bytes reach."""
    left, wanted = MOST_READ_BYTES, []
    for completion in page:
        if completion.current.size <= left:
            left -= completion.current.size
            wanted.append(completion.current_id)
    rows = Document.objects.filter(pk__in=wanted, encoding=Encoding.ZSTD)
    return {row.pk: documents.read(row) for row in rows.iterator(chunk_size=100)}
