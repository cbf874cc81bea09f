"""Completions that were found, as lists show them: a stretch at a time, newest first, and how many there are; and what
there is to look for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from django.db.models import (
    BigIntegerField,
    CharField,
    DateTimeField,
    Field,
    FloatField,
    Q,
    QuerySet,
    Value,
)

from gradebench.compiled import Among, CompiledCount, Together, asked
from reviews.models import (
    Completion,
    CompletionTag,
    FeedbackTask,
    Member,
    Organization,
    Queue,
    QueueItem,
    Tag,
    Upstream,
    User,
)
from reviews.workflow import finding, word_index
from reviews.workflow.finding import Shape, Wanted

# So many are fetched by their ids and sorted; where other rows name more, the list is walked, and they are asked.
FEW = 1_000
# For what is offered to choose from.
MOST_LOOKED_AT = 500
MOST_OFFERED = 200
MOST_RUBRICS = 20
Place = tuple[datetime, int]


class Found(NamedTuple):
    """What a list shows of a completion: of its own row, and no document."""

    pk: int
    uid: str
    preview: str
    model: str
    status: str
    received_at: datetime
    purged_at: datetime | None
    conflict_document_id: int | None
    received_id: int
    current_id: int
    revision_count: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some of the list, newest first, and whether there is more on either side."""

    rows: tuple[Found, ...]
    newer: bool = False
    older: bool = False


def newest(
    organization: Organization, wanted: Wanted, *, viewer: User | None, most: int, before: Place | None = None
) -> Stretch:
    """The newest that are wanted, or those older than the one at that place."""
    rows = _rows(organization, wanted, viewer, _Side("newest" if before is None else "before", most), before)
    return Stretch(rows[:most], newer=before is not None, older=len(rows) > most)


def after(organization: Organization, wanted: Wanted, *, viewer: User | None, most: int, place: Place) -> Stretch:
    """Those right above the one at that place: the way back from `newest(before=…)`."""
    rows = _rows(organization, wanted, viewer, _Side("after", most), place)
    return Stretch(rows[:most][::-1], newer=len(rows) > most, older=True)


def count(organization: Organization, wanted: Wanted, *, viewer: User | None, most: int) -> int:
    """How many are wanted, counted no further than one more than `most`."""
    shape, values = finding.shape_of(wanted)
    if wanted.words or list(finding.links(organization, wanted, viewer=viewer)):
        return len(word_index.some_of(finding.completions(organization, wanted, viewer=viewer), most))
    return _counts(shape, most)(organization=organization.pk, **values)


def place_of(completion: Found) -> Place:
    """Where it stands in the list."""
    return completion.received_at, completion.pk


# Stretches -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Side:
    """Which stretch it is to be, relative to a place, and of how many rows."""

    name: Literal["newest", "before", "after"]
    most: int

    def of(self, found: QuerySet[Completion], values: Mapping[str, Any]) -> QuerySet[Completion, Any]:
        """One row more than it has, which says whether there is more."""
        # The last condition says nothing new; it is what an index is entered by.
        match self.name:
            case "before":
                moment, pk = values["moment"], values["place"]
                beyond = Q(received_at__lt=moment) | Q(received_at=moment, pk__lt=pk)
                found = found.filter(beyond, received_at__lte=moment)
            case "after":
                moment, pk = values["moment"], values["place"]
                beyond = Q(received_at__gt=moment) | Q(received_at=moment, pk__gt=pk)
                found = found.filter(beyond, received_at__gte=moment)
        order = ("received_at", "pk") if self.name == "after" else ("-received_at", "-pk")
        return found.order_by(*order).values_list(*Found._fields)[: self.most + 1]


_MODEL: "Field[Any, Any]" = CharField()
_FIELDS: "dict[str, Field[Any, Any]]" = {
    "model": _MODEL,
    "status": _MODEL,
    "session_uid": _MODEL,
    "received_at__gte": DateTimeField(),
    "received_at__lt": DateTimeField(),
    "confidence_low__lte": FloatField(),
    "upstream": BigIntegerField(),
    "moment": DateTimeField(),
    "place": BigIntegerField(),
    "organization": BigIntegerField(),
}
_ASKED = {name: asked(name, field) for name, field in _FIELDS.items()}


# Of how many kinds of questions the statements are kept; each thread has its own.
@lru_cache(maxsize=16)
def _stretches(shape: Shape, side: _Side, *, among: bool) -> Together:
    def question() -> QuerySet[Completion, Any]:
        found = finding.of_shape(shape, _ASKED)
        return side.of(found.filter(Among("pk", "ids")) if among else found, _ASKED)

    # Filters that few rows meet and such that most meet share a question.
    return Together(question, planned_anew=True)


@lru_cache(maxsize=16)
def _counts(shape: Shape, most: int) -> CompiledCount:
    # SQLite would read the whole table for all that there are; in this order it finds them in an index.
    order = ("received_at",) if shape == Shape() else ()
    return CompiledCount(
        lambda: finding.of_shape(shape, _ASKED).order_by(*order).values_list("pk")[: most + 1], planned_anew=True
    )


def _rows(
    organization: Organization, wanted: Wanted, viewer: User | None, side: _Side, place: Place | None
) -> tuple[Found, ...]:
    """As `finding.completions`, for who wants the first few of them in the order of the list: it is asked first whether
    few rows name what is wanted, because no database knows that well enough of its own, and SQLite not at all.
    """
    shape, values = finding.shape_of(wanted)
    values["organization"] = organization.pk
    values["moment"], values["place"] = place or (None, None)
    linked = list(finding.links(organization, wanted, viewer=viewer))
    ids = _few(linked) if linked else None
    if wanted.words or (linked and ids is None):
        found = finding.of_shape(shape, values)
        if linked:
            found = word_index.walked(found, *linked) if ids is None else found.filter(pk__in=ids)
        found = word_index.newest_having(found, wanted.words) if wanted.words else found
        return tuple(map(Found._make, side.of(found, values)))
    if ids is not None:
        values["ids"] = ids
    (rows,) = _stretches(shape, side, among=ids is not None).all(**values)
    return tuple(map(Found._make, rows))


def _few(linked: list[QuerySet[Any, int]]) -> set[int] | None:
    """The ids that all of them name; None where those are many."""
    first, *others = linked
    for other in others:
        first = first.filter(completion__in=other)
    ids = set(first[: FEW + 1])
    return ids if len(ids) <= FEW else None


# What is shown beside a row --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Marks:
    """What other rows say of some completions: the tags of each, and which of them are flagged, graded and edited."""

    tags: Mapping[int, list[str]]
    flagged: Collection[int]
    graded: Collection[int]
    edited: Collection[int]


def marks(rows: Collection[Found]) -> Marks:
    """In one statement."""
    tagged, flagged, graded, changed = _marks.all(ids=[row.pk for row in rows])
    tags: dict[int, list[str]] = {}
    for pk, name in tagged:
        tags.setdefault(pk, []).append(name)
    by_people = {pk for pk, _ in changed}
    # An edit that was taken back leaves what was received.
    edited = {
        row.pk for row in rows if row.pk in by_people and row.revision_count and row.current_id != row.received_id
    }
    return Marks(tags, {pk for pk, _ in flagged}, {pk for pk, _ in graded}, edited)


def _of_them(rows: "QuerySet[Any]") -> "QuerySet[Any, Any]":
    nothing = Value("", output_field=CharField())
    found: QuerySet[Any, Any] = rows.filter(Among("completion_id", "ids")).annotate(said=nothing)
    return found.values_list("completion_id", "said")


_marks = Together(
    lambda: (
        CompletionTag.objects.filter(Among("completion_id", "ids"))
        .order_by("tag__name")
        .values_list("completion_id", "tag__name")
    ),
    lambda: _of_them(QueueItem.objects.flagged()),
    lambda: _of_them(finding.standing_grades()),
    lambda: _of_them(finding.edits()),
)


# What there is to look for ---------------------------------------------------------------------------------------


class Named(NamedTuple):
    """A row and what it is called."""

    pk: int
    name: str


@dataclass(frozen=True, slots=True)
class Offered:
    """What an organization has, the first of each kind by name; `models` are those of what came last, `rubrics` the
    schemas of the first tasks.
    """

    models: tuple[str, ...]
    tags: tuple[str, ...]
    queues: tuple[Named, ...]
    people: tuple[str, ...]
    tasks: tuple[Named, ...]
    upstreams: tuple[Named, ...]
    rubrics: tuple[str, ...]


def offered(organization: Organization) -> Offered:
    """In one statement."""
    models, tags, queues, people, tasks, upstreams, rubrics = _offered.all(organization=organization.pk)
    return Offered(
        models=tuple(sorted(name for _, name in models if name)),
        tags=tuple(name for _, name in tags),
        queues=tuple(map(Named._make, queues)),
        people=tuple(name for _, name in people),
        tasks=tuple(map(Named._make, tasks)),
        upstreams=tuple(map(Named._make, upstreams)),
        rubrics=tuple(text for _, text in rubrics if text),
    )


def _models() -> "QuerySet[Any, tuple[int, str]]":
    newest_ones = Completion.objects.filter(organization=asked("organization")).order_by("-received_at", "-pk")
    return newest_ones.values_list("organization_id", "model")[:MOST_LOOKED_AT]


def _named(rows: "QuerySet[Any]", name: str = "name", pk: str = "pk") -> "QuerySet[Any, tuple[int, str]]":
    found = rows.filter(organization=asked("organization")).order_by(name, "pk")
    return found.values_list(pk, name)[:MOST_OFFERED]


def _rubrics() -> "QuerySet[Any, tuple[int, str]]":
    tasks = FeedbackTask.objects.filter(organization=asked("organization")).order_by("name", "pk")
    return tasks.values_list("pk", "current_revision__schema_text")[:MOST_RUBRICS]


_offered = Together(
    lambda: _named(Tag.objects.all()),
    lambda: _named(Queue.objects.all()),
    lambda: _named(Member.objects.all(), "user__username", "user_id"),
    lambda: _named(FeedbackTask.objects.all()),
    lambda: _named(Upstream.objects.all()),
    _rubrics,
    once=[_models],
)
