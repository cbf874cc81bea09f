"""Scenes for the sync pages: reviews that became pushes, pulls, and what they set aside."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from reviews.models import Organization, Pull, PullRefusal, PullState, Push, Upstream
from reviews.workflow import documents, upstreams
from tests.factories import named
from tests.web.scene import Scene, scene


def pushed(slug: str = "acme", *, role: str = "lead", reviews: int = 1) -> Scene:
    """Somebody has reviewed and edited this many completions: each has an edit and a grade on the way."""
    made = scene(slug, role=role, pulled=True, items=reviews)
    for number in range(reviews):
        first = made.start()
        answer = made.client.post(f"/reviews/{first}/submit", made.form(first, **{"edit-0": f"Better {number}."}))
        assert answer.status_code == 303, answer.content
    return made


def edit(**columns: Any) -> Push:
    """The newest edit, with these columns put into its row."""
    return _newest("update", columns)


def grade(**columns: Any) -> Push:
    """The newest grade, with these columns put into its row."""
    return _newest("feedback", columns)


def _newest(kind: str, columns: dict[str, Any]) -> Push:
    push = Push.objects.filter(kind=kind).order_by("-pk").first()
    assert push is not None
    Push.objects.filter(pk=push.pk).update(**columns)
    push.refresh_from_db()
    return push


def arrived(push: Push, **columns: Any) -> Push:
    """As if the upstream had it."""
    now = timezone.now()
    Push.objects.filter(pk=push.pk).update(**{"state": "delivered", "delivered_at": now, **columns})
    return push


def another_upstream(organization: Organization, name: str, **columns: Any) -> Upstream:
    """One more, with these columns put into its row."""
    made = upstreams.create(
        organization, url=f"http://127.0.0.1:9/{name}", upstream_organization=name, token="t", name=name
    )
    Upstream.objects.filter(pk=made.pk).update(**columns)
    made.refresh_from_db()
    return made


def pull(upstream: Upstream, **columns: Any) -> Pull:
    """A pull that went well two seconds ago, unless told otherwise."""
    now = timezone.now()
    well = {"started_at": now - timedelta(seconds=2), "ended_at": now, "state": PullState.COMPLETE, "fence": 1}
    return Pull.objects.create(upstream=upstream, **{**well, **columns})


def refusal(upstream: Upstream, *, raw: bytes = b'{"id": "odd"}', **columns: Any) -> PullRefusal:
    """An item that the last pull set aside."""
    now = timezone.now()
    row = {"uid": "odd", "reason": "No response.", "first_at": now, "last_at": now, "fingerprint": named("bytes")}
    last = upstream.pulls.first() or pull(upstream)
    return PullRefusal.objects.create(upstream=upstream, pull=last, data=documents.pack(raw), **{**row, **columns})
