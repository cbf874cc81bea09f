"""What audit events are about: a name and a page for each, asked for in one question per kind."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Model, QuerySet
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reviews.models import (
    ApiToken,
    Assignment,
    AuditEvent,
    Completion,
    FeedbackCompletion,
    FeedbackTask,
    Member,
    Organization,
    PullRefusal,
    Push,
    Queue,
    QueueItem,
    Upstream,
    User,
)
from reviews.workflow.audit import SITE

KINDS = {
    "apitoken": gettext_lazy("API token"),
    "assignment": gettext_lazy("claim"),
    "completion": gettext_lazy("completion"),
    "feedback": gettext_lazy("grade"),
    "feedbacktask": gettext_lazy("feedback task"),
    "member": gettext_lazy("member"),
    "organization": gettext_lazy("organization"),
    "pullrefusal": gettext_lazy("set aside"),
    "push": gettext_lazy("push"),
    "queue": gettext_lazy("queue"),
    "queueitem": gettext_lazy("item"),
    "upstream": gettext_lazy("upstream"),
    "user": gettext_lazy("user"),
    SITE: gettext_lazy("the whole site"),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing that something was done to; without an address where there is no page of it for her."""

    name: str
    address: str = ""


Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Finder:
    """How the things of a kind are found: a model, its columns with the id that events name, with the name, and with
    the id that `page` takes; without a page of ours the admin may have one.
    """

    model: type[Model]
    name: str
    page: str = ""
    page_id: str = "pk"
    id: str = "pk"

    def rows(self, ids: Collection[int]) -> Iterable[tuple[int, str, int]]:
        """Id, name and page id of each that is there."""
        columns = (self.id, self.name, self.page_id)
        return QuerySet(self.model).filter(**{f"{self.id}__in": ids}).values_list(*columns)


OF_COMPLETION = {"name": "completion__uid", "page": "completion", "page_id": "completion_id"}
FINDERS = {
    "completion": Finder(Completion, "uid", "completion"),
    "queueitem": Finder(QueueItem, **OF_COMPLETION),
    "assignment": Finder(Assignment, "item__completion__uid", "completion", "item__completion_id"),
    # Of a grade of several completions one.
    "feedback": Finder(FeedbackCompletion, **OF_COMPLETION, id="feedback_id"),
    "push": Finder(Push, **OF_COMPLETION),
    "queue": Finder(Queue, "name", "queue_settings"),
    "feedbacktask": Finder(FeedbackTask, "name", "feedback_task"),
    "pullrefusal": Finder(PullRefusal, "uid", "refusal"),
    "apitoken": Finder(ApiToken, "name"),
    "member": Finder(Member, "user__username"),
    "user": Finder(User, "username"),
    "organization": Finder(Organization, "name"),
    "upstream": Finder(Upstream, "name"),
}


def subjects(events: Iterable[AuditEvent], *, led_ids: frozenset[int], enters_admin: bool) -> dict[Key, Subject]:
    """What these events are about. Pages are named where she leads (`led_ids`), those of the admin where she may enter
    it.
    """
    kinds: dict[str, dict[int, int | None]] = defaultdict(dict)
    for event in events:
        if event.target_type in FINDERS and event.target_id.isdigit():
            kinds[event.target_type][int(event.target_id)] = event.organization_id
    found: dict[Key, Subject] = {}
    for kind, organizations in kinds.items():
        finder = FINDERS[kind]
        for pk, name, page_id in finder.rows(organizations):
            address = ""
            if finder.page:
                address = resolve_url(finder.page, page_id) if organizations[pk] in led_ids else ""
            elif enters_admin:
                address = _in_admin(kind, pk)
            found[kind, str(pk)] = Subject(name, address)
    return found


def named(event: AuditEvent, known: Mapping[Key, Subject]) -> Subject:
    """What an event is about; what is gone is named as it was said then."""
    subject = known.get((event.target_type, event.target_id))
    if subject is not None and subject.name:
        return subject
    if event.target_type == SITE:
        return Subject("")
    kind = KINDS.get(event.target_type, event.target_type)
    return Subject(event.details or _("%(kind)s %(id)s") % {"kind": kind, "id": event.target_id})


def _in_admin(kind: str, pk: int) -> str:
    try:
        return reverse(f"admin:reviews_{kind}_change", args=[pk])
    except NoReverseMatch:
        return ""
