"""Completions: create, update, list the ungraded."""

from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
from django.db.models import Min
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from gradebench import context
from reviews.api.http import View
from reviews.api.openapi import completions as described
from reviews.log10 import wire
from reviews.models import Completion, Organization, QueueItem, Status
from reviews.workflow import documents, ingest

MOST_LIST_BYTES = 48 * 1024 * 1024
CHUNK = 200
BIGGEST_KEY = 2**63 - 1
BAD_CURSOR = "“after” must be the “next” of an earlier page."


class Completions(View):
    """POST /api/v1/completions: create one, or merge into the one of the id that the body names."""

    needs = {"POST": "ingest"}
    operations = {"POST": described.CREATE}

    def post(self, request: Request) -> Response:
        body = self.body()
        received = wire.read_completion(body.value)
        done = ingest.receive(self.organization, received.uid, received.document, raw=body.raw, actor=self.actor)
        context.note(completion_id=done.completion.pk)
        return Response(_shown(self, done.completion, dict(done.document)))


class CompletionUpdate(View):
    """POST /api/v1/completions/{id}: merge top-level members; an unknown uuid is created, since clients make ids."""

    needs = {"POST": "ingest"}
    operations = {"POST": described.UPDATE}

    def post(self, request: Request, uid: str) -> Response:
        body = self.body()
        received = wire.read_completion(body.value)
        if received.uid not in (None, uid):
            raise ParseError("The body's “id” is not the id in the path.")
        check_known_or_uuid(self.organization, uid)
        done = ingest.receive(self.organization, uid, received.document, raw=body.raw, actor=self.actor)
        context.note(completion_id=done.completion.pk)
        return Response(_shown(self, done.completion, dict(done.document)))


class Ungraded(View):
    """GET /api/v1/completions/ungraded: what a feedback task matches and nobody has graded for it, oldest first.

    At most 48 MB: then `truncated` is true and `next` is the `after` of the following page. Clients that know neither
    member come again after grading and get the rest.
    """

    needs = {"GET": "read"}
    operations = {"GET": described.UNGRADED}

    def get(self, request: Request) -> Response:
        after = _cursor(request.query_params.get("after"))
        rows: list[bytes] = []
        size, last = 0, ""
        for completion, row in _ungraded(self, after):
            size += len(row)
            if size > MOST_LIST_BYTES and rows:
                return Response(_page(rows, following=last))
            rows.append(row)
            last = f"{completion.received_at.isoformat()}_{completion.pk}"
        return Response(_page(rows, following=None))


def _ungraded(view: View, after: tuple[datetime, int] | None) -> Iterator[tuple[Completion, bytes]]:
    items = QueueItem.objects.ungraded().filter(queue__organization=view.organization)
    items = items.exclude(completion__status=Status.STARTED)
    while True:
        page = items
        if after is not None:
            moment, pk = after
            page = items.filter(received_at__gte=moment).exclude(received_at=moment, completion_id__lte=pk)
        keys = list(
            page.values("completion_id")
            .annotate(first=Min("received_at"))
            .order_by("first", "completion_id")
            .values_list("first", "completion_id")[:CHUNK]
        )
        found = Completion.objects.select_related("current").in_bulk([pk for _, pk in keys])
        for _, pk in keys:
            completion = found[pk]
            yield completion, orjson.dumps(_shown(view, completion, documents.read(completion.current)))
        if len(keys) < CHUNK:
            return
        after = keys[-1]


def _page(rows: list[bytes], *, following: str | None) -> bytes:
    extra = b"" if following is None else b',"truncated":true,"next":' + orjson.dumps(following)
    return b'{"completions":[' + b",".join(rows) + b"]" + extra + b"}"


def _cursor(text: str | None) -> tuple[datetime, int] | None:
    if not text:
        return None
    moment, _, pk = text.partition("_")
    try:
        key = datetime.fromisoformat(moment).astimezone(UTC), int(pk)
    except (ValueError, OverflowError) as error:
        raise ParseError(BAD_CURSOR) from error
    if not 0 <= key[1] <= BIGGEST_KEY:
        raise ParseError(BAD_CURSOR)
    return key


def _shown(view: View, completion: Completion, document: dict[str, object]) -> dict[str, object]:
    return wire.completion(
        document, uid=completion.uid, organization_id=view.organization.external_id, reader=view.reader
    )


def check_known_or_uuid(organization: Organization, uid: str) -> None:
    """Whether a post to this id may make a completion: clients make uuids and post to them. Raises NotFound."""
    if not is_uuid(uid) and not Completion.objects.filter(organization=organization, uid=uid).exists():
        raise NotFound(f"There is no completion {uid} here.")


def is_uuid(text: str) -> bool:
    """Whether a client made this id by the usual means: 8-4-4-4-12 hexadecimal digits."""
    groups = text.split("-")
    digits = set("0123456789abcdefABCDEF")
    return [len(group) for group in groups] == [8, 4, 4, 4, 12] and set("".join(groups)) <= digits
