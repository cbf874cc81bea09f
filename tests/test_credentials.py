"""A token is where it belongs and nowhere else: not in the database, the broker, the admin, the pages or the API."""

from typing import Any

import kombu
import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from reviews import tasks
from reviews.models import Completion, Organization, Upstream
from reviews.workflow import upstreams
from tests import factories
from tests.admin.people import site_staff
from tests.workflow.test_purging import hits

pytestmark = pytest.mark.django_db
UPSTREAM_TOKEN = "merlin-over-the-heather"


@pytest.fixture
def team() -> Organization:
    """With an upstream that has the token, a completion from there, and an edit on its way."""
    team = factories.organization()
    upstream = factories.upstream(team, token=UPSTREAM_TOKEN)
    task = factories.feedback_task(team, upstream=upstream)
    factories.completion(team, upstream=upstream)
    factories.submit(factories.assignment(task), answer="Better.")
    return team


@pytest.fixture
def secret(team: Organization) -> str:
    """An API token of the organization, used once."""
    _, secret = factories.token(team, can_admin=True)
    assert Client().get("/api/completions", headers={"X-Log10-Token": secret}).status_code == 200
    return secret


def test_the_database_holds_neither(team: Organization, secret: str) -> None:
    assert upstreams.token_of(Upstream.objects.get()) == UPSTREAM_TOKEN
    assert hits(UPSTREAM_TOKEN) == set()
    assert hits(secret) == set()
    assert hits(secret[:11]) == {"reviews_apitoken.prefix"}


def test_no_page_of_the_admin_shows_either(team: Organization, secret: str) -> None:
    staff = site_staff()
    pages = ["/admin/"]
    for model in apps.get_app_config("reviews").get_models():
        name = model._meta.model_name
        row = model._default_manager.order_by("pk").last()
        pages += [f"/admin/reviews/{name}/", *([f"/admin/reviews/{name}/{row.pk}/change/"] if row else [])]
    seen = 0
    for address in pages:
        response = staff.get(address)
        seen += response.status_code == 200
        for canary in (UPSTREAM_TOKEN, secret, Upstream.objects.get().token_sealed):
            assert canary not in response.content.decode(), address
    assert seen > 20


def test_no_page_and_no_answer_of_the_api_shows_either(team: Organization, secret: str) -> None:
    admin = Client()
    admin.force_login(factories.member(team, role="admin").user)
    api = Client(headers={"X-Log10-Token": secret})
    uid = Completion.objects.get().uid
    paths = ("/api/completions", f"/api/completions/{uid}", "/api/v1/completions/ungraded", "/api/v1/feedback_task")
    answers: list[Any] = [api.get(path) for path in (*paths, "/api/schema", "/api/nowhere")]
    answers += [admin.get(path) for path in ("/", "/sync", f"/completions/{Completion.objects.get().pk}")]
    for answer in answers:
        for canary in (UPSTREAM_TOKEN, secret):
            assert canary not in answer.content.decode(), answer.request["PATH_INFO"]
            assert canary not in str(answer.headers)


def test_what_goes_through_the_broker_names_rows_and_nothing_else(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def publish(_: Any, body: Any, *args: Any, **options: Any) -> None:
        sent.append(repr((body, args, options)))

    monkeypatch.setattr(kombu.Producer, "publish", publish)
    Upstream.objects.update(next_pull_at="2020-01-01T00:00:00Z")
    tasks.tick()
    assert any("pull_upstream" in message for message in sent)
    for message in sent:
        assert UPSTREAM_TOKEN not in message
        assert "Better." not in message


def test_a_failure_tells_nothing_of_them(team: Organization, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(secret)

    monkeypatch.setattr("reviews.api.legacy_completions.completion_of", fail)
    api = Client(headers={"X-Log10-Token": secret}, raise_request_exception=False)
    response = api.get("/api/completions/x")
    assert response.status_code == 500
    assert secret not in response.content.decode()
    assert connection.is_usable()
