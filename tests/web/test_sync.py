"""The sync list."""

from datetime import timedelta

import pytest
from django.utils import timezone

from reviews.models import Pull, PullRefusal, PullState, Push, PushState, Upstream
from tests.web.scene import Scene, scene

pytestmark = pytest.mark.django_db


def _with_push(role: str = "lead") -> tuple[Scene, Push]:
    made = scene(role=role, pulled=True)
    first = made.start()
    made.client.post(f"/reviews/{first}/submit", made.form(first, **{"edit-0": "Better."}))
    return made, Push.objects.get(kind="update")


def test_it_shows_the_last_pull_and_what_it_refused() -> None:
    made = scene(role="lead", pulled=True)
    now = timezone.now()
    pull = Pull.objects.create(
        upstream=made.upstream,
        fence=1,
        started_at=now - timedelta(seconds=2),
        ended_at=now,
        state=PullState.COMPLETE,
        listed=3,
        created=2,
        refused=1,
    )
    PullRefusal.objects.create(
        upstream=made.upstream,
        pull=pull,
        uid="odd",
        fingerprint="f",
        reason="No id.",
        data=b"",
        first_at=now,
        last_at=now,
    )
    response = made.client.get("/sync")
    last = response.context["page"].upstreams[0].last
    assert (last.came, last.new, last.refused_count) == (3, 2, 1)
    assert b"No id." in response.content


def test_it_shows_pushes_with_those_that_need_a_person_first() -> None:
    made, push = _with_push()
    Push.objects.filter(pk=push.pk).update(state=PushState.ATTENTION, last_error="The upstream answered 403: no")
    page = made.client.get("/sync").context["page"]
    assert [row.what for row in page.pushes] == ["edit", "feedback"]
    assert (page.attention, page.waiting) == (1, 1)
    assert page.pushes[0].may_retry


def test_a_lead_pushes_again_what_needed_attention() -> None:
    made, push = _with_push()
    Push.objects.filter(pk=push.pk).update(state=PushState.ATTENTION)
    assert made.client.post(f"/sync/pushes/{push.pk}/retry").status_code == 303
    push.refresh_from_db()
    assert push.state == PushState.WAITING


def test_a_reviewer_may_look_but_not_act() -> None:
    made, push = _with_push("reviewer")
    assert made.client.get("/sync").status_code == 200
    assert made.client.post(f"/sync/pushes/{push.pk}/retry").status_code == 404
    assert made.client.post(f"/sync/upstreams/{made.upstream.pk}/pull").status_code == 404


def test_pull_now_makes_the_next_pull_due() -> None:
    made = scene(role="lead", pulled=True)
    Upstream.objects.update(next_pull_at=timezone.now() + timedelta(hours=1))
    assert made.client.post(f"/sync/upstreams/{made.upstream.pk}/pull").status_code == 303
    assert Upstream.objects.get().next_pull_at <= timezone.now()


def test_it_shows_nothing_of_another_organization() -> None:
    made, push = _with_push()
    other = scene("other", role="lead", pulled=True)
    page = other.client.get("/sync").context["page"]
    assert page.pushes == ()
    assert len(page.upstreams) == 1
    assert other.client.post(f"/sync/pushes/{push.pk}/retry").status_code == 404
    assert other.client.post(f"/sync/upstreams/{made.upstream.pk}/pull").status_code == 404
