"""A review that came too late: the document changed while it was written. What she saw, what stands there now and what
she wrote are shown side by side, and the edit box holds both changes, merged; nothing of hers is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reviews.access import document_of
from reviews.models import Assignment, AssignmentState, Completion, Revision, RevisionOrigin, User
from reviews.web import conversation, edits, rows, three_way
from reviews.web.display import Conversation, EditBox, FormError
from reviews.web.display_conflicts import Heading
from reviews.web.http import posted_id
from reviews.workflow import documents, merging

CHANGED = gettext_lazy(
    "This completion has changed since you opened it. Look at what stands there now, then submit again."
)


@dataclass(frozen=True, slots=True)
class Late:
    """What a late form becomes: its edit boxes, her texts for which there is no place any more, and a sentence."""

    boxes: tuple[EditBox, ...]
    lost: tuple[str, ...]
    error: FormError


def is_late(assignment: Assignment, posted: Mapping[str, str]) -> bool:
    """Whether a form was written over another document than the one that stands now. One that was submitted already
    is not late, but done, unless it amends.
    """
    if "document" not in posted or (assignment.state == AssignmentState.DONE and not posted.get("amends")):
        return False
    return posted_id(posted, "document") != assignment.item.completion.current_id


def meet(completion: Completion, user: User, now: Conversation, posted: Mapping[str, str]) -> Late:
    """Hold what she posted against what came between. A form that names no document of this completion shows her text
    as it is.
    """
    seen = _seen(completion, posted_id(posted, "document"))
    change = completion.revisions.select_related("author", "api_token").order_by("-number").first()
    if seen is None or change is None:
        return Late(edits.edit_boxes(now, posted), (), FormError(str(CHANGED)))
    by = _by(change, completion, user)
    hers = {box.name: box for box in edits.edit_boxes(seen, posted)}
    boxes = tuple(_met(box, hers.pop(box.name, None), by, change.created_at) for box in edits.edit_boxes(now))
    lost = tuple(box.text for box in hers.values() if box.changed)
    target = next((box.name for box in boxes if box.three_way), "")
    return Late(boxes, lost, FormError(_words(by, met=bool(target), lost=bool(lost)), target))


def _seen(completion: Completion, pk: int) -> Conversation | None:
    document = document_of(completion, pk)
    try:
        return conversation.read(documents.read(document)) if document else None
    except documents.DocumentUnreadable:
        return None


def _by(change: Revision, completion: Completion, user: User) -> str:
    """Who made the change; "" for herself."""
    if change.origin == RevisionOrigin.PULL and completion.upstream:
        return completion.upstream.name
    return "" if change.author_id == user.pk else rows.by(change)


def _met(box: EditBox, hers: EditBox | None, by: str, at: datetime) -> EditBox:
    """The box of a text as it stands now, and hers over the text that she saw."""
    if hers is None:
        return box
    if hers.original == box.original:
        return replace(box, text=hers.text)
    word = _("by %(who)s") % {"who": by} if by else _("by you")
    headings = {"base": Heading(_("as you opened it")), "theirs": Heading(_("as it stands now"), at, word)}
    if hers.changed:
        headings["ours"] = Heading(_("your edit"))
    merge = merging.merge(hers.original, theirs=box.original, ours=hers.text)
    compared = three_way.compare(merge, headings, index=box.index, our_word=_("yours"))
    return replace(box, text=compared.merged, three_way=compared)


def _words(by: str, *, met: bool, lost: bool) -> str:
    somebody = _("%(who)s changed this completion while you worked on it.") % {"who": by}
    words = [somebody if by else _("You changed this completion while you worked on it.")]
    if met:
        words.append(_("What differs stands at the answer, and the box there holds both, merged."))
    if lost:
        words.append(_("The answer has no text any more where you edited one; copy yours from here if you need it."))
    return " ".join((*words, _("Look at it, then submit again.")))
