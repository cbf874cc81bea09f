"""Feedback: submitted grades. Append-only; a correction supersedes."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from reviews.models.accounts import ApiToken, Organization, User
from reviews.models.base import AppendOnly, AppendOnlyQuerySet, new_uid
from reviews.models.completions import Completion, Document
from reviews.models.feedback_tasks import FeedbackTask, FeedbackTaskRevision
from reviews.models.queues import Assignment


class FeedbackOrigin(models.TextChoices):
    REVIEW = "review", _("Review")
    API = "api", _("API")


class FeedbackQuerySet(AppendOnlyQuerySet["Feedback"]):
    def standing(self) -> "FeedbackQuerySet":
        """Without what was corrected or taken back since."""
        return self.filter(superseded_by=None, assignment__requeued_at=None)


class Feedback(AppendOnly):
    """One submitted grade, under the revision of the feedback task that was shown when it was given."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="feedback")
    uid = models.CharField(max_length=255, default=new_uid)
    feedback_task = models.ForeignKey(FeedbackTask, on_delete=models.PROTECT, related_name="feedback")
    task_revision = models.ForeignKey(FeedbackTaskRevision, on_delete=models.PROTECT, related_name="+")
    origin = models.CharField(max_length=16, choices=FeedbackOrigin.choices)
    values_text = models.TextField(help_text="The values as JSON, members in their order.")
    comment = models.TextField(blank=True)
    reviewer = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="feedback")
    api_token = models.ForeignKey(ApiToken, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    assignment = models.ForeignKey(Assignment, null=True, blank=True, on_delete=models.PROTECT, related_name="feedback")
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    completions = models.ManyToManyField(Completion, through="FeedbackCompletion", related_name="feedback")

    objects = FeedbackQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(name="feedback_uid", fields=["organization", "uid"]),
            models.UniqueConstraint(
                name="feedback_once_per_assignment", fields=["assignment"], condition=Q(supersedes=None)
            ),
            models.CheckConstraint(
                name="feedback_given_by",
                condition=Q(origin=FeedbackOrigin.REVIEW, reviewer__isnull=False, assignment__isnull=False)
                | Q(origin=FeedbackOrigin.API, reviewer=None, assignment=None),
            ),
            models.CheckConstraint(
                name="feedback_not_its_own_correction", condition=Q(supersedes=None) | ~Q(supersedes=F("id"))
            ),
        ]
        indexes = [
            models.Index(name="feedback_of_task", fields=["feedback_task", "id"]),
            models.Index(name="feedback_newest", fields=["organization", "origin", "-id"]),
            models.Index(name="feedback_by_moment", fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return self.uid


class FeedbackCompletion(AppendOnly):
    """A completion that a feedback speaks of, and the document that was graded."""

    feedback = models.ForeignKey(Feedback, on_delete=models.PROTECT, related_name="matched")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="+")
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="+")

    objects = AppendOnlyQuerySet["FeedbackCompletion"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(name="feedback_completion_once", fields=["feedback", "completion"])]

    def __str__(self) -> str:
        return f"{self.feedback_id} on {self.completion_id}"


class GradeValue(AppendOnly):
    """One answer of a feedback that lists are filtered by: a number, yes or no, or one of the words that its rubric
    offered. Text that somebody wrote is not among them. It repeats what the feedback says.
    """

    feedback = models.ForeignKey(Feedback, on_delete=models.PROTECT, related_name="+")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="+", db_index=False)
    feedback_task = models.ForeignKey(FeedbackTask, on_delete=models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=200, help_text="The member of the values.")
    value = models.CharField(max_length=100, help_text="As JSON writes it, a string without its quotation marks.")

    objects = AppendOnlyQuerySet["GradeValue"].as_manager()

    class Meta:
        indexes = [
            models.Index(name="grade_value_found", fields=["feedback_task", "name", "value", "-completion"]),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"
