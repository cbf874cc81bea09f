"""Keys under which a client repeats a request without doubling what it does."""

from django.db import models
from django.db.models import Q

from reviews.models.accounts import ApiToken


class KeyedRequest(models.Model):
    """A request that came with an Idempotency-Key, and its answer. Without an answer it is in flight, or whoever was at
    work on it died. Kept for a day.
    """

    api_token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="keyed_requests")
    target = models.CharField(max_length=64, help_text="SHA-256 of method and path, hexadecimal.")
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64, help_text="SHA-256 of the body, hexadecimal.")
    attempt = models.PositiveIntegerField(default=1, help_text="Counts those who took it over; the last may answer.")
    created_at = models.DateTimeField()
    attempted_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    about = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="The id of what the answer shows."
    )
    answer = models.BinaryField(null=True, blank=True, help_text="The body of the answer, compressed.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="keyed_request_once", fields=["api_token", "target", "key"]),
            models.CheckConstraint(name="keyed_request_key_given", condition=~Q(key="")),
            models.CheckConstraint(
                name="keyed_request_answered_whole",
                condition=Q(status=None, answer=None)
                | Q(status__isnull=False, status__gte=200, status__lte=299, answer__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="keyed_request_oldest", fields=["created_at"]),
            models.Index(name="keyed_request_about", fields=["about"], condition=~Q(about="")),
        ]

    def __str__(self) -> str:
        return f"request {self.key} of {self.api_token_id}"
