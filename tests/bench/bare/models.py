"""One table, with what a list, a claim and a grade need."""

from typing import ClassVar

from django.db import models


class Item(models.Model):
    """A completion, who reviews it, and the grade."""

    uid = models.CharField(max_length=255, unique=True)
    data = models.BinaryField()
    preview = models.CharField(max_length=200)
    received_at = models.DateTimeField(auto_now_add=True, db_index=True)
    reviewer = models.IntegerField(null=True)
    grade = models.TextField(null=True)  # noqa: DJ001 - empty and not yet given are two things

    objects: ClassVar[models.Manager["Item"]] = models.Manager()

    class Meta:
        app_label = "bare"
        indexes = [models.Index(name="bare_free", fields=["id"], condition=models.Q(reviewer=None))]

    def __str__(self) -> str:
        return self.uid
