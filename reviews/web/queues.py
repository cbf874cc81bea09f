"""The queues of a reviewer: how far they are, starting one, and its end."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from gradebench.compiled import Among, Compiled, asked
from reviews.access import queue_for, user_of
from reviews.models import Assignment, Queue
from reviews.web.display import QueueCard, QueueDone
from reviews.web.http import day_start, go_to, render, standing_for
from reviews.workflow import queues as verbs
from reviews.workflow import stats


@login_required
@require_GET
def queues(request: HttpRequest) -> HttpResponse:
    """All queues that she reviews, and those that she leads without reviewing them."""
    shown = cards(request)
    return render(request, "reviews/queues.html", {"queues": shown, "others": _others(request, shown)})


@login_required
@require_POST
def queue_start(request: HttpRequest, pk: int) -> HttpResponse:
    """Claim the next item, or go back to the one she holds."""
    queue = queue_for(request, pk)
    assignment = verbs.claim_next(queue, reviewer=user_of(request))
    return go_to(request, "review", assignment.pk) if assignment else go_to(request, "queue_done", queue.pk)


@login_required
@never_cache
@require_GET
def queue_resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to the item on her screen; a GET claims nothing, so without one to the list of queues."""
    queue = queue_for(request, pk)
    held = Assignment.objects.held_by(user_of(request)).filter(item__queue=queue, prefetched=False).first()
    return go_to(request, "review", held.pk) if held else go_to(request, "queues")


@login_required
@require_GET
def queue_done(request: HttpRequest, pk: int) -> HttpResponse:
    """Nothing is left for her here: what she did, and where there is more."""
    queue, user = queue_for(request, pk), user_of(request)
    counts = stats.count_items([queue])[queue.pk]
    done = QueueDone(
        id=queue.pk,
        name=queue.name,
        done=counts.done,
        total=counts.total,
        mine=stats.done_by(user, [queue]).get(queue.pk, 0),
        mine_today=stats.done_by(user, [queue], since=day_start(user)).get(queue.pk, 0),
        in_review=counts.held,
        skipped=stats.skipped_by(user, [queue]).get(queue.pk, 0),
        next_queue=next((card for card in cards(request) if card.ready and card.id != queue.pk), None),
    )
    return render(request, "reviews/queue_done.html", {"done": done})


def _others(request: HttpRequest, shown: list[QueueCard]) -> list[Queue]:
    """What she leads and is not among her own: paused ones, and those of chosen reviewers."""
    led = standing_for(request).led_ids
    own = {card.id for card in shown}
    return [queue for queue in _in_organizations.all(organizations=led) if queue.pk not in own] if led else []


_in_organizations = Compiled(
    lambda: (
        Queue.objects.filter(Among("organization_id", "organizations"), feedback_task__archived_at=None)
        .order_by("name", "pk")
        .only("name", "is_open")
    )
)
_reviewed = Compiled(
    lambda: (
        Queue.objects.visible_to(asked("user"))
        .select_related("feedback_task__current_revision", "feedback_task__upstream", "organization")
        .defer("feedback_task__current_revision__schema_text")
    )
)


def cards(request: HttpRequest) -> list[QueueCard]:
    """Her queues with their figures, in a fixed number of queries."""
    user = user_of(request)
    found = _reviewed.all(user=user.pk)
    counts, hers = stats.count_items(found), stats.hers(user, found, since=day_start(user))
    led = standing_for(request).led_ids
    return [
        QueueCard(
            id=queue.pk,
            name=queue.name,
            instruction=revision.instruction if (revision := queue.feedback_task.current_revision) else "",
            waiting=max(0, counts[queue.pk].free - hers.skipped.get(queue.pk, 0)),
            in_review=counts[queue.pk].held,
            done=counts[queue.pk].done,
            total=counts[queue.pk].total,
            mine_today=hers.done.get(queue.pk, 0),
            skipped=hers.skipped.get(queue.pk, 0),
            resume_id=hers.held.get(queue.pk),
            upstream=upstream.name if (upstream := queue.feedback_task.upstream) else "",
            led=queue.organization_id in led,
        )
        for queue in found
    ]
