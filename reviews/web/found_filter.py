"""The filter of the list of completions: as an address says it, as chips, and as the fields of its form."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import tzinfo
from urllib.parse import parse_qsl

from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from reviews.models import Organization, Status, User
from reviews.web import keyset
from reviews.web.display_found import Chip, Choice, Entry
from reviews.web.display_sync import Option
from reviews.web.http import numbered
from reviews.web.keyset import Place
from reviews.workflow import feedback_tasks, grade_values
from reviews.workflow.documents import Json
from reviews.workflow.finding import NO, PURGED, YES, Wanted, WantedRefused
from reviews.workflow.found import MOST_OFFERED, Named, Offered

EVERYTHING = Wanted()
MOST_NUMBERS = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of the list says. `refused` is why its filter cannot be read; `pairs` is what stands there."""

    wanted: Wanted = EVERYTHING
    organization: str = ""
    before: Place | None = None
    after: Place | None = None
    refused: WantedRefused | None = None
    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, query: str, zone: tzinfo) -> "Asked":
        """From the query of an address."""
        wanted, refused = Wanted(), None
        try:
            wanted = Wanted.read(query, zone=zone)
            pairs = tuple(parse_qsl(query))
        except WantedRefused as error:
            refused, pairs = error, tuple(parse_qsl(query[:5_000]))
        said = dict(pairs)
        return cls(
            wanted=wanted,
            organization=said.get("organization", ""),
            before=keyset.read(said.get("before", "")),
            after=keyset.read(said.get("after", "")),
            refused=refused,
            pairs=pairs,
        )

    @classmethod
    def of(cls, query: str, organization: Organization, zone: tzinfo) -> "Asked":
        """Of a saved view."""
        return replace(cls.read(query, zone), organization=organization.slug)

    def showing(self, query: str, zone: tzinfo) -> "Asked":
        """A saved view of the same organization."""
        return replace(self.read(query, zone), organization=self.organization)

    @property
    def start(self) -> "Asked":
        """The same from the newest on."""
        return replace(self, before=None, after=None)

    @property
    def query(self) -> str:
        """As the query of an address."""
        places = {"before": keyset.said(self.before), "after": keyset.said(self.after)}
        rest = urlencode({name: value for name, value in places.items() if value})
        here = urlencode({"organization": self.organization}) if self.organization else ""
        return "&".join(part for part in (here, self.wanted.said(), rest) if part)

    @property
    def address(self) -> str:
        """Where it leads."""
        return f"{resolve_url('completions')}?{self.query}" if self.query else resolve_url("completions")

    def to(self) -> Callable[[int], str]:
        """The address of each completion of the list, from which a link leads back here."""
        address, back = numbered("completion"), urlencode({"found": self.query})
        return lambda pk: f"{address(pk)}?{back}"

    def text(self, name: str) -> str:
        """What the address says, for a form that is shown again."""
        return next((value for key, value in reversed(self.pairs) if key == name), "")

    def error(self, name: str) -> str:
        """What is wrong with it."""
        return str(self.refused) if self.refused is not None and self.refused.name == name else ""


def act_address() -> str:
    """Where a lead's form for all that match goes; "" where there is no such page."""
    try:
        return reverse("completions_act")
    except NoReverseMatch:
        return ""


# Chips -----------------------------------------------------------------------------------------------------------


def chips(organization: Organization, asked: Asked) -> tuple[Chip, ...]:
    """What the list is filtered by, each with the way to be without it."""
    wanted = asked.start.wanted
    if wanted == EVERYTHING:
        return ()
    said: list[tuple[str, str, Wanted]] = [
        (_("words"), wanted.q, replace(wanted, q="")),
        (_("model"), wanted.model, replace(wanted, model="")),
        *(
            (_("tag"), tag, replace(wanted, tags=tuple(other for other in wanted.tags if other != tag)))
            for tag in wanted.tags
        ),
        (_("status"), wanted.status, replace(wanted, status="")),
        (_("from"), wanted.since.isoformat() if wanted.since else "", replace(wanted, since=None)),
        (_("to"), wanted.until.isoformat() if wanted.until else "", replace(wanted, until=None)),
        (
            _("least probable token"),
            "" if wanted.low is None else _("at most %(low)g %%") % {"low": wanted.low},
            replace(wanted, low=None),
        ),
        (_("session"), wanted.session, replace(wanted, session="")),
        (_("graded by"), wanted.reviewer, replace(wanted, reviewer="")),
        (_("feedback task"), _name(organization.feedback_tasks, wanted.task), replace(wanted, task=None, grade=None)),
        (_("grade"), ": ".join(wanted.grade) if wanted.grade else "", replace(wanted, grade=None)),
        (_("edited"), _said(wanted.edited), replace(wanted, edited=None)),
        (_("in conflict"), _said(wanted.conflict), replace(wanted, conflict=None)),
        (_("flagged"), _said(wanted.flagged), replace(wanted, flagged=None)),
        (_("graded"), _said(wanted.graded), replace(wanted, graded=None)),
        (_("queue"), _name(organization.queues, wanted.queue), replace(wanted, queue=None)),
        (_("upstream"), _name(organization.upstreams, wanted.upstream), replace(wanted, upstream=None)),
    ]
    return tuple(
        Chip(label, words, replace(asked.start, wanted=without).address) for label, words, without in said if words
    )


def _said(value: bool | None) -> str:
    return "" if value is None else _("yes") if value else _("no")


def _name(rows: object, pk: int | None) -> str:
    """The name of a row of the organization; of one that is none of its the number that the address says."""
    if pk is None:
        return ""
    name: str | None = rows.filter(pk=pk).values_list("name", flat=True).first()  # type: ignore[attr-defined]
    return name or str(pk)


# Fields ----------------------------------------------------------------------------------------------------------


def fields(offered: Offered, asked: Asked, user: User, *, leads: bool) -> tuple[Choice | Entry, ...]:
    """The filters beside the words, each with what may be chosen."""
    names = offered.people if leads else (user.get_username(),)
    yes_or_no = ((YES, _("yes")), (NO, _("no")))
    return (
        _entry(asked, "model", _("Model"), offered=offered.models),
        *_tags(asked, offered.tags),
        _choice(asked, "status", _("Status"), [*Status.choices, (PURGED, _("purged"))]),
        _entry(asked, "from", _("Received from"), kind="date"),
        _entry(asked, "to", _("Received to"), kind="date"),
        _entry(asked, "low", _("Least probable token, at most %")),
        _choice(asked, "queue", _("Queue"), _named(offered.queues)),
        _choice(asked, "reviewer", _("Graded by"), [(name, name) for name in names]),
        _choice(asked, "task", _("Feedback task"), _named(offered.tasks)),
        _entry(asked, "grade", _("Grade"), hint=_("question:answer"), offered=tuple(_answers(offered.rubrics))),
        _choice(asked, "graded", _("Graded"), yes_or_no),
        _choice(asked, "edited", _("Edited"), yes_or_no),
        _choice(asked, "conflict", _("In conflict"), yes_or_no),
        _choice(asked, "flagged", _("Flagged"), yes_or_no),
        _entry(asked, "session", _("Session")),
        _choice(asked, "upstream", _("Upstream"), _named(offered.upstreams)),
    )


def _named(rows: Iterable[Named]) -> list[tuple[str, str]]:
    return [(str(row.pk), row.name) for row in rows]


def _tags(asked: Asked, offered: tuple[str, ...]) -> Iterator[Entry]:
    """One for each tag that is asked for, and one more."""
    for at, tag in enumerate((*asked.wanted.tags, "")):
        label = _("Tag") if at == 0 else _("and tag")
        yield Entry("tag", label, tag, offered=offered if at == 0 else (), error=asked.error("tag") if not tag else "")


def _entry(
    asked: Asked, name: str, label: str, *, kind: str = "text", hint: str = "", offered: tuple[str, ...] = ()
) -> Entry:
    value = asked.text(name)
    # A moment, which a field of days would not show.
    kind = "text" if len(value) > len("2000-01-01") else kind
    return Entry(name, label, value, kind, hint, offered, asked.error(name))


def _choice(asked: Asked, name: str, label: str, options: Iterable[tuple[str, str]]) -> Choice:
    chosen = asked.text(name)
    found_options = [Option(value, str(words), value == chosen) for value, words in options]
    if chosen and not any(option.chosen for option in found_options) and not asked.error(name):
        found_options.append(Option(chosen, chosen, chosen=True))
    return Choice(name, label, tuple(found_options), asked.error(name))


def _answers(rubrics: Iterable[str]) -> Iterator[str]:
    """What can be looked for: each answer that they offer, as `question:answer`."""
    said: dict[str, None] = {}
    for text in rubrics:
        properties = feedback_tasks.schema_in(text).get("properties")
        for name, part in properties.items() if isinstance(properties, dict) else ():
            said |= {f"{name}:{grade_values.said(value)}": None for value in _offered(part)}
    return iter(list(said)[:MOST_OFFERED])


def _offered(part: Json) -> list[Json]:
    if not isinstance(part, dict):
        return []
    if part.get("type") == "array":
        return _offered(part.get("items"))
    if part.get("type") == "boolean":
        return [True, False]
    low, high = part.get("minimum"), part.get("maximum")
    if part.get("type") == "integer" and isinstance(low, int) and isinstance(high, int) and high - low < MOST_NUMBERS:
        return list(range(low, high + 1))
    enum = part.get("enum")
    return [value for value in enum if grade_values.said(value)] if isinstance(enum, list) else []
