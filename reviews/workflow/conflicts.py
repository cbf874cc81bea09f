"""Conflicts: an edit of ours that cannot simply go, what both sides say, and what a person decides."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from reviews.models import Completion, Document, Feedback, Push, PushKind, PushState, Revision, RevisionOrigin
from reviews.models.sync import NEEDS_A_PERSON
from reviews.workflow import audit, documents, editing, grading, ingest, leftovers, merging, outbox, queues, revisions
from reviews.workflow.audit import Actor
from reviews.workflow.documents import Json
from reviews.workflow.editing import EditRefused, LeafEdit
from reviews.workflow.merging import Merge

Reason = Literal["changed", "dropped", "absent", "refused"]
GRADE_WITHDRAWN = gettext_noop("The grade was withdrawn: it was given for another text than the one that stands now.")
EDIT_GIVEN_UP = gettext_noop("Given up: the upstream's text stands.")


class Choice(StrEnum):
    OURS = "ours"
    THEIRS = "theirs"
    MERGED = "merged"


class Moved(RuntimeError):
    """What was decided about is no longer what stands there; the sentence says so, and nothing was written."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text of the answer on which the sides differ; "" where a side has no text there.

    `editable` says whether their document has a text at that place, so that a merged one can be put there.
    """

    pointer: str
    base: str
    theirs: str
    ours: str
    merge: Merge
    editable: bool

    @property
    def clashes(self) -> int:
        """In how many places both changed the same words."""
        return self.merge.clashes


@dataclass(frozen=True, slots=True)
class Change:
    """Something beside the texts of the answer that is otherwise there than we knew it."""

    pointer: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True)
class HeldGrade:
    """A grade that waits for the decision; reviewer and feedback task are joined."""

    feedback: Feedback
    push: Push


@dataclass(frozen=True, slots=True)
class Conflict:
    """What a person has to decide about one completion.

    `reason`: the upstream *changed* the completion; it said that it had our edit and *dropped* it; the completion is
    *absent* from its list, so that nothing can be compared; it *refused* our edit for good. `theirs_known` is False
    where their text is only what they had when it was last seen. The three ids name the documents that were compared.
    """

    completion: Completion
    reason: Reason
    push: Push | None
    words: str
    base_id: int
    theirs_id: int
    ours_id: int
    leaves: tuple[Leaf, ...]
    their_changes: tuple[Change, ...]
    grades: tuple[HeldGrade, ...]

    @property
    def theirs_known(self) -> bool:
        """Whether their text was read, and is not only remembered."""
        return self.reason in ("changed", "dropped")

    @property
    def clashes(self) -> int:
        """Over all texts."""
        return sum(leaf.clashes for leaf in self.leaves)

    @property
    def mergeable(self) -> bool:
        """Whether every text that differs has a place in their document."""
        return all(leaf.editable for leaf in self.leaves)


# Finding ---------------------------------------------------------------------------------------------------------


def find(completion: Completion) -> Conflict | None:
    """What is to be decided about a completion; None when nothing is. Raises documents.DocumentUnreadable."""
    push = _waiting_edit(completion)
    known = completion.upstream_document
    if known is None or (completion.conflict_document is None and push is None):
        return None
    theirs = completion.conflict_document or known
    reason = _reason(completion, push)
    # Of an edit that was dropped their text is the one from before it.
    base = theirs if reason == "dropped" else known
    read = {row.pk: documents.read(row) for row in (base, theirs, completion.current)}
    before, there, here = read[base.pk], read[theirs.pk], read[completion.current.pk]
    leaves = tuple(_leaves(before, there, here))
    shown = {leaf.pointer for leaf in leaves}
    differences = documents.changes(before, there)
    return Conflict(
        completion=completion,
        reason=reason,
        push=push,
        words=push.last_error if push else "",
        base_id=base.pk,
        theirs_id=theirs.pk,
        ours_id=completion.current.pk,
        leaves=leaves,
        their_changes=tuple(Change(*difference) for difference in differences if difference[0] not in shown),
        grades=tuple(_held_grades(completion)),
    )


def waiting_in(organization_ids: Collection[int]) -> Iterator[int]:
    """The ids of the completions of these organizations that wait for a decision, oldest first."""
    edits = Push.objects.filter(
        kind=PushKind.UPDATE, state__in=NEEDS_A_PERSON, completion__organization__in=organization_ids
    )
    changed = Completion.objects.filter(organization__in=organization_ids, conflict_document__isnull=False)
    ids = {*edits.values_list("completion_id", flat=True), *changed.values_list("pk", flat=True)}
    yield from sorted(ids)


def _waiting_edit(completion: Completion) -> Push | None:
    edits = Push.objects.filter(completion=completion, kind=PushKind.UPDATE, state__in=NEEDS_A_PERSON)
    return edits.select_related("upstream", "revision__author", "revision__api_token").order_by("-pk").first()


def _reason(completion: Completion, push: Push | None) -> Reason:
    if completion.conflict_document is not None:
        return "dropped" if _was_dropped(completion, completion.conflict_document) else "changed"
    return "absent" if push is not None and push.state == PushState.ABSENT else "refused"


def _was_dropped(completion: Completion, theirs: Document) -> bool:
    """Whether their text is the one from before an edit that they said they had."""
    delivered = Push.objects.filter(
        completion=completion,
        kind=PushKind.UPDATE,
        state=PushState.DELIVERED,
        revision__result=completion.current,
        revision__base__hash=theirs.hash,
    )
    return delivered.exists()


def _leaves(before: Json, there: Json, here: Json) -> Iterator[Leaf]:
    base, theirs, ours = editing.texts(before), editing.texts(there), editing.texts(here)
    for pointer in dict.fromkeys((*base, *theirs, *ours)):
        sides = [side.get(pointer, "") for side in (base, theirs, ours)]
        if len(set(sides)) > 1:
            before_text, their_text, our_text = sides
            merge = merging.merge(before_text, theirs=their_text, ours=our_text)
            yield Leaf(pointer, before_text, their_text, our_text, merge, editable=pointer in theirs)


def _held_grades(completion: Completion) -> Iterator[HeldGrade]:
    waiting = Push.objects.filter(
        completion=completion, kind=PushKind.FEEDBACK, state__in=(PushState.WAITING, PushState.ATTENTION)
    )
    joined = waiting.select_related("feedback__reviewer", "feedback__feedback_task", "feedback__api_token")
    for push in joined.order_by("pk"):
        if push.feedback is not None:
            yield HeldGrade(push.feedback, push)


# Deciding --------------------------------------------------------------------------------------------------------


def resolve(
    completion_id: int,
    *,
    choice: Choice,
    texts: Mapping[str, str] | None = None,
    theirs_id: int,
    ours_id: int,
    withdrawn: Collection[int] = (),
    actor: Actor,
) -> Revision | None:
    """Carry out a decision: a revision, the outbox, the held grades and the audit in one transaction.

    *Ours* goes out as it stands. *Theirs* becomes current here, and nothing is sent. *Merged* is their document with
    `texts` (JSON pointer to text) put into it. `theirs_id` and `ours_id` name the documents that the person saw;
    `withdrawn` the feedback that no longer stands: it is not sent, and the completion is offered for another review.
    None when our edit, unchanged, only goes again. Raises Moved, editing.EditRefused, documents.DocumentUnreadable.
    """
    with transaction.atomic():
        completion = revisions.lock(completion_id)
        conflict = find(completion)
        if conflict is None:
            raise Moved(_("This was decided already, or the upstream took its change back."))
        if (conflict.theirs_id, conflict.ours_id) != (theirs_id, ours_id):
            raise Moved(_("One of the two texts has changed since you opened this page."))
        former_ids = completion.upstream_document_id, completion.conflict_document_id
        revision = _carry_out(conflict, choice, texts or {}, actor)
        leftovers.let_go(*former_ids)
        _withdraw(conflict, withdrawn, actor)
        _audit(conflict, choice, revision, actor)
    return revision


def _carry_out(conflict: Conflict, choice: Choice, texts: Mapping[str, str], actor: Actor) -> Revision | None:
    theirs = Document.objects.get(pk=conflict.theirs_id)
    there = documents.read(theirs)
    match choice:
        case Choice.THEIRS:
            return _take_theirs(conflict, theirs, there, actor)
        case Choice.MERGED:
            merged = editing.with_texts(there, [LeafEdit(pointer, text) for pointer, text in texts.items()])
            if merged == there:
                return _take_theirs(conflict, theirs, there, actor)
            return _send(conflict, theirs, there, merged, actor)
        case Choice.OURS if conflict.theirs_known:
            return _send(conflict, theirs, there, documents.read(conflict.completion.current), actor)
        case Choice.OURS:
            if conflict.push is None:
                raise EditRefused(_("There is no edit of ours to send."))
            outbox.retry(conflict.push, actor=actor)
            return None


def _take_theirs(conflict: Conflict, theirs: Document, there: Mapping[str, Json], actor: Actor) -> Revision | None:
    completion = conflict.completion
    _give_up_edits(completion)
    if completion.current_id == theirs.pk:
        _settle(completion, theirs)
        completion.save()
        return None
    return _accept(completion, there, theirs, result=theirs, before=documents.read(completion.current), actor=actor)


def _send(
    conflict: Conflict, theirs: Document, there: Mapping[str, Json], document: dict[str, Json], actor: Actor
) -> Revision:
    completion = conflict.completion
    if documents.dumps(document) == documents.dumps(documents.read(completion.current)):
        # Ours, or a merge that came out as ours: what the upstream will see change is the difference to theirs.
        return _accept(completion, document, theirs, base=theirs, before=there, actor=actor)
    return _accept(completion, document, theirs, before=documents.read(completion.current), actor=actor)


def _accept(
    completion: Completion,
    document: Mapping[str, Json],
    theirs: Document,
    *,
    before: Mapping[str, Json],
    actor: Actor,
    base: Document | None = None,
    result: Document | None = None,
) -> Revision:
    _settle(completion, theirs)
    gone = completion.gone_upstream_at is not None
    revision = revisions.accept(
        completion,
        document,
        origin=RevisionOrigin.RESOLUTION,
        before=before,
        base=base,
        result=result,
        actor=actor,
    )
    if gone:
        # She was told that nothing there can be compared.
        Push.objects.filter(revision=revision).update(unchecked=True)
    ingest.sort(completion, document)
    return revision


def _settle(completion: Completion, theirs: Document) -> None:
    """From here on their text is what the next change of theirs is measured by. The caller saves."""
    completion.upstream_document = theirs
    completion.conflict_document = None


def _give_up_edits(completion: Completion) -> None:
    edits = Push.objects.undecided().filter(completion=completion, kind=PushKind.UPDATE)
    edits.exclude(state=PushState.SENDING).update(state=PushState.DISCARDED, last_error=EDIT_GIVEN_UP)


def _withdraw(conflict: Conflict, withdrawn: Collection[int], actor: Actor) -> None:
    for grade in conflict.grades:
        if grade.feedback.pk not in withdrawn:
            continue
        feedback = grade.feedback
        mine = Push.objects.filter(pk=grade.push.pk, state=grade.push.state)
        if not mine.update(state=PushState.DISCARDED, last_error=GRADE_WITHDRAWN):
            continue
        if feedback.assignment_id:
            queues.review_again(feedback.assignment_id)
        organization, before = conflict.completion.organization, grading.hash_of(feedback)
        audit.record("feedback.withdraw", feedback, organization=organization, actor=actor, before=before)


def _audit(conflict: Conflict, choice: Choice, revision: Revision | None, actor: Actor) -> None:
    completion = conflict.completion
    audit.record(
        "conflict.resolve",
        completion,
        organization=completion.organization,
        actor=actor,
        before=Document.objects.only("hash").get(pk=conflict.ours_id).hash,
        after=revision.result.hash if revision else "",
        details=f"{conflict.reason}: {choice}",
    )
