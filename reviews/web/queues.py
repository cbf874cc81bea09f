"""The queues of a reviewer: how far they are, starting one, and its end."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from reviews.access import queue_for, queues_led, standing_of, user_of
from reviews.models import Assignment, Queue, User
from reviews.web.display import QueueCard, QueueDone
from reviews.web.http import day_start, go_to, render
from reviews.workflow import queues as verbs
from reviews.workflow import stats


@login_required
@require_GET
def queues(request: HttpRequest) -> HttpResponse:
    """All queues that she reviews, and those that she leads without reviewing them."""
    user = user_of(request)
    shown = cards(user)
    return render(request, "reviews/queues.html", {"queues": shown, "others": _others(user, shown)})


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
        next_queue=next((card for card in cards(user) if card.ready and card.id != queue.pk), None),
    )
    return render(request, "reviews/queue_done.html", {"done": done})


def _others(user: User, shown: list[QueueCard]) -> list[Queue]:
    """What she leads and is not among her own: paused ones, and those of chosen reviewers."""
    led = queues_led(user).filter(feedback_task__archived_at=None).exclude(pk__in=[card.id for card in shown])
    return list(led.order_by("name", "pk"))


def cards(user: User) -> list[QueueCard]:
    """Her queues with their figures, in a fixed number of queries."""
    rows = Queue.objects.visible_to(user).select_related(
        "feedback_task__current_revision", "feedback_task__upstream", "organization"
    )
    found = list(rows)
    counts, skipped = stats.count_items(found), stats.skipped_by(user, found)
    today = stats.done_by(user, found, since=day_start(user))
    led = standing_of(user).led_ids
    held = dict(Assignment.objects.held_by(user).filter(prefetched=False).values_list("item__queue_id", "pk"))
    return [
        QueueCard(
            id=queue.pk,
            name=queue.name,
            instruction=revision.instruction if (revision := queue.feedback_task.current_revision) else "",
            waiting=max(0, counts[queue.pk].free - skipped.get(queue.pk, 0)),
            in_review=counts[queue.pk].held,
            done=counts[queue.pk].done,
            total=counts[queue.pk].total,
            mine_today=today.get(queue.pk, 0),
            skipped=skipped.get(queue.pk, 0),
            resume_id=held.get(queue.pk),
            upstream=upstream.name if (upstream := queue.feedback_task.upstream) else "",
            led=queue.organization_id in led,
        )
        for queue in found
    ]
