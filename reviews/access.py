"""Who may see and change what. Fetching is authorising: what is not hers is not found. Shared by pages and API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.core import exceptions
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import PermissionDenied

from gradebench import context
from gradebench.compiled import Compiled, asked
from reviews.models import (
    Assignment,
    Completion,
    Document,
    Draft,
    Feedback,
    FeedbackTask,
    Job,
    Member,
    Organization,
    PullRefusal,
    Push,
    PushKind,
    Queue,
    QueueItem,
    Revision,
    SavedView,
    Upstream,
    User,
)
from reviews.models.accounts import Role
from reviews.models.sync import NEEDS_A_PERSON
from reviews.workflow import conflicts

NOT_YOURS_TO_TAKE_BACK = gettext_lazy(
    "Only a lead, or whoever made the last edit, takes an answer back to an earlier text."
)
LEADS = (Role.LEAD, Role.ADMIN)
ONLY_ADMINS_SEE_THE_AUDIT = gettext_lazy("Only an admin of an organization sees its audit.")
NOT_YOURS_TO_PURGE = gettext_lazy("Only an admin of the organization purges a completion. Nothing was changed.")
NOT_YOURS_TO_DECIDE = gettext_lazy("Only a lead, or whoever made the edit, decides about it. Nothing was changed.")


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
    user = cast(User, request.user)
    context.note(user_id=user.pk)
    return user


def organizations_of(user: User | Any) -> QuerySet[Organization]:
    """Those she is a member of."""
    return Organization.objects.filter(members__user=user)


def leads_in(user: User, organization_id: int) -> bool:
    """Whether she may do a lead's work there."""
    return Member.objects.filter(user=user, organization_id=organization_id, role__in=LEADS).exists()


def administers(user: User, organization_id: int) -> bool:
    """Whether she may do an admin's work there."""
    return Member.objects.filter(user=user, organization_id=organization_id, role=Role.ADMIN).exists()


def queue_for(request: HttpRequest, pk: int) -> Queue:
    """An open queue that she reviews. Raises Http404."""
    return _found(_queue.first(pk=pk, user=user_of(request).pk))


def assignment_for(request: HttpRequest, pk: int) -> Assignment:
    """A claim of her own, whatever became of it, on an item of an organization she is still a member of.

    Raises Http404.
    """
    return _found(_assignment.first(pk=pk, user=user_of(request).pk))


_queue = Compiled(
    lambda: (
        Queue.objects.visible_to(asked("user")).filter(pk=asked("pk")).select_related("organization", "feedback_task")
    )
)
_assignment = Compiled(
    lambda: (
        _claims_of(asked("user"))
        .filter(pk=asked("pk"))
        .select_related(
            "reviewer",
            "item__queue__organization",
            "item__queue__feedback_task__current_revision",
            "item__completion__current",
            "item__completion__upstream",
        )
        .defer("item__completion__search_text")
    )
)
_claim = Compiled(lambda: _claims_of(asked("user")).filter(pk=asked("pk")).select_related("item"))


def _claims_of(user: Any) -> QuerySet[Assignment]:
    return Assignment.objects.filter(reviewer=user, item__queue__organization__in=organizations_of(user).values("pk"))


def draft_for(request: HttpRequest, assignment: Assignment) -> Draft | None:
    """The draft of hers on the item that the address names; None where it names none, or one that is gone."""
    named = request.GET.get("draft", "")
    if not named.isascii() or not named.isdigit() or len(named) > 18:
        return None
    return Draft.objects.filter(pk=int(named), user=user_of(request), item=assignment.item_id).first()


def completion_for(request: HttpRequest, pk: int) -> Completion:
    """A completion of one of her organizations. Raises Http404."""
    organizations = organizations_of(user_of(request)).values("pk")
    return _found(Completion.objects.with_documents().filter(pk=pk, organization__in=organizations).first())


def memberships_for(request: HttpRequest) -> list[Member]:
    """Hers, by the slug of the organization, which is joined; asked once for each request."""
    known: list[Member] | None = vars(request).get("_memberships")
    if known is None:
        known = vars(request)["_memberships"] = _memberships.all(user=user_of(request).pk)
    return known


_memberships = Compiled(lambda: Member.objects.of(asked("user")).order_by("organization__slug"))


def membership_for(request: HttpRequest, slug: str) -> Member | None:
    """In the one of her organizations that is named, in the first where none is; None for who is in none.

    Raises Http404.
    """
    hers = memberships_for(request)
    slug = slug.replace("\x00", "")
    named = (member for member in hers if member.organization.slug == slug) if slug else iter(hers)
    return _found(next(named, None)) if slug else next(named, None)


def view_for(request: HttpRequest, pk: int) -> SavedView:
    """A saved view of her own, in an organization that she is still in. Raises Http404."""
    user = user_of(request)
    hers = SavedView.objects.filter(pk=pk, user=user, organization__in=organizations_of(user).values("pk"))
    return _found(hers.select_related("organization").first())


def completion_to_purge(request: HttpRequest, pk: int) -> Completion:
    """A completion of an organization where she is an admin. Raises Http404, and PermissionDenied for one that she may
    only read.
    """
    completion = completion_for(request, pk)
    if not administers(user_of(request), completion.organization_id):
        raise exceptions.PermissionDenied(NOT_YOURS_TO_PURGE)
    return completion


def conflict_for(request: HttpRequest, pk: int) -> Completion:
    """A completion about which she may decide. Raises Http404, and PermissionDenied for what she may only read."""
    completion = completion_for(request, pk)
    if _waits(completion) and not may_decide(user_of(request), completion):
        raise exceptions.PermissionDenied(NOT_YOURS_TO_DECIDE)
    return completion


def earlier_document(request: HttpRequest, pk: int, number: int) -> tuple[Completion, Document]:
    """A completion that she may take back to an earlier text, and the document of a revision of it (0: as received).

    Raises Http404, and PermissionDenied for one that she may only read.
    """
    completion = completion_for(request, pk)
    revision = completion.revisions.select_related("result").filter(number=number).first()
    if number and revision is None:
        raise Http404
    if not may_decide(user_of(request), completion):
        raise exceptions.PermissionDenied(NOT_YOURS_TO_TAKE_BACK)
    return completion, revision.result if revision else completion.received


def may_decide(user: User, completion: Completion) -> bool:
    """Whether she may decide what becomes of an edit of it that cannot go: a lead, or who made the edit."""
    if leads_in(user, completion.organization_id):
        return True
    return Completion.objects.filter(pk=completion.pk).annotate(editor=_editor()).filter(editor=user.pk).exists()


def to_decide(user: User) -> list[int]:
    """The ids of the completions that wait for a decision which she may take, oldest first."""
    roles = {member.organization_id: member.leads for member in Member.objects.of(user)}
    waiting = Completion.objects.filter(pk__in=list(conflicts.waiting_in(roles))).annotate(editor=_editor())
    rows = waiting.order_by("pk").values_list("pk", "organization_id", "editor")
    return [pk for pk, organization_id, editor in rows if roles[organization_id] or editor == user.pk]


def _waits(completion: Completion) -> bool:
    if completion.conflict_document_id is not None:
        return True
    edits = Push.objects.filter(completion=completion, kind=PushKind.UPDATE)
    return edits.filter(state__in=NEEDS_A_PERSON).exists()


def _editor() -> Subquery:
    """Who made the newest change of it; nobody where that came by a pull or by the API."""
    newest = Revision.objects.filter(completion=OuterRef("pk")).order_by("-number")
    return Subquery(newest.values("author")[:1])


def document_of(completion: Completion, pk: int) -> Document | None:
    """A document that was the completion's current one at some time; None for any other."""
    if pk != completion.received_id and not completion.revisions.filter(result=pk).exists():
        return None
    return Document.objects.get(pk=pk)


def visible_feedback(user: User, completion: Completion) -> QuerySet[Feedback]:
    """The grades of a completion that she may see, newest first: of a blind queue only her own while a review of it
    is open, unless she leads.
    """
    found = completion.feedback.order_by("-pk")
    if leads_in(user, completion.organization_id):
        return found
    open_and_blind = completion.queue_items.open().filter(queue__blind=True).values("queue__feedback_task_id")
    hidden = found.filter(feedback_task_id__in=open_and_blind).exclude(reviewer=user)
    return found.exclude(pk__in=hidden.values("pk"))


def claim_for(request: HttpRequest, pk: int) -> Assignment:
    """The same claim as `assignment_for`, without the text: for what is asked every few seconds. Raises Http404."""
    return _found(_claim.first(pk=pk, user=user_of(request).pk))


@dataclass(frozen=True, slots=True)
class Standing:
    """The organizations that she is in, and of those the ones where she is a lead, and where an admin."""

    organization_ids: frozenset[int]
    led_ids: frozenset[int]
    administered_ids: frozenset[int]


def standing_of(user: User) -> Standing:
    """In one query."""
    return standing_in(dict(_roles.all(user=user.pk)))


def standing_in(roles: Mapping[int, str]) -> Standing:
    """By the roles that she has in her organizations."""
    return Standing(
        frozenset(roles),
        frozenset(pk for pk, role in roles.items() if role in LEADS),
        frozenset(pk for pk, role in roles.items() if role == Role.ADMIN),
    )


_roles = Compiled(lambda: Member.objects.filter(user=asked("user")).values_list("organization_id", "role").order_by())


def organizations_led(user: User | Any) -> QuerySet[Organization]:
    """Those where she is a lead."""
    return Organization.objects.filter(members__user=user, members__role__in=LEADS)


def organizations_administered(user: User) -> QuerySet[Organization]:
    """Those where she is an admin, by slug."""
    return Organization.objects.filter(members__user=user, members__role=Role.ADMIN).order_by("slug")


def upstream_to_pull(request: HttpRequest, pk: int) -> Upstream:
    """An upstream of an organization where she is a lead. Raises Http404."""
    return _found(Upstream.objects.filter(pk=pk, organization__in=_led(request)).select_related("organization").first())


def push_to_decide(request: HttpRequest, pk: int) -> Push:
    """A push of an organization where she is a lead, to be pushed again or given up. Raises Http404."""
    pushes = Push.objects.filter(pk=pk, completion__organization__in=_led(request))
    return _found(pushes.select_related("completion__organization", "revision__result").first())


def refusal_for(request: HttpRequest, pk: int) -> PullRefusal:
    """What a pull of one of her organizations set aside. Raises Http404."""
    organizations = organizations_of(user_of(request)).values("pk")
    refusals = PullRefusal.objects.filter(pk=pk, upstream__organization__in=organizations)
    return _found(refusals.select_related("upstream").first())


def refusal_to_retry(request: HttpRequest, pk: int) -> PullRefusal:
    """What a pull set aside in an organization where she is a lead. Raises Http404."""
    refusals = PullRefusal.objects.filter(pk=pk, upstream__organization__in=_led(request))
    return _found(refusals.select_related("upstream__organization").defer("data").first())


def queue_to_lead(request: HttpRequest, pk: int) -> Queue:
    """A queue of an organization where she is a lead, whether or not she reviews it. Raises Http404."""
    return _found(_queue_led.first(pk=pk, user=user_of(request).pk))


_queue_led = Compiled(
    lambda: Queue.objects.filter(
        pk=asked("pk"), organization__in=organizations_led(asked("user")).values("pk")
    ).select_related("organization", "feedback_task__upstream")
)


def item_to_lead(request: HttpRequest, pk: int) -> QueueItem:
    """An item of a queue of an organization where she is a lead. Raises Http404."""
    items = QueueItem.objects.filter(pk=pk, queue__organization__in=_led(request))
    return _found(items.select_related("queue__organization").first())


def claim_to_lead(request: HttpRequest, pk: int) -> Assignment:
    """Somebody's claim in an organization where she is a lead, to be taken back. Raises Http404."""
    claims = Assignment.objects.filter(pk=pk, item__queue__organization__in=_led(request))
    return _found(claims.select_related("item__queue__organization", "reviewer").first())


def feedback_task_to_lead(request: HttpRequest, pk: int) -> FeedbackTask:
    """A feedback task of an organization where she is a lead. Raises Http404."""
    found = FeedbackTask.objects.filter(pk=pk, organization__in=_led(request))
    return _found(found.select_related("organization", "queue", "upstream", "current_revision__created_by").first())


def job_to_lead(request: HttpRequest, pk: int) -> Job:
    """A job of an organization where she is a lead. Raises Http404."""
    found = Job.objects.filter(pk=pk, organization__in=_led(request))
    return _found(found.select_related("organization", "asked_by").first())


def queues_led(user: User) -> QuerySet[Queue]:
    """The queues of the organizations where she is a lead."""
    return Queue.objects.filter(organization__in=organizations_led(user).values("pk"))


@dataclass(frozen=True, slots=True)
class AuditScope:
    """What somebody may see of the audit: of these organizations; None: of all, and what is of none."""

    organization_ids: frozenset[int] | None
    led_ids: frozenset[int]

    def organizations(self) -> QuerySet[Organization]:
        """Those whose events she may see, by name."""
        found = Organization.objects.order_by("name", "pk")
        return found if self.organization_ids is None else found.filter(pk__in=self.organization_ids)


def audit_for(request: HttpRequest) -> AuditScope:
    """The audit is for admins of an organization, each her own, and for site staff. Raises PermissionDenied."""
    user = user_of(request)
    standing = standing_of(user)
    if user.is_site_staff:
        return AuditScope(None, standing.led_ids)
    if not standing.administered_ids:
        raise exceptions.PermissionDenied(ONLY_ADMINS_SEE_THE_AUDIT)
    return AuditScope(standing.administered_ids, standing.led_ids)


M = TypeVar("M")


def _led(request: HttpRequest) -> QuerySet[Organization]:
    return organizations_led(user_of(request))


def _found(row: M | None) -> M:
    if row is None:
        raise Http404
    context.note(organization_id=vars(row).get("organization_id"))
    if isinstance(row, Completion):
        context.note(completion_id=row.pk)
    elif isinstance(row, Assignment):
        context.note(completion_id=row.item.completion_id)
    return row
