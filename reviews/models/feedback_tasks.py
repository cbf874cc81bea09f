"""Feedback tasks (rubrics) and their revisions."""

from django.db import models
from django.db.models import Q

from reviews.models.accounts import Organization, User
from reviews.models.base import AppendOnly, AppendOnlyQuerySet, new_uid
from reviews.models.completions import Tag
from reviews.models.upstreams import Upstream


class FeedbackTask(models.Model):
    """A rubric: name, instruction, JSON Schema, tag selector. What it says stands in its revisions.

    With an upstream it is either pulled from there and read-only here (`pulled`), or ours and linked to one of equal
    name and schema over there; feedback is pushed under `upstream_uid`. Without one its feedback stays here.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="feedback_tasks")
    uid = models.CharField(max_length=255, default=new_uid)
    upstream = models.ForeignKey(
        Upstream, null=True, blank=True, on_delete=models.PROTECT, related_name="feedback_tasks"
    )
    upstream_uid = models.CharField(max_length=255, blank=True, help_text="Its id over there.")
    pulled = models.BooleanField(default=False)
    name = models.CharField(max_length=255)
    selector = models.ManyToManyField(Tag, through="FeedbackTaskTag", related_name="feedback_tasks")
    current_revision = models.ForeignKey(
        "FeedbackTaskRevision", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    routed_through = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        default=0,
        help_text="Completions up to this id were offered to the queue; empty: all that there were.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(name="feedback_task_uid", fields=["organization", "uid"]),
            models.UniqueConstraint(
                name="feedback_task_upstream_uid",
                fields=["upstream", "upstream_uid"],
                condition=Q(upstream__isnull=False),
            ),
            models.CheckConstraint(
                name="feedback_task_link_whole",
                condition=Q(upstream=None, upstream_uid="", pulled=False)
                | (Q(upstream__isnull=False) & ~Q(upstream_uid="")),
            ),
            models.CheckConstraint(name="feedback_task_named", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def linked(self) -> bool:
        """Whether its feedback can be pushed."""
        return self.upstream_id is not None


class FeedbackTaskTag(models.Model):
    """One tag of a feedback task's selector; a completion must carry all of them."""

    feedback_task = models.ForeignKey(FeedbackTask, on_delete=models.CASCADE, related_name="selector_tags")
    tag = models.ForeignKey(Tag, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(name="feedback_task_tag_once", fields=["feedback_task", "tag"])]

    def __str__(self) -> str:
        return f"{self.tag_id} in the selector of {self.feedback_task_id}"


class FeedbackTaskRevision(AppendOnly):
    """What a feedback task asked at one time. The schema is kept as text, because member order is the form's order."""

    feedback_task = models.ForeignKey(FeedbackTask, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    instruction = models.TextField(blank=True)
    schema_text = models.TextField(help_text="The JSON Schema, members in their order.")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet["FeedbackTaskRevision"].as_manager()

    class Meta:
        ordering = ["feedback_task", "number"]
        constraints = [
            models.UniqueConstraint(name="feedback_task_revision_number", fields=["feedback_task", "number"]),
            models.CheckConstraint(name="feedback_task_revision_from_one", condition=Q(number__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.name}, revision {self.number}"
