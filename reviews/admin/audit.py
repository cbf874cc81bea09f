"""Audit events, and the seals upon them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from reviews.access import is_site_staff, user_of
from reviews.admin.base import ReadOnly, when
from reviews.admin.site import site
from reviews.models import AuditEvent, AuditSeal


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


@admin.register(AuditSeal, site=site)
class AuditSeals(ReadOnly[AuditSeal]):
    """They are of all organizations together, so site staff alone sees them."""

    list_display = ("number", "count", "first_event_id", "last_event_id", "chain_hash", when("sealed_at"))
    search_fields = ("chain_hash__exact",)
    search_help_text = "A whole chain hash."
    fields = ("number", "count", "first_event_id", "last_event_id", "batch_hash", "chain_hash", "sealed_at")

    def has_view_permission(self, request: HttpRequest, obj: AuditSeal | None = None) -> bool:
        return is_site_staff(user_of(request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditSeal]:
        return super().get_queryset(request).defer("fingerprints")
