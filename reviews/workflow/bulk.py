"""Bulk: many completions at once, each with the outcome that `ingest.receive` has, at a fraction of its price."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, OperationalError, transaction

from reviews.models import Completion, Organization
from reviews.workflow import documents, ingest, turns
from reviews.workflow.audit import SYSTEM, Actor
from reviews.workflow.documents import DocumentUnreadable
from reviews.workflow.ingest import HeldElsewhere, IngestRefused, Outcome

DEADLOCK = "40P01"

Result = Outcome | IngestRefused


@dataclass(frozen=True)
class Given:
    """A completion to take: its id, its document, and the JSON in which that came."""

    uid: str
    document: dict[str, Any]
    raw: bytes


def receive_many(
    organization: Organization, given: Sequence[Given], *, actor: Actor = SYSTEM, anywhere: bool = False
) -> list[Result]:
    """What became of each, in their order; a refusal is returned, not raised. All of them are in one transaction, which
    is committed when this returns. Where somebody else made one of the new ones meanwhile, each is in its own.

    Meant for some hundred at a time: they are held in memory, and others wait for the transaction. `anywhere`: ids that
    another organization holds are taken as well.
    """
    try:
        return _together(organization, given, actor, anywhere)
    except IntegrityError:
        return [_alone(organization, one, actor, anywhere) for one in given]
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != DEADLOCK:
            raise
        return [_alone(organization, one, actor, anywhere) for one in given]


def _together(organization: Organization, given: Sequence[Given], actor: Actor, anywhere: bool) -> list[Result]:
    known, elsewhere = _held(organization, given, anywhere)
    results: dict[int, Result] = {}
    fresh: dict[str, ingest.New] = {}
    changing: dict[str, list[int]] = {}
    for place, one in enumerate(given):
        if one.uid in fresh or one.uid in changing:
            # What it meets stands there once those before it are written.
            changing.setdefault(one.uid, []).append(place)
        elif one.uid in known:
            if _is_unchanged(known[one.uid], one):
                results[place] = Outcome.UNCHANGED
            else:
                changing[one.uid] = [place]
        elif (refusal := _refusal(one.uid, elsewhere)) is not None:
            results[place] = refusal
        else:
            completion = ingest.made(organization, one.uid, one.document, one.raw)
            fresh[one.uid] = completion, documents.tag_names(one.document)
            results[place] = Outcome.CREATED
    later = sorted(place for places in changing.values() for place in places)
    if fresh or later:
        with turns.turn(pause=True), transaction.atomic():
            ingest.store_new(list(fresh.values()))
            results |= {place: _alone(organization, given[place], actor, anywhere) for place in later}
    return [results[place] for place in range(len(given))]


def _held(organization: Organization, given: Sequence[Given], anywhere: bool) -> tuple[dict[str, Completion], set[str]]:
    """Those that are here already, by their ids, and the ids that another organization has."""
    uids = {one.uid for one in given if "\x00" not in one.uid}
    found = Completion.objects.filter(uid__in=uids).select_related("current")
    known = {completion.uid: completion for completion in found.filter(organization=organization)}
    missing = set() if anywhere else uids - known.keys()
    others = Completion.objects.filter(uid__in=missing).exclude(organization=organization)
    return known, set(others.values_list("uid", flat=True)) if missing else set()


def _refusal(uid: str, elsewhere: set[str]) -> IngestRefused | None:
    try:
        ingest.check_uid(uid)
    except IngestRefused as error:
        return error
    return HeldElsewhere(ingest.ELSEWHERE.format(uid=uid)) if uid in elsewhere else None


def _is_unchanged(completion: Completion, one: Given) -> bool:
    try:
        if documents.unpack(completion.current.data) == one.raw:
            return True
        standing = documents.read(completion.current)
    except DocumentUnreadable:
        return False
    return documents.dumps(ingest.merge(standing, one.document)) == documents.dumps(standing)


def _alone(organization: Organization, one: Given, actor: Actor, anywhere: bool) -> Result:
    try:
        received = ingest.receive(organization, one.uid, one.document, raw=one.raw, actor=actor, anywhere=anywhere)
        return received.outcome
    except IngestRefused as error:
        return error
    except DocumentUnreadable as error:
        return IngestRefused(str(error))
