"""Completions that were found, as lists show them: a stretch at a time, newest first, and how many there are."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from reviews.models import Completion, Organization, User
from reviews.workflow import finding, word_index
from reviews.workflow.finding import Wanted

# So many are fetched by their ids and sorted; where other rows name more, the list is walked, and they are asked.
FEW = 1_000
# For what is offered to choose from.
MOST_LOOKED_AT = 500
HEAVY = ("search_text",)
Place = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some of the list, newest first, and whether there is more on either side."""

    rows: tuple[Completion, ...]
    newer: bool = False
    older: bool = False


def newest(
    organization: Organization, wanted: Wanted, *, viewer: User | None, most: int, before: Place | None = None
) -> Stretch:
    """The newest that are wanted, or those older than the one at that place."""
    found = _found(organization, wanted, viewer)
    if before is not None:
        moment, pk = before
        # The last condition says nothing new; it is what an index is entered by.
        found = found.filter(Q(received_at__lt=moment) | Q(received_at=moment, pk__lt=pk), received_at__lte=moment)
    rows = tuple(found.order_by("-received_at", "-pk")[: most + 1])
    return Stretch(rows[:most], newer=before is not None, older=len(rows) > most)


def after(organization: Organization, wanted: Wanted, *, viewer: User | None, most: int, place: Place) -> Stretch:
    """Those right above the one at that place: the way back from `newest(before=…)`."""
    moment, pk = place
    found = _found(organization, wanted, viewer)
    found = found.filter(Q(received_at__gt=moment) | Q(received_at=moment, pk__gt=pk), received_at__gte=moment)
    rows = tuple(found.order_by("received_at", "pk")[: most + 1])
    return Stretch(rows[:most][::-1], newer=len(rows) > most, older=True)


def count(organization: Organization, wanted: Wanted, *, viewer: User | None, most: int) -> int:
    """How many are wanted, counted no further than one more than `most`."""
    return finding.completions(organization, wanted, viewer=viewer).order_by()[: most + 1].count()


def models(organization: Organization) -> tuple[str, ...]:
    """The models of what came last."""
    newest_ones = Completion.objects.filter(organization=organization).order_by("-received_at", "-pk")
    names = list(newest_ones.values_list("model", flat=True)[:MOST_LOOKED_AT])
    return tuple(sorted(set(names) - {""}))


def place_of(completion: Completion) -> Place:
    """Where it stands in the list."""
    return completion.received_at, completion.pk


def _found(organization: Organization, wanted: Wanted, viewer: User | None) -> QuerySet[Completion]:
    """As `finding.completions`, for who wants the first few of them in the order of the list: it is asked first whether
    few rows name what is wanted, because no database knows that well enough of its own, and SQLite not at all.
    """
    found = finding.of_their_own(organization, wanted).defer(*HEAVY)
    linked = list(finding.links(organization, wanted, viewer=viewer))
    if linked:
        first, *others = linked
        for other in others:
            first = first.filter(completion__in=other)
        ids = set(first[: FEW + 1])
        found = found.filter(pk__in=ids) if len(ids) <= FEW else word_index.walked(found, *linked)
    return word_index.newest_having(found, wanted.words) if wanted.words else found
