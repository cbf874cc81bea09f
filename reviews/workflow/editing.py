"""Editing: one leaf of an answer, made by a person, carried upstream."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from reviews.models import Assignment, Completion, Document, Revision, RevisionOrigin
from reviews.workflow import documents, revisions
from reviews.workflow.audit import Actor

# What the model said, and nothing else: the request is what was asked, and stays.
EDITABLE = re.compile(r"/response/choices/\d+/(message/content|message/content/\d+/text|text)")
LONGEST_TEXT = 4_000_000


class EditRefused(ValueError):
    """An edit that cannot be made; the sentence says why."""


class StaleDocument(RuntimeError):
    """The document has changed since the edit was begun: nothing is written."""


@dataclass(frozen=True)
class LeafEdit:
    """One leaf: the JSON pointer of a text of the answer, and its new text."""

    pointer: str
    text: str


def edit(
    completion_id: int,
    edits: Iterable[LeafEdit],
    *,
    base_id: int,
    actor: Actor,
    assignment: Assignment | None = None,
) -> Revision | None:
    """Change leaves of the answer in one revision; None when they say what stands there already.

    `base_id` is the document on which the edit was made. Call it within a transaction. Raises StaleDocument when the
    current document is another one, EditRefused when a pointer names no text of an answer.
    """
    completion: Completion = revisions.lock(completion_id)
    if completion.current_id != base_id:
        raise StaleDocument(_("This completion has changed since you opened it."))
    before = documents.read(completion.current)
    after = with_texts(before, edits)
    if after == before:
        return None
    return revisions.accept(
        completion, after, origin=RevisionOrigin.EDIT, before=before, actor=actor, assignment=assignment
    )


@transaction.atomic
def go_back(completion: Completion, to: Document, *, base_id: int, actor: Actor) -> Revision | None:
    """Make the answer say again what it said in an earlier document of the completion, by an edit like any other; None
    when it says so already. Raises what `edit` raises.
    """
    return edit(completion.pk, earlier_texts(completion, to), base_id=base_id, actor=actor)


def earlier_texts(completion: Completion, to: Document) -> list[LeafEdit]:
    """The texts of the answer that say something else now, as they were; a text that has no place now is left out."""
    now, then = texts(documents.read(completion.current)), texts(documents.read(to))
    return [LeafEdit(pointer, text) for pointer, text in then.items() if now.get(pointer, text) != text]


def texts(document: documents.Json) -> dict[str, str]:
    """The texts of all answers in a document that can be edited, by their JSON pointers, in order."""
    response = document.get("response") if isinstance(document, dict) else None
    choices = response.get("choices") if isinstance(response, dict) else None
    found: dict[str, str] = {}
    for index, choice in enumerate(choices if isinstance(choices, list) else []):
        for place in _places(choice):
            pointer = f"/response/choices/{index}/{place}"
            text = documents.at(document, pointer)
            if isinstance(text, str):
                found[pointer] = text
    return found


def _places(choice: documents.Json) -> Iterator[str]:
    """Where in a choice there may be a text."""
    if not isinstance(choice, dict):
        return
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        for number, part in enumerate(content):
            if isinstance(part, dict) and "text" in part:
                yield f"message/content/{number}/text"
    elif content is not None:
        yield "message/content"
    if "text" in choice:
        yield "text"


def with_texts(document: dict[str, documents.Json], edits: Iterable[LeafEdit]) -> dict[str, documents.Json]:
    """The document with these texts of its answers, all else as it is. Raises EditRefused."""
    for leaf in edits:
        document = _with_text(document, leaf)
    return document


def _with_text(document: dict[str, documents.Json], leaf: LeafEdit) -> dict[str, documents.Json]:
    if not EDITABLE.fullmatch(leaf.pointer):
        raise EditRefused(_("Only the text of an answer can be edited."))
    if len(leaf.text) > LONGEST_TEXT:
        words = _("The text is longer than %(most)s characters.")
        raise EditRefused(words % {"most": f"{LONGEST_TEXT:,}"})
    try:
        standing = documents.at(document, leaf.pointer)
        leaf.text.encode()
    except documents.PointerMissing as error:
        raise EditRefused(_("This answer has no text there to edit.")) from error
    except UnicodeEncodeError as error:
        raise EditRefused(_("The text has half a character (a lone surrogate) in it.")) from error
    if not isinstance(standing, str):
        raise EditRefused(_("What stands there is not a text."))
    return document if standing == leaf.text else documents.with_leaf(document, leaf.pointer, leaf.text)
