"""The demo that an empty data folder is filled with."""

import pytest
from pytest_django.fixtures import Settings

from reviews.log10 import demo
from reviews.models import Completion, FeedbackTask, Member, Organization, Queue, QueueItem, Upstream, User
from reviews.workflow import upstreams
from reviews.workflow.audit import SYSTEM
from tests.instances import encryption_key

pytestmark = pytest.mark.django_db


def test_it_fills_an_empty_database() -> None:
    assert demo.seed()
    application = Organization.objects.get(slug="demo-app")
    team = Organization.objects.get(slug="demo")
    assert Completion.objects.filter(organization=application).count() == 42
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
    assert (Organization.objects.count(), Completion.objects.count(), User.objects.count()) == (2, 42, 1)


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


def test_it_leaves_an_upstream_of_that_name_alone_that_leads_elsewhere() -> None:
    demo.seed()
    upstreams.change(Upstream.objects.get(), url="https://log10.example", token="not for here", actor=SYSTEM)
    demo.point_at("http://127.0.0.1:8123")
    upstream = Upstream.objects.get()
    assert (upstream.url, upstreams.token_of(upstream)) == ("https://log10.example", "not for here")


def test_it_leaves_its_upstream_alone_when_no_key_opens_its_token(settings: Settings) -> None:
    demo.seed()
    before = Upstream.objects.get()
    settings.ENCRYPTION_KEYS = [encryption_key()]
    demo.point_at("http://127.0.0.1:8123")
    after = Upstream.objects.get()
    assert (after.url, after.token_sealed) == (before.url, before.token_sealed)
