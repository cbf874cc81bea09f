"""Who may see and change what. Fetching is authorising: what is not hers is not found. Shared by pages and API."""

from typing import TypeVar, cast

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from rest_framework.exceptions import PermissionDenied

from reviews.models import Assignment, Completion, Member, Organization, Push, Queue, Upstream, User
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


def upstream_to_pull(request: HttpRequest, pk: int) -> Upstream:
    """An upstream of an organization where she is a lead. Raises Http404."""
    led = Member.objects.filter(user=user_of(request), role__in=LEADS).values("organization_id")
    return _found(Upstream.objects.filter(pk=pk, organization__in=led).select_related("organization").first())


def push_to_retry(request: HttpRequest, pk: int) -> Push:
    """A push of an organization where she is a lead. Raises Http404."""
    led = Member.objects.filter(user=user_of(request), role__in=LEADS).values("organization_id")
    pushes = Push.objects.filter(pk=pk, completion__organization__in=led)
    return _found(pushes.select_related("completion__organization", "revision__result").first())


M = TypeVar("M")


def _found(row: M | None) -> M:
    if row is None:
        raise Http404
    return row
