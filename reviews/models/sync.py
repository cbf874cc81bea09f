"""Pulls and pushes: what came from the upstream and what must reach it."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from reviews.models.base import new_uid
from reviews.models.completions import Completion
from reviews.models.feedback import Feedback
from reviews.models.revisions import Revision
from reviews.models.upstreams import Upstream


class PullState(models.TextChoices):
    RUNNING = "running", _("Running")
    COMPLETE = "complete", _("Complete")
    INCOMPLETE = "incomplete", _("Incomplete")
    FAILED = "failed", _("Failed")


class Pull(models.Model):
    """One poll of the upstream: when, how many came, were new, changed and refused, and why it ended as it did."""

    upstream = models.ForeignKey(Upstream, on_delete=models.PROTECT, related_name="pulls")
    state = models.CharField(max_length=16, choices=PullState.choices, default=PullState.RUNNING)
    fence = models.PositiveBigIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    listed = models.PositiveIntegerField(default=0, help_text="Completions in the list.")
    created = models.PositiveIntegerField(default=0, help_text="New here.")
    changed = models.PositiveIntegerField(default=0, help_text="Taken over: changed upstream, untouched here.")
    conflicts = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0, help_text="Left our queues: no longer in the list.")
    feedback_tasks = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes received.")
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="pull_state", condition=Q(state__in=PullState.values)),
            models.CheckConstraint(
                name="pull_ended_whole",
                condition=Q(state=PullState.RUNNING, ended_at=None)
                | (~Q(state=PullState.RUNNING) & Q(ended_at__isnull=False)),
            ),
            models.UniqueConstraint(name="pull_one_running", fields=["upstream"], condition=Q(state=PullState.RUNNING)),
        ]
        indexes = [
            models.Index(name="pull_newest", fields=["upstream", "-id"]),
            models.Index(name="pull_by_state", fields=["upstream", "state", "-id"]),
        ]

    def __str__(self) -> str:
        return f"pull of {self.upstream_id} at {self.started_at:%Y-%m-%d %H:%M:%S}"


class Refused(models.TextChoices):
    COMPLETION = "completion", _("Completion")
    FEEDBACK_TASK = "feedback_task", _("Feedback task")


class PullRefusalQuerySet(models.QuerySet["PullRefusal"]):
    def open(self) -> "PullRefusalQuerySet":
        """Set aside, and not taken since."""
        return self.filter(taken_at=None)


class PullRefusal(models.Model):
    """An item of a list that was set aside: its bytes and the reason. One row per item, however often it comes."""

    upstream = models.ForeignKey(Upstream, on_delete=models.PROTECT, related_name="refusals")
    pull = models.ForeignKey(Pull, on_delete=models.PROTECT, related_name="refusals", help_text="The last that met it.")
    what = models.CharField(max_length=16, choices=Refused.choices, default=Refused.COMPLETION)
    uid = models.CharField(max_length=255, blank=True, help_text="The item's id, where one could be read.")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of its bytes.")
    reason = models.CharField(max_length=1000)
    data = models.BinaryField(help_text="Its bytes, zstd.")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    retry_asked_at = models.DateTimeField(null=True, blank=True, help_text="A person wants it tried again.")
    taken_at = models.DateTimeField(null=True, blank=True, help_text="When an item of this id was taken after all.")

    objects = PullRefusalQuerySet.as_manager()

    class Meta:
        ordering = ["-last_at"]
        constraints = [
            models.UniqueConstraint(name="pull_refusal_once", fields=["upstream", "fingerprint"]),
            models.CheckConstraint(name="pull_refusal_what", condition=Q(what__in=Refused.values)),
            models.CheckConstraint(name="pull_refusal_retry_open", condition=Q(retry_asked_at=None) | Q(taken_at=None)),
        ]
        indexes = [
            models.Index(name="pull_refusal_open", fields=["upstream", "-last_at"], condition=Q(taken_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.uid or 'item without id'}: {self.reason}"


class PushKind(models.TextChoices):
    UPDATE = "update", _("Edit")
    FEEDBACK = "feedback", _("Grade")


class PushState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    SENDING = "sending", _("Sending")
    DELIVERED = "delivered", _("Arrived")
    CONFLICT = "conflict", _("Conflict")
    ATTENTION = "attention", _("Needs attention")
    SUPERSEDED = "superseded", _("Superseded")
    UNLINKED = "unlinked", _("Stays here")
    ABSENT = "absent", _("No longer listed")
    DISCARDED = "discarded", _("Given up")


UNDECIDED = (PushState.WAITING, PushState.SENDING, PushState.CONFLICT, PushState.ATTENTION, PushState.ABSENT)
NEEDS_A_PERSON = (PushState.CONFLICT, PushState.ATTENTION, PushState.ABSENT)


class PushQuerySet(models.QuerySet["Push"]):
    def undecided(self) -> "PushQuerySet":
        """Neither arrived nor given up: what holds back the feedback behind it."""
        return self.filter(state__in=UNDECIDED)

    def due(self, now: datetime) -> "PushQuerySet":
        return self.filter(state=PushState.WAITING, not_before__lte=now)


class Push(models.Model):
    """One revision or one feedback that must reach the upstream; written in the transaction of what it carries."""

    uid = models.CharField(max_length=36, unique=True, default=new_uid, editable=False)
    upstream = models.ForeignKey(Upstream, null=True, blank=True, on_delete=models.PROTECT, related_name="pushes")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="pushes")
    kind = models.CharField(max_length=16, choices=PushKind.choices)
    revision = models.OneToOneField(Revision, null=True, blank=True, on_delete=models.PROTECT, related_name="push")
    feedback = models.ForeignKey(Feedback, null=True, blank=True, on_delete=models.PROTECT, related_name="pushes")
    state = models.CharField(max_length=16, choices=PushState.choices, default=PushState.WAITING)
    not_before = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    ambiguous = models.BooleanField(default=False, help_text="An attempt ended without a word: it may have arrived.")
    last_error = models.TextField(blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    first_failed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(
        null=True, blank=True, help_text="When the upstream, read again, was seen to have it."
    )
    unchecked = models.BooleanField(
        default=False, help_text="A person wants it sent although nothing there can be compared."
    )

    objects = PushQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="push_state", condition=Q(state__in=PushState.values)),
            models.CheckConstraint(
                name="push_carries_one",
                condition=Q(kind=PushKind.UPDATE, revision__isnull=False, feedback=None)
                | Q(kind=PushKind.FEEDBACK, revision=None, feedback__isnull=False),
            ),
            models.UniqueConstraint(
                name="push_feedback_once", fields=["feedback", "completion"], condition=Q(kind=PushKind.FEEDBACK)
            ),
            models.UniqueConstraint(
                name="push_one_in_flight", fields=["completion"], condition=Q(state=PushState.SENDING)
            ),
            models.CheckConstraint(
                name="push_lease_whole",
                condition=Q(state=PushState.SENDING, leased_until__isnull=False)
                | (~Q(state=PushState.SENDING) & Q(leased_until=None)),
            ),
            models.CheckConstraint(
                name="push_delivered_whole",
                condition=Q(state=PushState.DELIVERED, delivered_at__isnull=False)
                | (~Q(state=PushState.DELIVERED) & Q(delivered_at=None)),
            ),
            models.CheckConstraint(
                name="push_confirmed_when_delivered", condition=Q(confirmed_at=None) | Q(state=PushState.DELIVERED)
            ),
            models.CheckConstraint(
                name="push_goes_somewhere", condition=Q(upstream__isnull=False) | Q(state=PushState.UNLINKED)
            ),
        ]
        indexes = [
            models.Index(
                name="push_due", fields=["upstream", "not_before", "id"], condition=Q(state=PushState.WAITING)
            ),
            models.Index(name="push_undecided", fields=["completion", "id"], condition=Q(state__in=UNDECIDED)),
            models.Index(name="push_running", fields=["leased_until"], condition=Q(state=PushState.SENDING)),
            models.Index(name="push_by_state", fields=["upstream", "state", "-id"]),
            models.Index(
                name="push_by_arrival",
                fields=["upstream", "-delivered_at"],
                condition=Q(delivered_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.completion_id}: {self.get_state_display()}"


class Heartbeat(models.Model):
    """When a sweep last ran, for /readyz."""

    name = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"
