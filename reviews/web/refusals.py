"""What pulls set aside: by reason and one by one, with the bytes, and having it tried again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import resolve_url
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from reviews.access import refusal_for, refusal_to_retry, user_of
from reviews.models import PullRefusal
from reviews.web import json_text
from reviews.web.display_sync import Option, RefusalRow, RefusalsPage
from reviews.web.http import actor_of, is_htmx, render
from reviews.web.keyset import number
from reviews.web.push_list import Scope, scope_of
from reviews.web.upstream_cards import reasons
from reviews.workflow import documents, refusals

PAGE = 25
MOST_BYTES = 16 * 1024
MOST_AT_ONCE = 100
MOST_REASONS = 20


@dataclass(frozen=True, slots=True)
class RefusalFilter:
    """What the address of the list says."""

    upstream_id: int | None = None
    reason: str = ""
    before: int | None = None
    after: int | None = None

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "RefusalFilter":
        """From a query string."""
        reason = given.get("reason", "").replace("\x00", "")
        return cls(number(given.get("upstream")), reason, number(given.get("before")), number(given.get("after")))

    @property
    def query(self) -> str:
        """As a query string."""
        said = {"upstream": self.upstream_id, "reason": self.reason, "before": self.before, "after": self.after}
        return urlencode({name: value for name, value in said.items() if value})

    @property
    def address(self) -> str:
        """Where it leads."""
        return f"{resolve_url('refusals')}?{self.query}" if self.query else resolve_url("refusals")

    def open_ones(self, upstream_ids: tuple[int, ...]) -> QuerySet[PullRefusal]:
        """Those it asks for, of these upstreams, without their bytes; newest first."""
        asked = [pk for pk in upstream_ids if self.upstream_id in (None, pk)]
        found = PullRefusal.objects.open().filter(upstream__in=asked)
        found = found.filter(reason=self.reason) if self.reason else found
        return found.select_related("upstream__organization").defer("data", "upstream__token_sealed").order_by("-pk")


@login_required
@require_GET
def refused(request: HttpRequest) -> HttpResponse:
    """All that is set aside, or what is so from one upstream, for one reason."""
    asked = RefusalFilter.read(request.GET)
    return render(request, "reviews/refusals.html", {"page": _page(asked, scope_of(user_of(request)))})


@login_required
@require_GET
def refusal(request: HttpRequest, pk: int) -> HttpResponse:
    """One item with the beginning of its bytes, as text. A script that opens a row gets the bytes alone."""
    row = refusal_for(request, pk)
    scope = scope_of(user_of(request))
    template = "reviews/_refusal_text.html" if is_htmx(request) else "reviews/refusal.html"
    return render(request, template, {"item": _opened(row, scope), "back": RefusalFilter(row.upstream_id).query})


@login_required
@require_POST
def refusal_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Have one item tried again with the next pull."""
    refusals.try_again(refusal_to_retry(request, pk), actor=actor_of(request))
    return _done(request, _("It is tried again with the next pull, within a second or two."))


@login_required
@require_POST
def refusals_retry(request: HttpRequest) -> HttpResponse:
    """Have all items of one reason tried again, a hundred at a time."""
    wanted = RefusalFilter.read(request.POST)
    waiting = wanted.open_ones(scope_of(user_of(request)).led_upstream_ids).filter(retry_asked_at=None)
    asked = list(waiting[:MOST_AT_ONCE])
    for row in asked:
        refusals.try_again(row, actor=actor_of(request))
    return _done(request, _tried_again(len(asked)))


def _tried_again(count: int) -> str:
    words = ngettext(
        "One is tried again with the next pull, within a second or two.",
        "%(count)s are tried again with the next pull, within a second or two.",
        count,
    ) % {"count": count}
    return " ".join((words, _("There are more: press again for the next."))) if count == MOST_AT_ONCE else words


def _page(asked: RefusalFilter, scope: Scope) -> RefusalsPage:
    found, newer, older = _stretch(asked, scope)
    first, last = (found[0].pk, found[-1].pk) if found else (0, 0)
    counted = reasons(scope, asked.upstream_id)
    return RefusalsPage(
        reasons=tuple(counted[:MOST_REASONS]),
        rows=tuple(_row(row, scope) for row in found),
        upstreams=tuple(Option(str(row.pk), row.name, asked.upstream_id == row.pk) for row in scope.upstreams),
        reason=asked.reason,
        back=asked.query,
        newer=replace(asked, before=None, after=first).address if newer else "",
        older=replace(asked, before=last, after=None).address if older else "",
    )


def _stretch(asked: RefusalFilter, scope: Scope) -> tuple[list[PullRefusal], bool, bool]:
    """The items, and whether there are newer and older ones."""
    matching = asked.open_ones(scope.upstream_ids)
    if asked.after is not None:
        above = list(matching.filter(pk__gt=asked.after).order_by("pk")[: PAGE + 1])
        return above[:PAGE][::-1], len(above) > PAGE, True
    below = list((matching.filter(pk__lt=asked.before) if asked.before else matching)[: PAGE + 1])
    return below[:PAGE], asked.before is not None, len(below) > PAGE


def _row(row: PullRefusal, scope: Scope) -> RefusalRow:
    return RefusalRow(
        id=row.pk,
        upstream=row.upstream.name,
        what=row.get_what_display(),
        name=row.uid,
        reason=row.reason,
        first_at=row.first_at,
        last_at=row.last_at,
        asked=row.retry_asked_at is not None,
        taken_at=row.taken_at,
        may_retry=row.taken_at is None and scope.leads(row.upstream.organization_id),
    )


def _opened(row: PullRefusal, scope: Scope) -> RefusalRow:
    try:
        beginning, cut = documents.beginning(row.data, MOST_BYTES)
    except documents.DocumentUnreadable as error:
        return replace(_row(row, scope), text=str(error))
    return replace(_row(row, scope), text=json_text.showable(beginning.decode(errors="replace")), cut=cut)


def _done(request: HttpRequest, words: str) -> HttpResponse:
    messages.info(request, words)
    response = HttpResponseRedirect(RefusalFilter.read(QueryDict(request.POST.get("back", ""))).address)
    response.status_code = 303
    return response
