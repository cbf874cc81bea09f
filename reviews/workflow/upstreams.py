"""Upstreams: making one, opening its token, and asking for a pull."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from reviews.models import Organization, Upstream
from reviews.workflow import audit, sealing
from reviews.workflow.accounts import Taken
from reviews.workflow.audit import SYSTEM, Actor


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
        next_pull_at=timezone.now(),
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
    upstream.next_pull_at = timezone.now()
    fields = ["url", "token_sealed", "token_refused_at", "quiet_until", "next_pull_at"]
    with transaction.atomic():
        upstream.save(update_fields=fields)
        audit.record(
            "upstream.credential", upstream, organization=upstream.organization, actor=actor, details=upstream.url
        )


def ask_for_pull(upstream: Upstream, *, actor: Actor) -> None:
    """Make the next pull due now; beat sees it within a second."""
    with transaction.atomic():
        Upstream.objects.filter(pk=upstream.pk).update(next_pull_at=timezone.now(), token_refused_at=None)
        audit.record("upstream.pull_now", upstream, organization=upstream.organization, actor=actor)
