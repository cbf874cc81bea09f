"""The sync page: upstreams with their pulls, the pushes, and what a lead can do about them. Its parts are asked for
again while somebody looks, and only those that changed are sent.
"""

import hashlib
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from reviews.access import push_to_decide, upstream_to_pull, user_of
from reviews.models import User
from reviews.web.display_sync import Figure, Figures, SyncPage, UpstreamCard
from reviews.web.http import actor_of, day_start, is_htmx, render
from reviews.web.push_list import PushFilter, Scope, filter_bar, push_list, scope_of, to_push_again, urgent_list
from reviews.web.upstream_cards import cards
from reviews.workflow import outbox, pushes, upstreams
from reviews.workflow.pushes import MOST_ARRIVALS, MOST_COUNTED, Group, Wanted

PARTS = ("figures", "urgent", "upstreams", "pushes")
BUSY_SECONDS = 2
CALM_SECONDS = 10


@login_required
@never_cache
@require_GET
def sync(request: HttpRequest) -> HttpResponse:
    """What came, what is on its way, and what needs a person."""
    page = _page(user_of(request), PushFilter.read(request.GET))
    return render(request, "reviews/sync.html", {"page": page, "seen": "-".join(_fingerprints(page))})


@login_not_required
@never_cache
@require_GET
def sync_live(request: HttpRequest) -> HttpResponse:
    """The parts of the page that are no longer as `seen` has them; 204 when all are."""
    # A redirect to the sign-in page would be followed by the script, and its form put into this page.
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    page = _page(user_of(request), PushFilter.read(request.GET))
    return _parts(request, page, seen=request.GET.get("seen", ""))


@login_required
@require_POST
def pull_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the next pull due at once."""
    upstream = upstream_to_pull(request, pk)
    upstreams.ask_for_pull(upstream, actor=actor_of(request))
    return _done(request, _("%(upstream)s is pulled within a second or two.") % {"upstream": upstream.name})


@login_required
@require_POST
def push_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Push again what was refused, what could not be compared, or an edit that had arrived."""
    try:
        outbox.retry(push_to_decide(request, pk), actor=actor_of(request))
    except outbox.NotRetryable as error:
        return _done(request, str(error), refused=True)
    return _done(request, _("It is on its way again."))


@login_required
@require_POST
def push_give_up(request: HttpRequest, pk: int) -> HttpResponse:
    """Give up a grade that the upstream refuses: it stays here."""
    try:
        outbox.discard(push_to_decide(request, pk), actor=actor_of(request))
    except outbox.NotDiscardable as error:
        return _done(request, str(error), refused=True)
    return _done(request, _("The grade was given up. It stays here and is not sent."))


@login_required
@require_POST
def pushes_retry(request: HttpRequest) -> HttpResponse:
    """Push again all that was refused and matches the filter, a hundred at a time."""
    scope, again = scope_of(user_of(request)), 0
    wanted = PushFilter.read(QueryDict(request.POST.get("filter", "")))
    for push in to_push_again(wanted, scope).pushes:
        try:
            outbox.retry(push_to_decide(request, push.pk), actor=actor_of(request))
        except outbox.NotRetryable:
            # Somebody was faster with this one.
            continue
        again += 1
    words = ngettext("One is on its way again.", "%(count)s are on their way again.", again)
    return _done(request, words % {"count": again})


# The page and its parts ------------------------------------------------------------------------------------------


def _page(user: User, asked: PushFilter) -> SyncPage:
    scope = scope_of(user)
    shown = cards(scope)
    figures = _figures(scope, shown, since=day_start(user))
    busy = figures.way.count > 0 or any(card.running for card in shown)
    return SyncPage(
        figures=figures,
        urgent=urgent_list(scope) if not asked.narrowed and asked.is_start else None,
        upstreams=shown,
        pushes=push_list(asked, scope),
        filters=filter_bar(asked, scope.upstreams),
        live=asked.address("sync_live"),
        every=BUSY_SECONDS if busy else CALM_SECONDS,
    )


def _figures(scope: Scope, shown: tuple[UpstreamCard, ...], *, since: datetime) -> Figures:
    ids = scope.upstream_ids
    waiting, way = Wanted(ids, Group.PERSON.states), Wanted(ids, Group.WAY.states)
    refused = sum(card.refused_count for card in shown)
    alone = pushes.conflicts_alone(scope.standing.organization_ids).order_by()[: MOST_COUNTED + 1].count()
    return Figures(
        person=Figure(pushes.count(waiting) + alone, MOST_COUNTED),
        way=Figure(pushes.count(way), MOST_COUNTED),
        arrived_today=Figure(pushes.arrived_since(ids, since), MOST_ARRIVALS),
        refused=Figure(refused, refused),
        oldest_at=pushes.oldest_at(way),
    )


def _fingerprints(page: SyncPage) -> list[str]:
    """A short word for each part, another one when the part looks different."""
    parts = (repr(getattr(page, name)) for name in PARTS)
    return [hashlib.blake2s(part.encode(errors="surrogatepass"), digest_size=6).hexdigest() for part in parts]


def _parts(request: HttpRequest, page: SyncPage, *, seen: str = "", said: str = "", status: int = 200) -> HttpResponse:
    prints, known = _fingerprints(page), seen.split("-")
    known += [""] * (len(prints) - len(known))
    changed = [name for name, now, then in zip(PARTS, prints, known, strict=False) if now != then]
    if not changed and not said:
        return HttpResponse(status=204)
    context = {"page": page, "parts": changed, "seen": "-".join(prints), "said": said, "oob": True}
    return render(request, "reviews/_sync_parts.html", context, status=status)


def _done(request: HttpRequest, words: str, *, refused: bool = False) -> HttpResponse:
    """Back to the list as it was, with a sentence; where a script asked, the parts of the page as they are now."""
    asked = _asked(request)
    if is_htmx(request):
        return _parts(request, _page(user_of(request), asked), said=words, status=409 if refused else 200)
    messages.add_message(request, messages.ERROR if refused else messages.INFO, words)
    response = HttpResponseRedirect(asked.address())
    response.status_code = 303
    return response


def _asked(request: HttpRequest) -> PushFilter:
    """The filter of the list that the form stood in."""
    return PushFilter.read(QueryDict(request.POST.get("back", "")))
