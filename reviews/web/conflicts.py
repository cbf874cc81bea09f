"""The conflict page: what both sides made of a completion, and the decision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from reviews.access import conflict_for, to_decide, user_of, visible_feedback
from reviews.models import Completion, Document, Revision, RevisionOrigin, User
from reviews.web import conflict_words, edits, rows, three_way
from reviews.web.conflict_words import Parties
from reviews.web.display_conflicts import ConflictPage, GradeQuestion, Heading, MergeBox, OtherChange
from reviews.web.http import actor_of, go_to, posted_id
from reviews.web.words import preview
from reviews.workflow import conflicts, documents
from reviews.workflow.conflicts import Change, Choice, Conflict, Moved
from reviews.workflow.documents import DocumentUnreadable
from reviews.workflow.editing import EditRefused
from reviews.workflow.outbox import NotRetryable

OVER = "Nothing is left to decide here."
CHOOSE = "Choose one of the ways out."
KEPT = "What you wrote is still in the box."
Posted = Mapping[str, str]


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def conflict(request: HttpRequest, pk: int) -> HttpResponse:
    """The three texts and the ways out; a POST decides."""
    completion = conflict_for(request, pk)
    try:
        found = conflicts.find(completion)
        if found is None:
            return _over(request, completion, OVER)
        return _decide(request, found) if request.method == "POST" else _show(request, found)
    except DocumentUnreadable as error:
        return render(request, "reviews/conflict.html", {"page": _unreadable(completion, error)})


def _decide(request: HttpRequest, found: Conflict) -> HttpResponse:
    page = _page(found, user_of(request), request.POST)
    if request.POST.get("choice") not in [offered.value for offered in page.choices]:
        return _refused(request, page, CHOOSE)
    choice = Choice(request.POST["choice"])
    withdrawn = [] if choice == Choice.OURS else [grade.id for grade in page.grades if grade.withdrawn]
    texts = {leaf.pointer: box.text for leaf, box in zip(found.leaves, page.boxes, strict=True)}
    try:
        conflicts.resolve(
            found.completion.pk,
            choice=choice,
            texts=texts if choice == Choice.MERGED else {},
            theirs_id=posted_id(request.POST, "theirs"),
            ours_id=posted_id(request.POST, "ours"),
            withdrawn=withdrawn,
            actor=actor_of(request),
        )
    except (Moved, NotRetryable) as error:
        return _moved(request, found.completion.pk, str(error))
    except EditRefused as error:
        return _refused(request, page, str(error))
    return _onward(request, found, choice, withdrawn=len(withdrawn))


def _onward(request: HttpRequest, found: Conflict, choice: Choice, *, withdrawn: int) -> HttpResponse:
    """To the next that waits for her, or to the completion, with a word on what happens now."""
    waiting, pk = to_decide(user_of(request)), found.completion.pk
    upstream = _parties(found, user_of(request)).upstream
    words = conflict_words.done(found, choice, upstream=upstream, withdrawn=withdrawn, more=len(waiting))
    messages.success(request, words)
    if not waiting:
        return go_to(request, "completion", pk)
    return go_to(request, "conflict", next((later for later in waiting if later > pk), waiting[0]))


def _moved(request: HttpRequest, pk: int, words: str) -> HttpResponse:
    """Somebody or the upstream was faster: the page as it is now, with the text that she made."""
    completion = conflict_for(request, pk)
    found = conflicts.find(completion)
    if found is None:
        return _over(request, completion, words)
    page = _page(found, user_of(request), request.POST)
    kept = f" {KEPT}" if request.POST.get("choice") == Choice.MERGED else ""
    return _refused(request, page, words + kept, status=409)


def _over(request: HttpRequest, completion: Completion, words: str) -> HttpResponse:
    """Nothing is to be decided any more. A text that was made by hand is shown once more, so that it is not lost."""
    made = [text for name, text in request.POST.items() if name.startswith("text/")]
    if made and request.POST.get("choice") == Choice.MERGED:
        context = {"completion": completion, "words": words, "texts": made}
        return render(request, "reviews/conflict_over.html", context, status=409)
    messages.info(request, words)
    return go_to(request, "completion", completion.pk)


def _show(request: HttpRequest, found: Conflict) -> HttpResponse:
    return render(request, "reviews/conflict.html", {"page": _page(found, user_of(request), {})})


def _refused(request: HttpRequest, page: ConflictPage, words: str, *, status: int = 422) -> HttpResponse:
    return render(request, "reviews/conflict.html", {"page": replace(page, errors=(words,))}, status=status)


# What the page shows ---------------------------------------------------------------------------------------------


def _page(found: Conflict, user: User, posted: Posted) -> ConflictPage:
    edit = _edit(found)
    who = _parties(found, user)
    boxes = tuple(_boxes(found, _headings(found, who, edit), who, posted))
    ours_beside = _ours_beside(found)
    seen = set(visible_feedback(user, found.completion).values_list("pk", flat=True))
    grades = tuple(_grades(found, seen, posted))
    clashes = sum(len(box.three_way.clashes) for box in boxes)
    return ConflictPage(
        completion_id=found.completion.pk,
        completion_name=found.completion.uid,
        upstream=who.upstream,
        title=conflict_words.title(found, who),
        lead=conflict_words.lead(found, who),
        words=found.words if found.reason == "refused" else "",
        theirs_id=found.theirs_id,
        ours_id=found.ours_id,
        box_heading=conflict_words.box_heading(found, who),
        boxes=boxes,
        their_changes=tuple(map(_other_change, found.their_changes)),
        our_changes=tuple(map(_other_change, ours_beside)),
        grades=grades,
        hidden_grades=len(found.grades) - len(grades),
        choices=conflict_words.choices(found, who, clashes=clashes, leaves_out=bool(ours_beside)),
        more=sum(pk != found.completion.pk for pk in to_decide(user)),
    )


def _unreadable(completion: Completion, error: DocumentUnreadable) -> ConflictPage:
    return ConflictPage(
        completion_id=completion.pk,
        completion_name=completion.uid,
        upstream=completion.upstream.name if completion.upstream else "",
        title="These texts cannot be compared",
        lead=f"One of them cannot be read: {error} Nothing can be decided here, and nothing was sent.",
        theirs_id=0,
        ours_id=0,
    )


def _parties(found: Conflict, user: User) -> Parties:
    edit, upstream = _edit(found), found.completion.upstream
    mine = edit is not None and edit.author_id == user.pk
    return Parties(
        upstream=upstream.name if upstream else "the upstream",
        whose="your" if mine else f"{rows.by(edit)}'s" if edit else "our",
    )


def _edit(found: Conflict) -> Revision | None:
    """The revision that the decision is about: the one that waits, or that arrived and was lost."""
    if found.push is not None:
        return found.push.revision
    made = found.completion.revisions.exclude(origin=RevisionOrigin.PULL).select_related("author", "api_token")
    return made.order_by("-number").first()


def _headings(found: Conflict, who: Parties, edit: Revision | None) -> dict[str, Heading]:
    """What stands above each text; no base where the upstream has changed nothing that we know of."""
    at = dict(Document.objects.filter(pk__in=(found.base_id, found.theirs_id)).values_list("pk", "created_at"))
    theirs = Heading(f"{who.upstream} now", at[found.theirs_id], "seen")
    ours = Heading(f"{who.whose} edit", edit.created_at if edit else None)
    if found.base_id != found.theirs_id:
        return {"base": _base_heading(found, who, at[found.base_id]), "theirs": theirs, "ours": ours}
    if not found.theirs_known:
        theirs = Heading(f"{who.upstream} when last seen", at[found.theirs_id])
    return {"theirs": theirs, "ours": ours}


def _base_heading(found: Conflict, who: Parties, at: datetime) -> Heading:
    """The text that both sides started from: it was pulled, or it is what the last edit put there."""
    pulled = found.base_id == found.completion.received_id or (
        found.completion.revisions.filter(origin=RevisionOrigin.PULL, result=found.base_id).exists()
    )
    return Heading("as we pulled it" if pulled else f"as {who.upstream} last took it", at)


def _boxes(found: Conflict, headings: Mapping[str, Heading], who: Parties, posted: Posted) -> Iterator[MergeBox]:
    alone = len(found.leaves) == 1
    for index, leaf in enumerate(found.leaves):
        name, missing = f"text{leaf.pointer}", {}
        if not leaf.editable:
            missing["theirs"] = f"{who.upstream} has no text at this place any more."
        label = three_way.place_words(leaf.pointer, alone=alone)
        compared = three_way.compare(leaf.merge, headings, index=index, label=label, missing=missing)
        yield MergeBox(
            three_way=compared,
            name=name,
            text=edits.as_written(posted[name], compared.merged) if name in posted else compared.merged,
            editable=leaf.editable and found.mergeable and found.reason != "absent",
        )


def _ours_beside(found: Conflict) -> Sequence[Change]:
    """What we changed beside the texts, which is no part of a merge."""
    base = documents.read(Document.objects.get(pk=found.base_id))
    shown = {leaf.pointer for leaf in found.leaves}
    changes = documents.changes(base, documents.read(found.completion.current))
    return [Change(*change) for change in changes if change[0] not in shown]


def _other_change(change: Change) -> OtherChange:
    return OtherChange(change.pointer, preview(rows.words(change.before)), preview(rows.words(change.after)))


def _grades(found: Conflict, seen: set[int], posted: Posted) -> Iterator[GradeQuestion]:
    for held in found.grades:
        grade = held.feedback
        if grade.pk in seen:
            yield GradeQuestion(
                id=grade.pk,
                by=rows.by(grade),
                feedback_task=grade.feedback_task.name,
                values=rows.values(grade),
                comment=grade.comment,
                withdrawn=posted.get(f"grade-{grade.pk}") == "withdrawn",
            )
