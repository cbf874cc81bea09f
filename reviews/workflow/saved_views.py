"""Saved views: filters of the list of completions under a name, hers alone or shared in the organization."""

from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from gradebench.compiled import Compiled, asked
from reviews.models import Organization, SavedView, User
from reviews.workflow.finding import Wanted

LONGEST_NAME = 100
# Of one person in one organization; a list of more is none.
MOST = 100
MOST_SEEN = 200


class ViewRefused(ValueError):
    """A view that is not saved; the text says why and what to do."""


class Seen(NamedTuple):
    """A view as a list of views shows it."""

    pk: int
    name: str
    query: str
    shared: bool
    user_id: int
    username: str


def seen_by(user: User, organization: Organization) -> list[Seen]:
    """Hers and those that are shared, by name."""
    return [Seen(*row) for row in _seen.all(user=user.pk, organization=organization.pk)]


_seen = Compiled(
    lambda: SavedView.objects.filter(
        Q(user=asked("user")) | Q(shared=True), organization=asked("organization")
    ).values_list("pk", "name", "query", "shared", "user_id", "user__username")[:MOST_SEEN]
)


def save(organization: Organization, user: User, *, name: str, wanted: Wanted, shared: bool = False) -> SavedView:
    """Keep what is wanted under a name of hers. Raises ViewRefused."""
    if not wanted.said():
        raise ViewRefused(_("There is no filter to save. Filter the list first."))
    if SavedView.objects.filter(organization=organization, user=user).count() >= MOST:
        raise ViewRefused(_("You have %(most)d views, as many as one may have. Delete one first.") % {"most": MOST})
    view = SavedView(organization=organization, user=user, query=wanted.said(), shared=shared)
    return _named(view, name)


def change(view: SavedView, *, name: str, shared: bool) -> SavedView:
    """Another name, shared or not. Raises ViewRefused."""
    view.shared = shared
    return _named(view, name)


def _named(view: SavedView, name: str) -> SavedView:
    view.name = " ".join(name.replace("\x00", "").split())
    if not view.name:
        raise ViewRefused(_("Give the view a name."))
    if len(view.name) > LONGEST_NAME:
        raise ViewRefused(_("The name may have at most %(most)d characters.") % {"most": LONGEST_NAME})
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        words = _("You have a view called “%(name)s” already. Choose another name, or delete that one.")
        raise ViewRefused(words % {"name": view.name}) from error
    return view
