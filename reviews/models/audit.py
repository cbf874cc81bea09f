"""Audit events: who did what, when, from where. Hashes, never text. And the seals upon them. Both append-only."""

from django.db import models
from django.utils import timezone

from reviews.models.accounts import ApiToken, Organization, User
from reviews.models.base import AppendOnly, AppendOnlyQuerySet


class AuditEvent(AppendOnly):
    """One thing that somebody did."""

    # Its indexes, and those of the user, stand below, each with an order.
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    at = models.DateTimeField(default=timezone.now, editable=False)
    action = models.CharField(max_length=64)
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False)
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
            # The page: by moment, in one organization or in all, of one kind or of any.
            models.Index(name="audit_by_moment", fields=["organization", "-at", "-id"]),
            models.Index(name="audit_by_action", fields=["organization", "action", "-at", "-id"]),
            models.Index(name="audit_by_person", fields=["user", "-at", "-id"]),
            models.Index(name="audit_of_all", fields=["-at", "-id"]),
            models.Index(name="audit_of_target", fields=["target_type", "target_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"


class AuditSeal(AppendOnly):
    """A batch of events, sealed: what each of them was, and a hash that hangs on the seal before.

    It covers the ids above the last of the seal before, up to its own last: an id in between that it does not name
    had no event when it was made.
    """

    number = models.PositiveBigIntegerField(primary_key=True)
    first_event_id = models.BigIntegerField()
    last_event_id = models.BigIntegerField()
    count = models.PositiveIntegerField()
    fingerprints = models.BinaryField(help_text="Of each event its id, eight bytes, and its SHA-256; by id.")
    batch_hash = models.CharField(max_length=64, help_text="SHA-256 of the fingerprints.")
    chain_hash = models.CharField(
        max_length=64, help_text="SHA-256 of the chain hash before, the columns of this row and its batch hash."
    )
    sealed_at = models.DateTimeField()

    objects = AppendOnlyQuerySet["AuditSeal"].as_manager()

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"seal {self.number}"
