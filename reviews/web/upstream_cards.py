"""The upstreams as cards: how each is, what its last pulls brought, and what of that was set aside."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Count, Max
from django.shortcuts import resolve_url
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reviews.models import Pull, PullRefusal, PullState, Upstream
from reviews.web.display_sync import Health, PullRow, RefusedReason, UpstreamCard
from reviews.web.push_list import Scope
from reviews.workflow import clock, pushes, upstreams
from reviews.workflow.kept_words import shown
from reviews.workflow.upstreams import Trouble

PULLS_SHOWN = 6
REASONS_SHOWN = 3
SEALED = gettext_lazy("Its token cannot be opened: it was stored under another encryption key.")
ENTER_AGAIN = gettext_lazy(
    "Pulls and pushes wait, nothing is lost. They go on once the token is entered again in Admin."
)


def cards(scope: Scope) -> tuple[UpstreamCard, ...]:
    """A card for each upstream, in a fixed number of queries; those that somebody has to look at come first."""
    pulls, refused = _pulls(scope.upstream_ids), _by_upstream(reasons(scope))
    trouble = {row.upstream_id: row for row in upstreams.troubles(scope.standing.organization_ids)}
    now = clock.now()
    found = [
        UpstreamCard(
            id=upstream.pk,
            name=upstream.name,
            url=upstream.url,
            health=_health(upstream, trouble.get(upstream.pk), now),
            next_pull_at=upstream.next_pull_at if _is_pulled(upstream) else None,
            pulls=tuple(_pull_row(pull) for pull in pulls[upstream.pk]),
            refused=tuple(refused[upstream.pk][:REASONS_SHOWN]),
            refused_count=sum(row.count for row in refused[upstream.pk]),
            active=upstream.enabled,
            may_pull=upstream.enabled and scope.leads(upstream.organization_id),
        )
        for upstream in scope.upstreams
    ]
    return tuple(sorted(found, key=lambda card: (card.health.tone != "bad", not card.active)))


def reasons(scope: Scope, upstream_id: int | None = None) -> list[RefusedReason]:
    """What was set aside and is still open, by upstream and reason, the most frequent first."""
    asked = [pk for pk in scope.upstream_ids if upstream_id in (None, pk)]
    rows = PullRefusal.objects.open().filter(upstream__in=asked).order_by().values("upstream_id", "reason")
    counted = rows.annotate(count=Count("pk"), example=Max("uid"), asked=Count("retry_asked_at"))
    named = {upstream.pk: upstream for upstream in scope.upstreams}
    found = [_reason(row, named[row["upstream_id"]], scope) for row in counted]
    return sorted(found, key=lambda row: (-row.count, row.reason))


def _reason(row: Mapping[str, Any], upstream: Upstream, scope: Scope) -> RefusedReason:
    query = urlencode({"upstream": upstream.pk, "reason": row["reason"]})
    return RefusedReason(
        upstream=upstream.name,
        address=f"{resolve_url('refusals')}?{query}",
        may_retry=scope.leads(upstream.organization_id),
        **row,
    )


def _by_upstream(rows: Iterable[RefusedReason]) -> dict[int, list[RefusedReason]]:
    found: dict[int, list[RefusedReason]] = defaultdict(list)
    for row in rows:
        found[row.upstream_id].append(row)
    return found


def _pulls(upstream_ids: Iterable[int]) -> dict[int, list[Pull]]:
    """The last of each upstream, newest first."""
    parts = [Pull.objects.filter(upstream=pk) for pk in upstream_ids]
    found: dict[int, list[Pull]] = defaultdict(list)
    for pull in Pull.objects.filter(pk__in=pushes.first_ids(parts, most=PULLS_SHOWN)).order_by("-pk"):
        found[pull.upstream_id].append(pull)
    return found


def _is_pulled(upstream: Upstream) -> bool:
    return upstream.enabled and upstream.token_refused_at is None


def _health(upstream: Upstream, trouble: Trouble | None, now: datetime) -> Health:
    if not upstream.enabled:
        return Health("calm", _("Switched off"))
    if trouble is not None:
        return _troubled(trouble, upstream, now)
    if upstream.quiet_until is not None and upstream.quiet_until > now:
        return Health("calm", _("Asked us to wait"), next_try=upstream.quiet_until, words=shown(upstream.last_error))
    failures = upstream.pull_failures + upstream.push_failures
    if failures:
        return Health("calm", _("Failing"), upstream.failing_since, failures, words=shown(upstream.last_error))
    return Health("good", _("Well"))


def _troubled(trouble: Trouble, upstream: Upstream, now: datetime) -> Health:
    again = str(ENTER_AGAIN)
    if trouble.kind == "sealed":
        return Health("bad", _("Token cannot be opened"), trouble.since, words=str(SEALED), advice=again)
    if trouble.kind == "token":
        return Health(
            "bad", _("Token refused"), trouble.since, last=trouble.last, words=shown(trouble.words), advice=again
        )
    next_try = upstream.quiet_until if upstream.quiet_until and upstream.quiet_until > now else None
    return Health("bad", _("Down"), trouble.since, trouble.count, trouble.last, next_try, shown(trouble.words))


def _pull_row(pull: Pull) -> PullRow:
    return PullRow(
        started_at=pull.started_at,
        finished_at=pull.ended_at,
        came=pull.listed,
        new=pull.created,
        changed=pull.changed,
        conflicts=pull.conflicts,
        gone=pull.gone,
        refused=pull.refused,
        error=shown(pull.error) if pull.state != PullState.COMPLETE else "",
    )
