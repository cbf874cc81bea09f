"""Jobs: work that takes longer than a page is waited for, in steps that any worker goes on with."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from reviews.models.accounts import Organization, User


class JobKind(models.TextChoices):
    EXPORT = "export", _("Export")
    IMPORT = "import", _("Import")
    ADD_TO_QUEUE = "add_to_queue", _("Add to a queue")
    REQUEUE = "requeue", _("Requeue")
    REROUTE = "reroute", _("Offer to a queue what its selector matches")


class JobState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
# How many run at once: pulls and pushes shall always find a worker.
SLOTS = 2


class JobQuerySet(models.QuerySet["Job"]):
    def open(self) -> "JobQuerySet":
        return self.exclude(state__in=ENDED)


class Job(models.Model):
    """What somebody asked for, how far it is, and what came of it. Each step is one transaction, which writes what it
    did and the place to go on from, guarded by the fence; so a worker that dies leaves nothing half done.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="jobs")
    kind = models.CharField(max_length=16, choices=JobKind.choices)
    state = models.CharField(max_length=16, choices=JobState.choices, default=JobState.WAITING)
    asked_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="jobs")
    asked_text = models.TextField(default="{}", help_text="What was asked for, as a JSON object.")
    place_text = models.TextField(blank=True, help_text="Where the next step begins, as JSON; empty: at the start.")
    total = models.PositiveBigIntegerField(null=True, blank=True, help_text="Of what there is to do; unknown: empty.")
    done = models.PositiveBigIntegerField(default=0, help_text="Of the total.")
    outcome_text = models.TextField(default="{}", help_text="What came of it so far: counts by name, as JSON.")
    error = models.CharField(max_length=1000, blank=True, help_text="Why it failed, as a sentence.")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(help_text="When its next step is due.")
    leased_until = models.DateTimeField(null=True, blank=True)
    slot = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Which of the few that run it is.")
    fence = models.PositiveIntegerField(default=0, help_text="Rises with each lease.")
    failures = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="In a row, of the step that it is at."
    )
    file_name = models.CharField(max_length=255, blank=True, help_text="Of what was sent to be imported.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the file that it took or made, unpacked.")
    parts_dropped_at = models.DateTimeField(null=True, blank=True, help_text="When its file was let go.")
    parts_dropped_because = models.CharField(max_length=200, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="job_kind", condition=Q(kind__in=JobKind.values)),
            models.CheckConstraint(name="job_state", condition=Q(state__in=JobState.values)),
            models.CheckConstraint(
                name="job_ended_whole",
                condition=Q(state__in=ENDED, ended_at__isnull=False, leased_until=None)
                | (~Q(state__in=ENDED) & Q(ended_at=None)),
            ),
            models.CheckConstraint(
                name="job_failed_because",
                condition=(Q(state=JobState.FAILED) & ~Q(error="")) | (~Q(state=JobState.FAILED) & Q(error="")),
            ),
            models.CheckConstraint(
                name="job_leased_whole",
                condition=Q(leased_until=None, slot=None)
                | Q(state=JobState.RUNNING, leased_until__isnull=False, slot__gte=0, slot__lt=SLOTS),
            ),
            models.UniqueConstraint(name="job_slot_once", fields=["slot"], condition=Q(slot__isnull=False)),
            models.UniqueConstraint(
                name="job_one_runs_in_organization", fields=["organization"], condition=Q(slot__isnull=False)
            ),
            models.CheckConstraint(name="job_no_more_than_all", condition=Q(total=None) | Q(done__lte=F("total"))),
        ]
        indexes = [
            models.Index(name="job_newest", fields=["organization", "-id"]),
            models.Index(name="job_due", fields=["not_before", "id"], condition=~Q(state__in=ENDED)),
            models.Index(name="job_with_parts", fields=["ended_at"], condition=Q(parts_dropped_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.state}"


class JobPart(models.Model):
    """A stretch of the file that a job takes (`import`) or makes (`export`): a gzip member of its own, so that the
    parts, one after the other, are a gzip file. In the database, because any process may be asked for it.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()
    size = models.PositiveIntegerField(help_text="Bytes, unpacked.")

    class Meta:
        constraints = [models.UniqueConstraint(name="job_part_once", fields=["job", "number"])]

    def __str__(self) -> str:
        return f"part {self.number} of {self.job_id}"


class JobRefusal(models.Model):
    """One thing that a job did not take, and why."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="refusals")
    line = models.PositiveBigIntegerField(null=True, blank=True, help_text="Of the file, from one.")
    uid = models.CharField(max_length=255, blank=True, help_text="The completion's id, where it is known.")
    reason = models.CharField(max_length=1000)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(name="job_refusal_of_job", fields=["job", "id"])]

    def __str__(self) -> str:
        return f"line {self.line} of {self.job_id}: {self.reason}"
