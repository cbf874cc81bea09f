"""What the review screen is told while it is open: that the item is no longer hers, or no longer says what she sees."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from reviews.access import claim_for
from reviews.models import AssignmentState, RevisionOrigin
from reviews.web.push_list import number
from reviews.workflow import claim_news
from reviews.workflow.claim_news import Kind, News

KEPT = "What you wrote is still here: copy what you want to keep."
STILL_FREE = "What you wrote is still here, and you can still submit it, as long as nobody else has taken the item."
IN_ANOTHER_TAB = "What you wrote here is not part of that."
READ_FIRST = "What you wrote is still here. Read the new text before you submit."
_WORDS = {
    Kind.TAKEN: ("Somebody else has taken this item.", KEPT),
    Kind.ELSEWHERE: ("You have this item open in another tab, or did so and submitted it there.", IN_ANOTHER_TAB),
    Kind.SUBMITTED: ("You have submitted this item in another tab.", IN_ANOTHER_TAB),
    Kind.SKIPPED: ("You have skipped this item in another tab.", IN_ANOTHER_TAB),
}
_CHANGED_BY = {
    RevisionOrigin.PULL: "This text was changed upstream.",
    RevisionOrigin.API: "The application has changed this completion.",
    RevisionOrigin.EDIT: "Somebody else has edited this text.",
    RevisionOrigin.RESOLUTION: "A conflict about this text was decided.",
}


@dataclass(frozen=True, slots=True)
class ShownNews:
    """What happened and what it means for her words. `reload` and `go_on` say what she can do."""

    words: str
    kept: str
    at: datetime | None
    reload: bool
    go_on: bool


@never_cache
@require_GET
def claim(request: HttpRequest, pk: int) -> HttpResponse:
    """The news of her claim; 204 while the screen has it all."""
    # A redirect to the sign-in page would be followed by the script.
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    assignment = claim_for(request, pk)
    news = claim_news.news_of(assignment, seen_id=number(request.GET.get("document")) or 0)
    seen = f"{news.kind}-{news.document_id}" if news else ""
    if seen == request.GET.get("seen", ""):
        return HttpResponse(status=204)
    context = {
        "news": _shown(news) if news else None,
        "seen": seen,
        "assignment_id": assignment.pk,
        "queue_id": assignment.item.queue_id,
        "completion_id": assignment.item.completion_id,
    }
    return render(request, "reviews/_claim_news.html", context)


def _shown(news: News) -> ShownNews:
    words, kept = _sentences(news)
    changed = news.kind == Kind.CHANGED
    return ShownNews(words, kept, news.at, reload=changed, go_on=not changed)


def _sentences(news: News) -> tuple[str, str]:
    match news.kind:
        case Kind.CHANGED:
            return _CHANGED_BY.get(RevisionOrigin(news.why), _CHANGED_BY[RevisionOrigin.API]), READ_FIRST
        case Kind.GONE:
            return f"This item has left the queue: {news.why}.", KEPT
        case Kind.RELEASED if news.by_others:
            return "A lead has taken this item back.", STILL_FREE
        case Kind.RELEASED:
            return f"This item is no longer yours: {news.why or 'it was given back'}.", STILL_FREE
        case Kind.TAKEN if news.why == AssignmentState.EXPIRED:
            return "Your claim ran out, and somebody else has taken this item.", KEPT
        case kind:
            return _WORDS[kind]
