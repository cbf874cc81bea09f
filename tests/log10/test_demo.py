"""The demo that an empty data folder is filled with."""

import pytest

from reviews.log10 import demo
from reviews.models import Completion, FeedbackTask, Member, Organization, Queue, QueueItem, Upstream, User
from reviews.workflow import upstreams

pytestmark = pytest.mark.django_db


def test_it_fills_an_empty_database() -> None:
    assert demo.seed()
    application = Organization.objects.get(slug="demo-app")
    team = Organization.objects.get(slug="demo")
    assert Completion.objects.filter(organization=application).count() == 32
    assert Completion.objects.filter(organization=team).count() == 0
    tasks = FeedbackTask.objects.filter(organization=application)
    assert tasks.count() == Queue.objects.filter(organization=application, is_open=False).count() > 1
    for queue in Queue.objects.all():
        assert QueueItem.objects.open().filter(queue=queue).exists()
    assert Upstream.objects.get().organization == team
    user = User.objects.get()
    assert Member.objects.filter(user=user, role="admin").count() == 2
    assert not user.has_usable_password()


def test_it_does_nothing_the_second_time() -> None:
    demo.seed()
    assert not demo.seed()
    assert (Organization.objects.count(), Completion.objects.count(), User.objects.count()) == (2, 32, 1)


def test_it_leaves_a_database_alone_that_has_an_organization() -> None:
    Organization.objects.create(slug="acme", external_id="acme")
    assert not demo.seed()
    assert (Organization.objects.count(), User.objects.count()) == (1, 0)


def test_it_points_its_upstream_at_where_it_is_served() -> None:
    demo.seed()
    token = upstreams.token_of(Upstream.objects.get())
    demo.point_at("http://127.0.0.1:8123")
    upstream = Upstream.objects.get()
    assert (upstream.url, upstreams.token_of(upstream)) == ("http://127.0.0.1:8123", token)
