"""The inbox of flags: what reviewers passed on to a lead, and what she does about it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import resolve_url
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from reviews.access import item_to_lead, queues_led, user_of
from reviews.models import ItemState, Queue, QueueItem
from reviews.web import keyset
from reviews.web.display_leads import FlagRow, FlagsPage
from reviews.web.display_sync import Figure, Option
from reviews.web.http import actor_of, go_to, render
from reviews.web.json_text import showable
from reviews.workflow import kept_words, queue_items
from reviews.workflow.queue_items import MOST_REASON, NotSo
from reviews.workflow.queues import ClaimLost

PAGE = 50
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class FlagFilter:
    """What the address of the inbox says: one queue or all, and the flag after which this page begins."""

    queue_id: int | None = None
    after: tuple[datetime, int] | None = None

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "FlagFilter":
        """From a query string. What cannot be read in it asks for nothing."""
        return cls(keyset.number(given.get("queue")), keyset.read(given.get("after", "")))

    @property
    def query(self) -> str:
        """As a query string."""
        after = keyset.said(self.after)
        return urlencode({name: value for name, value in (("queue", self.queue_id), ("after", after)) if value})

    @property
    def address(self) -> str:
        """Where it leads."""
        return f"{resolve_url('flags')}?{self.query}" if self.query else resolve_url("flags")


@login_required
@never_cache
@require_GET
def flags(request: HttpRequest) -> HttpResponse:
    """All that was flagged in the queues that she leads."""
    queues = list(queues_led(user_of(request)).order_by("name", "pk"))
    if not queues:
        raise PermissionDenied(_("Only a lead sees flags."))
    return render(request, "reviews/flags.html", {"page": _page(queues, FlagFilter.read(request.GET))})


@login_required
@require_POST
def flag_back(request: HttpRequest, pk: int) -> HttpResponse:
    """The lead has looked: take the flag off."""
    item = item_to_lead(request, pk)
    try:
        queue_items.unflag(item, actor=actor_of(request))
    except NotSo as error:
        return _done(request, str(error), refused=True)
    if item.state != ItemState.OPEN:
        return _done(request, _("The flag was taken off."))
    return _done(request, _("It is back in %(queue)s, for who skipped it, too.") % {"queue": item.queue.name})


@login_required
@require_POST
def flag_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the item out of its queue, with a reason."""
    item = item_to_lead(request, pk)
    reason = request.POST.get("reason", "").replace("\x00", "").strip()
    if not reason:
        return _done(request, _("Not closed: say in a few words why."), refused=True)
    if len(reason) > MOST_REASON:
        long = ngettext("At most %d character.", "At most %d characters.", MOST_REASON) % MOST_REASON
        return _done(request, _("Not closed: the reason is too long.") + " " + long, refused=True)
    try:
        queue_items.close(item, reason=reason, actor=actor_of(request))
    except NotSo as error:
        return _done(request, str(error), refused=True)
    return _done(request, _("Closed. It stands among the withdrawn items of its queue and can be reopened there."))


@login_required
@require_POST
def flag_grade(request: HttpRequest, pk: int) -> HttpResponse:
    """Claim the item and open its review screen."""
    item = item_to_lead(request, pk)
    try:
        assignment = queue_items.take(item, reviewer=user_of(request), actor=actor_of(request))
    except ClaimLost as error:
        return _done(request, str(error), refused=True)
    return go_to(request, "review", assignment.pk)


def _page(queues: list[Queue], asked: FlagFilter) -> FlagsPage:
    start = replace(asked, after=None)
    wanted = [queue.pk for queue in queues if asked.queue_id in (None, queue.pk)]
    found = queue_items.flagged(wanted, most=PAGE, after=asked.after)
    count = queue_items.count_flagged({queue.organization_id for queue in queues}, most=MOST_COUNTED)
    return FlagsPage(
        rows=tuple(_row(item) for item in found.items),
        count=Figure(count, MOST_COUNTED),
        queues=tuple(Option(str(queue.pk), queue.name, asked.queue_id == queue.pk) for queue in queues),
        back=asked.query,
        first=start.address if asked.after else "",
        further=replace(asked, after=_place_of(found.items[-1])).address if found.more else "",
    )


def _row(item: QueueItem) -> FlagRow:
    is_open = item.state == ItemState.OPEN
    return FlagRow(
        id=item.pk,
        completion_id=item.completion_id,
        completion_name=item.completion.uid,
        preview=showable(item.completion.preview),
        queue_id=item.queue_id,
        queue_name=item.queue.name,
        reason=item.flag_reason,
        by=item.flagged_by.get_username() if item.flagged_by else "",
        at=_place_of(item)[0],
        over="" if is_open else kept_words.shown(item.closed_because) or _("done"),
        may_grade=is_open and item.places_taken < item.reviews_needed,
    )


def _place_of(item: QueueItem) -> keyset.Place:
    """Where a flagged item stands in the list."""
    return item.flagged_at or item.created_at, item.pk


def _done(request: HttpRequest, words: str, *, refused: bool = False) -> HttpResponse:
    """Back to the inbox as it was, with a sentence."""
    messages.add_message(request, messages.ERROR if refused else messages.INFO, words)
    response = HttpResponseRedirect(FlagFilter.read(QueryDict(request.POST.get("back", ""))).address)
    response.status_code = 303
    return response
