"""What becomes of a membership: another role, and its end. Who is added comes by `accounts`."""

from django.db import transaction

from reviews.models import Assignment, Member, Queue, QueueReviewer, Role
from reviews.workflow import audit, queues
from reviews.workflow.audit import Actor
from reviews.workflow.kept_words import MEMBERSHIP_ENDED


class NotSo(RuntimeError):
    """Nothing was changed; the text is a sentence for who wanted it."""


def change_role(member: Member, role: str, *, actor: Actor) -> None:
    """Raises NotSo for her own role, and for the last admin's, where site staff alone may."""
    if role not in Role.values:
        raise ValueError(f"“{role}” is no role; there are {', '.join(Role.values)}.")
    with transaction.atomic():
        now = _present(member)
        if now.role == role:
            return
        _check(now, actor, "Nobody changes her own role: ask another admin.")
        Member.objects.filter(pk=now.pk).update(role=role)
        details = f"{now.user}: {now.role} → {role}"
        audit.record("member.role", now, organization=now.organization, actor=actor, details=details)


def remove(member: Member, *, actor: Actor) -> int:
    """End a membership and free the places of what she holds there; how many those were. Her grades and edits stay.

    Raises NotSo as `change_role` does.
    """
    with transaction.atomic():
        now = _present(member)
        _check(now, actor, "Nobody removes herself: ask another admin.")
        released = sum(
            queues.release(claim, reason=MEMBERSHIP_ENDED, by=actor.user)
            for claim in Assignment.objects.held().filter(
                reviewer=now.user, item__queue__organization=now.organization_id
            )
        )
        hers = Queue.objects.filter(organization=now.organization_id).values("pk")
        QueueReviewer.objects.filter(user=now.user, queue__in=hers).delete()
        details = f"{now.user}: {now.role}; claims released: {released}"
        audit.record("member.remove", now, organization=now.organization, actor=actor, details=details)
        now.delete()
    return released


def _present(member: Member) -> Member:
    """The row as it is, and all admins of its organization with it, until the end of the transaction: two of them who
    remove each other wait for each other. Raises NotSo.
    """
    organization = Member.objects.filter(organization=member.organization_id)
    list(organization.filter(role=Role.ADMIN).select_for_update(no_key=True).order_by("pk"))
    found = Member.objects.select_related("user", "organization").filter(pk=member.pk).first()
    if found is None:
        raise NotSo("This membership has ended already.")
    return found


def _check(member: Member, actor: Actor, herself: str) -> None:
    """Site staff, and GradeBench itself, may do what an admin may not."""
    if actor.user is None or actor.user.is_site_staff:
        return
    if actor.user == member.user:
        raise NotSo(herself)
    others = Member.objects.filter(organization=member.organization_id, role=Role.ADMIN).exclude(pk=member.pk)
    if member.role == Role.ADMIN and not others.exists():
        raise NotSo(f"{member.user} is the last admin of {member.organization}. Make somebody else an admin first.")
