"""Revisions: accepted changes of a completion's document. Append-only."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from reviews.models.accounts import ApiToken, User
from reviews.models.base import AppendOnly, AppendOnlyQuerySet
from reviews.models.completions import Completion, Document
from reviews.models.queues import Assignment


class RevisionOrigin(models.TextChoices):
    API = "api", _("API")
    PULL = "pull", _("Pull")
    EDIT = "edit", _("Edit")
    RESOLUTION = "resolution", _("Resolution")


class Revision(AppendOnly):
    """One accepted change: from which document to which, by whom, and what differs."""

    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    base = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="+")
    result = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="+")
    origin = models.CharField(max_length=16, choices=RevisionOrigin.choices)
    changes_text = models.TextField(help_text="JSON list of [pointer, before, after].")
    author = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="revisions")
    api_token = models.ForeignKey(ApiToken, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    assignment = models.ForeignKey(
        Assignment, null=True, blank=True, on_delete=models.PROTECT, related_name="revisions"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet["Revision"].as_manager()

    class Meta:
        ordering = ["completion", "number"]
        constraints = [
            models.UniqueConstraint(name="revision_number", fields=["completion", "number"]),
            models.CheckConstraint(name="revision_from_one", condition=Q(number__gte=1)),
            models.CheckConstraint(name="revision_origin", condition=Q(origin__in=RevisionOrigin.values)),
            models.CheckConstraint(name="revision_changes_something", condition=~Q(base=F("result"))),
            models.CheckConstraint(
                name="revision_edit_has_author", condition=~Q(origin=RevisionOrigin.EDIT) | Q(author__isnull=False)
            ),
        ]
        indexes = [
            models.Index(name="revision_by_origin", fields=["origin", "-id"]),
            models.Index(name="revision_by_moment", fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.completion_id}"
