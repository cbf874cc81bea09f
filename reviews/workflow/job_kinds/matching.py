"""The completions that a job is about: those that match what the list was filtered by when it was asked for."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import QuerySet

from reviews.models import Completion, Job, Organization
from reviews.workflow import finding, jobs
from reviews.workflow.finding import Wanted, WantedRefused
from reviews.workflow.jobs import Json


def matching(job: Job) -> QuerySet[Completion]:
    """Of those that were there then, in no order. Raises JobFailed."""
    asked = jobs.asked(job)
    try:
        wanted = Wanted.read(asked["query"], zone=_zone(asked.get("zone", "UTC")))
        found = finding.completions(job.organization, wanted, viewer=job.asked_by)
    except WantedRefused as error:
        raise jobs.JobFailed(str(error)) from error
    return found.filter(purged_at=None, pk__lte=asked["through"])


def asked_of(organization: Organization, query: str, zone: ZoneInfo) -> dict[str, Json]:
    """What a job on these completions is asked: what matches, of those that are there now. Raises WantedRefused."""
    wanted = Wanted.read(query, zone=zone)
    newest = Completion.objects.filter(organization=organization).order_by("-pk").values_list("pk", flat=True)
    return {"query": wanted.said(), "zone": zone.key, "through": newest.first() or 0}


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
