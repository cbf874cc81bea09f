"""Jobs: leases, fences, turns, cancelling, and what a failure leaves."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError, transaction

from reviews.models import AuditEvent, Job, JobKind, JobPart, Member, Organization
from reviews.workflow import clock, job_files, jobs, sweeping
from reviews.workflow.audit import SYSTEM
from reviews.workflow.jobs import Json, Kind, Step
from tests import factories, jobs_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return factories.organization()


def counting(most: int, *, between: Callable[[Job], object] = str) -> Mapping[JobKind, Kind]:
    """Steps that each write a part of their number; `between` reading and writing somebody else does something."""

    def step(job: Job, place: Json) -> Step:
        number = place or 0

        def write() -> dict[str, int]:
            job_files.add(job, number, str(number).encode())
            return {"written": 1}

        between(job)
        return Step(place=number + 1 if number + 1 < most else None, write=write, done=1, total=most)

    return {JobKind.EXPORT: step}


def parts(job: Job) -> list[bytes]:
    return list(job_files.contents(job, packed=False))


def test_it_is_done_step_by_step(organization: Organization) -> None:
    job = jobs_run.asked(organization, JobKind.EXPORT, format="jsonl")
    assert jobs.due(clock.now()) == [job.pk]
    assert jobs.run(job.pk, counting(3), seconds=0)
    job.refresh_from_db()
    assert (job.state, job.done, job.total, job.slot) == ("running", 1, 3, None)
    assert not jobs.run(job.pk, counting(3))
    job.refresh_from_db()
    assert (job.state, job.done, job.total, jobs.outcome(job)) == ("done", 3, 3, {"written": 3})
    assert parts(job) == [b"0", b"1", b"2"]
    assert not jobs.run(job.pk, counting(3))
    assert list(AuditEvent.objects.filter(action="job.ask").values_list("details", flat=True)) == ["export"]


def test_a_worker_that_dies_before_it_writes_loses_nothing(organization: Organization) -> None:
    job = jobs_run.asked(organization, JobKind.EXPORT)

    def die(found: Job) -> None:
        if found.done == 1 and not found.failures:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jobs.run(job.pk, counting(3, between=die))
    assert not jobs.run(job.pk, counting(3))
    sweeping.sweep(clock.now() + 2 * jobs.LEASE)
    Job.objects.update(failures=1)
    jobs.run(job.pk, counting(3, between=die))
    assert parts(job) == [b"0", b"1", b"2"]


def test_who_lost_the_lease_writes_nothing(organization: Organization) -> None:
    job = jobs_run.asked(organization, JobKind.EXPORT)
    won: list[bool] = []

    def others_win(found: Job) -> None:
        if found.done == 1 and not won:
            jobs.sweep(clock.now() + 2 * jobs.LEASE)
            won.append(jobs.run(job.pk, counting(3)))

    assert not jobs.run(job.pk, counting(3, between=others_win))
    job.refresh_from_db()
    assert (job.state, job.done, jobs.outcome(job)) == ("done", 3, {"written": 3})
    assert parts(job) == [b"0", b"1", b"2"]


def test_it_is_cancelled_between_steps_and_leaves_no_file(organization: Organization) -> None:
    job = jobs_run.asked(organization, JobKind.EXPORT)
    cancelled: list[None] = []

    def cancel(found: Job) -> None:
        if found.done == 1 and not cancelled:
            cancelled.append(jobs.cancel(Job.objects.get(pk=job.pk), actor=SYSTEM))  # type: ignore[func-returns-value]

    jobs.run(job.pk, counting(3, between=cancel))
    job.refresh_from_db()
    assert (job.state, job.done, job.slot) == ("cancelled", 1, None)
    with pytest.raises(jobs.JobOver):
        jobs.cancel(job, actor=SYSTEM)
    job_files.sweep(clock.now())
    job.refresh_from_db()
    assert not JobPart.objects.exists()
    assert job.parts_dropped_at is not None
    assert AuditEvent.objects.filter(action="job.cancel").count() == 1


def test_one_that_waits_is_cancelled_at_once(organization: Organization) -> None:
    job = jobs_run.asked(organization, JobKind.EXPORT)
    jobs.cancel(job, actor=SYSTEM)
    job.refresh_from_db()
    assert (job.state, jobs.due(clock.now())) == ("cancelled", [])


def test_two_run_at_once_and_one_of_an_organization(organization: Organization) -> None:
    first, second = (jobs_run.asked(organization, JobKind.EXPORT) for _ in range(2))
    other, third = (jobs_run.asked(factories.organization(), JobKind.EXPORT) for _ in range(2))
    assert jobs.due(clock.now()) == [first.pk, other.pk]
    seen: list[list[int]] = []

    def look(found: Job) -> None:
        jobs.run(second.pk, counting(1))
        if found.pk == first.pk:
            jobs.run(other.pk, counting(1, between=look))
        else:
            jobs.run(third.pk, counting(1))
            seen.append(jobs.due(clock.now()))

    jobs.run(first.pk, counting(1, between=look))
    assert seen == [[]]
    states = Job.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["done", "waiting", "done", "waiting"]


def test_the_database_forbids_two_in_one_slot(organization: Organization) -> None:
    leased = {"state": "running", "leased_until": clock.now(), "slot": 1}
    for other in (organization, factories.organization()):
        jobs_run.asked(other, JobKind.EXPORT)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.update(**leased)


def test_who_had_its_turn_comes_after_those_that_wait(organization: Organization) -> None:
    first, second = (jobs_run.asked(organization, JobKind.EXPORT) for _ in range(2))
    jobs.run(first.pk, counting(3), seconds=0)
    assert jobs.due(clock.now()) == [second.pk]


def test_a_failure_is_tried_again_and_then_told(organization: Organization) -> None:
    job = jobs_run.asked(organization, JobKind.EXPORT)

    def fail(found: Job) -> None:
        raise RuntimeError("It broke.")

    for failures in range(1, jobs.MOST_FAILURES):
        assert not jobs.run(job.pk, counting(1, between=fail))
        job.refresh_from_db()
        assert (job.state, job.failures, job.slot) == ("running", failures, None)
        assert job.not_before > clock.now() + timedelta(seconds=3)
        Job.objects.update(not_before=clock.now())
    jobs.run(job.pk, counting(1, between=fail))
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", jobs.BROKEN)


def test_an_outage_of_the_database_is_no_failure(organization: Organization) -> None:
    job = jobs_run.asked(organization, JobKind.EXPORT)

    def vanish(found: Job) -> None:
        raise OperationalError("server closed the connection") from ConnectionError()

    jobs.run(job.pk, counting(1, between=vanish))
    job.refresh_from_db()
    assert (job.state, job.failures, job.slot) == ("running", 0, None)
    Job.objects.update(not_before=clock.now())
    jobs.run(job.pk, counting(1))
    assert parts(job) == [b"0"]


def test_who_leads_no_longer_gets_nothing(organization: Organization) -> None:
    job = jobs_run.asked(organization, JobKind.EXPORT)
    Member.objects.update(role="reviewer")
    jobs.run(job.pk, counting(1))
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", jobs.NOT_A_LEAD)


def test_a_file_is_kept_for_some_days(organization: Organization) -> None:
    job = jobs_run.asked(organization, JobKind.EXPORT)
    jobs.run(job.pk, counting(2))
    for days, kept in ((6, True), (8, False)):
        job_files.sweep(clock.now() + timedelta(days=days))
        job.refresh_from_db()
        assert job_files.has_file(job) == kept
    assert (JobPart.objects.count(), job.parts_dropped_because) == (0, job_files.TOO_OLD)
