"""The audit: who did what, when and from where, with filters, and the same as a file."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from reviews.access import AuditScope, audit_for, user_of
from reviews.models import ApiToken, AuditEvent, AuditSeal, Organization, User
from reviews.web import keyset
from reviews.web.audit_subjects import KINDS, Key, Subject, named, subjects
from reviews.web.display_audit import AuditBar, AuditPage, Choices, Day, EventRow, Part
from reviews.web.display_sync import Option
from reviews.web.http import actor_of, go_to, render
from reviews.web.zones import zone_of
from reviews.workflow import audit_log
from reviews.workflow.audit_actions import ACTIONS, Family, actions_of, sentence
from reviews.workflow.audit_log import FORMATS, Place, Slice, Wanted, place_of

PAGE = 50
MOST_OFFERED = 200
SHORT_HASH = 8
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
# Stand where the person and the thing go in a sentence, so that it can be taken apart in any language.
WHO, WHAT = "\x01", "\x02"


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What the address of the list says. What cannot be read in it asks for nothing."""

    organization_id: int | None = None
    what: str = ""
    person: str = ""
    token: str = ""
    since: date | None = None
    until: date | None = None
    target: Key | None = None
    before: Place | None = None
    after: Place | None = None

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "AuditFilter":
        """From a query string."""
        what = given.get("what", "")
        return cls(
            organization_id=keyset.number(given.get("organization")),
            what=what if what in ACTIONS or what in Family.values else "",
            person=_clean(given.get("person", ""), 150),
            token=_clean(given.get("token", ""), 100),
            since=_day(given.get("from", "")),
            until=_day(given.get("to", "")),
            target=_target(given.get("target", "")),
            before=keyset.read(given.get("before", "")),
            after=keyset.read(given.get("after", "")),
        )

    @property
    def start(self) -> "AuditFilter":
        """The same from the newest on."""
        return replace(self, before=None, after=None)

    @property
    def narrowed(self) -> bool:
        """Whether it asks for something."""
        return self.start != AuditFilter()

    @property
    def query(self) -> str:
        """As a query string."""
        said = {
            "organization": self.organization_id,
            "what": self.what,
            "person": self.person,
            "token": self.token,
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
            "target": ":".join(self.target) if self.target else "",
            "before": keyset.said(self.before),
            "after": keyset.said(self.after),
        }
        return urlencode({name: value for name, value in said.items() if value})

    @property
    def address(self) -> str:
        """Where it leads."""
        return f"{resolve_url('audit')}?{self.query}" if self.query else resolve_url("audit")

    def wanted(self, scope: AuditScope, zone: ZoneInfo) -> Wanted:
        """The events it asks for, of those that she may see, in days of hers."""
        ids = scope.organization_ids
        if self.organization_id is not None:
            asked = frozenset({self.organization_id})
            ids = asked if ids is None else asked & ids
        return Wanted(
            organization_ids=ids,
            what=self.what,
            person=self.person,
            token=self.token,
            since=_midnight(self.since, zone),
            until=_midnight(self.until + timedelta(days=1), zone) if self.until else None,
            target=self.target,
        )


# Pages -----------------------------------------------------------------------------------------------------------


@login_required
@never_cache
@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    """What happened in the organizations of which she is an admin; site staff see all."""
    scope = audit_for(request)
    asked = AuditFilter.read(request.GET)
    zone = zone_of(user_of(request))
    found = _stretch(asked, asked.wanted(scope, zone))
    enters_admin = user_of(request).is_site_staff
    known = subjects(found.events, led_ids=scope.led_ids, enters_admin=enters_admin)
    organizations = list(scope.organizations()[:MOST_OFFERED])
    page = AuditPage(
        days=_days(found.events, known, zone, several=len(organizations) > 1),
        bar=_bar(asked, scope, organizations, known),
        query=asked.start.query,
        zone=str(zone),
        newer=_newer(asked, found),
        older=replace(asked, before=place_of(found.events[-1]), after=None).address if found.older else "",
        sealed_at=AuditSeal.objects.order_by("-number").values_list("sealed_at", flat=True).first(),
    )
    return render(request, "reviews/audit.html", {"page": page})


@login_required
@never_cache
@require_POST
def audit_export(request: HttpRequest) -> HttpResponseBase:
    """The whole list of a filter as a file. A POST, because it writes an event of itself."""
    scope = audit_for(request)
    kind = request.POST.get("format", "")
    if kind not in FORMATS:
        messages.error(request, _("Nothing was exported: choose CSV or JSON lines."))
        return go_to(request, "audit")
    asked = AuditFilter.read(QueryDict(request.POST.get("filter", ""))).start
    wanted = asked.wanted(scope, zone_of(user_of(request)))
    ids = wanted.organization_ids
    organizations = list(Organization.objects.filter(pk__in=ids)) if ids is not None else []
    pieces = audit_log.export(wanted, kind, said=asked.query, organizations=organizations, actor=actor_of(request))
    name = f"audit-{timezone.now():%Y%m%dT%H%M%SZ}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingHttpResponse(pieces, content_type=CONTENT_TYPES[kind], headers=headers)


# What they show --------------------------------------------------------------------------------------------------


def _stretch(asked: AuditFilter, wanted: Wanted) -> Slice:
    if asked.after is not None:
        return audit_log.after(wanted, most=PAGE, place=asked.after)
    return audit_log.newest(wanted, most=PAGE, before=asked.before)


def _newer(asked: AuditFilter, found: Slice) -> str:
    if not found.newer or not found.events:
        return "" if asked == asked.start else asked.start.address
    return replace(asked, before=None, after=place_of(found.events[0])).address


def _days(
    events: Iterable[AuditEvent], known: Mapping[Key, Subject], zone: ZoneInfo, *, several: bool
) -> tuple[Day, ...]:
    by_day = itertools.groupby(events, key=lambda event: event.at.astimezone(zone).date())
    return tuple(Day(on, tuple(_row(event, known, several=several) for event in of_day)) for on, of_day in by_day)


def _row(event: AuditEvent, known: Mapping[Key, Subject], *, several: bool) -> EventRow:
    subject = named(event, known)
    here = AuditFilter(target=(event.target_type, event.target_id)) if event.target_id else AuditFilter()
    return EventRow(
        id=event.pk,
        at=event.at,
        parts=_parts(event, subject),
        details=event.details if event.details != subject.name else "",
        before=event.before_hash[:SHORT_HASH],
        after=event.after_hash[:SHORT_HASH],
        address=event.address or "",
        organization=event.organization.name if several and event.organization else "",
        all_of=here.address if event.target_id else "",
        name=subject.name,
    )


def _parts(event: AuditEvent, subject: Subject) -> tuple[Part, ...]:
    """The sentence in pieces: who leads to all that she did, and the thing to its page."""
    told = sentence(event.action, who=WHO, what=WHAT)
    pieces = {WHO: _who(event), WHAT: Part(subject.name, subject.address, named=True)}
    words = [word for part in told.split(WHO) for word in (part, WHO)][:-1]
    split = [piece for word in words for piece in _around(word)]
    return tuple(pieces.get(word, Part(word)) for word in split if word)


def _around(word: str) -> list[str]:
    if word == WHO:
        return [word]
    return [piece for part in word.split(WHAT) for piece in (part, WHAT)][:-1]


def _who(event: AuditEvent) -> Part:
    if event.user is not None:
        name = event.user.get_username()
        return Part(name, AuditFilter(person=name).address, named=True)
    if event.api_token is not None:
        words = _("The API token “%(name)s”") % {"name": event.api_token.name}
        return Part(words, AuditFilter(token=event.api_token.name).address, named=True)
    return Part("GradeBench", named=True)


def _bar(
    asked: AuditFilter, scope: AuditScope, organizations: list[Organization], known: Mapping[Key, Subject]
) -> AuditBar:
    ids = [organization.pk for organization in organizations]
    people = User.objects.filter(memberships__organization__in=ids).order_by("username").distinct()
    tokens = ApiToken.objects.filter(organization__in=ids).order_by("name").values_list("name", flat=True)
    return AuditBar(
        families=tuple(_choices(Family(family), asked.what) for family in Family.values),
        organizations=tuple(Option(str(row.pk), row.name, asked.organization_id == row.pk) for row in organizations),
        people=tuple(people.values_list("username", flat=True)[:MOST_OFFERED]),
        tokens=tuple(dict.fromkeys(tokens[:MOST_OFFERED])),
        person=asked.person,
        token=asked.token,
        since=asked.since.isoformat() if asked.since else "",
        until=asked.until.isoformat() if asked.until else "",
        target=_target_name(asked.target, known),
        target_value=":".join(asked.target) if asked.target else "",
        without_target=replace(asked.start, target=None).address,
        narrowed=asked.narrowed,
    )


def _choices(family: Family, chosen: str) -> Choices:
    all_of = Option(family.value, _("%(family)s: all") % {"family": family.label}, chosen == family.value)
    single = (Option(name, sentence(name, who="", what="…"), chosen == name) for name in actions_of(family))
    return Choices(str(family.label), (all_of, *single))


def _target_name(target: Key | None, known: Mapping[Key, Subject]) -> str:
    if target is None:
        return ""
    kind, pk = target
    subject = known.get(target)
    name = subject.name if subject else pk
    return _("%(kind)s %(id)s") % {"kind": KINDS.get(kind, kind), "id": name}


# Reading an address ----------------------------------------------------------------------------------------------


def _clean(text: str, most: int) -> str:
    return text.replace("\x00", "").strip()[:most]


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    # Within what every zone and both databases can write.
    return day if 1970 <= day.year <= 9000 else None


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return datetime.combine(day, time.min, tzinfo=zone) if day else None


def _target(text: str) -> Key | None:
    kind, colon, pk = text.partition(":")
    return (kind, pk) if colon and kind in KINDS and keyset.number(pk) else None
