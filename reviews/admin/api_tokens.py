"""API tokens: made with a name, scopes and an end, shown once, revoked at once."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from reviews.admin.base import AnyForm, Rows, when
from reviews.admin.lists import present
from reviews.admin.site import actor_of, site
from reviews.models import ApiToken
from reviews.workflow import accounts

NEVER, ON_A_DATE = "", "date"
FARTHEST = timedelta(days=36_500)
EXPIRIES = (
    (NEVER, "Never"),
    ("30", "In 30 days"),
    ("90", "In 90 days"),
    ("365", "In a year"),
    (ON_A_DATE, "At the end of a day"),
)
SCOPES = tuple(f"can_{scope}" for scope in ApiToken.SCOPES)


class ApiTokenForm(AnyForm):
    """What a token may do and until when; its secret is made and not asked for."""

    expiry = forms.ChoiceField(label="Expires", choices=EXPIRIES, required=False)
    last_day = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Where it expires at the end of a day.",
    )

    class Meta:
        model = ApiToken
        fields = ("organization", "name", *SCOPES)
        labels = {
            "can_ingest": "Ingest",
            "can_read": "Read",
            "can_feedback": "Feedback",
            "can_admin": "Admin",
        }
        help_texts = {
            "can_ingest": "Send completions, and replace them.",
            "can_read": "List and read completions, feedback tasks and feedback.",
            "can_feedback": "Grade, and make feedback tasks.",
            "can_admin": "What an admin of the organization does. No operation of the API needs it yet.",
        }

    def clean(self) -> dict[str, Any] | None:
        values = super().clean()
        if not any(self.cleaned_data.get(name) for name in SCOPES):
            self.add_error(SCOPES[0], "Choose at least one thing that the token may do.")
        expiry, day = self.cleaned_data.get("expiry"), self.cleaned_data.get("last_day")
        if expiry == ON_A_DATE and "last_day" not in self.errors:
            if day is None:
                self.add_error("last_day", "Say on which day it expires.")
            elif day < timezone.localdate():
                self.add_error("last_day", ValidationError("That day is over. Choose a later one."))
            elif day > timezone.localdate() + FARTHEST:
                self.add_error("last_day", ValidationError("Choose a day within a hundred years, or “Never”."))
        return values

    def expires_at(self) -> datetime | None:
        """Of a form that is valid."""
        expiry, day = self.cleaned_data["expiry"], self.cleaned_data["last_day"]
        if expiry == NEVER:
            return None
        if expiry == ON_A_DATE:
            return _end_of(day)
        return timezone.now() + timedelta(days=int(expiry))


class Use(admin.SimpleListFilter):
    """Which have not been used for long."""

    title = "use"
    parameter_name = "used"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("never", "never"), ("30", "not for 30 days"), ("90", "not for 90 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
        match self.value():
            case "never":
                return queryset.filter(last_used_at=None)
            case "30" | "90" as days:
                since = timezone.now() - timedelta(days=int(days))
                unused = Q(last_used_at__lt=since) | Q(last_used_at=None, created_at__lt=since)
                return queryset.filter(unused)
            case _:
                return queryset


class Expiry(admin.SimpleListFilter):
    """Which expire soon."""

    title = "expiry"
    parameter_name = "expires"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("past", "expired"), ("30", "within 30 days"), ("never", "never")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
        now = timezone.now()
        match self.value():
            case "past":
                return queryset.filter(expires_at__lte=now)
            case "30":
                return queryset.filter(expires_at__gt=now, expires_at__lte=now + timedelta(days=30))
            case "never":
                return queryset.filter(expires_at=None)
            case _:
                return queryset


@admin.register(ApiToken, site=site)
class ApiTokens(Rows[ApiToken]):
    """Made and revoked; a token is never changed, and its secret is in no row."""

    organization_path = "organization"
    form = ApiTokenForm
    singular = "API token"
    plural = "API tokens"
    list_display = (
        "name",
        "organization",
        "prefix",
        "state",
        "scopes",
        when("last_used_at"),
        when("expires_at"),
        "created_by",
        when("created_at"),
    )
    list_filter = ("organization", present("state", "revoked_at", "revoked", "not revoked"), Use, Expiry)
    list_select_related = ("organization", "created_by")
    search_fields = ("name", "prefix")
    search_help_text = "Part of a name, or how the token begins"
    actions = ("revoke",)
    asked = ("organization", "name", *SCOPES, "expiry", "last_day")
    shown = (
        "organization",
        "name",
        "prefix",
        "state",
        "scopes",
        when("expires_at"),
        when("last_used_at"),
        "created_by",
        when("created_at"),
        when("revoked_at"),
    )

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[Any, ...]:
        return self.shown if obj else self.asked

    @admin.display(description="state")
    def state(self, token: ApiToken) -> str:
        if token.revoked_at:
            return "revoked"
        return "expired" if token.expires_at and token.expires_at <= timezone.now() else "usable"

    @admin.display(description="may")
    def scopes(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """The one moment at which the secret is known: it goes into a message and nowhere else."""
        values = form.cleaned_data
        token, secret = accounts.create_token(
            values["organization"],
            name=values["name"],
            scopes=[scope for scope in ApiToken.SCOPES if values[f"can_{scope}"]],
            expires_at=form.expires_at(),
            actor=actor_of(request),
        )
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


def _end_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
