"""Audit events: written in the transaction of what they tell."""

from dataclasses import dataclass

from django.db.models import Model

from reviews.models import ApiToken, AuditEvent, Organization, User


@dataclass(frozen=True)
class Actor:
    """Who acts, and from where: a person, an application's token, or (neither) GradeBench itself."""

    user: User | None = None
    api_token: ApiToken | None = None
    address: str | None = None


SYSTEM = Actor()


def record(
    action: str,
    target: Model,
    *,
    organization: Organization | None,
    actor: Actor = SYSTEM,
    before: str = "",
    after: str = "",
    details: str = "",
) -> AuditEvent:
    """Write one event. `before` and `after` are hashes, `details` names and states: never text of a completion."""
    return AuditEvent.objects.create(
        action=action,
        organization=organization,
        user=actor.user,
        api_token=actor.api_token,
        address=actor.address,
        target_type=target._meta.model_name or "",
        target_id=str(target.pk),
        before_hash=before,
        after_hash=after,
        details=details[:1000],
    )
