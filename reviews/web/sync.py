"""The sync list: upstreams with their pulls, and the pushes."""

from itertools import groupby

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from reviews.access import organizations_of, push_to_retry, upstream_to_pull, user_of
from reviews.models import Member, Pull, PullRefusal, PullState, Push, PushState, Upstream, User
from reviews.web.display import PullRow, PushRow, RefusedRow, SyncPage, UpstreamCard
from reviews.web.http import actor_of, day_start, go_to
from reviews.web.states import sync_state
from reviews.workflow import outbox, upstreams

MOST_PUSHES = 50
PULLS_SHOWN = 5
NEEDS_A_PERSON = (PushState.ATTENTION, PushState.CONFLICT)
ON_THE_WAY = (PushState.WAITING, PushState.SENDING)


@login_required
@require_GET
def sync(request: HttpRequest) -> HttpResponse:
    """What came, what is on its way, and what needs a person."""
    return render(request, "reviews/sync.html", {"page": _page(user_of(request))})


@login_required
@require_POST
def pull_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the next pull due at once."""
    upstream = upstream_to_pull(request, pk)
    upstreams.ask_for_pull(upstream, actor=actor_of(request))
    messages.info(request, f"{upstream.name} will be pulled within a second or two. Reload to see what came.")
    return go_to(request, "sync")


@login_required
@require_POST
def push_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Push again what needed attention."""
    try:
        outbox.retry(push_to_retry(request, pk), actor=actor_of(request))
    except outbox.NotRetryable as error:
        messages.error(request, str(error))
    else:
        messages.info(request, "It is on its way again.")
    return go_to(request, "sync")


def _page(user: User) -> SyncPage:
    led = {member.organization_id for member in Member.objects.of(user) if member.leads}
    pushes = Push.objects.filter(completion__organization__in=organizations_of(user).values("pk"))
    shown = list(_worst_first(pushes)[: MOST_PUSHES + 1])
    count = {state: pushes.filter(state__in=state).count() for state in (ON_THE_WAY, NEEDS_A_PERSON)}
    return SyncPage(
        upstreams=tuple(_card(upstream, led) for upstream in _upstreams(user)),
        pushes=tuple(_push_row(push, led) for push in shown[:MOST_PUSHES]),
        waiting=count[ON_THE_WAY],
        attention=count[NEEDS_A_PERSON],
        arrived_today=pushes.filter(state=PushState.DELIVERED, delivered_at__gte=day_start(user)).count(),
        more=max(0, len(shown) - MOST_PUSHES),
    )


def _worst_first(pushes: QuerySet[Push]) -> QuerySet[Push]:
    urgency = Case(
        When(state__in=NEEDS_A_PERSON, then=Value(0)),
        When(state__in=ON_THE_WAY, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return pushes.select_related("completion", "upstream").order_by(urgency, "-pk")


def _push_row(push: Push, led: set[int]) -> PushRow:
    return PushRow(
        id=push.pk,
        what="edit" if push.revision_id else "feedback",
        completion_id=push.completion_id,
        completion_name=push.completion.uid,
        upstream=push.upstream.name if push.upstream else "",
        sync=sync_state(push),
        created_at=push.created_at,
        attempts=push.attempts,
        error=push.last_error if push.state in ON_THE_WAY else "",
        may_retry=push.state == PushState.ATTENTION and push.completion.organization_id in led,
    )


def _upstreams(user: User) -> list[Upstream]:
    return list(Upstream.objects.filter(organization__in=organizations_of(user).values("pk")))


def _card(upstream: Upstream, led: set[int]) -> UpstreamCard:
    active = upstream.enabled and upstream.token_refused_at is None
    return UpstreamCard(
        id=upstream.pk,
        name=upstream.name,
        url=upstream.url,
        active=active,
        next_pull_at=upstream.next_pull_at if active else None,
        pulls=tuple(_pull_row(pull) for pull in upstream.pulls.order_by("-pk")[:PULLS_SHOWN]),
        may_pull=upstream.organization_id in led,
    )


def _pull_row(pull: Pull) -> PullRow:
    return PullRow(
        started_at=pull.started_at,
        finished_at=pull.ended_at,
        came=pull.listed,
        new=pull.created,
        changed=pull.changed,
        refused=_refused(pull) if pull.refused else (),
        error=pull.error if pull.state != PullState.COMPLETE else "",
    )


def _refused(pull: Pull) -> tuple[RefusedRow, ...]:
    rows = PullRefusal.objects.filter(pull=pull).order_by("reason", "uid").values_list("reason", "uid")
    grouped = ((reason, list(found)) for reason, found in groupby(rows, key=lambda row: row[0]))
    return tuple(RefusedRow(reason, len(found), found[0][1]) for reason, found in grouped)
