"""The items of a queue, list by list, and offering them again: what was skipped, done, closed or is held."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from reviews.access import leads_in, queue_to_lead
from reviews.models import Assignment, AssignmentState, Completion, ItemState, QueueItem, User
from reviews.web.display_leads import ItemAction, ItemNote, ItemRow, ItemsPage, LedItem
from reviews.web.display_sync import Option
from reviews.web.http import actor_of, posted_id, render
from reviews.web.json_text import showable
from reviews.web.keyset import number
from reviews.workflow import queue_items as verbs
from reviews.workflow.audit import Actor
from reviews.workflow.kept_words import shown
from reviews.workflow.queue_items import Claim, Listed, NotSo

PAGE = 50
_LABELS = {
    "waiting": gettext_lazy("Waiting"),
    "held": gettext_lazy("Held"),
    "skipped": gettext_lazy("Skipped"),
    "done": gettext_lazy("Done"),
    "withdrawn": gettext_lazy("Withdrawn"),
}
_EMPTY = {
    "waiting": gettext_lazy("Nothing waits for a review."),
    "held": gettext_lazy("Nobody holds an item."),
    "skipped": gettext_lazy("Nobody has skipped an open item."),
    "done": gettext_lazy("Nothing is done yet."),
    "withdrawn": gettext_lazy("Nothing was withdrawn."),
}
_ACTION = {"held": "release", "skipped": "requeue", "done": "reopen", "withdrawn": "reopen"}


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """What the address of a list says. What cannot be read in it asks for nothing."""

    name: str = "waiting"
    before: int | None = None
    after: int | None = None

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "ItemFilter":
        """From a query string."""
        name = given.get("list", "")
        name = name if name in verbs.LISTS else "waiting"
        return cls(name, number(given.get("before")), number(given.get("after")))

    @property
    def query(self) -> str:
        """As a query string."""
        said = {"list": self.name, "before": self.before, "after": self.after}
        return urlencode({name: value for name, value in said.items() if value})

    def address(self, queue_id: int) -> str:
        """Where it leads."""
        return f"{resolve_url('queue_items', queue_id)}?{self.query}"


@login_required
@never_cache
@require_GET
def queue_items(request: HttpRequest, pk: int) -> HttpResponse:
    """One list of the queue's items."""
    queue, asked = queue_to_lead(request, pk), ItemFilter.read(request.GET)
    found = verbs.listed(queue.pk, asked.name, most=PAGE, before=asked.before, after=asked.after)
    items = found.rows
    page = ItemsPage(
        queue_id=queue.pk,
        queue_name=queue.name,
        lists=tuple(
            Option(name, str(label), asked.name == name, ItemFilter(name).address(queue.pk))
            for name, label in _LABELS.items()
        ),
        flags=f"{resolve_url('flags')}?queue={queue.pk}",
        rows=_rows(items),
        empty=str(_EMPTY[asked.name]),
        action=_action(_ACTION[asked.name]) if asked.name in _ACTION else None,
        back=asked.query,
        newer=_newer(asked, items, newer=found.newer, queue_id=queue.pk),
        older=replace(asked, before=items[-1].pk, after=None).address(queue.pk) if found.older and items else "",
    )
    return render(request, "reviews/queue_items.html", {"page": page})


@login_required
@require_POST
def queue_items_act(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer the ticked items of the queue again, or all that the page shows."""
    queue = queue_to_lead(request, pk)
    verb = _VERBS.get(request.POST.get("do", ""))
    named = request.POST.getlist("shown" if request.POST.get("all") else "item")
    ids = [found for text in named if (found := number(text))][:PAGE]
    items = QueueItem.objects.filter(queue=queue, pk__in=ids).select_related("queue__organization")
    if verb is None or not items:
        messages.error(request, _("Tick at least one item."))
        return _back(request, queue.pk)
    done, said = 0, ""
    for item in items:
        try:
            verb(item, actor_of(request))
        except NotSo as error:
            # Somebody was faster with this one.
            said = str(error)
        else:
            done += 1
    if done:
        messages.info(request, ngettext("%d item is offered again.", "%d items are offered again.", done) % done)
    else:
        messages.error(request, said)
    return _back(request, queue.pk)


def led_items(user: User, completion: Completion) -> tuple[LedItem, ...]:
    """The items of a completion with what its lead can do about each; nothing for others."""
    if not leads_in(user, completion.organization_id):
        return ()
    items = list(completion.queue_items.select_related("queue").order_by("queue__name"))
    skipped = Assignment.objects.filter(item__in=items, state=AssignmentState.SKIPPED, requeued_at=None)
    skipped_ids = set(skipped.values_list("item_id", flat=True))
    return tuple(
        LedItem(item.pk, item.queue_id, item.queue.name, tuple(_actions(item, skipped=item.pk in skipped_ids)))
        for item in items
    )


def _actions(item: QueueItem, *, skipped: bool) -> Iterable[ItemAction]:
    if item.state != ItemState.OPEN:
        yield _action("reopen")
    elif skipped:
        yield _action("requeue")


def _release(item: QueueItem, actor: Actor) -> None:
    """From everyone who holds it. Raises NotSo."""
    claims = list(Assignment.objects.held().filter(item=item).select_related("item__queue__organization", "reviewer"))
    if not claims:
        raise NotSo(_("Nobody holds this item any more."))
    for claim in claims:
        verbs.release(claim, actor=actor)


_VERBS: dict[str, Callable[[QueueItem, Actor], None]] = {
    "release": _release,
    "requeue": lambda item, actor: verbs.requeue(item, actor=actor),
    "reopen": lambda item, actor: verbs.reopen(item, actor=actor),
}


def _action(do: str) -> ItemAction:
    match do:
        case "release":
            return ItemAction(
                do,
                _("Take back"),
                _("Take these items back?"),
                _("Who holds one is told, and what she wrote stays on her screen. The item is offered again."),
            )
        case "requeue":
            return ItemAction(
                do,
                _("Offer again"),
                _("Offer these items again?"),
                _("Also to those who skipped them. The reasons they gave stay in the claim ledger."),
            )
        case _:
            return ItemAction(
                do,
                _("Reopen"),
                _("Reopen for one more review?"),
                _(
                    "Offered to those who have not graded it yet. "
                    "Grades that were given stay; those not sent yet wait until the review is done."
                ),
            )


def _rows(items: Sequence[Listed]) -> tuple[ItemRow, ...]:
    claims = verbs.claims_on([item.pk for item in items]) if items else {}
    purged, reviews = _("Its text was purged."), _("%(done)d of %(needed)d")
    return tuple(
        ItemRow(
            id=item.pk,
            completion_id=item.completion_id,
            completion_name=item.uid,
            preview=purged if item.purged_at else showable(item.preview),
            received_at=item.received_at,
            reviews=reviews % {"done": item.reviews_done, "needed": item.reviews_needed},
            notes=tuple(_notes(item, claims.get(item.pk, ()))),
            flagged=item.flagged_at is not None,
        )
        for item in items
    )


def _notes(item: Listed, claims: Iterable[Claim]) -> Iterator[ItemNote]:
    yield from map(_note, claims)
    if item.closed_because:
        yield ItemNote(shown(item.closed_because))


def _note(claim: Claim) -> ItemNote:
    who = {"who": claim.username}
    match claim.state:
        case AssignmentState.DONE:
            return ItemNote(_("graded by %(who)s") % who)
        case AssignmentState.SKIPPED:
            said = _("skipped by %(who)s") % who
            return ItemNote(f"{said}: {shown(claim.reason)}" if claim.reason else said)
        case _ if claim.held_until <= timezone.now():
            return ItemNote(_("held by %(who)s, whose time is over") % who)
        case _:
            return ItemNote(_("held by %(who)s until") % who, claim.held_until)


def _newer(asked: ItemFilter, items: Sequence[Listed], *, newer: bool, queue_id: int) -> str:
    if newer and items:
        return replace(asked, before=None, after=items[0].pk).address(queue_id)
    is_start = asked.before is None and asked.after is None
    return "" if is_start else ItemFilter(asked.name).address(queue_id)


def _back(request: HttpRequest, queue_id: int) -> HttpResponse:
    """The list as it was, or the completion that the form stood on."""
    completion_id = posted_id(request.POST, "completion")
    if completion_id:
        address = resolve_url("completion", completion_id)
    else:
        address = ItemFilter.read(QueryDict(request.POST.get("back", ""))).address(queue_id)
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response
