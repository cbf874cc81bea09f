"""Audit events."""

from django.contrib import admin

from reviews.admin.base import ReadOnly, when
from reviews.admin.site import site
from reviews.models import AuditEvent


@admin.register(AuditEvent, site=site)
class AuditEvents(ReadOnly[AuditEvent]):
    list_display = (when("at"), "action", "user", "api_token", "address", "target_type", "target_id", "details")
    list_filter = ("organization",)
    list_select_related = ("user", "api_token")
    search_fields = ("action__exact", "target_id__exact", "user__username__exact")
    search_help_text = "A whole action, target id or user name."
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
