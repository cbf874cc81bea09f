"""The conflict page: what both sides made of a completion, and the decision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from reviews.access import conflict_for, to_decide, user_of, visible_feedback
from reviews.models import Completion, Document, Push, PushKind, Revision, RevisionOrigin, User
from reviews.web import conflict_words, edits, rows, three_way
from reviews.web.conflict_words import Parties
from reviews.web.display_conflicts import ConflictPage, GradeQuestion, Heading, MergeBox, OtherChange
from reviews.web.http import actor_of, go_to, posted_id, render
from reviews.web.words import preview
from reviews.workflow import conflicts, documents
from reviews.workflow.conflicts import Change, Choice, Conflict, Moved
from reviews.workflow.documents import DocumentUnreadable
from reviews.workflow.editing import EditRefused
from reviews.workflow.kept_words import shown
from reviews.workflow.outbox import NotRetryable

OVER = gettext_lazy("Nothing is left to decide here.")
CHOOSE = gettext_lazy("Choose one of the ways out.")
KEPT = gettext_lazy("What you wrote is still in the box.")
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
            return _over(request, completion, str(OVER))
        return _decide(request, found) if request.method == "POST" else _show(request, found)
    except DocumentUnreadable as error:
        return render(request, "reviews/conflict.html", {"page": _unreadable(completion, error)})


def _decide(request: HttpRequest, found: Conflict) -> HttpResponse:
    page = _page(found, user_of(request), request.POST)
    if request.POST.get("choice") not in [offered.value for offered in page.choices]:
        return _refused(request, page, str(CHOOSE))
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
    words = conflict_words.done(
        found,
        choice,
        upstream=_upstream(found.completion),
        sent=Push.objects.undecided().filter(completion=pk, kind=PushKind.UPDATE).exists(),
        withdrawn=withdrawn,
        more=len(waiting),
    )
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
        words=shown(found.words) if found.reason == "refused" else "",
        theirs_id=found.theirs_id,
        ours_id=found.ours_id,
        box_heading=conflict_words.box_heading(found, who),
        boxes=boxes,
        their_changes=tuple(map(_other_change, found.their_changes)),
        our_changes=tuple(map(_other_change, ours_beside)),
        grades=grades,
        hidden_grades=len(found.grades) - len(grades),
        choices=conflict_words.choices(found, who, clashes=clashes, leaves_out=bool(ours_beside)),
        waiting=len(to_decide(user)),
    )


def _unreadable(completion: Completion, error: DocumentUnreadable) -> ConflictPage:
    return ConflictPage(
        completion_id=completion.pk,
        completion_name=completion.uid,
        upstream=_upstream(completion),
        title=_("These texts cannot be compared"),
        lead=_("One of them cannot be read: %(why)s Nothing can be decided here, and nothing was sent.")
        % {"why": error},
        theirs_id=0,
        ours_id=0,
    )


def _parties(found: Conflict, user: User) -> Parties:
    edit, completion = _edit(found), found.completion
    mine = edit is not None and edit.author_id == user.pk
    last = completion.upstream_document if found.push is None and found.reason == "changed" else None
    whose = _("%(who)s's") % {"who": rows.by(edit)} if edit else ""
    return Parties(
        upstream=_upstream(completion),
        whose=_("your") if mine else whose,
        arrived=last is not None and last.hash == completion.current.hash,
    )


def _upstream(completion: Completion) -> str:
    return completion.upstream.name if completion.upstream else _("the upstream")


def _edit(found: Conflict) -> Revision | None:
    """The revision that the decision is about: the one that waits, or else that stands here; None where what stands
    here was pulled.
    """
    if found.push is not None:
        return found.push.revision
    newest = found.completion.revisions.select_related("author", "api_token").order_by("-number").first()
    return newest if newest and newest.origin != RevisionOrigin.PULL else None


def _headings(found: Conflict, who: Parties, edit: Revision | None) -> dict[str, Heading]:
    """What stands above each text; no base where the upstream has changed nothing that we know of."""
    at = dict(Document.objects.filter(pk__in=(found.base_id, found.theirs_id)).values_list("pk", "created_at"))
    theirs = Heading(_("%(upstream)s now") % {"upstream": who.upstream}, at[found.theirs_id], _("seen"))
    made = _("%(whose)s edit") % {"whose": who.whose} if who.whose else _("as it was graded")
    ours = Heading(made, edit.created_at if edit else None)
    if who.arrived:
        return {"base": ours, "theirs": theirs}
    if found.base_id != found.theirs_id:
        return {"base": _base_heading(found, who, at[found.base_id]), "theirs": theirs, "ours": ours}
    if not found.theirs_known:
        theirs = Heading(_("%(upstream)s when last seen") % {"upstream": who.upstream}, at[found.theirs_id])
    return {"theirs": theirs, "ours": ours}


def _base_heading(found: Conflict, who: Parties, at: datetime) -> Heading:
    """The text that both sides started from: it was pulled, or it is what the last edit put there."""
    pulled = found.base_id == found.completion.received_id or (
        found.completion.revisions.filter(origin=RevisionOrigin.PULL, result=found.base_id).exists()
    )
    taken = _("as %(upstream)s last took it") % {"upstream": who.upstream}
    return Heading(_("as we pulled it") if pulled else taken, at)


def _boxes(found: Conflict, headings: Mapping[str, Heading], who: Parties, posted: Posted) -> Iterator[MergeBox]:
    alone = len(found.leaves) == 1
    for index, leaf in enumerate(found.leaves):
        name, missing = f"text{leaf.pointer}", {}
        if not leaf.editable:
            missing["theirs"] = _("%(upstream)s has no text at this place any more.") % {"upstream": who.upstream}
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
