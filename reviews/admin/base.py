"""What every list and form of the admin has in common."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin, messages
from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import DateTimeField, Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import cached_property

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
else:
    AnyForm = ModelForm
    AnyPaginator = Paginator

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


class Rows(ModelAdmin[M]):
    """A noun's list and pages. Nothing is deleted: what has a history is deactivated, revoked, disabled or closed."""

    singular = ""
    plural = ""
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    save_as_continue = False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """What the filters of the list ask, and nothing else. Django lets any column be asked for its beginning, and
        the hash of a token or a sealed one would be told letter by letter.
        """
        listed: Any = self.get_list_filter(request) if request else self.list_filter
        named = {getattr(one, "parameter_name", None) or (one if isinstance(one, str) else one[0]) for one in listed}
        path, _, ending = lookup.rpartition("__")
        return lookup in named or (ending in ASKED and path.removesuffix("__id") in named)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": self._plural(), **(extra_context or {})})

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

    def has_add_permission(self, request: HttpRequest) -> bool:
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
    """Rows that site staff make and change. A subclass names the verb that makes one in `create`."""

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
        except Taken as error:
            messages.error(request, str(error))
            return redirect(request.get_full_path())


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
