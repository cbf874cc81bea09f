"""Documents that nothing points to any more: what an upstream had for a while, and has changed again since.

Nobody can open them, so their text goes at once: a purge, which starts from the completion, would not find it.
"""

from django.db.models import Exists, OuterRef, Q, QuerySet

from reviews.models import Completion, Document, Draft, Encoding, FeedbackCompletion, Revision


def let_go(*document_ids: int | None) -> None:
    """Empty those of these documents that nothing points to. Call it within the transaction that turned away."""
    it = OuterRef("pk")
    stands = Completion.objects.filter(
        Q(received=it) | Q(current=it) | Q(upstream_document=it) | Q(conflict_document=it)
    )
    changed = Revision.objects.filter(Q(base=it) | Q(result=it))
    graded = FeedbackCompletion.objects.filter(document=it)
    drafted = Draft.objects.filter(base=it)
    ids = [pk for pk in document_ids if pk is not None]
    unseen = Document.objects.filter(~Exists(stands), ~Exists(changed), ~Exists(graded), ~Exists(drafted), pk__in=ids)
    empty(list(unseen.values_list("pk", flat=True)))


def empty(document_ids: list[int]) -> int:
    """Take the bytes out of these documents for good, and leave hash and size; of how many."""
    # The plain queryset: that of an append-only row forbids it.
    rows = QuerySet[Document](Document).filter(pk__in=document_ids).exclude(encoding=Encoding.PURGED)
    return rows.update(data=b"", encoding=Encoding.PURGED)
