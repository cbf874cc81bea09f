"""Upstreams. The token is written only: no page ever shows it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, URLValidator
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from reviews.admin.acting import say
from reviews.admin.base import AnyForm, Managed, when
from reviews.admin.site import actor_of, site
from reviews.models import Upstream
from reviews.workflow import upstreams
from reviews.workflow.audit import Actor

MOST_TOKEN = 4_000


class UpstreamForm(AnyForm):
    """URL and token belong together: a token never goes to an address that it was not entered for."""

    url = forms.URLField(
        label="URL",
        max_length=500,
        assume_scheme="https",
        validators=[URLValidator(schemes=["http", "https"])],
        help_text="Up to and without /api, for example https://log10.io",
    )
    token = forms.CharField(
        required=False,
        max_length=MOST_TOKEN,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )
    pull_seconds = forms.IntegerField(
        label="Pull every",
        required=False,
        validators=[MinValueValidator(1)],
        help_text="Seconds. Empty: the site's interval.",
    )

    class Meta:
        model = Upstream
        fields = ("organization", "name", "url", "upstream_organization", "token", "enabled", "pull_seconds")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["token"].help_text = (
            "Kept encrypted, never shown. Enter it again when the URL changes; left empty, it stays."
            if self.instance.pk
            else "Kept encrypted, never shown again."
        )

    def clean_url(self) -> str:
        parts = urlsplit(self.cleaned_data["url"])
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValidationError("The URL ends with the path, and has neither user name nor password in it.")
        return str(self.cleaned_data["url"]).rstrip("/")

    def clean_token(self) -> str:
        token = str(self.cleaned_data["token"])
        if token and not (token.isascii() and token.isprintable()):
            raise ValidationError("The token has characters that no request can carry.")
        return token

    def clean_pull_seconds(self) -> int:
        given = self.cleaned_data["pull_seconds"]
        return int(self._meta.model._meta.get_field("pull_seconds").get_default() if given is None else given)

    def clean(self) -> dict[str, Any] | None:
        values = super().clean()
        if not self.cleaned_data.get("token") and "token" not in self.errors:
            if not self.instance.pk:
                self.add_error("token", "Enter the token that the upstream knows us by.")
            elif self.cleaned_data.get("url", self.initial["url"]) != self.initial["url"]:
                self.add_error(
                    "token", "Enter the token again: it was given for the former URL, and goes nowhere else."
                )
        return values


@admin.register(Upstream, site=site)
class Upstreams(Managed[Upstream]):
    organization_path = "organization"
    form = UpstreamForm
    list_display = ("name", "organization", "url", "state", when("listed_at", "last list"), when("next_pull_at"))
    list_filter = ("enabled", "organization")
    list_select_related = ("organization",)
    search_fields = ("name", "url", "upstream_organization")
    search_help_text = "Part of a name, of the URL, or of the organization there"
    actions = ("pull_now", "switch_off", "switch_on")
    to_fill_in = ("organization", "name", "url", "upstream_organization", "token", "pull_seconds")
    figures = (
        "state",
        "last_error",
        when("listed_at", "last complete list"),
        when("next_pull_at"),
        "pull_failures",
        "push_failures",
        when("failing_since"),
        when("last_failed_at", "last failure"),
        when("quiet_until"),
        when("token_refused_at"),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Upstream | None = None) -> list[Any]:
        if obj is None:
            return [(None, {"fields": self.to_fill_in})]
        return [(None, {"fields": (*self.to_fill_in, "enabled")}), ("How it goes", {"fields": self.figures})]

    def get_readonly_fields(self, request: HttpRequest, obj: Upstream | None = None) -> tuple[Any, ...]:
        return ("organization", *self.figures) if obj else ()

    @admin.display(description="state")
    def state(self, upstream: Upstream) -> str:
        if not upstream.enabled:
            return "disabled"
        if upstream.token_refused_at:
            return "token refused"
        return "failing" if upstream.pull_failures or upstream.push_failures else "well"

    @method_decorator(sensitive_post_parameters("token"))
    def changeform_view(self, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().changeform_view(*args, **kwargs)

    def create(self, values: dict[str, Any], actor: Actor) -> Upstream:
        return upstreams.create(
            values["organization"],
            url=values["url"],
            upstream_organization=values["upstream_organization"],
            token=values["token"],
            name=values["name"],
            pull_seconds=values["pull_seconds"],
            actor=actor,
        )

    def save_model(self, request: HttpRequest, obj: Upstream, form: AnyForm, change: bool) -> None:
        if not change or not form.cleaned_data["token"]:
            super().save_model(request, obj, form, change)
            return
        others = [name for name in form.changed_data if name not in ("url", "token")]
        upstreams.change(obj, url=obj.url, token=form.cleaned_data["token"], actor=actor_of(request))
        self.save_changed(request, obj, others)

    def save_changed(self, request: HttpRequest, obj: Upstream, names: list[str]) -> None:
        """Switching it off or on has a verb of its own."""
        super().save_changed(request, obj, [name for name in names if name != "enabled"])
        if "enabled" in names:
            upstreams.set_enabled(obj, obj.enabled, actor=actor_of(request))

    @admin.action(description="Pull now")
    def pull_now(self, request: HttpRequest, queryset: QuerySet[Upstream]) -> None:
        asked = list(queryset.filter(enabled=True).select_related("organization"))
        for upstream in asked:
            upstreams.ask_for_pull(upstream, actor=actor_of(request))
        left = Counter({"One that is switched off is not pulled.": queryset.count() - len(asked)})
        say(request, f"Due now: {_names(asked)}." if asked else "", +left)

    @admin.action(description="Switch off: nothing is pulled or pushed")
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Upstream]) -> None:
        self._switch(request, queryset, on=False)

    @admin.action(description="Switch on")
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Upstream]) -> None:
        self._switch(request, queryset, on=True)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Upstream], *, on: bool) -> None:
        changed = list(queryset.filter(enabled=not on).select_related("organization"))
        for upstream in changed:
            upstream.enabled = on
            with transaction.atomic():
                self.save_changed(request, upstream, ["enabled"])
        word = "on" if on else "off"
        left = Counter({f"One that is switched {word} already stays so.": queryset.count() - len(changed)})
        say(request, f"Switched {word}: {_names(changed)}." if changed else "", +left)


def _names(found: Iterable[Upstream]) -> str:
    return ", ".join(upstream.name for upstream in found)
