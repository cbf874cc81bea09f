"""Refusals: what a pull set aside, and having it tried again."""

from django.db import transaction

from reviews.models import PullRefusal, Upstream
from reviews.workflow import audit, clock
from reviews.workflow.audit import Actor


def try_again(refusal: PullRefusal, *, actor: Actor) -> None:
    """Have the stored bytes tried once more, with the next pull, which is due now. What was taken since is left."""
    with transaction.atomic():
        now = clock.now()
        asked = PullRefusal.objects.open().filter(pk=refusal.pk, retry_asked_at=None).update(retry_asked_at=now)
        if not asked:
            return
        Upstream.objects.filter(pk=refusal.upstream_id).update(next_pull_at=now)
        organization = refusal.upstream.organization
        audit.record("refusal.retry", refusal, organization=organization, actor=actor, details=refusal.uid)
