"""Members: added by user name, given another role, let in by links that are shown once, and removed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from reviews.admin.acting import act, to_confirm
from reviews.admin.base import AnyForm, Managed, when
from reviews.admin.scope import scope_of
from reviews.admin.site import actor_of, site
from reviews.models import Member, User
from reviews.workflow import accounts, members, second_factors
from reviews.workflow.accounts import NotYours, Taken
from reviews.workflow.members import NotSo


class NewMemberForm(AnyForm):
    """Whoever is not known by the name is new, and is let in by an invitation."""

    username = forms.CharField(
        label="User name",
        max_length=User._meta.get_field("username").max_length,
        validators=[UnicodeUsernameValidator()],
        help_text="Who is new here gets a link to set her password, which you hand over. It is shown once.",
    )

    class Meta:
        model = Member
        fields = ("organization", "role")

    def clean_username(self) -> str:
        """As a new user's name is kept, so that whoever is here under it is found."""
        return str(User.normalize_username(self.cleaned_data["username"]))

    def clean(self) -> dict[str, Any] | None:
        values = super().clean()
        organization, name = self.cleaned_data.get("organization"), self.cleaned_data.get("username")
        if organization and name and Member.objects.filter(organization=organization, user__username=name).exists():
            self.add_error("username", ValidationError(f"{name} is a member of {organization} already."))
        return values


@admin.register(Member, site=site)
class Members(Managed[Member]):
    organization_path = "organization"
    refusals = (Taken, NotSo)
    list_display = ("user", "organization", "role", "password", "signed_in", when("created_at", "since"))
    list_filter = ("role", "organization")
    list_select_related = ("user", "organization")
    ordering = ("organization__slug", "user__username")
    search_fields = ("user__username", "user__first_name", "user__last_name")
    search_help_text = "Part of a user name or a name"
    actions = ("invite", "reset_password", "remove_second_factors")

    def get_queryset(self, request: HttpRequest) -> Any:
        """`elsewhere` says of whom an admin is told no more than her name and role here."""
        scope = scope_of(request)
        others = Member.objects.none()
        if not scope.site_staff:
            mine = [organization.pk for organization in scope.choices]
            others = Member.objects.filter(user=OuterRef("user")).exclude(organization__in=mine)
        return super().get_queryset(request).annotate(elsewhere=Exists(others))

    def get_fields(self, request: HttpRequest, obj: Member | None = None) -> tuple[str, ...]:
        return ("organization", "user", "role") if obj else ("organization", "username", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Member | None = None) -> tuple[str, ...]:
        return ("organization", "user") if obj else ()

    def get_form(self, request: HttpRequest, obj: Member | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if obj else {"form": NewMemberForm}), **kwargs)

    @admin.display(description="password")
    def password(self, member: Member) -> str:
        return "set" if member.user.has_usable_password() else "none yet"

    @admin.display(description="last sign-in")
    def signed_in(self, member: Member) -> str:
        return "–" if getattr(member, "elsewhere", True) else when("last_login")(member.user)

    def save_model(self, request: HttpRequest, obj: Member, form: AnyForm, change: bool) -> None:
        values, actor = form.cleaned_data, actor_of(request)
        if change:
            members.change_role(obj, values["role"], actor=actor)
            return
        made, secret = accounts.invite(
            values["username"], organization=values["organization"], role=values["role"], actor=actor
        )
        obj.pk = made.pk
        obj.refresh_from_db()
        if secret is None:
            messages.info(request, f"{made.user} was here before and signs in as she does.")
        else:
            _show(request, made.user, secret, "sets her password, within a week")

    def has_delete_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        """A membership may end: what she did names her, not it."""
        return scope_of(request).may_enter

    def get_actions(self, request: HttpRequest) -> Any:
        """One at a time is removed, on a page that says what becomes of her work."""
        return {name: found for name, found in super().get_actions(request).items() if name != "delete_selected"}

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, {"title": "Remove a member", **(extra_context or {})})
        except NotSo as error:
            messages.error(request, str(error))
            return redirect("admin:reviews_member_changelist")

    def delete_model(self, request: HttpRequest, obj: Member) -> None:
        released = members.remove(obj, actor=actor_of(request))
        if released:
            messages.info(request, f"Offered to others again: {released}.")

    @admin.action(description="Make an invitation link")
    def invite(self, request: HttpRequest, queryset: QuerySet[Member]) -> None:
        for member in _listed(queryset):
            try:
                secret = accounts.invitation_link(member, actor=actor_of(request))
                _show(request, member.user, secret, "sets her password, within a week")
            except (NotYours, Taken) as error:
                messages.error(request, str(error))

    @admin.action(description="Make a password reset link")
    def reset_password(self, request: HttpRequest, queryset: QuerySet[Member]) -> None:
        for member in _listed(queryset):
            try:
                secret = accounts.password_reset_link(
                    member.user, actor=actor_of(request), organization=member.organization
                )
                _show(request, member.user, secret, "sets a new password, within a day")
            except NotYours as error:
                messages.error(request, str(error))

    @admin.action(description="Remove the second factors, for who lost hers")
    def remove_second_factors(self, request: HttpRequest, queryset: QuerySet[Member]) -> TemplateResponse | None:
        asked = to_confirm(
            request,
            self,
            _listed(queryset),
            title="Remove second factors",
            sentence="They sign in with their passwords alone until they add new ones. "
            "Be sure that it is they who ask.",
            button="Remove",
        )
        if asked is None:
            act(
                request,
                _listed(queryset),
                lambda member: second_factors.remove_all(member.user, actor=actor_of(request)),
                refusals=(NotYours,),
                done="Second factors removed for members",
            )
        return asked


def _listed(queryset: QuerySet[Member]) -> QuerySet[Member]:
    return queryset.select_related("user", "organization").order_by("user__username")


def _show(request: HttpRequest, user: User, secret: str, what: str) -> None:
    """The one moment at which a link is known: it goes into a message and nowhere else."""
    address = request.build_absolute_uri(reverse("welcome", args=[secret]))
    said = 'Hand this link to {} now; it is not shown again. By it she {}: <code class="secret">{}</code>'
    messages.warning(request, format_html(said, user.get_username(), what, address))
