"""A queue for its lead: how far it is, who does what in it, and how it is set."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from reviews.access import claim_to_lead, queue_to_lead, user_of
from reviews.models import Assignment, Order, Queue, QueueItem, User
from reviews.web.display_leads import HeldClaim, QueueSettingsPage, ReviewerRow, SettingsForm
from reviews.web.display_sync import Option
from reviews.web.http import actor_of, day_start, go_to, render
from reviews.web.keyset import number
from reviews.web.words import seconds_text
from reviews.workflow import queue_items, stats
from reviews.workflow import queue_settings as verbs
from reviews.workflow.queue_items import NotSo
from reviews.workflow.queue_settings import Changed, Overtaken, Settings, SettingsRefused

NOBODY = gettext_lazy("Choose at least one reviewer, or let everyone review.")
MOST_HELD = 500


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def queue_settings(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the queue; a POST sets it."""
    queue = queue_to_lead(request, pk)
    if request.method == "POST":
        return _save(request, queue)
    return _show(request, queue, Draft.of(verbs.settings_of(queue)))


@login_required
@require_POST
def queue_pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer nothing more of the queue, or offer its items again."""
    queue = queue_to_lead(request, pk)
    is_open = request.POST.get("open") == "1"
    verbs.change(queue, replace(verbs.settings_of(queue), is_open=is_open), actor=actor_of(request))
    held = Assignment.objects.held().filter(item__queue=queue).count()
    if is_open:
        messages.info(request, _("Resumed. Its items are offered again."))
    elif held:
        words = ngettext(
            "Paused. %d item is held, and who holds it may finish.",
            "Paused. %d items are held, and who holds one may finish.",
            held,
        )
        messages.info(request, words % held)
    else:
        messages.info(request, _("Paused. None of its items is offered until you resume it."))
    return go_to(request, "queue_settings", queue.pk)


@login_required
@require_POST
def claim_release(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an item back from who holds it."""
    assignment = claim_to_lead(request, pk)
    try:
        queue_items.release(assignment, actor=actor_of(request))
    except NotSo as error:
        messages.error(request, str(error))
    else:
        who = assignment.reviewer.get_username()
        messages.info(request, _("Taken back from %(who)s, who is told. The item is offered again.") % {"who": who})
    return go_to(request, "queue_settings", assignment.item.queue_id)


# The form --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Draft:
    """The form as a lead filled it: the settings wanted, the numbers as she wrote them, what is to be said of each,
    and the settings that she started from.
    """

    wanted: Settings
    reviews: str
    minutes: str
    seen: Settings
    errors: Mapping[str, str]
    theirs: Mapping[str, str]
    overtaken: str = ""
    overtaken_at: datetime | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Draft":
        """An untouched form."""
        texts = str(settings.reviews_per_completion), str(settings.claim_minutes)
        return cls(settings, *texts, seen=settings, errors={}, theirs={})

    @classmethod
    def read(cls, posted: QueryDict, now: Settings) -> "Draft":
        """What was posted. A number that is none is 0, which no setting can be."""
        seen = _seen(posted.get("seen", "")) or now
        reviews, minutes = posted.get("reviews", "").strip(), posted.get("minutes", "").strip()
        wanted = Settings(
            name=posted.get("name", "").strip(),
            is_open=seen.is_open,
            everyone=posted.get("everyone") == "1",
            reviewer_ids=frozenset(found for text in posted.getlist("reviewer") if (found := number(text))),
            reviews_per_completion=number(reviews) or 0,
            blind=posted.get("blind") == "1",
            order=posted.get("order", ""),
            claim_minutes=number(minutes) or 0,
        )
        return cls(wanted, reviews, minutes, seen=seen, errors={}, theirs={})


def _save(request: HttpRequest, queue: Queue) -> HttpResponse:
    draft = Draft.read(request.POST, verbs.settings_of(queue))
    if not draft.wanted.everyone and not draft.wanted.reviewer_ids:
        return _show(request, queue, replace(draft, errors={"reviewers": str(NOBODY)}), status=422)
    try:
        done = verbs.change(queue, draft.wanted, seen=draft.seen, actor=actor_of(request))
    except SettingsRefused as error:
        return _show(request, queue, replace(draft, errors={error.name: str(error)}), status=422)
    except Overtaken as error:
        queue.refresh_from_db()
        return _show(request, queue, _met(queue, draft, error.now), status=409)
    messages.info(request, _said(queue, done))
    return go_to(request, "queue_settings", queue.pk)


def _met(queue: Queue, draft: Draft, now: Settings) -> Draft:
    """Her settings where she touched them, the other's where she did not; both are shown where they differ."""
    seen, wanted = asdict(draft.seen), asdict(draft.wanted)
    merged, theirs = dict(wanted), {}
    people = {user.pk: user.get_username() for user in verbs.may_be_reviewers(queue)}
    for name, value in asdict(now).items():
        if value == seen[name]:
            continue
        if wanted[name] == seen[name]:
            merged[name] = value
        elif wanted[name] != value:
            theirs[_FIELD.get(name, name)] = _("Saved in the meantime: %s") % _word(name, value, people)
    met = Draft.of(Settings(**merged))
    overtaken, at = _who(queue)
    return replace(met, seen=now, theirs=theirs, overtaken=overtaken, overtaken_at=at)


_FIELD = {"reviewer_ids": "reviewers"}


def _word(name: str, value: Any, people: Mapping[int, str]) -> str:
    if name == "reviewer_ids":
        return ", ".join(sorted(people.get(pk, str(pk)) for pk in value)) or _("nobody")
    if name == "order":
        return str(Order(value).label)
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return str(value)


def _who(queue: Queue) -> tuple[str, datetime | None]:
    """Who changed the settings last, and when."""
    event = verbs.last_change(queue)
    if event is None or event.user is None:
        return _("These settings were changed while you had them open."), event.at if event else None
    said = _("%(who)s changed these settings while you had them open.")
    return said % {"who": event.user.get_username()}, event.at


def _seen(text: str) -> Settings | None:
    """The settings that the form started from; None where it does not say."""
    try:
        said = json.loads(text)
        said["reviewer_ids"] = frozenset(said["reviewer_ids"])
        return Settings(**{field.name: said[field.name] for field in fields(Settings)})
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _written(settings: Settings) -> str:
    return json.dumps({**asdict(settings), "reviewer_ids": sorted(settings.reviewer_ids)})


def _said(queue: Queue, done: Changed) -> str:
    if not done.names:
        return _("Nothing was changed.")
    words = [_("Saved.")]
    if "reviews_per_completion" in done.names:
        followed = ngettext("%d open item follows.", "%d open items follow.", done.followed) % done.followed
        words.append(followed)
    if done.closed:
        words.append(
            ngettext("%d of them has all its reviews now.", "%d of them have all their reviews now.", done.closed)
            % done.closed
        )
    if "order" in done.names:
        words.append(
            ngettext("%d open item stands in the new order.", "%d open items stand in the new order.", done.sorted)
            % done.sorted
        )
    return " ".join(words)


# The page --------------------------------------------------------------------------------------------------------


def _show(request: HttpRequest, queue: Queue, draft: Draft, *, status: int = 200) -> HttpResponse:
    page = _page(queue, user_of(request), draft)
    return render(request, "reviews/queue_settings.html", {"page": page}, status=status)


def _page(queue: Queue, user: User, draft: Draft) -> QueueSettingsPage:
    counts = stats.count_items([queue])[queue.pk]
    return QueueSettingsPage(
        id=queue.pk,
        name=queue.name,
        feedback_task_id=queue.feedback_task_id,
        is_open=queue.is_open,
        archived=queue.feedback_task.archived_at is not None,
        waiting=counts.free,
        in_review=counts.held,
        flagged=counts.flagged,
        done=counts.done,
        total=counts.total,
        open=QueueItem.objects.open().filter(queue=queue).count(),
        reviewers=_reviewers(queue, user),
        form=_form(queue, draft),
    )


def _form(queue: Queue, draft: Draft) -> SettingsForm:
    wanted = draft.wanted
    return SettingsForm(
        name=wanted.name,
        everyone=wanted.everyone,
        members=tuple(
            Option(str(member.pk), member.get_username(), member.pk in wanted.reviewer_ids)
            for member in verbs.may_be_reviewers(queue)
        ),
        reviews=draft.reviews,
        blind=wanted.blind,
        orders=tuple(Option(value, str(label), wanted.order == value) for value, label in Order.choices),
        minutes=draft.minutes,
        seen=_written(draft.seen),
        errors=dict(draft.errors),
        theirs=dict(draft.theirs),
        overtaken=draft.overtaken,
        overtaken_at=draft.overtaken_at,
    )


def _reviewers(queue: Queue, user: User) -> tuple[ReviewerRow, ...]:
    now, held = timezone.now(), dict[int, list[HeldClaim]]()
    claims = Assignment.objects.held().filter(item__queue=queue).select_related("item__completion")
    claims = claims.defer("item__completion__search_text", "item__completion__preview").order_by("held_until")
    for claim in claims[:MOST_HELD]:
        held.setdefault(claim.reviewer_id, []).append(
            HeldClaim(
                id=claim.pk,
                completion_id=claim.item.completion_id,
                completion_name=claim.item.completion.uid,
                until=claim.held_until,
                over=claim.held_until <= now,
                ahead=claim.prefetched,
            )
        )
    return tuple(
        ReviewerRow(
            name=progress.username,
            done=progress.done,
            today=progress.today,
            each_text=seconds_text(progress.seconds_each) if progress.seconds_each is not None else "",
            skipped=progress.skipped,
            held=tuple(held.get(progress.user_id, ())),
        )
        for progress in stats.reviewers_in(queue, since=day_start(user))
    )
