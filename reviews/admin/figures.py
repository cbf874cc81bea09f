"""The figures on the front page of the admin: what each organization in sight pulls, pushes and reviews. Each leads to
the list of what it counts, and none is counted further than it is read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from reviews.admin.lists import day_start
from reviews.admin.scope import scope_of
from reviews.models import Assignment, Feedback, Organization, Pull, PullState, Push, Queue, QueueItem, Upstream
from reviews.workflow import pushes, upstreams
from reviews.workflow.pushes import Group, Wanted
from reviews.workflow.upstreams import Trouble

MOST_COUNTED = 1_000
# Beyond so many a front page is no longer read; the lists have them all.
MOST_ORGANIZATIONS = 6
MOST_UPSTREAMS = 12
MOST_QUEUES = 12
HEADS = {"token": "token refused", "sealed": "token cannot be opened", "down": "down"}


@dataclass(frozen=True, slots=True)
class Count:
    """How many, counted no further than `MOST_COUNTED`, and the list of them."""

    found: int
    address: str

    @property
    def text(self) -> str:
        """ "12", or "1,000+" where counting stopped."""
        return f"{MOST_COUNTED:,}+" if self.found > MOST_COUNTED else f"{self.found:,}"


@dataclass(frozen=True, slots=True)
class UpstreamLine:
    """An upstream: its last pull and its pushes. `head` is how it is, in a word or two; `calls` where a person has to
    look. `oldest_at` is when the oldest push on the way was made.
    """

    upstream: Upstream
    address: str
    head: str
    calls: bool
    since: datetime | None
    words: str
    pulls: str
    last: Pull | None
    person: Count
    way: Count
    oldest_at: datetime | None
    arrived: Count


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue: its open items, how many of them somebody holds or a lead has to look at, and what was graded today."""

    queue: Queue
    address: str
    open: Count
    held: Count
    flagged: Count
    graded: Count


@dataclass(frozen=True, slots=True)
class OrganizationFigures:
    """One organization. `more_…` say that not all of its upstreams or queues are shown."""

    organization: Organization
    upstreams: tuple[UpstreamLine, ...]
    queues: tuple[QueueLine, ...]
    more_upstreams: bool = False
    more_queues: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """The front page. `more` is how many organizations are not shown until one is chosen."""

    organizations: tuple[OrganizationFigures, ...]
    more: int = 0


def figures_of(request: HttpRequest) -> Figures:
    """Those of the organizations in the visitor's scope."""
    scope = scope_of(request)
    found = scope.choices if scope.organization is None else (scope.organization,)
    today = day_start()
    shown = tuple(_organization(one, today) for one in found[:MOST_ORGANIZATIONS])
    return Figures(shown, more=len(found) - len(shown))


def _organization(organization: Organization, today: datetime) -> OrganizationFigures:
    sources = list(organization.upstreams.order_by("-enabled", "name")[: MOST_UPSTREAMS + 1])
    queues = list(
        organization.queues.filter(is_open=True, feedback_task__archived_at=None)
        .select_related("feedback_task")
        .order_by("name", "pk")[: MOST_QUEUES + 1]
    )
    troubles = {trouble.upstream_id: trouble for trouble in upstreams.troubles([organization.pk])}
    last = _last_pulls(sources[:MOST_UPSTREAMS])
    return OrganizationFigures(
        organization,
        tuple(_upstream(one, troubles.get(one.pk), last.get(one.pk), today) for one in sources[:MOST_UPSTREAMS]),
        tuple(_queues(queues[:MOST_QUEUES], today)),
        len(sources) > MOST_UPSTREAMS,
        len(queues) > MOST_QUEUES,
    )


# Sync ------------------------------------------------------------------------------------------------------------


def _upstream(upstream: Upstream, trouble: Trouble | None, last: Pull | None, today: datetime) -> UpstreamLine:
    here = {"upstream__id__exact": upstream.pk}
    way = Wanted((upstream.pk,), Group.WAY.states)
    arrived = Push.objects.filter(upstream=upstream, delivered_at__gte=today)
    return UpstreamLine(
        upstream=upstream,
        address=reverse("admin:reviews_upstream_change", args=[upstream.pk]),
        head=_head(upstream, trouble),
        calls=trouble is not None,
        since=upstream.failing_since if upstream.enabled else None,
        words=upstream.last_error if upstream.failing_since and upstream.enabled else "",
        pulls=_list("pull", here),
        last=last,
        person=Count(
            pushes.count(Wanted((upstream.pk,), Group.PERSON.states), most=MOST_COUNTED),
            _list("push", {"turn": Group.PERSON, **here}),
        ),
        way=Count(pushes.count(way, most=MOST_COUNTED), _list("push", {"turn": Group.WAY, **here})),
        oldest_at=pushes.oldest_at(way),
        arrived=Count(_counted(arrived), _list("push", {"delivered_at": "day", **here})),
    )


def _head(upstream: Upstream, trouble: Trouble | None) -> str:
    if not upstream.enabled:
        return "switched off"
    if trouble is not None:
        return HEADS[trouble.kind]
    return "failing" if upstream.failing_since else "well"


def _last_pulls(sources: Iterable[Upstream]) -> dict[int, Pull]:
    """The newest that has ended, of each."""
    ended = Pull.objects.exclude(state=PullState.RUNNING)
    parts = [ended.filter(upstream=upstream) for upstream in sources]
    found = Pull.objects.filter(pk__in=pushes.first_ids(parts, most=1)) if parts else Pull.objects.none()
    return {pull.upstream_id: pull for pull in found}


# Queues ----------------------------------------------------------------------------------------------------------


def _queues(queues: list[Queue], today: datetime) -> Iterator[QueueLine]:
    held = _held(queues)
    # Grades are written in the order of their ids: from this one on they are today's.
    first = Feedback.objects.filter(created_at__gte=today).order_by("created_at").values_list("pk", flat=True).first()
    for queue in queues:
        items, here = QueueItem.objects.filter(queue=queue), {"queue__id__exact": queue.pk}
        graded = Feedback.objects.filter(feedback_task=queue.feedback_task, pk__gte=first) if first else None
        yield QueueLine(
            queue=queue,
            address=reverse("admin:reviews_queue_change", args=[queue.pk]),
            open=Count(_counted(items.open()), _list("queueitem", {"state__exact": "open", **here})),
            held=Count(held.get(queue.pk, 0), _list("assignment", {"held_in": queue.pk})),
            flagged=Count(_counted(items.flagged()), _list("queueitem", {"flagged_at": "1", **here})),
            graded=Count(
                _counted(graded) if graded is not None else 0,
                _list("feedback", {"feedback_task__id__exact": queue.feedback_task_id, "created_at": "day"}),
            ),
        )


def _held(queues: list[Queue]) -> dict[int, int]:
    """Held claims by queue: never more than two of each reviewer."""
    found: dict[int, int] = {}
    rows = Assignment.objects.held().filter(item__queue__in=queues).annotate(queue=F("item__queue"))
    for queue_id in rows.values_list("queue", flat=True)[: MOST_COUNTED * 10]:
        found[queue_id] = found.get(queue_id, 0) + 1
    return found


def _counted(rows: QuerySet[Any]) -> int:
    return rows.order_by()[: MOST_COUNTED + 1].count()


def _list(noun: str, query: dict[str, Any]) -> str:
    return f"{reverse(f'admin:reviews_{noun}_changelist')}?{urlencode(query)}"
