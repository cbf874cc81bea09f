"""Audit events."""

from django.contrib import admin
from django.db.models import Q

from reviews.admin.base import ReadOnly, when
from reviews.admin.lists import one_row
from reviews.admin.site import site
from reviews.models import AuditEvent


@admin.register(AuditEvent, site=site)
class AuditEvents(ReadOnly[AuditEvent]):
    """Who did what, when, from where? The page /audit answers it in sentences; here stand the rows."""

    organization_path = "organization"
    list_display = (when("at"), "action", "user", "api_token", "address", "target_type", "target_id", "details")
    list_filter = (one_row("organization"),)
    list_select_related = ("user", "api_token")
    search_fields = ("user__username",)
    search_help_text = "A user name, or type and id of a target: push 12"
    parts = ("organization",)
    fields = (
        "at",
        "action",
        "organization",
        "user",
        "api_token",
        "address",
        "target_type",
        "target_id",
        "before_hash",
        "after_hash",
        "details",
    )

    def searched(self, text: str) -> list[Q]:
        """Of two words the first is a type."""
        kind, _blank, target = text.strip().partition(" ")
        return [Q(target_type=kind, target_id=target.strip())] if target else super().searched(text)
