"""/metrics: who may read it, what is in it, what it costs."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from gradebench import measures, outages
from reviews.models import Job, PushState, QueueItem, Upstream
from reviews.web import metrics
from reviews.workflow import metrics as database
from reviews.workflow import queues, sweeping
from tests import factories
from tests.web.scene import scene
from tests.web.sync_scene import edit, pushed, refusal

pytestmark = pytest.mark.django_db
TOKEN = "who-may-read-the-figures"
Labels = frozenset[tuple[str, str]]


@pytest.fixture(autouse=True)
def _with_token(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    metrics.forget()


def told() -> dict[str, dict[Labels, float]]:
    """What /metrics says: by name, the values by their labels."""
    response = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(response.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def labels(**values: object) -> Labels:
    return frozenset((name, str(value)) for name, value in values.items())


# Who -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Bearer {TOKEN}x", "Bearer ä"])
def test_without_the_token_nobody_reads_it(given: str) -> None:
    response = Client().get("/metrics", headers={"Authorization": given})
    assert response.status_code == 401
    assert b"GRADEBENCH_METRICS_TOKEN" in response.content


def test_where_no_token_is_set_the_machine_itself_reads_it_in_the_embedded_default(settings: Settings) -> None:
    settings.METRICS_TOKEN, settings.EMBEDDED = "", True
    settings.ALLOWED_HOSTS = ["*"]
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        assert Client(headers={"Host": host}).get("/metrics").status_code == 200
    # A proxy on this machine passes on what others ask.
    assert Client(headers={"Host": "grade.example"}).get("/metrics").status_code == 404
    assert Client(headers={"Host": "localhost"}, REMOTE_ADDR="192.0.2.1").get("/metrics").status_code == 404


def test_where_no_token_is_set_nobody_reads_it_in_production(settings: Settings) -> None:
    settings.METRICS_TOKEN, settings.EMBEDDED = "", False
    assert Client(headers={"Host": "localhost"}).get("/metrics").status_code == 404


# What ------------------------------------------------------------------------------------------------------------


def test_queues() -> None:
    team = factories.organization("the-team")
    task = factories.feedback_task(team)
    for _ in range(3):
        factories.completion(team)
    factories.assignment(task)
    QueueItem.objects.filter(pk=QueueItem.objects.claimable().values("pk")[:1]).update(
        flagged_at=timezone.now(), flag_reason="a text"
    )
    QueueItem.objects.update(received_at=timezone.now() - timedelta(hours=1))
    found = told()
    of = {"organization": "the-team", "queue": task.queue.pk}
    for state in ("claimable", "held", "flagged"):
        assert found["gradebench_queue_items"][labels(**of, state=state)] == 1
    assert found["gradebench_oldest_claimable_age_seconds"][labels(**of)] == pytest.approx(3600, abs=60)
    assert found["gradebench_completions_total"][labels()] >= 3


def test_upstreams() -> None:
    made = pushed()
    upstream = Upstream.objects.get()
    Upstream.objects.update(push_failures=5, token_refused_at=timezone.now(), listed_at=timezone.now())
    edit(state=PushState.CONFLICT)
    refusal(upstream, reason="The id x is held here already, and did not come from this upstream.")
    found = told()
    of = {"organization": made.organization.slug, "upstream": upstream.pk}
    assert found["gradebench_circuit_open"][labels(**of)] == 1
    assert found["gradebench_upstream_token_refused"][labels(**of)] == 1
    assert found["gradebench_last_pull_age_seconds"][labels(**of)] < 60
    assert found["gradebench_pushes"][labels(**of, state="conflict")] == 1
    assert found["gradebench_pushes"][labels(**of, state="sending")] == 0
    assert found["gradebench_oldest_push_age_seconds"][labels(**of, state="conflict")] < 60
    assert found["gradebench_pull_refusals"] == {labels(upstream=upstream.pk, reason="held_elsewhere"): 1}


def test_the_site() -> None:
    now = timezone.now()
    sweeping.sweep(now - timedelta(minutes=3))
    team = factories.organization()
    Job.objects.create(organization=team, kind="export", created_at=now, not_before=now - timedelta(minutes=2))
    task = factories.feedback_task(team)
    factories.completion(team)
    factories.assignment(task)
    queues.expire_claims(now + timedelta(hours=1))
    found = told()
    assert found["gradebench_sweep_age_seconds"][labels()] == pytest.approx(180, abs=60)
    assert found["gradebench_jobs"][labels(state="waiting")] == 1
    assert found["gradebench_oldest_due_job_age_seconds"][labels()] == pytest.approx(120, abs=60)
    assert found["gradebench_database_up"][labels()] == 1
    assert found["gradebench_process_memory_bytes"][labels()] > 1_000_000
    assert found["gradebench_disk_free_bytes"][labels()] > 0
    assert "gradebench_claims_ran_out_recently" in found
    assert "gradebench_audit_seal_lag_seconds" in found


def test_requests_claims_and_refusals_are_counted() -> None:
    before = told()
    made = scene()
    claim = made.start()
    made.client.get(f"/reviews/{claim}")
    Client().get("/api/v1/feedback")
    metrics.forget()
    after = told()

    def more(name: str, **of: object) -> float:
        return after[name][labels(**of)] - before.get(name, {}).get(labels(**of), 0)

    assert more("gradebench_http_requests_total", route="review", method="GET", status=200) == 1
    assert more("gradebench_http_request_seconds_count", route="review", method="GET") == 1
    assert more("gradebench_claim_seconds_count") == 1
    assert more("gradebench_api_refusals_total", reason="AuthenticationFailed") == 1


def test_reviews_are_counted_by_their_queue() -> None:
    team = factories.organization()
    task = factories.feedback_task(team)
    factories.completion(team)
    # An earlier test may have had a queue of this number.
    reviewed = labels(queue=task.queue.pk)
    before = told().get("gradebench_reviews_total", {}).get(reviewed, 0)
    factories.submit(factories.assignment(task))
    assert told()["gradebench_reviews_total"][reviewed] == before + 1


def test_a_queue_without_a_review_has_none() -> None:
    """Else its first one would be no increase, and Prometheus would take the queue for one that does not move."""
    queue = factories.feedback_task(factories.organization()).queue
    measures.REVIEWS.clear()
    assert told()["gradebench_reviews_total"][labels(queue=queue.pk)] == 0


def test_what_the_database_fails_is_counted() -> None:
    error = OperationalError("gone")
    before = told().get("gradebench_database_outages_total", {}).get(labels(kind="away"), 0)
    assert outages.outage_of(error) is outages.AWAY
    assert told()["gradebench_database_outages_total"][labels(kind="away")] == before + 1


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("The completion is larger than 20,971,520 bytes.", "too_large"),
        ("The body is not valid JSON: a comma.", "not_json"),
        ("Feedback task: the schema has no type.", "feedback_task"),
        ("“tags” must be a list of at most 1,000 texts.", "malformed"),
    ],
)
def test_a_refusal_is_of_one_of_few_classes(sentence: str, reason: str) -> None:
    assert database.reason_of(sentence) == reason


def test_without_its_database_it_tells_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(database, "figures", fail)
    found = told()
    assert found["gradebench_database_up"][labels()] == 0
    assert "gradebench_sweep_age_seconds" not in found
    assert "gradebench_build_info" in found


# What it costs ---------------------------------------------------------------------------------------------------


def test_the_database_is_asked_ten_times_whatever_there_is(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(3):
        team = factories.organization()
        factories.upstream(team)
        factories.feedback_task(team)
    with django_assert_num_queries(10):
        told()
    with django_assert_num_queries(0):
        told()


def test_no_count_goes_further_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MOST", 2)
    team = factories.organization()
    factories.feedback_task(team)
    for _ in range(4):
        factories.completion(team)
    assert max(told()["gradebench_queue_items"].values()) == 2
