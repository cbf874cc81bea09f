"""Jobs in tests: done here and now, by the steps that workers do."""

from reviews.log10.job_kinds import KINDS
from reviews.models import Job, Organization, User
from reviews.models.jobs import JobKind
from reviews.workflow import jobs
from reviews.workflow.audit import Actor
from tests import factories


def asked(
    organization: Organization, kind: JobKind, *, by: User | None = None, query: str = "", **asked: object
) -> Job:
    """A job of a kind that is about completions; asked for by a new lead unless told."""
    by = by or factories.member(organization, role="lead").user
    said = {"query": query, "zone": "UTC", "through": 2**60, **asked}
    return jobs.ask(organization, kind, said, by=by, actor=Actor(user=by))


def to_the_end(job: Job) -> Job:
    """The job when nothing is left to do."""
    while jobs.run(job.pk, KINDS):
        pass
    return Job.objects.get(pk=job.pk)
