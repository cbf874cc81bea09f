"""Drafts: what a reviewer has written and not submitted."""

from django.db import models

from reviews.models.accounts import User
from reviews.models.completions import Document
from reviews.models.feedback import Feedback
from reviews.models.queues import QueueItem


class Draft(models.Model):
    """The fields of her form as they stood, over the document that she saw: the hash of that decides whether it still
    fits. It outlives the claim, and ends with the submit. With `restores` its grade is that of a submit that was taken
    back, and `fields_text` has the rest.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="drafts")
    item = models.ForeignKey(QueueItem, on_delete=models.CASCADE, related_name="drafts")
    base = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="+")
    fields_text = models.TextField(help_text="JSON list of [name, text], as the form would post them.")
    restores = models.ForeignKey(Feedback, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["-saved_at"]
        constraints = [models.UniqueConstraint(name="draft_once", fields=["user", "item", "base"])]

    def __str__(self) -> str:
        return f"draft of {self.user_id} on {self.item_id}"
