"""Audit events: who did what, when, from where. Hashes, never text. Append-only."""

from django.db import models

from reviews.models.accounts import ApiToken, Organization, User
from reviews.models.base import AppendOnly, AppendOnlyQuerySet


class AuditEvent(AppendOnly):
    """One thing that somebody did."""

    organization = models.ForeignKey(Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    action = models.CharField(max_length=64)
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    api_token = models.ForeignKey(ApiToken, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    address = models.GenericIPAddressField(null=True, blank=True)
    target_type = models.CharField(max_length=64)
    target_id = models.CharField(max_length=255)
    before_hash = models.CharField(max_length=64, blank=True)
    after_hash = models.CharField(max_length=64, blank=True)
    details = models.CharField(max_length=1000, blank=True, help_text="Names and states; no text of a completion.")

    objects = AppendOnlyQuerySet["AuditEvent"].as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(name="audit_newest", fields=["organization", "-id"]),
            models.Index(name="audit_of_target", fields=["target_type", "target_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"
