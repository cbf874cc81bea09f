"""Who may see and change what. Fetching is authorising: what is not hers is not found. Shared by pages and API."""

from dataclasses import dataclass
from typing import TypeVar, cast

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from rest_framework.exceptions import PermissionDenied

from reviews.models import (
    Assignment,
    Completion,
    Member,
    Organization,
    PullRefusal,
    Push,
    Queue,
    Upstream,
    User,
)
from reviews.models.accounts import Role

LEADS = (Role.LEAD, Role.ADMIN)


# API -------------------------------------------------------------------------------------------------------------


def organization_named(organization: Organization, name: object) -> None:
    """Whatever organization a client names must be its token's, by slug or external id. Raises PermissionDenied."""
    if name is None or name == "":
        return
    if not isinstance(name, str) or not organization.is_called(name):
        raise PermissionDenied("This API token belongs to another organization than the one that the request names.")


def completion_of(organization: Organization, uid: str) -> Completion:
    """Raises Http404, with the same words for what is unknown and what is another organization's."""
    wanted = Completion.objects.with_documents().filter(organization=organization, uid=uid.replace("\x00", ""))
    completion = wanted.first()
    if completion is None:
        raise Http404(f"There is no completion {uid} here.")
    return completion


# Pages -----------------------------------------------------------------------------------------------------------


def user_of(request: HttpRequest) -> User:
    """The signed-in user; the views that call it are behind `login_required`."""
    return cast(User, request.user)


def organizations_of(user: User) -> QuerySet[Organization]:
    """Those she is a member of."""
    return Organization.objects.filter(members__user=user)


def leads_in(user: User, organization_id: int) -> bool:
    """Whether she may do a lead's work there."""
    return Member.objects.filter(user=user, organization_id=organization_id, role__in=LEADS).exists()


def queue_for(request: HttpRequest, pk: int) -> Queue:
    """An open queue that she reviews. Raises Http404."""
    queues = Queue.objects.visible_to(user_of(request)).select_related("organization", "feedback_task")
    return _found(queues.filter(pk=pk).first())


def assignment_for(request: HttpRequest, pk: int) -> Assignment:
    """A claim of her own, whatever became of it, on an item of an organization she is still a member of.

    Raises Http404.
    """
    user = user_of(request)
    mine = Assignment.objects.filter(
        pk=pk, reviewer=user, item__queue__organization__in=organizations_of(user).values("pk")
    )
    return _found(
        mine.select_related(
            "reviewer",
            "item__queue__organization",
            "item__queue__feedback_task__current_revision",
            "item__completion__current",
            "item__completion__upstream",
        ).first()
    )


def completion_for(request: HttpRequest, pk: int) -> Completion:
    """A completion of one of her organizations. Raises Http404."""
    organizations = organizations_of(user_of(request)).values("pk")
    return _found(Completion.objects.with_documents().filter(pk=pk, organization__in=organizations).first())


def claim_for(request: HttpRequest, pk: int) -> Assignment:
    """The same claim as `assignment_for`, without the text: for what is asked every few seconds. Raises Http404."""
    user = user_of(request)
    mine = Assignment.objects.filter(
        pk=pk, reviewer=user, item__queue__organization__in=organizations_of(user).values("pk")
    )
    return _found(mine.select_related("item").first())


@dataclass(frozen=True, slots=True)
class Standing:
    """The organizations that she is in, and of those the ones where she is a lead."""

    organization_ids: frozenset[int]
    led_ids: frozenset[int]


def standing_of(user: User) -> Standing:
    """In one query."""
    roles = dict(Member.objects.filter(user=user).values_list("organization_id", "role"))
    return Standing(frozenset(roles), frozenset(pk for pk, role in roles.items() if role in LEADS))


def organizations_led(user: User) -> QuerySet[Organization]:
    """Those where she is a lead."""
    return Organization.objects.filter(members__user=user, members__role__in=LEADS)


def upstream_to_pull(request: HttpRequest, pk: int) -> Upstream:
    """An upstream of an organization where she is a lead. Raises Http404."""
    led = organizations_led(user_of(request)).values("pk")
    return _found(Upstream.objects.filter(pk=pk, organization__in=led).select_related("organization").first())


def push_to_decide(request: HttpRequest, pk: int) -> Push:
    """A push of an organization where she is a lead, to be pushed again or given up. Raises Http404."""
    led = organizations_led(user_of(request)).values("pk")
    pushes = Push.objects.filter(pk=pk, completion__organization__in=led)
    return _found(pushes.select_related("completion__organization", "revision__result").first())


def refusal_for(request: HttpRequest, pk: int) -> PullRefusal:
    """What a pull of one of her organizations set aside. Raises Http404."""
    organizations = organizations_of(user_of(request)).values("pk")
    refusals = PullRefusal.objects.filter(pk=pk, upstream__organization__in=organizations)
    return _found(refusals.select_related("upstream").first())


def refusal_to_retry(request: HttpRequest, pk: int) -> PullRefusal:
    """What a pull set aside in an organization where she is a lead. Raises Http404."""
    led = organizations_led(user_of(request)).values("pk")
    refusals = PullRefusal.objects.filter(pk=pk, upstream__organization__in=led)
    return _found(refusals.select_related("upstream__organization").defer("data").first())


M = TypeVar("M")


def _found(row: M | None) -> M:
    if row is None:
        raise Http404
    return row
