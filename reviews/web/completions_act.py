"""What a lead does with all completions that match the list: an export, into a queue, offered again. Each is a job."""

from typing import Any
from urllib.parse import parse_qsl

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from reviews.access import organizations_led, queues_led, user_of
from reviews.models import JobKind, Organization, Queue
from reviews.web.http import actor_of, go_to, posted_id
from reviews.web.zones import zone_of
from reviews.workflow import jobs
from reviews.workflow.finding import WantedRefused
from reviews.workflow.job_kinds.matching import asked_of

EXPORTS = {"export-jsonl": "jsonl", "export-csv": "csv"}


class _Refused(ValueError):
    """What was posted asks for nothing that can be done; the text is a sentence."""


@login_required
@require_POST
def completions_act(request: HttpRequest) -> HttpResponse:
    """Ask for a job on all that match `query`."""
    led = {one.slug: one for one in organizations_led(user_of(request))}
    if not led:
        raise PermissionDenied(_("Only a lead acts on all that match. Nothing was done."))
    try:
        job_id = _ask(request, _organization(request, led))
    except (_Refused, WantedRefused) as error:
        messages.error(request, str(error))
        return go_to(request, "jobs")
    return go_to(request, "job", job_id)


def _ask(request: HttpRequest, organization: Organization) -> int:
    """Raises _Refused, WantedRefused."""
    user, act = user_of(request), request.POST.get("act", "")
    asked: dict[str, Any] = asked_of(organization, request.POST.get("query", "").removeprefix("?"), zone_of(user))
    if act in EXPORTS:
        kind, asked = JobKind.EXPORT, {**asked, "format": EXPORTS[act]}
        said = EXPORTS[act]
    elif act in ("add-to-queue", "requeue"):
        queue = _queue(request, organization)
        if queue is None and act == "add-to-queue":
            raise _Refused(_("Choose the queue that they are to be added to."))
        kind = JobKind.ADD_TO_QUEUE if act == "add-to-queue" else JobKind.REQUEUE
        asked, said = {**asked, "queue": queue.pk if queue else None}, queue.name if queue else ""
    else:
        raise _Refused(_("Choose what is to be done with all that match."))
    return jobs.ask(organization, kind, asked, by=user, actor=actor_of(request), said=said).pk


def _organization(request: HttpRequest, led: dict[str, Organization]) -> Organization:
    """The one that the form or the address of the list names; she may lead one alone. Raises _Refused."""
    in_address = dict(parse_qsl(request.POST.get("query", "").removeprefix("?"))).get("organization", "")
    slug = request.POST.get("organization", "") or in_address
    found = led.get(slug) if slug else next(iter(led.values())) if len(led) == 1 else None
    if found is None:
        raise _Refused(_("Choose one of the organizations that you lead."))
    return found


def _queue(request: HttpRequest, organization: Organization) -> Queue | None:
    """The one that is chosen; None where none is. Raises _Refused."""
    if not request.POST.get("queue"):
        return None
    hers = queues_led(user_of(request)).filter(organization=organization, feedback_task__archived_at=None)
    found = hers.filter(pk=posted_id(request.POST, "queue")).first()
    if found is None:
        raise _Refused(_("There is no such queue here, or its feedback task was archived."))
    return found
