"""Upstreams: making one, opening its token, sealing it again, and asking for a pull."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from gradebench.compiled import Among, Compiled
from reviews.models import Organization, Upstream
from reviews.workflow import audit, circuit, clock, sealing
from reviews.workflow.accounts import Taken
from reviews.workflow.audit import SYSTEM, Actor


@dataclass(frozen=True)
class Resealed:
    """What became of the tokens: how many were sealed again, how many were by the first key already, and the upstreams
    whose token no key opens, each with the reason.
    """

    again: int
    already: int
    broken: tuple[tuple[Upstream, str], ...]


def _binding(upstream: Upstream) -> str:
    return f"{upstream.uid} {upstream.url}"


def create(
    organization: Organization,
    *,
    url: str,
    upstream_organization: str,
    token: str,
    name: str = "",
    pull_seconds: int | None = None,
    actor: Actor = SYSTEM,
) -> Upstream:
    """A new upstream, due for its first pull at once. Raises Taken."""
    upstream = Upstream(
        organization=organization,
        name=name or upstream_organization,
        url=url.rstrip("/"),
        upstream_organization=upstream_organization,
        next_pull_at=clock.now(),
    )
    if pull_seconds is not None:
        upstream.pull_seconds = pull_seconds
    upstream.token_sealed = sealing.seal(token, bound_to=_binding(upstream))
    try:
        with transaction.atomic():
            upstream.save(force_insert=True)
            audit.record("upstream.create", upstream, organization=organization, actor=actor, details=upstream.url)
    except IntegrityError as error:
        raise Taken(f"{organization} has an upstream of that name, or of that URL and organization.") from error
    return upstream


def token_of(upstream: Upstream) -> str:
    """The upstream's token in clear. Raises sealing.SealBroken."""
    return sealing.unseal(upstream.token_sealed, bound_to=_binding(upstream))


def change(upstream: Upstream, *, url: str, token: str, actor: Actor) -> None:
    """Set URL and token together: a token never goes to a host it was not given for. Pulls and pushes resume."""
    upstream.url = url.rstrip("/")
    upstream.token_sealed = sealing.seal(token, bound_to=_binding(upstream))
    upstream.token_refused_at = None
    upstream.quiet_until = None
    upstream.pull_failures = upstream.push_failures = 0
    upstream.failing_since = None
    upstream.last_error = ""
    upstream.next_pull_at = clock.now()
    fields = ["url", "token_sealed", "token_refused_at", "quiet_until", "pull_failures", "push_failures"]
    fields += ["failing_since", "last_error", "next_pull_at"]
    with transaction.atomic():
        upstream.save(update_fields=fields)
        audit.record(
            "upstream.credential", upstream, organization=upstream.organization, actor=actor, details=upstream.url
        )


def set_enabled(upstream: Upstream, enabled: bool, *, actor: Actor) -> None:
    """Let pulls and pushes of the upstream go, or none."""
    with transaction.atomic():
        if Upstream.objects.filter(pk=upstream.pk).exclude(enabled=enabled).update(enabled=enabled):
            action = "upstream.enable" if enabled else "upstream.disable"
            audit.record(action, upstream, organization=upstream.organization, actor=actor, details=upstream.name)


def reseal_all(*, actor: Actor = SYSTEM) -> Resealed:
    """Seal every token by the first key. Row by row, so that it may be broken off at any point and done again; a token
    that no key opens stays as it is. Upstreams that waited for their key go on.
    """
    again, already, broken = 0, 0, []
    for upstream in list(Upstream.objects.select_related("organization").order_by("pk")):
        try:
            if _reseal(upstream, actor):
                again += 1
            else:
                already += 1
            _stop_waiting_for_a_key(upstream)
        except sealing.SealBroken as error:
            broken.append((upstream, str(error)))
    if again:
        details = f"{again} of {again + already + len(broken)} tokens sealed again"
        audit.record("encryption_key.rotate", None, organization=None, actor=actor, details=details)
    return Resealed(again, already, tuple(broken))


def _reseal(upstream: Upstream, actor: Actor) -> bool:
    """Whether the token had to be sealed again. Raises sealing.SealBroken."""
    while True:
        before, token = upstream.token_sealed, token_of(upstream)
        if sealing.is_by_first_key(before):
            return False
        after = sealing.seal(token, bound_to=_binding(upstream))
        with transaction.atomic():
            same = Upstream.objects.filter(pk=upstream.pk, url=upstream.url, token_sealed=before)
            if same.update(token_sealed=after):
                keys = f"key {sealing.key_id_of(before)} to {sealing.key_id_of(after)}"
                audit.record("upstream.reseal", upstream, organization=upstream.organization, actor=actor, details=keys)
                return True
        # Somebody entered another token meanwhile: that one counts.
        upstream.refresh_from_db(fields=["url", "token_sealed"])


def _stop_waiting_for_a_key(upstream: Upstream) -> None:
    waiting = Upstream.objects.filter(pk=upstream.pk, token_refused_at__isnull=False, last_error=sealing.NO_KEY)
    waiting.update(token_refused_at=None, last_error="", failing_since=None, next_pull_at=clock.now())


def keys_in_use() -> set[str]:
    """The ids of the keys by which any token is sealed."""
    return {sealing.key_id_of(sealed) for sealed in Upstream.objects.values_list("token_sealed", flat=True)}


def refuse_token(upstream: Upstream, words: str) -> None:
    """The token is not accepted, or cannot be opened: nothing goes there until it is entered again."""
    now = clock.now()
    Upstream.objects.filter(pk=upstream.pk).update(
        token_refused_at=now,
        last_error=words[: circuit.LONGEST_WORDS],
        failing_since=Coalesce("failing_since", now),
        last_failed_at=now,
    )


@dataclass(frozen=True, slots=True)
class Trouble:
    """An upstream that somebody has to look at. `kind`: its token is refused, cannot be opened with our keys, or it has
    failed `count` times in a row, `since` then, `last` at that moment. `words` are the upstream's, or ours.
    """

    upstream_id: int
    organization_id: int
    name: str
    kind: Literal["token", "sealed", "down"]
    words: str
    since: datetime | None
    last: datetime | None
    count: int


def troubles(organization_ids: Collection[int]) -> list[Trouble]:
    """The upstreams of these organizations that somebody has to look at, in one query."""
    return [_trouble(upstream) for upstream in _troubled.all(organizations=organization_ids)]


def _in_trouble() -> QuerySet[Upstream]:
    down = Q(pull_failures__gte=circuit.FAILURES) | Q(push_failures__gte=circuit.FAILURES)
    found = Upstream.objects.filter(Q(token_refused_at__isnull=False) | down, enabled=True)
    return found.filter(Among("organization", "organizations"))


_troubled = Compiled(_in_trouble)


def _trouble(upstream: Upstream) -> Trouble:
    return Trouble(
        upstream_id=upstream.pk,
        organization_id=upstream.organization_id,
        name=upstream.name,
        kind=_kind_of_trouble(upstream),
        words=upstream.last_error,
        since=upstream.failing_since,
        last=upstream.last_failed_at,
        count=upstream.pull_failures + upstream.push_failures,
    )


def _kind_of_trouble(upstream: Upstream) -> Literal["token", "sealed", "down"]:
    if upstream.token_refused_at is None:
        return "down"
    try:
        token_of(upstream)
    except sealing.SealBroken:
        return "sealed"
    return "token"


def pull_within(upstream: Upstream, wait: timedelta) -> None:
    """Have the next pull come after `wait` at the latest."""
    soon = clock.now() + wait
    Upstream.objects.filter(pk=upstream.pk, next_pull_at__gt=soon).update(next_pull_at=soon)


def ask_for_pull(upstream: Upstream, *, actor: Actor) -> None:
    """Make the next pull due now; beat sees it within a second."""
    with transaction.atomic():
        Upstream.objects.filter(pk=upstream.pk).update(next_pull_at=clock.now(), token_refused_at=None)
        audit.record("upstream.pull_now", upstream, organization=upstream.organization, actor=actor)
