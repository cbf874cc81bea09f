"""Audit events: written in the transaction of what they tell. `audit_actions` has a line for each action."""

from dataclasses import dataclass

from django.db.models import Model

from gradebench.compiled import insert
from reviews.models import ApiToken, AuditEvent, Member, Organization, User
from reviews.workflow import clock


@dataclass(frozen=True)
class Actor:
    """Who acts, and from where: a person, an application's token, or (neither) GradeBench itself."""

    user: User | None = None
    api_token: ApiToken | None = None
    address: str | None = None


SYSTEM = Actor()
SITE = "site"


def record(
    action: str,
    target: Model | None,
    *,
    organization: Organization | None,
    actor: Actor = SYSTEM,
    before: str = "",
    after: str = "",
    details: str = "",
) -> AuditEvent:
    """Write one event. `before` and `after` are hashes, `details` names and states: never text of a completion, never
    a secret. Without a target it concerns the whole site.
    """
    event = AuditEvent(
        # The database's time, by which the events are sealed as well.
        at=clock.now(),
        action=action,
        organization=organization,
        user=actor.user,
        api_token=actor.api_token,
        address=actor.address,
        target_type=(target._meta.model_name or "") if target is not None else SITE,
        target_id=str(target.pk) if target is not None else "",
        before_hash=before,
        after_hash=after,
        details=details[:1000],
    )
    insert(event)
    return event


def record_of(user: User, action: str, *, actor: Actor, details: str = "", target: Model | None = None) -> AuditEvent:
    """Write one event about a person: into the audit of the organization that she is in. Of who is in several, or in
    none, site staff alone sees it: a sign-in, say, may have been for another one.
    """
    homes = list(Member.objects.of(user)[:2]) if user.pk else []
    organization = homes[0].organization if len(homes) == 1 else None
    return record(action, target or user, organization=organization, actor=actor, details=details)
