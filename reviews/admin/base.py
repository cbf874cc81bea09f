"""What every list and form of the admin has in common: above all that it shows the rows of one scope."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import get_fields_from_path
from django.core.paginator import Paginator
from django.db.models import DateTimeField, Exists, Field, ForeignKey, Model, OuterRef, Q, QuerySet
from django.forms import HiddenInput, ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from reviews.admin.lists import (
    FARTHEST_PARTED,
    WINDOW,
    AnyPaginator,
    InItsOrder,
    Uncounted,
    meeting_any,
    page_number,
    parts_of,
)
from reviews.admin.scope import organization_of, scope_of
from reviews.admin.site import actor_of
from reviews.models import Organization
from reviews.workflow import audit
from reviews.workflow.accounts import Taken
from reviews.workflow.audit import Actor

M = TypeVar("M", bound=Model)
HEAVY = ("search_text", "preview")
HEAVY_OF_COMPLETION = tuple(f"completion__{name}" for name in HEAVY)
# How the filters of a list end what they ask of a column.
ASKED = ("exact", "in", "isnull", "gt", "gte", "lt", "lte")

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
    AnyForm = ModelForm[Any]
    BaseAdmin = admin.ModelAdmin[Any]
    RelatedFilter = admin.RelatedFieldListFilter
else:
    AnyForm = ModelForm
    BaseAdmin = object
    RelatedFilter = admin.RelatedFieldListFilter

    class ModelAdmin(admin.ModelAdmin):
        """Django's own, which names its model for the type checker alone."""

        def __class_getitem__(cls, model: Any) -> type:
            return cls


def when(field: str, title: str = "") -> Callable[[Model], str]:
    """A column that shows a moment to the second, in the site's time zone."""

    @admin.display(description=title or field.removesuffix("_at").replace("_", " "), ordering=field)
    def column(row: Model) -> str:
        moment: datetime | None = getattr(row, field)
        return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S") if moment else "–"

    return column


def _admin_of(model: type[Model], admin_site: admin.AdminSite) -> Any:
    return admin_site.get_model_admin(model) if admin_site.is_registered(model) else None


class Scoped(BaseAdmin):
    """Rows of the visitor's scope and no others, and choices of the same. Who may enter the admin may see and change
    them; a class says where she may not. `organization_path` leads from the model to the organization.
    """

    organization_path = ""

    def get_queryset(self, request: HttpRequest) -> Any:
        return scope_of(request).limit(super().get_queryset(request), self.organization_path)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return scope_of(request).may_enter

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return scope_of(request).may_enter

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return scope_of(request).may_enter

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return scope_of(request).may_enter

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """What can be chosen is what the list of that noun would show her; of a noun without a list, nothing."""
        model = db_field.remote_field.model
        related = _admin_of(model, self.admin_site)
        rows = related.get_queryset(request) if related else model._meta.base_manager.none()
        return super().formfield_for_foreignkey(db_field, request, **{"queryset": rows, **kwargs})

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """Where there is one organization it is not asked for, and whatever is posted in its place is not read."""
        found = super().formfield_for_dbfield(db_field, request, **kwargs)
        chosen = scope_of(request).organization
        if found is not None and chosen is not None and db_field.related_model is Organization:
            found.disabled, found.initial, found.widget = True, chosen.pk, HiddenInput()
        return found


class OfScope(RelatedFilter):
    """The filter by a related row offers those that the visitor sees; it is used for every foreign key."""

    def has_output(self) -> bool:
        """Also where one is asked for that is not offered: nothing is found then, and the way back is in sight."""
        return super().has_output() or self.lookup_val is not None

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        scope, model = scope_of(request), field.remote_field.model
        if model is Organization:
            return [(one.pk, str(one)) for one in scope.choices if scope.organization in (one, None)]
        related = _admin_of(model, model_admin.admin_site)
        if related is None:
            return []
        ordering = self.field_admin_ordering(field, request, model_admin)
        seen = scope.condition(related.organization_path)
        return field.get_choices(include_blank=False, ordering=ordering, limit_choices_to=seen)


admin.FieldListFilter.register(lambda field: bool(field.remote_field), OfScope, take_priority=True)


class Rows(Scoped, ModelAdmin[M]):
    """A noun's list and pages. Nothing is deleted: what has a history is deactivated, revoked, disabled or closed."""

    singular = ""
    plural = ""
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    save_as_continue = False

    def get_list_display(self, request: HttpRequest) -> Any:
        """Without the organization where there is one alone."""
        columns = super().get_list_display(request)
        one = scope_of(request).organization is not None
        return [column for column in columns if not (one and column == "organization")]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """What the filters of the list ask, and nothing else. Django lets any column be asked for its beginning, and
        the hash of a token or a sealed one would be told letter by letter.
        """
        listed: Any = self.get_list_filter(request) if request else self.list_filter
        named = {getattr(one, "parameter_name", None) or (one if isinstance(one, str) else one[0]) for one in listed}
        path, _, ending = lookup.rpartition("__")
        return lookup in named or (ending in ASKED and path.removesuffix("__id") in named)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            return super().changelist_view(request, {"title": self._plural(), **(extra_context or {})})
        except DisallowedModelAdminLookup:
            messages.warning(request, "This list is not filtered by that. Choose one of the filters that it has.")
            return redirect(request.path)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """On the rows that were picked; an id that no row can have comes from no list of ours."""
        picked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if all(one.isascii() and one.isdigit() and len(one) < 19 for one in picked):
            return super().response_action(request, queryset, *args, **kwargs)
        messages.warning(request, "Nothing was done: pick rows of this list.")
        return redirect(request.get_full_path())

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page of a row is headed by its name; what it is stands in the crumbs."""
        row = context.get("original")
        title = self.name_of(row) if row else f"New {self.singular or self.opts.verbose_name}"
        inlines = [form for inline in context["inline_admin_formsets"] for form in inline.formset.forms]
        for form in (context["adminform"].form, *inlines):
            form.label_suffix = ""
        return super().render_change_form(
            request, {**context, "title": title, "subtitle": None, "plural": self._plural()}, *args, **kwargs
        )

    def name_of(self, row: M) -> str:
        """How a row is called where it stands alone."""
        return str(row)

    def _plural(self) -> str:
        name = self.plural or str(self.opts.verbose_name_plural)
        return name[:1].upper() + name[1:]


class ReadOnly(Rows[M]):
    """Shown, never changed. These lists grow without end: they are not counted, nor sorted by what has no index.

    `parts` are columns by whose values a narrowed list is cut and read piece by piece (see `lists.Uncounted`);
    `unparted` are filters that stand on an index of their own. `is_far`: the organization is reached by way of tables
    as long as this one. `search_fields` are whole values.
    """

    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    sortable_by = ()
    paginator = Uncounted
    parts: tuple[str, ...] = ()
    unparted: tuple[str, ...] = ()
    is_far = False
    # “Show all” of a list that nobody counted would be all of a million.
    list_max_show_all = 0

    def get_queryset(self, request: HttpRequest) -> Any:
        """Of one organization: each row is looked at in the order of the list and asked whose it is. Were they joined,
        SQLite would begin with everything that the organization has, and sort that.
        """
        first, _between, rest = self.organization_path.partition("__")
        organization = organization_of(request)
        if organization is None or not rest:
            return super().get_queryset(request)
        related: Any = self.opts.get_field(first).related_model
        hers = related._meta.base_manager.filter(pk=OuterRef(first), **_of_organization(related, rest, organization))
        return admin.ModelAdmin.get_queryset(self, request).filter(Exists(hers))

    def get_fieldsets(self, request: HttpRequest, obj: M | None = None) -> Any:
        """As declared, moments to the second."""
        moments = {
            field.name: when(field.name) for field in self.opts.concrete_fields if isinstance(field, DateTimeField)
        }
        return [
            (title, {**options, "fields": [moments.get(str(name), name) for name in options["fields"]]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[InItsOrder]:
        return InItsOrder

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows that are what was searched for."""
        return (meeting_any(queryset, self.searched(search_term)) if search_term.strip() else queryset), False

    def searched(self, text: str) -> list[Q]:
        """What a search may mean, each a condition that an index answers."""
        return [Q(**{name: text.strip()}) for name in self.search_fields]

    def parted_by(self, request: HttpRequest) -> tuple[str, ...]:
        """The columns of `parts` that serve what is asked for."""
        return self.parts

    def narrowed(self, request: HttpRequest, name: str) -> tuple[Any, ...]:
        """The values of one of these columns to which a filter of another name narrows the list."""
        return ()

    def get_paginator(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        per_page: int,
        *args: Any,
        **kwargs: Any,
    ) -> AnyPaginator:
        if queryset.model is not self.model:
            # What was done with one row, on the page about that.
            return Paginator(queryset, per_page)
        number, searching = page_number(request), request.GET.get("q", "").strip()
        if self.is_far and not searching and organization_of(request):
            return Uncounted(queryset, per_page, number=number, window=WINDOW)
        far = number * per_page > FARTHEST_PARTED or any(name in request.GET for name in self.unparted)
        parts = [] if far or searching else parts_of(request, self, self.parted_by(request))
        return Uncounted(queryset, per_page, number=number, parts=parts)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """An action is for the rows that were ticked: all of a list that nobody counted is not offered, nor taken."""
        if request.POST.get("select_across", "0") != "0":
            messages.error(request, "Tick the rows themselves: an action is not for a whole list. Nothing was done.")
            return redirect(request.get_full_path())
        return super().response_action(request, queryset, *args, **kwargs)


class Managed(Rows[M]):
    """Rows that are made and changed here. A subclass names the verb that makes one in `create`, and in `refusals` what
    its verbs raise with a sentence.
    """

    refusals: tuple[type[Exception], ...] = (Taken,)

    def create(self, values: dict[str, Any], actor: Actor) -> M:
        """Make the row from the form's values. Raises Taken."""
        raise NotImplementedError

    def organization_of(self, row: M) -> Organization | None:
        """Whose audit a change of the row belongs to."""
        found: Organization | None = getattr(row, "organization", None)
        return found

    def save_model(self, request: HttpRequest, obj: M, form: AnyForm, change: bool) -> None:
        """Write what was changed and nothing else: sync and reviewers write the same rows meanwhile."""
        if not change:
            obj.pk = self.create(form.cleaned_data, actor_of(request)).pk
            obj.refresh_from_db()
            return
        columns = {field.name for field in self.opts.concrete_fields}
        self.save_changed(request, obj, [name for name in form.changed_data if name in columns])

    def save_changed(self, request: HttpRequest, obj: M, names: list[str]) -> None:
        """Save these columns of a row, and say so in the audit."""
        if names:
            obj.save(update_fields=names)
            self.record(request, obj, "change", ", ".join(names))

    def record(self, request: HttpRequest, obj: M, what: str, details: str) -> None:
        """Write an audit event for what has no verb of its own."""
        audit.record(
            f"{_snake(type(obj).__name__)}.{what}",
            obj,
            organization=self.organization_of(obj),
            actor=actor_of(request),
            details=details,
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A name that somebody else took between the check and the write is a sentence, not a failure."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except self.refusals as error:
            messages.error(request, str(error))
            return redirect(request.get_full_path())


def _of_organization(model: Any, path: str, organization: Organization) -> dict[str, Any]:
    """The condition that a row's path leads to the organization: by the few ids of what belongs to it, not by a step to
    each of those.
    """
    between, _last, _organization = path.rpartition("__")
    if not between:
        return {path: organization.pk}
    small: Any = get_fields_from_path(model, between)[-1].related_model
    ids = list(small._meta.base_manager.filter(organization=organization).values_list("pk", flat=True))
    return {f"{between}__in": ids}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
