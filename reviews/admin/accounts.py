"""Organizations, members, users, API tokens, sessions."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from reviews.admin.base import AnyForm, Managed, ReadOnly, Rows, present, when
from reviews.admin.site import actor_of, site
from reviews.models import ApiToken, Member, Organization, Session, User
from reviews.workflow import accounts
from reviews.workflow.audit import Actor


class OrganizationForm(AnyForm):
    """Name and external id follow the slug where they are left empty."""

    class Meta:
        model = Organization
        fields = ("slug", "name", "external_id", "retention_days")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("name", "external_id"):
            self.fields[name].required = False

    def clean_name(self) -> str:
        return str(self.cleaned_data["name"] or self.cleaned_data.get("slug", ""))

    def clean_external_id(self) -> str:
        return str(self.cleaned_data["external_id"] or self.cleaned_data.get("slug", ""))


@admin.register(Organization, site=site)
class Organizations(Managed[Organization]):
    form = OrganizationForm
    list_display = ("name", "slug", "external_id", when("created_at"))
    search_fields = ("name", "slug", "external_id")
    fields = ("slug", "name", "external_id", "retention_days")

    def create(self, values: dict[str, Any], actor: Actor) -> Organization:
        organization = accounts.create_organization(
            values["slug"], name=values["name"], external_id=values["external_id"], actor=actor
        )
        organization.retention_days = values["retention_days"]
        organization.save(update_fields=["retention_days"])
        return organization

    def organization_of(self, row: Organization) -> Organization:
        return row


@admin.register(Member, site=site)
class Members(Managed[Member]):
    list_display = ("user", "organization", "role", when("created_at", "since"))
    list_filter = ("role", "organization")
    list_select_related = ("user", "organization")
    search_fields = ("user__username", "user__email")
    autocomplete_fields = ("user",)
    fields = ("organization", "user", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Member | None = None) -> tuple[str, ...]:
        return ("organization", "user") if obj else ()

    def create(self, values: dict[str, Any], actor: Actor) -> Member:
        return accounts.add_member(
            values["user"].username, organization=values["organization"], role=values["role"], actor=actor
        )

    def save_changed(self, request: HttpRequest, obj: Member, names: list[str]) -> None:
        if names:
            obj.save(update_fields=names)
            self.record(request, obj, "role", f"{obj.user.username}: {obj.role}")

    def has_delete_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        """A membership may end: what she did names her, not it."""
        return True

    def delete_model(self, request: HttpRequest, obj: Member) -> None:
        with transaction.atomic():
            self.record(request, obj, "remove", obj.user.username)
            obj.delete()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Member]) -> None:
        for member in queryset.select_related("user", "organization"):
            self.delete_model(request, member)


@admin.register(User, site=site)
class Users(Managed[User], UserAdmin):  # type: ignore[type-arg]
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_superuser", when("last_login"))
    list_filter = ("is_active", "is_superuser")
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

    def organization_of(self, row: User) -> None:
        return None

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Nobody locks herself out."""
        return ("is_active", "is_staff", "is_superuser") if obj and obj.pk == request.user.pk else ()

    def save_model(self, request: HttpRequest, obj: User, form: AnyForm, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            obj.save()
            self.record(request, obj, "create", obj.username)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Within a transaction, for the audit event that `log_change` writes."""
        if request.method != "POST":
            return super().user_change_password(request, id, form_url)
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        if request.path.endswith("/password/"):
            self.record(request, obj, "password", obj.username)
        return super().log_change(request, obj, message)


@admin.register(ApiToken, site=site)
class ApiTokens(Rows[ApiToken]):
    """Made and revoked; a token is never changed, and its secret is in no row."""

    singular = "API token"
    plural = "API tokens"
    list_display = (
        "name",
        "organization",
        "prefix",
        "state",
        "created_by",
        when("created_at"),
        when("last_used_at"),
    )
    list_filter = ("organization", present("state", "revoked_at", "revoked", "not revoked"))
    list_select_related = ("organization", "created_by")
    search_fields = ("name", "prefix")
    actions = ("revoke",)
    shown = (
        "organization",
        "name",
        "prefix",
        "state",
        "created_by",
        when("created_at"),
        when("last_used_at"),
        when("revoked_at"),
    )

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[Any, ...]:
        return self.shown if obj else ("organization", "name")

    @admin.display(description="state")
    def state(self, token: ApiToken) -> str:
        if token.revoked_at:
            return "revoked"
        return "expired" if token.expires_at and token.expires_at <= timezone.now() else "usable"

    def save_model(
        self,
        request: HttpRequest,
        obj: ApiToken,
        form: AnyForm,
        change: bool,
    ) -> None:
        """The one moment at which the secret is known: it goes into a message and nowhere else."""
        values = form.cleaned_data
        token, secret = accounts.create_token(values["organization"], name=values["name"], actor=actor_of(request))
        obj.pk = token.pk
        obj.refresh_from_db()
        messages.warning(
            request,
            format_html(
                'Copy this token now; it is not shown again: <code class="secret">{}</code> '
                '<a href="{}">What it is for</a>',
                secret,
                reverse("api_docs"),
            ),
        )

    @admin.action(description="Revoke: refused from the next request on")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        tokens = list(queryset.filter(revoked_at=None).select_related("organization"))
        for token in tokens:
            accounts.revoke_token(token, actor=actor_of(request))
        messages.info(
            request, f"Revoked: {', '.join(token.name for token in tokens) or 'none, they all were already'}."
        )


@admin.register(Session, site=site)
class Sessions(ReadOnly[Session]):
    list_display = ("uid", "organization", when("created_at"))
    list_filter = ("organization",)
    list_select_related = ("organization",)
    search_fields = ("uid__exact",)
    search_help_text = "The whole id."
    fields = ("uid", "organization", "created_at")
