"""What the review screen is told while it is open: that the item is no longer hers, or no longer says what she sees."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from reviews.access import claim_for
from reviews.models import AssignmentState, RevisionOrigin
from reviews.web.http import render
from reviews.web.keyset import number
from reviews.workflow import claim_news
from reviews.workflow.claim_news import Kind, News
from reviews.workflow.kept_words import shown

KEPT = gettext_lazy("What you wrote is still here: copy what you want to keep.")
STILL_FREE = gettext_lazy(
    "What you wrote is still here, and you can still submit it, as long as nobody else has taken the item."
)
IN_ANOTHER_TAB = gettext_lazy("What you wrote here is not part of that.")
COUNTS_TOO = gettext_lazy(
    "What you wrote is still here. Submit it, and your grade counts as well; or skip the item: nobody else is asked."
)
READ_FIRST = gettext_lazy("What you wrote is still here. Read the new text before you submit.")
_SENTENCES = {
    Kind.GONE: (gettext_lazy("This item left the queue"), KEPT),
    Kind.TAKEN: (gettext_lazy("Somebody else has taken this item"), KEPT),
    Kind.RELEASED: (gettext_lazy("This item was given back"), STILL_FREE),
    Kind.ELSEWHERE: (gettext_lazy("You have opened this item again in another tab"), IN_ANOTHER_TAB),
    Kind.SUBMITTED: (gettext_lazy("You submitted this item in another tab"), IN_ANOTHER_TAB),
    Kind.SKIPPED: (gettext_lazy("You skipped this item in another tab"), IN_ANOTHER_TAB),
    Kind.GRADED: (gettext_lazy("An application has graded this item meanwhile"), COUNTS_TOO),
}
_CHANGED_BY = {
    RevisionOrigin.PULL: gettext_lazy("The upstream changed this text"),
    RevisionOrigin.API: gettext_lazy("The application changed this completion"),
    RevisionOrigin.EDIT: gettext_lazy("Somebody else edited this text"),
    RevisionOrigin.RESOLUTION: gettext_lazy("A conflict about this text was decided"),
}


@dataclass(frozen=True, slots=True)
class ShownNews:
    """What happened, when and why, and what it means for her words. `reload`: there is a new text to read; else she
    can go on to the next item, unless she still holds this one.
    """

    words: str
    kept: str
    at: datetime | None = None
    why: str = ""
    reload: bool = False
    still_hers: bool = False


@login_not_required
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
    if news.kind == Kind.CHANGED:
        origin = RevisionOrigin(news.why) if news.why else RevisionOrigin.API
        return ShownNews(str(_CHANGED_BY[origin]), str(READ_FIRST), news.at, reload=True)
    words, kept = map(str, _SENTENCES[news.kind])
    if news.kind == Kind.GRADED:
        return ShownNews(words, kept, news.at, still_hers=True)
    if news.kind == Kind.TAKEN and news.why == AssignmentState.EXPIRED:
        return ShownNews(_("Your claim ran out, and somebody else has taken this item"), kept)
    if news.by_others:
        return ShownNews(_("A lead took this item back"), kept, news.at)
    return ShownNews(words, kept, news.at, f": {shown(news.why)}" if news.why and news.kind != Kind.TAKEN else "")
