"""An organization with at least one row of every noun that the admin knows."""

from dataclasses import replace

from reviews.models import Organization, Pull, PullRefusal, Session
from reviews.workflow import documents, queue_settings
from reviews.workflow.audit import SYSTEM
from tests import factories


def fill(organization: Organization) -> Organization:
    """The organization itself. Every name in it is in no other."""
    upstream = factories.upstream(organization, url=f"https://{factories.named('upstream')}.example")
    factories.token(organization)
    Session.objects.create(organization=organization)
    tag = factories.named("tag")
    feedback_task = factories.feedback_task(organization, selector=[tag])
    factories.completion(organization, upstream=upstream, tags=[tag])
    claim = factories.assignment(feedback_task)
    factories.submit(claim, answer="It is 43.")
    settings = queue_settings.settings_of(feedback_task.queue)
    assigned = replace(settings, everyone=False, reviewer_ids=frozenset({claim.reviewer.pk}))
    queue_settings.change(feedback_task.queue, assigned, actor=SYSTEM)
    times = {"started_at": feedback_task.created_at, "ended_at": feedback_task.created_at}
    pull = Pull.objects.create(upstream=upstream, state="complete", fence=1, **times)
    PullRefusal.objects.create(
        upstream=upstream,
        pull=pull,
        uid=factories.named("refused"),
        fingerprint="f",
        reason="not an object",
        data=documents.pack(b'["odd"]'),
        first_at=feedback_task.created_at,
        last_at=feedback_task.created_at,
    )
    return organization
