"""What every list and form of the admin has in common: above all that it shows the rows of one scope."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import DateTimeField, Field, ForeignKey, Model, QuerySet
from django.forms import HiddenInput, ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import cached_property

from reviews.admin.scope import scope_of
from reviews.admin.site import actor_of
from reviews.models import Organization
from reviews.workflow import audit
from reviews.workflow.accounts import Taken
from reviews.workflow.audit import Actor

M = TypeVar("M", bound=Model)
FARTHEST_PAGE = 1_000_000
HEAVY = ("search_text", "preview")
HEAVY_OF_COMPLETION = tuple(f"completion__{name}" for name in HEAVY)
# How the filters of a list end what they ask of a column.
ASKED = ("exact", "in", "isnull", "gt", "gte", "lt", "lte")

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
    AnyForm = ModelForm[Any]
    AnyPaginator = Paginator[Any]
    BaseAdmin = admin.ModelAdmin[Any]
    RelatedFilter = admin.RelatedFieldListFilter
else:
    AnyForm = ModelForm
    AnyPaginator = Paginator
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


def present(title: str, field: str, yes: str, no: str) -> type[admin.SimpleListFilter]:
    """A filter by whether a column holds anything, in the words of what that means."""

    class Present(admin.SimpleListFilter):
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [("1", yes), ("0", no)]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            value = self.value()
            return queryset.filter(**{f"{field}__isnull": value == "0"}) if value in ("0", "1") else queryset

    Present.title = title
    return Present


class Uncounted(AnyPaginator):
    """Pages of a list that may have millions of rows: one more than is shown is read, and nothing is counted.

    `count` is as far as has been read, which is all that the list asks it for.
    """

    uncounted = True

    def __init__(self, rows: QuerySet[Any], per_page: int, *, number: int) -> None:
        super().__init__(rows, per_page)
        self.number = number
        self.start = (number - 1) * per_page

    @cached_property
    def rows(self) -> list[Any]:
        return list(self.object_list[self.start : self.start + self.per_page + 1])

    @cached_property
    def count(self) -> int:
        return self.start + len(self.rows)

    @property
    def first(self) -> int:
        return self.start + 1

    @property
    def last(self) -> int:
        return self.start + min(len(self.rows), self.per_page)

    @property
    def before(self) -> int:
        return self.number - 1

    @property
    def after(self) -> int:
        return self.number + 1

    @property
    def has_more(self) -> bool:
        return len(self.rows) > self.per_page

    def page(self, number: int | str) -> "Page[Any]":
        """Raises EmptyPage; the first may have nothing on it, as the history of a row that nobody changed here."""
        if number != self.number or (number > 1 and not self.rows):
            raise EmptyPage("There is no such page.")
        return Page(self.rows[: self.per_page], self.number, self)


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
        title = str(row) if row else f"New {self.singular or self.opts.verbose_name}"
        inlines = [form for inline in context["inline_admin_formsets"] for form in inline.formset.forms]
        for form in (context["adminform"].form, *inlines):
            form.label_suffix = ""
        return super().render_change_form(
            request, {**context, "title": title, "subtitle": None, "plural": self._plural()}, *args, **kwargs
        )

    def _plural(self) -> str:
        name = self.plural or str(self.opts.verbose_name_plural)
        return name[:1].upper() + name[1:]


class ReadOnly(Rows[M]):
    """Shown, never changed. These lists grow without end: they are not counted, nor sorted by what has no index."""

    ordering = ("-pk",)
    sortable_by = ()
    paginator = Uncounted
    # “Show all” of a list that nobody counted would be all of a million.
    list_max_show_all = 0

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

    def get_paginator(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        per_page: int,
        *args: Any,
        **kwargs: Any,
    ) -> AnyPaginator:
        wanted = request.GET.get("p", "1")
        number = int(wanted) if wanted.isdecimal() and wanted.isascii() else 1
        return Uncounted(queryset, per_page, number=min(max(number, 1), FARTHEST_PAGE))


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


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
