"""Finding completions: what an address asks for, and the completions that it means."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from reviews.models import (
    Completion,
    CompletionTag,
    Feedback,
    FeedbackCompletion,
    GradeValue,
    Member,
    Organization,
    QueueItem,
    Revision,
    RevisionOrigin,
    Status,
    User,
)
from reviews.workflow import word_index, words
from reviews.workflow.words import Asked

PURGED = "purged"
STATUSES = (*Status.values, PURGED)
BY_PEOPLE = (RevisionOrigin.EDIT, RevisionOrigin.RESOLUTION)
LONGEST_TEXT = 300
MOST_WORDS = 20
MOST_TAGS = 20
MOST_PARAMETERS = 100
YES, NO = "yes", "no"
# What the address of the list says beside a filter.
ELSE = frozenset({"organization", "before", "after"})


class WantedRefused(ValueError):
    """A filter that cannot be read; the text is a sentence, `name` the parameter that it speaks of."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which completions. A field that is empty or None asks for nothing; what is asked for must all be so."""

    q: str = ""
    model: str = ""
    tags: tuple[str, ...] = ()
    status: str = ""
    since: date | datetime | None = None
    until: date | datetime | None = None
    low: float | None = None
    session: str = ""
    reviewer: str = ""
    task: int | None = None
    grade: tuple[str, str] | None = None
    edited: bool | None = None
    conflict: bool | None = None
    flagged: bool | None = None
    graded: bool | None = None
    queue: int | None = None
    upstream: int | None = None
    # Of the days.
    zone: tzinfo = field(default=UTC, compare=False)

    @classmethod
    def read(cls, query: str, *, zone: tzinfo) -> "Wanted":
        """From the query of an address, without its question mark. Raises WantedRefused."""
        try:
            said = parse_qsl(query, max_num_fields=MOST_PARAMETERS)
        except ValueError as error:
            raise WantedRefused("", _("This address says more than can be read. Start again.")) from error
        given: dict[str, list[str]] = {}
        for name, value in said:
            text = value.replace("\x00", "").strip()
            if text and name not in ELSE:
                given.setdefault(name, []).append(text)
        fields: dict[str, Any] = {_FIELDS.get(name, name): _read(name, values) for name, values in given.items()}
        wanted = cls(**fields, zone=zone)
        if wanted.grade and wanted.task is None:
            raise WantedRefused("grade", _("Choose the feedback task whose grade you look for."))
        return wanted

    def said(self) -> str:
        """As the query of an address, one for what means the same; "" for everything."""
        pairs = {
            "q": self.q,
            "model": self.model,
            "tag": self.tags,
            "status": self.status,
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
            "low": "" if self.low is None else f"{self.low:g}",
            "session": self.session,
            "reviewer": self.reviewer,
            "task": self.task,
            "grade": ":".join(self.grade) if self.grade else "",
            **{name: _yes_or_no(getattr(self, name)) for name in ("edited", "conflict", "flagged", "graded")},
            "queue": self.queue,
            "upstream": self.upstream,
        }
        return urlencode({name: value for name, value in pairs.items() if value}, doseq=True)

    @property
    def words(self) -> tuple[Asked, ...]:
        """What `q` asks for."""
        return words.asked(self.q)

    @property
    def start(self) -> datetime | None:
        """The first moment that is wanted."""
        return _moment(self.since, self.zone)

    @property
    def end(self) -> datetime | None:
        """The first moment that is not wanted any more: a day is wanted to its end, a moment itself is."""
        if isinstance(self.until, datetime):
            return self.until + timedelta(microseconds=1)
        return _moment(self.until + timedelta(days=1), self.zone) if self.until else None


# Questions -------------------------------------------------------------------------------------------------------


def completions(organization: Organization, wanted: Wanted, *, viewer: User | None) -> QuerySet[Completion]:
    """Those of the organization that are wanted, in no order. `viewer` None: an operator. A reviewer finds by grades
    and by reviewers what she graded herself, and no more, since a queue may be blind.
    """
    found = of_their_own(organization, wanted)
    if wanted.words:
        found = word_index.having(found, wanted.words)
    for linked in links(organization, wanted, viewer=viewer):
        found = found.filter(pk__in=linked)
    return found


def of_their_own(organization: Organization, wanted: Wanted) -> QuerySet[Completion]:
    """Those of which their own row says that they are wanted."""
    shape, values = shape_of(wanted)
    return of_shape(shape, {"organization": organization.pk, **values})


@dataclass(frozen=True, slots=True)
class Shape:
    """What kind of things are wanted of a completion's own row: all of its question but the values. `columns` are the
    conditions that have one.
    """

    columns: tuple[str, ...] = ()
    purged: bool = False
    # Other than finished ones.
    rare: bool = False
    conflict: bool | None = None
    edited: bool | None = None
    not_flagged: bool = False
    not_graded: bool = False


def shape_of(wanted: Wanted) -> tuple[Shape, dict[str, Any]]:
    """The shape of the question, and its values."""
    status = wanted.status if wanted.status != PURGED else ""
    said = {
        "model": wanted.model,
        "status": status,
        "received_at__gte": wanted.start,
        "received_at__lt": wanted.end,
        "confidence_low__lte": None if wanted.low is None else wanted.low / 100,
        "session_uid": wanted.session,
        "upstream": wanted.upstream,
    }
    values = {column: value for column, value in said.items() if value not in (None, "")}
    shape = Shape(
        columns=tuple(values),
        purged=wanted.status == PURGED,
        rare=status not in ("", Status.FINISHED),
        conflict=wanted.conflict,
        edited=wanted.edited,
        not_flagged=wanted.flagged is False,
        not_graded=wanted.graded is False,
    )
    return shape, values


def of_shape(shape: Shape, values: Mapping[str, Any]) -> QuerySet[Completion]:
    """The completions of an `organization` that a question of this shape finds with such values."""
    found = Completion.objects.filter(organization=values["organization"], purged_at__isnull=not shape.purged)
    found = found.filter(**{column: values[column] for column in shape.columns})
    if shape.conflict is not None:
        found = found.filter(conflict_document__isnull=not shape.conflict)
    # What follows from these anyway is what SQLite knows the partial indexes by.
    if "session_uid" in shape.columns:
        found = found.exclude(session_uid="")
    if shape.rare:
        found = found.exclude(status=Status.FINISHED)
    if shape.edited is not None:
        found = found.filter(_is_edited() if shape.edited else ~_is_edited())
    if shape.not_flagged:
        found = found.filter(~Exists(QueueItem.objects.flagged().filter(completion=OuterRef("pk"))))
    if shape.not_graded:
        found = found.filter(~_is_graded())
    return found


def edits() -> QuerySet[Revision]:
    """What people here have changed."""
    return Revision.objects.filter(origin__in=BY_PEOPLE)


def standing_grades() -> QuerySet[FeedbackCompletion]:
    """The grades of completions that were neither corrected nor taken back since."""
    return _standing(FeedbackCompletion.objects.all())


def _is_edited() -> Q:
    edited = Exists(edits().filter(completion=OuterRef("pk")))
    # An edit that was taken back leaves what was received.
    return Q(edited, ~Q(current=F("received")), revision_count__gt=0)


def _is_graded() -> Exists:
    return Exists(_standing(FeedbackCompletion.objects.filter(completion=OuterRef("pk"))))


def links(organization: Organization, wanted: Wanted, *, viewer: User | None) -> Iterator[QuerySet[Any, int]]:
    """The ids of the completions of which other rows say that they are wanted: a query for each thing that is asked."""
    for name in wanted.tags:
        yield _ids(CompletionTag.objects.filter(tag__organization=organization, tag__name=name))
    if wanted.flagged:
        yield _ids(QueueItem.objects.flagged().filter(queue__organization=organization))
    if wanted.queue is not None:
        yield _ids(QueueItem.objects.filter(queue__organization=organization, queue=wanted.queue))
    if wanted.graded:
        yield _ids(_standing(FeedbackCompletion.objects.filter(feedback__organization=organization)))
    if wanted.reviewer or wanted.task:
        yield _ids(_grades(organization, wanted, viewer=viewer))


def _grades(organization: Organization, wanted: Wanted, *, viewer: User | None) -> QuerySet[Any]:
    rows: QuerySet[Any] = FeedbackCompletion.objects.filter(feedback__organization=organization)
    if wanted.grade:
        name, value = wanted.grade
        rows = GradeValue.objects.filter(feedback_task=wanted.task, name=name, value=value)
    elif wanted.task:
        rows = rows.filter(feedback__feedback_task=wanted.task)
    if wanted.reviewer:
        rows = rows.filter(feedback__reviewer__username=wanted.reviewer)
    if viewer is not None and not _leads(viewer, organization):
        rows = rows.filter(feedback__reviewer=viewer)
    return _standing(rows)


def _standing(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those of a feedback that was neither corrected nor taken back since."""
    # A join to a correction that is not there would be taken by PostgreSQL for one that leaves a single row.
    corrections = Feedback.objects.filter(supersedes=OuterRef("feedback"))
    return rows.filter(~Exists(corrections), feedback__assignment__requeued_at=None)


def _ids(rows: QuerySet[Any]) -> QuerySet[Any, int]:
    return rows.order_by().values_list("completion_id", flat=True)


def _leads(user: User, organization: Organization) -> bool:
    return any(member.leads for member in Member.objects.of(user).filter(organization=organization))


# Reading an address ----------------------------------------------------------------------------------------------


def _read(name: str, values: list[str]) -> object:
    reader = _READERS.get(name)
    if reader is None:
        raise WantedRefused(name, _("There is no filter called “%(name)s”.") % {"name": name[:50]})
    if max(map(len, values)) > LONGEST_TEXT:
        raise WantedRefused(name, _("Say it in at most %(most)d characters.") % {"most": LONGEST_TEXT})
    if name == "tag":
        if len(values) > MOST_TAGS:
            raise WantedRefused(name, _("Ask for at most %(most)d tags at once.") % {"most": MOST_TAGS})
        return tuple(dict.fromkeys(values))
    try:
        return reader(values[-1])
    except ValueError as error:
        raise WantedRefused(name, str(error)) from error


def _words(text: str) -> str:
    asked = words.asked(text)
    if not asked:
        raise ValueError(_("“%(text)s” has no letter and no digit that could be looked for.") % {"text": text})
    if len(asked) > MOST_WORDS:
        raise ValueError(_("Ask for at most %(most)d words at once.") % {"most": MOST_WORDS})
    return " ".join(text.split())


def _status(text: str) -> str:
    if text not in STATUSES:
        raise ValueError(_("There is no status “%(status)s”. Choose one of the list.") % {"status": text})
    return text


def _when(text: str) -> date | datetime:
    try:
        found = date.fromisoformat(text) if len(text) == len("2000-01-01") else datetime.fromisoformat(text)
    except ValueError:
        found = None
    # Within what every zone and both databases can write.
    if found is None or not 1970 <= found.year <= 9000 or (isinstance(found, datetime) and found.tzinfo is None):
        words = _("“%(text)s” is no day. Write it like 2026-03-31, or a moment like 2026-03-31T09:30:00Z.")
        raise ValueError(words % {"text": text})
    return found


def _percent(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 100:
        raise ValueError(_("“%(text)s” is no percentage. Write a number from 0 to 100.") % {"text": text})
    return found


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text)):
        raise ValueError(_("“%(text)s” is none of the list. Choose one of it.") % {"text": text})
    return int(text)


def _grade(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name and colon and value):
        raise ValueError(_("“%(text)s” is no grade. Write the question, a colon and the answer.") % {"text": text})
    return name, value


def _is(text: str) -> bool:
    if text not in (YES, NO):
        raise ValueError(_("“%(text)s” is neither yes nor no.") % {"text": text})
    return text == YES


def _yes_or_no(value: bool | None) -> str:
    return "" if value is None else YES if value else NO


def _moment(day: date | datetime | None, zone: tzinfo) -> datetime | None:
    if day is None or isinstance(day, datetime):
        return day
    return datetime.combine(day, time.min, tzinfo=zone)


_FIELDS = {"tag": "tags", "from": "since", "to": "until"}
_READERS: Mapping[str, Callable[[str], object]] = {
    "q": _words,
    "model": str,
    "tag": str,
    "status": _status,
    "from": _when,
    "to": _when,
    "low": _percent,
    "session": str,
    "reviewer": str,
    "task": _id,
    "grade": _grade,
    **dict.fromkeys(("edited", "conflict", "flagged", "graded"), _is),
    "queue": _id,
    "upstream": _id,
}
