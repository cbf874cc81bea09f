"""Revisions: the one way in which a completion's document changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db.models import CharField

from gradebench.compiled import Compiled, asked, insert_many
from reviews.models import Assignment, Completion, CompletionTag, Document, Revision, RevisionOrigin, Tag
from reviews.workflow import audit, documents, outbox
from reviews.workflow.audit import SYSTEM, Actor

# Up to here a question is kept for each number of tags.
FEW_TAGS = 20


def accept(
    completion: Completion,
    document: Mapping[str, Any],
    *,
    origin: RevisionOrigin,
    before: Mapping[str, Any],
    base: Document | None = None,
    result: Document | None = None,
    actor: Actor = SYSTEM,
    assignment: Assignment | None = None,
) -> Revision:
    """Make `document` the completion's current one. `before` is what `base` says, as read by the caller.

    `base` is what the change starts from, the current document unless given; `result` the stored row of `document`,
    where there is one already. Call it within a transaction that has locked the completion's row (`lock`). Unless the
    upstream has the result already, as it has what comes from a pull, the revision is put into the outbox of the
    completion's upstream in the same transaction.
    """
    base = base or completion.current
    result = result or documents.store(completion.organization, document)
    revision = Revision.objects.create(
        completion=completion,
        number=completion.revision_count + 1,
        base=base,
        result=result,
        origin=origin,
        changes_text=documents.dumps(documents.changes(before, document)).decode(),
        author=actor.user,
        api_token=actor.api_token,
        assignment=assignment,
    )
    set_current(completion, result, document)
    completion.revision_count = revision.number
    if origin == RevisionOrigin.PULL:
        completion.upstream_document = result
    completion.save()
    if completion.upstream_document_id != result.pk:
        outbox.enqueue_revision(revision)
    audit.record(
        "completion.revise",
        completion,
        organization=completion.organization,
        actor=actor,
        before=base.hash,
        after=result.hash,
        details=origin,
    )
    return revision


def lock(completion_id: int) -> Completion:
    """The completion, its row locked until the transaction ends (on SQLite the transaction itself is the lock)."""
    hold(completion_id)
    completion = _with_documents.first(pk=completion_id)
    if completion is None:
        raise Completion.DoesNotExist
    return completion


def hold(completion_id: int) -> Completion:
    """Lock the completion's row until the transaction ends. What it is called and points at is read; the rest, texts
    most of all, is not.
    """
    # Alone, and joined with nothing: PostgreSQL seeks joined rows in the state from before it waited, and would find
    # no completion.
    completion = _for_update.first(pk=completion_id)
    if completion is None:
        raise Completion.DoesNotExist
    return completion


_for_update = Compiled(
    lambda: (
        Completion.objects.select_for_update()
        .filter(pk=asked("pk"))
        .only("uid", "organization", "upstream", "current")
        .order_by()
    )
)
_with_documents = Compiled(lambda: Completion.objects.with_documents().filter(pk=asked("pk")))


def set_current(completion: Completion, row: Document, document: Mapping[str, Any]) -> None:
    """Point at `row` and repeat in the columns what it says. The caller saves."""
    completion.current = row
    for name, value in vars(documents.columns(document)).items():
        setattr(completion, name, value)


def tag_ids(organization_id: int, names: Iterable[str]) -> dict[str, int]:
    """The ids of the tags of these names; those that nothing carried yet are made."""
    wanted = set(names)
    known = _known_tags(organization_id, wanted)
    missing = wanted - known.keys()
    if missing:
        # In one order, whatever order the documents have them in: two transactions that each wait for a tag of the
        # other's would end in a deadlock.
        Tag.objects.bulk_create(
            [Tag(organization_id=organization_id, name=name) for name in sorted(missing)], ignore_conflicts=True
        )
        known |= _known_tags(organization_id, missing)
    return known


def _known_tags(organization_id: int, names: Collection[str]) -> dict[str, int]:
    if len(names) > FEW_TAGS:
        return dict(Tag.objects.filter(organization_id=organization_id, name__in=names).values_list("name", "pk"))
    given = {f"name{at}": name for at, name in enumerate(names)}
    return dict(_tags_named(len(given)).all(organization=organization_id, **given)) if given else {}


@cache
def _tags_named(count: int) -> Compiled[tuple[str, int]]:
    names = [asked(f"name{at}", CharField()) for at in range(count)]
    return Compiled(
        lambda: (
            Tag.objects.filter(organization=asked("organization"), name__in=names).values_list("name", "pk").order_by()
        )
    )


def set_first_tags(organization_id: int, named: Sequence[tuple[Completion, Sequence[str]]]) -> list[set[int]]:
    """As `set_tags` of each of them, of completions that have none yet."""
    ids = tag_ids(organization_id, (name for _, names in named for name in names))
    carried = [{ids[name] for name in names} for _, names in named]
    insert_many(
        CompletionTag(completion_id=completion.pk, tag_id=tag_id)
        for (completion, _), wanted in zip(named, carried, strict=True)
        for tag_id in sorted(wanted)
    )
    return carried


def set_tags(completion: Completion, names: list[str]) -> set[int]:
    """Make the completion's tags these; the ids of the tags."""
    wanted = set(tag_ids(completion.organization_id, names).values())
    links = CompletionTag.objects.filter(completion=completion)
    have = set(links.values_list("tag_id", flat=True))
    if have - wanted:
        links.filter(tag_id__in=have - wanted).delete()
    CompletionTag.objects.bulk_create(
        [CompletionTag(completion=completion, tag_id=tag_id) for tag_id in sorted(wanted - have)],
        ignore_conflicts=True,
    )
    return wanted
