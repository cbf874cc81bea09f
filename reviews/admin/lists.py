"""How lists that grow without end are filtered, searched, ordered and cut into pages, so that a million rows cost what
fifty cost: each filter stands on an index, nothing is counted, and nobody sorts by what has no index.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from heapq import nlargest
from itertools import product
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import Field, ForeignKey, Model, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

from reviews.admin.scope import organization_of, scope_of
from reviews.models import Organization
from reviews.workflow.pushes import MOST_PARTS, first_ids

# Nobody turns so many pages; what is older is found by a filter or a search.
FARTHEST_PAGE = 200
# Beyond so many rows the ids of every part would be more than a question should carry.
FARTHEST_PARTED = 5_000
MOST_LINKS = 40
WINDOW = 20_000
DAYS = {"day": 0, "week": 7, "month": 30}

if TYPE_CHECKING:
    AnyPaginator = Paginator[Any]
    AnyField = Field[Any, Any]
else:
    AnyPaginator, AnyField = Paginator, Field


# Filters ---------------------------------------------------------------------------------------------------------


class OneOf(admin.SimpleListFilter):
    """A filter whose value is one of its links. What is none of them is refused."""

    def chosen(self) -> str | None:
        """The value, where one was chosen. Raises IncorrectLookupParameters."""
        value = self.value()
        if value is not None and value not in {str(key) for key, _label in self.lookup_choices}:
            raise IncorrectLookupParameters(f"There is no such {self.title}.")
        return value


def one_of(field: str, title: str = "", *, usual: str = "") -> type[admin.SimpleListFilter]:
    """A filter by a column of choices, in their words. All but the `usual` one stand on an index of what is not that,
    which the condition has to name before a database takes it.
    """

    class Choice(OneOf):
        parameter_name = f"{field}__exact"

        def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
            column = model_admin.model._meta.get_field(field)
            return [(str(value), str(label)) for value, label in column.flatchoices]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            value = self.chosen()
            if value is None:
                return queryset
            found = queryset.filter(**{field: value})
            return found.exclude(**{field: usual}) if usual and value != usual else found

    Choice.title = title or field
    return Choice


def one_row(field: str, title: str = "") -> type[admin.SimpleListFilter]:
    """A filter by a row of a small table: those that the visitor sees in that table's own list."""

    class Row(OneOf):
        parameter_name = f"{field}__id__exact"

        def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
            rows = seen(request, model_admin, field)
            if rows.model is Organization:
                return [(str(one.pk), str(one)) for one in _organizations(request)]
            return named(request, rows)

        def has_output(self) -> bool:
            """Also where one is asked for that is not offered: nothing is found then, and the way back is in sight."""
            return len(self.lookup_choices) > 1 or self.value() is not None

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            value = self.value()
            if value is None:
                return queryset
            if not is_id(value):
                raise IncorrectLookupParameters(f"There is no such {self.title}.")
            return queryset.filter(**{f"{field}_id": int(value)})

    Row.title = title or field.replace("_", " ")
    return Row


def named(request: HttpRequest, rows: QuerySet[Any]) -> list[tuple[str, str]]:
    """The first of these rows as values of a filter, with their organization where those of several are in sight."""
    if organization_of(request) is None and _has_organization(rows.model):
        return [(str(row.pk), f"{row}, {row.organization}") for row in rows.select_related("organization")[:MOST_LINKS]]
    return [(str(row.pk), str(row)) for row in rows[:MOST_LINKS]]


def yes_or_no(name: str, title: str, condition: Q, yes: str, no: str = "") -> type[admin.SimpleListFilter]:
    """A filter by whether rows meet a condition, in words; without `no` only by those that do."""

    class YesOrNo(OneOf):
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
            return [("1", yes), ("0", no)] if no else [("1", yes)]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            value = self.chosen()
            if value is None:
                return queryset
            return queryset.filter(condition) if value == "1" else queryset.exclude(condition)

    YesOrNo.title = title
    return YesOrNo


def present(title: str, field: str, yes: str, no: str = "") -> type[admin.SimpleListFilter]:
    """A filter by whether a column holds anything, in the words of what that means."""
    return yes_or_no(field, title, Q(**{f"{field}__isnull": False}), yes, no)


def since(field: str, title: str = "", *, by_id: bool = False) -> type[admin.SimpleListFilter]:
    """A filter by how long ago a moment was. `by_id`: of rows that are written in the order of that moment and listed
    in the order of their ids, so that the moment is found once and the ids after it are walked.
    """

    class Since(OneOf):
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
            return [("day", "today"), ("week", "past 7 days"), ("month", "past 30 days")]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            value = self.chosen()
            if value is None:
                return queryset
            moment = day_start() - timedelta(days=DAYS[value])
            if not by_id:
                return queryset.filter(**{f"{field}__gte": moment})
            after = queryset.model._meta.default_manager.filter(**{f"{field}__gte": moment})
            return queryset.filter(pk__gte=Subquery(after.order_by(field).values("pk")[:1]))

    Since.title = title or field.removesuffix("_at").replace("_", " ")
    return Since


def day_start() -> datetime:
    """When the visitor's day began."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def seen(request: HttpRequest, model_admin: Any, field: str) -> QuerySet[Any]:
    """What the visitor sees of the table that a foreign key leads to."""
    related = model_admin.model._meta.get_field(field).related_model
    rows: QuerySet[Any] = model_admin.admin_site.get_model_admin(related).get_queryset(request)
    return rows


def _organizations(request: HttpRequest) -> Sequence[Organization]:
    scope = scope_of(request)
    return scope.choices if scope.organization is None else (scope.organization,)


def _has_organization(model: type[Model]) -> bool:
    return any(field.name == "organization" for field in model._meta.fields)


def is_id(text: str) -> bool:
    """Whether it could be the id of a row."""
    return text.isascii() and text.isdecimal() and len(text) <= 18


# Order and pages -------------------------------------------------------------------------------------------------


class InItsOrder(ChangeList):
    """A list that keeps to its order: what `?o=` asks for would sort a million rows by a column without an index."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return list(self.model_admin.get_ordering(request))

    def get_results(self, request: HttpRequest) -> None:
        """What the paginator has read is the page; Django would ask for a single page once more, and uncut."""
        super().get_results(request)
        self.result_list = self.paginator.rows[: self.list_per_page]


class Uncounted(AnyPaginator):
    """Pages of a list that may have millions of rows: one more than is shown is read, and nothing is counted.

    `count` is as far as has been read, which is all that the list asks it for. `parts` are conditions of which every
    row meets one. The newest of each can be read off an index where their union would be walked or sorted. With a
    `window`, the page is looked for among so many of the newest rows, and only then among all: no database knows that
    those of one organization are all old, and it would walk the table for them.
    """

    uncounted = True

    def __init__(
        self, rows: QuerySet[Any], per_page: int, *, number: int, parts: Sequence[Q] = (), window: int = 0
    ) -> None:
        super().__init__(rows, per_page)
        self.number = number
        self.start = (number - 1) * per_page
        self.parts = parts
        self.window = window

    @cached_property
    def rows(self) -> list[Any]:
        end = self.start + self.per_page + 1
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment] # made from one
        if self.window:
            return self._near(rows, end) or self._anywhere(rows, end)
        if len(self.parts) == 1:
            rows = rows.filter(self.parts[0])
        elif self.parts:
            bare = _bare(rows)
            order = tuple(str(name) for name in rows.query.order_by)
            rows = rows.filter(pk__in=first_ids([bare.filter(part) for part in self.parts], most=end, order=order))
        return list(rows[self.start : end])

    def _near(self, rows: QuerySet[Any], end: int) -> list[Any]:
        """The page, where the newest rows of the table fill it or are all that there are."""
        newest = rows.model._meta.default_manager.order_by("-pk").values_list("pk", flat=True).first() or 0
        found = list(rows.filter(pk__gt=newest - self.window)[self.start : end])
        return found if len(found) == end - self.start or newest <= self.window else []

    def _anywhere(self, rows: QuerySet[Any], end: int) -> list[Any]:
        """The page, sorted here: asked for the first ones, a database would sort the table and look at each in turn."""
        ids = nlargest(end, _bare(rows).order_by().values_list("pk", flat=True))
        return list(rows.filter(pk__in=ids[self.start :]))

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
        return len(self.rows) > self.per_page and self.number < FARTHEST_PAGE

    @property
    def is_cut(self) -> bool:
        """Whether there is more than pages are turned."""
        return len(self.rows) > self.per_page and not self.has_more

    def page(self, number: int | str) -> "Page[Any]":
        """Raises EmptyPage; the first may have nothing on it."""
        if number != self.number or (number > 1 and not self.rows):
            raise EmptyPage("There is no such page.")
        return Page(self.rows[: self.per_page], self.number, self)


def _bare(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.select_related(None).prefetch_related(None).defer(None)


def meeting_any(rows: QuerySet[Any], conditions: Sequence[Q]) -> QuerySet[Any]:
    """Those that meet one of the conditions, each asked by itself: joined by “or”, or in the order of the list, a
    database would walk the whole of it.
    """
    bare = rows.model._meta.default_manager.order_by()
    first, *others = (bare.filter(condition).values("pk") for condition in conditions)
    return rows.filter(pk__in=first.union(*others, all=True) if others else first)


def page_number(request: HttpRequest) -> int:
    """Which page the address asks for; the first, where it says nothing that is a page."""
    wanted = request.GET.get("p", "1")
    number = int(wanted) if wanted.isdecimal() and wanted.isascii() and len(wanted) < 10 else 1
    return min(max(number, 1), FARTHEST_PAGE)


def parts_of(request: HttpRequest, model_admin: Any, fields: Sequence[str]) -> list[Q]:
    """The conditions that cut a list by the values of these columns, where the address or the visitor's organization
    narrows it, or where its order is another than that of the ids: of foreign keys the rows that she sees, of choices
    all of them. None where there are too many.
    """
    by_id = model_admin.ordering == ("-pk",)
    if not fields or (by_id and not organization_of(request) and not set(request.GET) - {"p"}):
        return []
    values = [_values(request, model_admin, name) for name in fields]
    found = [Q(**dict(zip(fields, combined, strict=True))) for combined in product(*values)]
    return found if len(found) <= MOST_PARTS else []


def _values(request: HttpRequest, model_admin: Any, name: str) -> list[Any]:
    field: AnyField = model_admin.model._meta.get_field(name)
    is_row = isinstance(field, ForeignKey)
    if chosen := request.GET.get(f"{name}__id__exact" if is_row else f"{name}__exact"):
        return [int(chosen) if is_row else chosen]
    if narrowed := model_admin.narrowed(request, name):
        return list(narrowed)
    if is_row:
        rows = seen(request, model_admin, name).order_by()
        ids: list[Any] = [one.pk for one in _organizations(request)] if rows.model is Organization else []
        ids = ids or list(rows.values_list("pk", flat=True)[: MOST_PARTS + 1])
        return [*ids, None] if field.null else ids
    return [value for value, _label in field.flatchoices]
