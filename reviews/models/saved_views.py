"""Saved views: filters of the list of completions that somebody gave a name."""

from django.db import models
from django.db.models import Q

from reviews.models.accounts import Organization, User


class SavedView(models.Model):
    """What a list is filtered by, as its address says it. Hers alone, or everyone's in the organization."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="saved_views")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=100)
    query = models.TextField(blank=True, help_text="The query of the address, without its question mark.")
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(name="saved_view_once", fields=["organization", "user", "name"]),
            models.CheckConstraint(name="saved_view_named", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name
