"""Ingest: the one function behind both doors, the API (and import) and the pull."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import CharField, Q

from gradebench.compiled import Compiled, asked, insert_all
from reviews.models import Completion, Document, Organization, Push, PushKind, PushState, RevisionOrigin, Upstream
from reviews.models.base import new_uid
from reviews.models.sync import UNDECIDED
from reviews.workflow import audit, clock, documents, feedback_tasks, leftovers, outbox, queues, revisions, turns
from reviews.workflow.audit import SYSTEM, Actor
from reviews.workflow.group_commit import GroupCommit, WriteApart

LONGEST_UID = 255
PURGED = "The text of the completion {uid} was purged here, for good: its id is not taken again."
ELSEWHERE = "There is no completion {uid} here."
# How much a status says: a post that says less than what stands fills gaps and replaces nothing. What an application
# calls by a word of its own has ended somehow.
RANKS = {"started": 0, "finished": 2}
ENDED_SOMEHOW = 1
# How many edits are looked at for what a repeated post had been.
MOST_EDITS = 20


class IngestRefused(ValueError):
    """A document that is not taken, with the reason; nothing was written."""


class HeldElsewhere(IngestRefused):
    """The id is held by another organization, or here under another upstream."""


class IdPurged(IngestRefused):
    """The id is that of a completion whose text was purged: what was purged does not come back under its id."""


class CompletionTooLarge(IngestRefused):
    """With what it has already the completion would be larger than one may be."""


# A completion that `made` made, and the names of its tags.
New = tuple[Completion, Sequence[str]]


class Outcome(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Ingested:
    """What became of a document, and the document that the completion has now."""

    completion: Completion
    outcome: Outcome
    document: Mapping[str, Any]


_of_uid = Compiled(
    lambda: Completion.objects.filter(uid=asked("uid", CharField())).values_list("pk", "organization_id").order_by()
)


def receive(
    organization: Organization,
    uid: str | None,
    document: dict[str, Any],
    *,
    raw: bytes | None = None,
    actor: Actor = SYSTEM,
    logged: bool = False,
    anywhere: bool = False,
) -> Ingested:
    """A completion from an application or an import: created, or merged member by member into the one of that id. One
    that came without an id gets one.

    `raw` is the document's JSON as it came, kept as it is when the completion is new. `logged` says that it comes from
    a client that posts its whole row again and again: what it had sent before it changed here stays changed. Raises
    IngestRefused, CompletionTooLarge, IdPurged, HeldElsewhere when only another organization has the id, unless it may
    be held `anywhere`.
    """
    known = None
    if uid is None:
        # Nobody has that one, and nobody is asked.
        uid = new_uid()
    else:
        check_uid(uid)
        held = {organization_id: pk for pk, organization_id in _of_uid.all(uid=uid)}
        known = held.get(organization.pk)
        if held and known is None and not anywhere:
            raise HeldElsewhere(ELSEWHERE.format(uid=uid))
    if known is None:
        try:
            return _create(organization, uid, document, raw)
        except IntegrityError:
            # Another request made it between the question and the insert: merge into that one.
            known = Completion.objects.filter(organization=organization, uid=uid).values_list("pk", flat=True).get()
    with turns.turn(pause=False), transaction.atomic():
        completion = revisions.lock(known)
        _check_readable(completion)
        return _merge(completion, document, actor, logged=logged)


def take_pulled(upstream: Upstream, uid: str, document: dict[str, Any], raw: bytes, *, asked_at: datetime) -> Ingested:
    """A completion as the upstream lists it: created, taken over when nobody touched it here, or a conflict.

    `asked_at` is when the list was asked for: what we have sent since is newer than what it says.
    Raises HeldElsewhere when the organization has the id from an application or another upstream, IdPurged.
    """
    check_uid(uid)
    organization = upstream.organization
    mine = Completion.objects.filter(organization=organization, uid=uid).values_list("pk", flat=True)
    known = mine.first()
    if known is None:
        try:
            with transaction.atomic():
                completion = made(organization, uid, document, raw, upstream=upstream)
                store_new([(completion, documents.tag_names(document))])
                return Ingested(completion, Outcome.CREATED, document)
        except IntegrityError:
            # An application made it between the question and the insert.
            known = mine.get()
    with transaction.atomic():
        return _meet(revisions.lock(known), upstream, document, asked_at)


def _meet(completion: Completion, upstream: Upstream, document: dict[str, Any], asked_at: datetime) -> Ingested:
    _check_readable(completion)
    if completion.upstream_id != upstream.pk:
        raise HeldElsewhere(f"The id {completion.uid} is held here already, and did not come from this upstream.")
    if completion.gone_upstream_at is not None:
        completion.gone_upstream_at = None
        completion.save(update_fields=["gone_upstream_at"])
        queues.welcome_back(completion)
        outbox.listed_again(completion)
    if _sent_since(completion, asked_at):
        return Ingested(completion, Outcome.UNCHANGED, document)
    return _compare(completion, document, asked_at)


def merge(standing: Mapping[str, Any], posted: Mapping[str, Any], *, logged: bool = False) -> dict[str, Any]:
    """Top-level members of `posted` over those of `standing`, whatever order the posts of one completion come in.

    A post of a lower rank (started, then failed, then finished) only fills in what is absent or null, so that nothing
    that has ended starts again. One of a higher rank replaces, as does one of the same rank or without a status. Null
    replaces a value only by an update without a status: in a row that logs how a completion went, and in every `logged`
    one, it is a field not yet known, and would have been filled in, had it come first.
    """
    here = _rank(standing, unsaid=-1)
    theirs = _rank(posted, unsaid=here)
    if theirs < here:
        taken = {name: value for name, value in posted.items() if standing.get(name) is None}
    elif logged or posted.get("status") is not None:
        taken = {name: value for name, value in posted.items() if value is not None or name not in standing}
    else:
        taken = dict(posted)
    if taken.get("status") is None and "status" in standing:
        taken.pop("status", None)
    return {**standing, **taken}


def _rank(document: Mapping[str, Any], *, unsaid: int) -> int:
    status = document.get("status")
    if status is None:
        return unsaid
    return RANKS.get(status, ENDED_SOMEHOW) if isinstance(status, str) else ENDED_SOMEHOW


def check_uid(uid: str) -> None:
    """Raises IngestRefused for what can be no completion's id."""
    if not uid or len(uid) > LONGEST_UID or "\x00" in uid:
        raise IngestRefused(f"The id must be text of 1 to {LONGEST_UID} characters, without NUL.")
    if uid in (".", ".."):
        # HTTP clients take them for steps of the path: such a completion could not be asked for, nor its edit be sent.
        raise IngestRefused(f"“{uid}” cannot be the id of a completion: no address leads to it.")


def _create(organization: Organization, uid: str, document: dict[str, Any], raw: bytes | None) -> Ingested:
    names = documents.tag_names(document)
    completion = made(organization, uid, document, raw)
    try:
        _together.write((completion, names), completion.received.size)
    except WriteApart:
        # Of the first attempt it has keys of rows that are not there.
        completion = made(organization, uid, document, raw)
        _write([(completion, names)])
    return Ingested(completion, Outcome.CREATED, document)


def _write(fresh: Sequence[New]) -> None:
    with turns.turn(pause=len(fresh) > 1), transaction.atomic():
        # Not before it is their turn: the order of lists is that in which they were written.
        now = clock.now()
        for completion, _ in fresh:
            completion.received_at = now
        # In one order, whatever order they came in: two transactions that each wait for an id of the other's would end
        # in a deadlock.
        store_new(sorted(fresh, key=lambda new: (new[0].organization_id, new[0].uid)))


_together = GroupCommit(_write)


def store_new(fresh: Sequence[New]) -> None:
    """Insert what `made` made, in this order, and sort it by its tags; those of one organization stand together. Call
    it within a transaction.
    """
    insert_all([completion.received for completion, _ in fresh])
    insert_all([completion for completion, _ in fresh])
    for organization_id, of_one in groupby(fresh, key=lambda new: new[0].organization_id):
        _sort_new(organization_id, list(of_one))


def _sort_new(organization_id: int, fresh: Sequence[New]) -> None:
    carried = revisions.set_first_tags(organization_id, fresh)
    selecting = feedback_tasks.selecting(organization_id)
    queues.route_new(
        (completion, [queue for queue, needed in selecting if needed <= tag_ids])
        for (completion, _), tag_ids in zip(fresh, carried, strict=True)
    )


def made(
    organization: Organization,
    uid: str,
    document: dict[str, Any],
    raw: bytes | None,
    *,
    upstream: Upstream | None = None,
) -> Completion:
    """A completion that is not here yet, and its document under `received`. The caller saves both."""
    row = documents.made(organization, document, raw)
    completion = Completion(
        organization=organization,
        uid=uid,
        upstream=upstream,
        received=row,
        upstream_document=row if upstream else None,
        received_at=clock.now(),
    )
    revisions.set_current(completion, row, document)
    return completion


def _check_readable(completion: Completion) -> None:
    if completion.purged_at is not None:
        raise IdPurged(PURGED.format(uid=completion.uid))


def _merge(completion: Completion, posted: dict[str, Any], actor: Actor, *, logged: bool) -> Ingested:
    standing = documents.read(completion.current)
    merged = merge(standing, posted, logged=logged)
    if logged and not _is_same(merged, standing) and completion.received_id != completion.current_id:
        # Without its status the post would have no rank.
        known = _repeated(completion, posted) - {"status"}
        news = {name: value for name, value in posted.items() if name not in standing or name not in known}
        merged = merge(standing, news, logged=logged)
    if _is_same(merged, standing):
        return Ingested(completion, Outcome.UNCHANGED, standing)
    _check_size(merged)
    revisions.accept(completion, merged, origin=RevisionOrigin.API, before=standing, actor=actor)
    sort(completion, merged)
    return Ingested(completion, Outcome.CHANGED, merged)


def _check_size(merged: Mapping[str, Any]) -> None:
    """Post by post a completion would grow past what can be sent, pulled or even read again. Raises
    CompletionTooLarge.
    """
    if len(documents.dumps(merged)) > settings.API_MAX_BODY_BYTES:
        raise CompletionTooLarge(
            f"With what it has already the completion would be larger than {settings.API_MAX_BODY_BYTES:,} bytes."
        )


def _repeated(completion: Completion, posted: Mapping[str, Any]) -> set[str]:
    """The members of `posted` that the completion was received with, or that stood before somebody edited it here."""
    edits = completion.revisions.exclude(origin=RevisionOrigin.API).select_related("base").order_by("-number")
    earlier = {document.pk: document for document in [completion.received, *(edit.base for edit in edits[:MOST_EDITS])]}
    found: set[str] = set()
    for document in earlier.values():
        was = documents.read(document)
        found |= {name for name, value in posted.items() if name in was and _is_same(was[name], value)}
    return found


def _is_same(one: Any, other: Any) -> bool:
    """Also in the order of members and the spelling of numbers."""
    return bool(one == other) and documents.dumps(one) == documents.dumps(other)


def _compare(completion: Completion, theirs: dict[str, Any], asked_at: datetime) -> Ingested:
    """What the upstream lists against what it had when we last looked, and against what we have."""
    theirs_hash = documents.semantic_hash(theirs)
    known, current = completion.upstream_document, completion.current
    if known is None:
        raise IngestRefused("This completion has no upstream document, so nothing can be compared with it.")
    if theirs_hash == known.hash:
        if completion.conflict_document_id is not None:
            outbox.leave_conflict(completion)
        outbox.confirm(completion, asked_at=asked_at)
        return Ingested(completion, Outcome.UNCHANGED, theirs)
    if theirs_hash == current.hash:
        # An attempt of ours that ended without a word had arrived after all.
        former_ids = known.pk, completion.conflict_document_id
        completion.upstream_document, completion.conflict_document = current, None
        completion.save(update_fields=["upstream_document", "conflict_document"])
        leftovers.let_go(*former_ids)
        outbox.found_there(completion)
        return Ingested(completion, Outcome.UNCHANGED, theirs)
    late = _late_edit(completion, theirs_hash)
    if late is not None:
        # An older edit of ours that was given up for a newer one, and was applied after all: the newer one goes on.
        completion.upstream_document = late
        completion.save(update_fields=["upstream_document"])
        leftovers.let_go(known.pk)
        return Ingested(completion, Outcome.UNCHANGED, theirs)
    if known.hash == current.hash and not _is_touched(completion):
        standing = documents.read(current)
        revisions.accept(completion, theirs, origin=RevisionOrigin.PULL, before=standing)
        sort(completion, theirs)
        return Ingested(completion, Outcome.CHANGED, theirs)
    standing_conflict = completion.conflict_document
    if standing_conflict is None or standing_conflict.hash != theirs_hash:
        outbox.enter_conflict(completion, documents.store(completion.organization, theirs))
        audit.record(
            "completion.conflict",
            completion,
            organization=completion.organization,
            before=known.hash,
            after=theirs_hash,
        )
    return Ingested(completion, Outcome.CONFLICT, theirs)


def _sent_since(completion: Completion, asked_at: datetime) -> bool:
    """Whether an edit of ours left or arrived after the list was asked for: then the list may still show what stood
    there before, and to take that over would undo the edit.
    """
    edits = Push.objects.filter(completion=completion, kind=PushKind.UPDATE)
    return edits.filter(Q(state=PushState.SENDING) | Q(delivered_at__gte=asked_at)).exists()


def _late_edit(completion: Completion, theirs_hash: str) -> Document | None:
    """The document of an edit of ours that was sent, ended without a word and was superseded, when theirs is that and
    the newer edit is still to come. Were it applied over the newer one, a person would have to know.
    """
    edits = Push.objects.filter(completion=completion, kind=PushKind.UPDATE)
    if not edits.filter(state=PushState.WAITING, revision__result=completion.current).exists():
        return None
    sent = edits.filter(state=PushState.SUPERSEDED, ambiguous=True, revision__result__hash=theirs_hash)
    push = sent.select_related("revision__result").order_by("-pk").first()
    return push.revision.result if push is not None and push.revision is not None else None


def _is_touched(completion: Completion) -> bool:
    """Whether somebody's work here hangs on the text as it stands: an edit that made it or is on its way, or a grade of
    it that has not left yet.
    """
    pushes = Push.objects.filter(completion=completion)
    made_it = Q(kind=PushKind.UPDATE, revision__result=completion.current)
    on_its_way = Q(kind=PushKind.UPDATE, state__in=UNDECIDED)
    graded = Q(kind=PushKind.FEEDBACK, state__in=(PushState.WAITING, PushState.ATTENTION))
    return pushes.filter(made_it | on_its_way | graded).exists()


def sort(completion: Completion, document: Mapping[str, Any]) -> None:
    """Tags from the document, queues from the tags."""
    tag_ids = revisions.set_tags(completion, documents.tag_names(document))
    queues.route(completion, feedback_tasks.matching(completion.organization_id, tag_ids))
