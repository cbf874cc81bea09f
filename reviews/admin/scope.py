"""Which organizations a visitor of the admin sees: site staff all of them or the one she chose, a role admin always
exactly one of those that she administers. Asked of the present memberships at every request.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from reviews.access import organizations_administered, user_of
from reviews.models import Organization, User

M = TypeVar("M", bound=Model)
SESSION_KEY = "admin_organization"
# The path of the noun that is the organization itself.
ITSELF = "pk"


class Scope:
    """Read `organization` (None: all of them, which site staff alone see) and filter by `limit`."""

    def __init__(self, user: User | None, wanted: int | None) -> None:
        self.user = user
        self.wanted = wanted
        self.site_staff = user is not None and user.is_site_staff

    @cached_property
    def choices(self) -> tuple[Organization, ...]:
        """Those that she may choose, by slug."""
        if self.user is None:
            return ()
        return tuple(Organization.objects.all() if self.site_staff else organizations_administered(self.user))

    @property
    def may_enter(self) -> bool:
        """Whether the admin is open to her."""
        return self.site_staff or bool(self.choices)

    @cached_property
    def organization(self) -> Organization | None:
        """The one whose rows she sees; None for site staff who chose none, and for who may not enter."""
        if self.site_staff and self.wanted is None:
            return None
        chosen = next((one for one in self.choices if one.pk == self.wanted), None)
        return chosen or (None if self.site_staff else next(iter(self.choices), None))

    def condition(self, path: str) -> Q:
        """What a row must meet to be seen; `path` leads from its model to the organization."""
        if self.organization is not None:
            return Q(**{path: self.organization.pk})
        return Q() if self.site_staff else Q(pk__in=())

    def limit(self, rows: QuerySet[M], path: str) -> QuerySet[M]:
        """The rows that she sees."""
        return rows.filter(self.condition(path))


def scope_of(request: HttpRequest) -> Scope:
    """The scope of a request, found once."""
    found: Scope | None = getattr(request, "admin_scope", None)
    if found is None:
        user = user_of(request) if request.user.is_authenticated else None
        found = Scope(user, _wanted(request))
        request.admin_scope = found  # type: ignore[attr-defined] # kept for the rest of the request
    return found


def organization_of(request: HttpRequest) -> Organization | None:
    """The one whose rows are seen; None for site staff who see all."""
    return scope_of(request).organization


def choose(request: HttpRequest, posted: Mapping[str, Any]) -> bool:
    """Keep in the session which organization she sees from now on; whether it is one that she may choose."""
    scope, text = scope_of(request), str(posted.get("organization", ""))
    if not text and scope.site_staff:
        request.session.pop(SESSION_KEY, None)
        return True
    chosen = next((one for one in scope.choices if str(one.pk) == text), None)
    if chosen is None:
        return False
    request.session[SESSION_KEY] = chosen.pk
    return True


def _wanted(request: HttpRequest) -> int | None:
    kept = request.session.get(SESSION_KEY)
    return kept if isinstance(kept, int) else None
