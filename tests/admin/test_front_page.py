"""The front page of the admin: how each organization stands."""

from datetime import timedelta

import pytest
from django.utils import timezone

from reviews.models import Feedback, Pull, Push, PushState, Upstream
from tests import factories
from tests.admin.people import page, role_admin, site_staff, visitor
from tests.admin.test_lists import queries, shown
from tests.models import rows

pytestmark = pytest.mark.django_db


def a_team() -> Upstream:
    """An organization that has pulled, graded and edited, with pushes on the way and one that needs a person."""
    upstream = factories.upstream(factories.organization())
    feedback_task = factories.feedback_task(upstream.organization, name="Tone", upstream=upstream)
    for _ in range(3):
        factories.completion(upstream.organization, upstream=upstream)
    factories.submit(factories.assignment(feedback_task), answer="It is 43.")
    factories.assignment(feedback_task)
    rows.change(Push.objects.filter(kind="feedback").latest("pk"), state=PushState.ATTENTION)
    now = timezone.now()
    Pull.objects.create(upstream=upstream, state="complete", fence=1, started_at=now, ended_at=now, created=3)
    return upstream


def test_each_figure_leads_to_what_it_counts() -> None:
    upstream, client = a_team(), site_staff()
    (one,) = client.get("/admin/").context["figures"].organizations
    (line,), (queue,) = one.upstreams, one.queues
    assert (one.organization, line.head, line.last.created) == (upstream.organization, "well", 3)
    counts = (line.person, line.way, line.arrived, queue.open, queue.held, queue.flagged, queue.graded)
    assert [count.found for count in counts] == [1, 1, 0, 2, 1, 0, 1]
    for count in counts:
        assert len(shown(client, count.address.removeprefix("/admin/"))) == count.found, count.address


def test_it_says_since_when_an_upstream_fails_and_why() -> None:
    upstream = a_team()
    since = timezone.now() - timedelta(hours=2)
    rows.change(upstream, failing_since=since, pull_failures=7, last_error="It answers <nothing>.")
    html = page(role_admin(upstream.organization), "")
    assert "down since <time" in " ".join(html.split())
    assert "It answers &lt;nothing&gt;." in html


def test_an_admin_sees_the_figures_of_her_organization_alone() -> None:
    mine, theirs = a_team(), a_team()
    html = page(role_admin(mine.organization), "")
    assert mine.organization.name in html
    assert theirs.organization.name not in html


def test_it_asks_as_often_for_many_rows_as_for_few() -> None:
    upstream = a_team()
    client = role_admin(upstream.organization)
    before = len(queries(client, ""))
    feedback_task = upstream.organization.queues.get().feedback_task
    for _ in range(4):
        factories.completion(upstream.organization, upstream=upstream)
        factories.submit(factories.assignment(feedback_task), answer="It is 44.")
    assert Feedback.objects.count() == 5
    assert len(queries(client, "")) == before


def test_it_says_what_to_do_first() -> None:
    assert "There is no organization yet" in page(site_staff(), "")
    organization = factories.organization()
    html = page(role_admin(organization), "")
    assert "No upstream: nothing is pulled or pushed." in html
    assert "No open queue: nothing is offered for review." in html


def test_many_organizations_are_not_all_counted() -> None:
    for _ in range(8):
        factories.organization()
    assert "2 more organizations" in page(visitor(factories.user(is_superuser=True)), "")
