"""Organizations, users, sessions."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from reviews.access import user_of
from reviews.admin.base import AnyForm, Managed, ReadOnly, when
from reviews.admin.lists import one_row
from reviews.admin.scope import ITSELF, scope_of
from reviews.admin.site import actor_of, site
from reviews.models import Organization, Session, User
from reviews.workflow import accounts, audit
from reviews.workflow.audit import Actor


class OrganizationForm(AnyForm):
    """Name and external id follow the slug where they are left empty."""

    class Meta:
        model = Organization
        fields = ("slug", "name", "external_id", "retention_days")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"name", "external_id"} & set(self.fields):
            self.fields[name].required = False

    def clean_name(self) -> str:
        return str(self.cleaned_data["name"] or self.cleaned_data.get("slug", self.instance.slug))

    def clean_external_id(self) -> str:
        return str(self.cleaned_data["external_id"] or self.cleaned_data.get("slug", ""))


@admin.register(Organization, site=site)
class Organizations(Managed[Organization]):
    organization_path = ITSELF
    form = OrganizationForm
    list_display = ("name", "slug", "external_id", when("created_at"))
    search_fields = ("name", "slug", "external_id")
    search_help_text = "Part of a name, slug or external id"
    fields = ("slug", "name", "external_id", "retention_days")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return scope_of(request).site_staff

    def get_readonly_fields(self, request: HttpRequest, obj: Organization | None = None) -> tuple[str, ...]:
        """By slug and external id the clients of several systems find it: those are site staff's."""
        return () if scope_of(request).site_staff else ("slug", "external_id")

    def create(self, values: dict[str, Any], actor: Actor) -> Organization:
        organization = accounts.create_organization(
            values["slug"], name=values["name"], external_id=values["external_id"], actor=actor
        )
        organization.retention_days = values["retention_days"]
        organization.save(update_fields=["retention_days"])
        return organization

    def organization_of(self, row: Organization) -> Organization:
        return row


@admin.register(User, site=site)
class Users(Managed[User], UserAdmin):  # type: ignore[type-arg]
    """Of the people in an organization its admin changes those who are in her organizations alone; others, and site
    staff, she sees by name.
    """

    organization_path = "memberships__organization"
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_superuser", when("last_login"))
    list_filter = ("is_active", "is_superuser")
    search_help_text = "Part of a user name or a name"
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password", "is_active")}),
        ("Person", {"fields": ("first_name", "last_name", "email", "time_zone")}),
        (
            "Site staff",
            {
                "fields": ("is_staff", "is_superuser"),
                "description": "With both she enters this admin and sees every organization.",
            },
        ),
    )
    fieldsets_of_a_member = (
        (None, {"fields": ("username", "is_active")}),
        ("Person", {"fields": ("first_name", "last_name", "email", "time_zone")}),
    )
    fieldsets_of_somebody_elses = (
        (
            None,
            {
                "fields": ("username", "is_active", "first_name", "last_name"),
                "description": "She is site staff, or in an organization that you do not administer: site staff alone "
                "changes what is kept about her.",
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Site staff; an admin adds members."""
        return scope_of(request).site_staff

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return obj is None or not accounts.why_not_hand_over(obj, actor=user_of(request))

    def get_list_display(self, request: HttpRequest) -> Any:
        if scope_of(request).site_staff:
            return super().get_list_display(request)
        return ("username", "first_name", "last_name", "is_active")

    def get_list_filter(self, request: HttpRequest) -> Any:
        return self.list_filter if scope_of(request).site_staff else ("is_active",)

    def get_search_fields(self, request: HttpRequest) -> Any:
        """An admin does not find by an e-mail address that she is not shown."""
        found = super().get_search_fields(request)
        return found if scope_of(request).site_staff else [name for name in found if name != "email"]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if scope_of(request).site_staff:
            return super().get_fieldsets(request, obj)
        return (
            self.fieldsets_of_a_member if self.has_change_permission(request, obj) else self.fieldsets_of_somebody_elses
        )

    def record(self, request: HttpRequest, obj: User, what: str, details: str) -> None:
        """In the audit of the organization where it was done; site staff who sees all of them acts for none."""
        organization, actor = scope_of(request).organization, actor_of(request)
        audit.record(f"user.{what}", obj, organization=organization, actor=actor, details=details)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Nobody locks herself out; by her name the audit knows her, so an admin does not change that."""
        names = () if scope_of(request).site_staff else ("username",)
        return (*names, "is_active", "is_staff", "is_superuser") if obj and obj.pk == request.user.pk else names

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Of a person it would tell what was done in other organizations, and by whom."""
        if not scope_of(request).site_staff:
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def save_model(self, request: HttpRequest, obj: User, form: AnyForm, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            obj.save()
            self.record(request, obj, "create", obj.username)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Within a transaction, for the audit event that `log_change` writes. An admin hands over a link instead."""
        if not scope_of(request).site_staff:
            raise PermissionDenied
        if request.method != "POST":
            return super().user_change_password(request, id, form_url)
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        if request.path.endswith("/password/"):
            # What was handed over for the old one lets nobody in any more.
            accounts.void_links(obj)
            self.record(request, obj, "password", obj.username)
        return super().log_change(request, obj, message)


@admin.register(Session, site=site)
class Sessions(ReadOnly[Session]):
    """Which runs of applications were opened, and when?"""

    organization_path = "organization"
    list_display = ("uid", "organization", when("created_at"))
    list_filter = (one_row("organization"),)
    list_select_related = ("organization",)
    search_fields = ("uid",)
    search_help_text = "The whole id of a session"
    parts = ("organization",)
    fields = ("uid", "organization", "created_at")
