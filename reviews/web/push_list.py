"""The list of pushes: what an address asks for, and the rows that answer it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.shortcuts import resolve_url
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reviews.access import Standing, standing_of
from reviews.models import Completion, Push, PushKind, PushState, Upstream, User
from reviews.web.display_sync import Figure, FilterBar, Option, PushList, PushRow
from reviews.web.keyset import number
from reviews.web.states import changed_state, sync_state
from reviews.workflow import pushes
from reviews.workflow.pushes import Group, Slice, Wanted

PAGE = 50
MOST_URGENT = 20
MOST_AT_ONCE = 100
REST = (Group.WAY, Group.ARRIVED, Group.ENDED)
GROUP_LABELS = (
    (None, gettext_lazy("Latest")),
    (Group.PERSON, gettext_lazy("Needs a person")),
    (Group.WAY, gettext_lazy("On the way")),
    (Group.ARRIVED, gettext_lazy("Arrived")),
    (Group.ENDED, gettext_lazy("Not sent")),
)
KIND_LABELS = (
    ("", gettext_lazy("Edits and grades")),
    (PushKind.UPDATE, gettext_lazy("Edits")),
    (PushKind.FEEDBACK, gettext_lazy("Grades")),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """The upstreams that she may look at, and where she may act."""

    standing: Standing
    upstreams: tuple[Upstream, ...]

    @property
    def upstream_ids(self) -> tuple[int, ...]:
        """Of all that she may look at."""
        return tuple(upstream.pk for upstream in self.upstreams)

    @property
    def led_upstream_ids(self) -> tuple[int, ...]:
        """Of those where she may act."""
        return tuple(upstream.pk for upstream in self.upstreams if self.leads(upstream.organization_id))

    def leads(self, organization_id: int) -> bool:
        """Whether she may act there."""
        return organization_id in self.standing.led_ids


def scope_of(user: User) -> Scope:
    """In two queries."""
    standing = standing_of(user)
    rows = Upstream.objects.filter(organization__in=standing.organization_ids)
    return Scope(standing, tuple(rows.defer("token_sealed")))


@dataclass(frozen=True, slots=True)
class PushFilter:
    """What the address of the list says. What cannot be read in it asks for nothing."""

    group: Group | None = None
    kind: str = ""
    upstream_id: int | None = None
    uid: str = ""
    before: int | None = None
    after: int | None = None

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "PushFilter":
        """From a query string."""
        return cls(
            group=Group(given["state"]) if given.get("state") in list(Group) else None,
            kind=given["kind"] if given.get("kind") in PushKind.values else "",
            upstream_id=number(given.get("upstream")),
            uid=given.get("completion", "").replace("\x00", "").strip()[:255],
            before=number(given.get("before")),
            after=number(given.get("after")),
        )

    @property
    def narrowed(self) -> bool:
        """Whether it asks for something."""
        return bool(self.group or self.kind or self.upstream_id or self.uid)

    @property
    def is_start(self) -> bool:
        """Whether the list begins with the newest."""
        return self.before is None and self.after is None

    @property
    def query(self) -> str:
        """As a query string."""
        said = {
            "state": self.group,
            "kind": self.kind,
            "upstream": self.upstream_id,
            "completion": self.uid,
            "before": self.before,
            "after": self.after,
        }
        return urlencode({name: value for name, value in said.items() if value})

    def address(self, name: str = "sync") -> str:
        """Where it leads."""
        return f"{resolve_url(name)}?{self.query}" if self.query else resolve_url(name)

    def wanted(self, upstream_ids: Iterable[int]) -> Wanted:
        """The pushes it asks for, of the upstreams that she may see."""
        asked = tuple(pk for pk in upstream_ids if self.upstream_id in (None, pk))
        groups = (self.group,) if self.group else tuple(Group) if self.narrowed else REST
        states = tuple(state for group in groups for state in group.states)
        return Wanted(asked, states, self.kind, self.uid)


def filter_bar(asked: PushFilter, upstreams: Iterable[Upstream]) -> FilterBar:
    """The filters with what is chosen; choosing another state keeps the rest."""
    start = replace(asked, before=None, after=None)
    groups = tuple(
        Option(group or "", str(label), asked.group == group, replace(start, group=group).address())
        for group, label in GROUP_LABELS
    )
    kinds = tuple(Option(value, str(label), asked.kind == value) for value, label in KIND_LABELS)
    named = tuple(Option(str(row.pk), row.name, asked.upstream_id == row.pk) for row in upstreams)
    return FilterBar(groups, kinds, named, asked.group or "", asked.uid, narrowed=asked.narrowed)


def push_list(asked: PushFilter, scope: Scope) -> PushList:
    """The stretch of the list that the address asks for."""
    wanted = asked.wanted(scope.upstream_ids)
    if asked.after is not None:
        found = pushes.after(wanted, most=PAGE, pk=asked.after)
    else:
        found = pushes.newest(wanted, most=PAGE, before=asked.before)
    alone = _conflicts_alone(scope, PAGE) if asked == PushFilter(Group.PERSON) else ()
    return PushList(
        rows=(*alone, *(_row(push, scope) for push in found.pushes)),
        back=asked.query,
        newer=_newer(asked, found),
        older=_older(asked, found),
        again=_again(asked, scope) if asked.narrowed else None,
    )


def urgent_list(scope: Scope) -> PushList:
    """What needs a person, newest first, before everything else."""
    asked = PushFilter(Group.PERSON)
    found = pushes.newest(asked.wanted(scope.upstream_ids), most=MOST_URGENT)
    rows = (*_conflicts_alone(scope, MOST_URGENT + 1), *(_row(push, scope) for push in found.pushes))
    return PushList(
        rows=rows[:MOST_URGENT],
        older=asked.address() if found.older or len(rows) > MOST_URGENT else "",
        again=_again(asked, scope),
    )


def to_push_again(asked: PushFilter, scope: Scope) -> Slice:
    """Those of the filter, wherever its list stands, that a lead may push again in one go: what the upstream refused.

    What cannot be compared there is left out: sending it may overwrite, and is decided one by one.
    """
    return pushes.newest(_refused(asked, scope), most=MOST_AT_ONCE)


def _again(asked: PushFilter, scope: Scope) -> Figure | None:
    refused = _refused(asked, scope)
    if not refused.states or not refused.upstream_ids:
        return None
    return Figure(pushes.count(refused, most=MOST_AT_ONCE), MOST_AT_ONCE)


def _refused(asked: PushFilter, scope: Scope) -> Wanted:
    wanted = asked.wanted(scope.led_upstream_ids)
    return replace(wanted, states=tuple(state for state in wanted.states if state == PushState.ATTENTION))


def _newer(asked: PushFilter, found: Slice) -> str:
    if not found.newer or not found.pushes:
        return "" if asked.is_start else replace(asked, before=None, after=None).address()
    return replace(asked, before=None, after=found.pushes[0].pk).address()


def _older(asked: PushFilter, found: Slice) -> str:
    if not found.older or not found.pushes:
        return ""
    return replace(asked, before=found.pushes[-1].pk, after=None).address()


def _row(push: Push, scope: Scope) -> PushRow:
    leads = scope.leads(push.completion.organization_id)
    is_edit = push.kind == PushKind.UPDATE
    refused = push.state == PushState.ATTENTION
    return PushRow(
        id=push.pk,
        what=_("Edit") if is_edit else _("Grade"),
        completion_id=push.completion_id,
        completion_name=push.completion.uid,
        upstream="" if push.state == PushState.DELIVERED else _named(push.upstream, scope),
        sync=sync_state(push),
        created_at=push.created_at,
        attempts=push.attempts,
        may_retry=leads and refused,
        may_push_again=leads and (push.state == PushState.ABSENT or _is_newest_there(push)),
        may_decide=leads and is_edit and push.state in Group.PERSON.states,
        may_give_up=leads and refused and not is_edit,
    )


def _named(upstream: Upstream | None, scope: Scope) -> str:
    """Its name where there are several."""
    return upstream.name if upstream is not None and len(scope.upstreams) > 1 else ""


def _is_newest_there(push: Push) -> bool:
    """Whether it is an edit that arrived and whose text still stands here."""
    if push.state != PushState.DELIVERED or push.revision is None:
        return False
    completion = push.completion
    return push.revision.result_id == completion.current_id and completion.conflict_document_id is None


def _conflicts_alone(scope: Scope, most: int) -> tuple[PushRow, ...]:
    found = pushes.conflicts_alone(scope.standing.organization_ids).select_related("upstream")[:most]
    return tuple(_conflict_row(completion, scope) for completion in found.defer("search_text", "preview"))


def _conflict_row(completion: Completion, scope: Scope) -> PushRow:
    return PushRow(
        id=None,
        what=_("Conflict"),
        completion_id=completion.pk,
        completion_name=completion.uid,
        upstream=_named(completion.upstream, scope),
        sync=changed_state(completion.pk, completion.upstream.name if completion.upstream else "", decides=False),
        may_decide=scope.leads(completion.organization_id),
    )
