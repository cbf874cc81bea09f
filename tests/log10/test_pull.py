"""Pulls against a real HTTP server."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from reviews.log10 import client as client_module
from reviews.log10 import pulls, sync
from reviews.models import (
    AuditEvent,
    Completion,
    FeedbackTask,
    ItemState,
    Organization,
    Pull,
    PullRefusal,
    PullState,
    QueueItem,
    Revision,
    RevisionOrigin,
    Upstream,
)
from reviews.workflow import circuit, documents, feedback_tasks, ingest, refusals, upstreams
from reviews.workflow.audit import SYSTEM
from tests.api.samples import CORPUS, SCHEMA, document
from tests.fake_upstream import Answer, FakeUpstream

TASK = {"id": "their-task", "name": "Helpful", "instruction": "Read.", "json_schema": SCHEMA}
RUBRIC = {**TASK, "completion_tags_selector": ["support"]}


def pull(upstream: Upstream) -> Pull:
    upstream.refresh_from_db()
    row = sync.pull(upstream)
    assert row is not None
    row.refresh_from_db()
    assert row.ended_at is not None
    upstream.refresh_from_db()
    assert upstream.pull_leased_until is None
    return row


def theirs(uid: str = "a", **members: Any) -> dict[str, Any]:
    return document(id=uid, organization_id="their-org", **members)


def test_it_takes_what_is_new(upstream: Upstream, fake: FakeUpstream, organization: Organization) -> None:
    fake.feedback_tasks = [RUBRIC]
    fake.add(theirs("a"))
    fake.add(theirs("b"))
    row = pull(upstream)
    assert (row.state, row.listed, row.created, row.feedback_tasks, row.error) == (PullState.COMPLETE, 2, 2, 1, "")
    assert row.size > 0
    assert fake.paths() == ["GET /api/v1/feedback_task", "GET /api/v1/completions/ungraded"]
    completion = Completion.objects.select_related("received", "upstream_document").get(uid="a")
    assert (completion.organization, completion.upstream) == (organization, upstream)
    assert completion.upstream_document == completion.received == completion.current
    assert documents.unpack(completion.received.data) == fake.completions["a"]
    assert QueueItem.objects.open().count() == 2
    assert upstream.listed_at == row.started_at
    assert upstream.next_pull_at > timezone.now()


def test_it_changes_nothing_the_second_time(upstream: Upstream, fake: FakeUpstream) -> None:
    fake.feedback_tasks = [RUBRIC]
    fake.add(theirs())
    pull(upstream)
    row = pull(upstream)
    assert (row.state, row.listed, row.created, row.changed, row.gone) == (PullState.COMPLETE, 1, 0, 0, 0)
    assert (Completion.objects.count(), Revision.objects.count()) == (1, 0)


def test_it_takes_over_what_changed_there(upstream: Upstream, fake: FakeUpstream) -> None:
    fake.add(theirs())
    pull(upstream)
    fake.add(theirs(response={"choices": []}))
    assert pull(upstream).changed == 1
    completion = Completion.objects.select_related("current").get()
    assert documents.read(completion.current)["response"] == {"choices": []}
    assert completion.upstream_document_id == completion.current_id
    assert Revision.objects.get().origin == RevisionOrigin.PULL
    assert completion.pushes.count() == 0


def test_it_does_not_take_another_spelling_for_a_change(upstream: Upstream, fake: FakeUpstream) -> None:
    fake.add(theirs(request={"a": 1, "b": 2.0}))
    pull(upstream)
    fake.add(theirs(request={"b": 2, "a": 1.0}))
    assert pull(upstream).changed == 0


def test_it_sets_aside_what_it_cannot_take_and_takes_the_rest(upstream: Upstream, fake: FakeUpstream) -> None:
    bad = {
        "nan": b'{"id":"nan","x":NaN}',
        "twice": b'{"id":"twice","x":1,"x":2}',
        "deep": b'{"id":"deep","x":' + b"[" * 70 + b"]" * 70 + b"}",
        "type": b'{"id":"type","request":"text"}',
        "": b'{"kind":"chat"}',
    }
    for uid, raw in bad.items():
        fake.add(raw, uid)
        fake.add(theirs(f"good {uid}"))
    for _ in range(2):
        row = pull(upstream)
        assert (row.state, row.listed, row.refused) == (PullState.COMPLETE, 10, 5)
    assert set(Completion.objects.values_list("uid", flat=True)) == {f"good {uid}" for uid in bad}
    refusals = {refusal.uid: refusal for refusal in PullRefusal.objects.all()}
    assert set(refusals) == set(bad)
    assert documents.unpack(refusals["nan"].data) == bad["nan"]
    assert refusals["nan"].last_at > refusals["nan"].first_at
    assert "deeper" in refusals["deep"].reason


def test_it_sets_aside_an_id_that_came_from_elsewhere(
    upstream: Upstream, fake: FakeUpstream, organization: Organization
) -> None:
    ingest.receive(organization, "a", document())
    fake.add(theirs("a"))
    row = pull(upstream)
    assert (row.refused, row.created) == (1, 0)
    assert "held here already" in PullRefusal.objects.get().reason


def test_it_withdraws_what_is_gone_and_welcomes_it_back(upstream: Upstream, fake: FakeUpstream) -> None:
    fake.feedback_tasks = [RUBRIC]
    fake.add(theirs("a"))
    fake.add(theirs("b"))
    pull(upstream)
    del fake.completions["a"]
    assert pull(upstream).gone == 1
    item = QueueItem.objects.get(completion__uid="a")
    assert item.state == ItemState.WITHDRAWN
    assert QueueItem.objects.get(completion__uid="b").state == ItemState.OPEN
    assert pull(upstream).gone == 0
    fake.add(theirs("a"))
    pull(upstream)
    item.refresh_from_db()
    assert item.state == ItemState.OPEN
    assert Completion.objects.get(uid="a").gone_upstream_at is None


def test_it_does_not_take_what_it_refuses_for_gone(upstream: Upstream, fake: FakeUpstream) -> None:
    fake.feedback_tasks = [RUBRIC]
    fake.add(theirs("a"))
    pull(upstream)
    fake.add(b'{"id":"a","x":NaN}', "a")
    row = pull(upstream)
    assert (row.state, row.refused, row.gone) == (PullState.COMPLETE, 1, 0)
    assert QueueItem.objects.get().state == ItemState.OPEN


@pytest.mark.parametrize(
    "body",
    [
        b'{"completions":[',
        b'{"completions":[]',
        b'{"completions":[]}{',
        b'{"error":"Come again."}',
        b'{"data":[]}',
        b'{"completions":{}}',
        b'{"completions":[],"truncated":true}',
        b'{"completions":[],"next":7}',
        b'{"completions":[],"next":"1"}',
        b"[]",
        b"<html>",
        b"",
    ],
)
def test_it_takes_nothing_for_gone_when_the_list_is_not_whole(
    upstream: Upstream, fake: FakeUpstream, body: bytes
) -> None:
    fake.feedback_tasks = [RUBRIC]
    fake.add(theirs("a"))
    pull(upstream)
    before = upstream.listed_at
    fake.answer_always("GET /api/v1/completions", Answer(body=body))
    row = pull(upstream)
    assert (row.state, row.gone) == (PullState.INCOMPLETE, 0)
    assert row.error
    assert QueueItem.objects.get().state == ItemState.OPEN
    assert (upstream.listed_at, upstream.last_error, upstream.pull_failures) == (before, row.error, 1)


@pytest.mark.parametrize("body", [b'{"completions":null}', b"{}", b'{"completions":[]}'])
def test_it_takes_every_form_of_an_empty_list(upstream: Upstream, fake: FakeUpstream, body: bytes) -> None:
    fake.answer_always("GET /api/v1/completions", Answer(body=body))
    assert pull(upstream).state == PullState.COMPLETE


def test_it_keeps_what_came_before_a_list_broke_off(upstream: Upstream, fake: FakeUpstream) -> None:
    whole = b'{"completions":[' + orjson.dumps(theirs("a")) + b',{"id":"b","req'
    fake.answer_once("GET /api/v1/completions", Answer(body=whole))
    row = pull(upstream)
    assert (row.state, row.listed, row.created) == (PullState.INCOMPLETE, 1, 1)


def test_it_follows_next_to_the_end(upstream: Upstream, fake: FakeUpstream) -> None:
    fake.page_length = 2
    for number in range(5):
        fake.add(theirs(str(number)))
    row = pull(upstream)
    assert (row.state, row.listed, row.created) == (PullState.COMPLETE, 5, 5)
    assert [seen.path.partition("?")[2] for seen in fake.seen[1:]] == ["", "after=2", "after=4"]


@pytest.mark.parametrize("name", CORPUS)
def test_it_keeps_every_shape_as_it_came(upstream: Upstream, fake: FakeUpstream, name: str) -> None:
    fake.add({**CORPUS[name], "id": "a"})
    assert pull(upstream).created == 1
    completion = Completion.objects.select_related("current").get()
    assert orjson.dumps(documents.read(completion.current)) == orjson.dumps({**CORPUS[name], "id": "a"})


# Feedback tasks --------------------------------------------------------------------------------------------------


def test_it_takes_feedback_tasks_over_read_only(upstream: Upstream, fake: FakeUpstream) -> None:
    fake.feedback_tasks = [RUBRIC]
    pull(upstream)
    task = FeedbackTask.objects.get()
    assert (task.name, task.upstream, task.upstream_uid, task.pulled) == ("Helpful", upstream, "their-task", True)
    assert feedback_tasks.selector_names(task) == ["support"]


def test_it_revises_what_changed_over_there(upstream: Upstream, fake: FakeUpstream) -> None:
    fake.feedback_tasks = [RUBRIC]
    pull(upstream)
    pull(upstream)
    fake.feedback_tasks = [{**RUBRIC, "instruction": "Read twice."}]
    pull(upstream)
    task = FeedbackTask.objects.select_related("current_revision").get()
    assert task.current_revision is not None
    assert (task.current_revision.number, task.current_revision.instruction) == (2, "Read twice.")


def test_it_links_one_of_ours_that_says_the_same(
    upstream: Upstream, fake: FakeUpstream, organization: Organization
) -> None:
    ours = feedback_tasks.create(organization, feedback_tasks.Content("Helpful", "Ours.", SCHEMA, ("support",)))
    other = feedback_tasks.create(organization, feedback_tasks.Content("Helpful", "", {"type": "object"}, ()))
    fake.feedback_tasks = [RUBRIC]
    pull(upstream)
    ours.refresh_from_db()
    other.refresh_from_db()
    assert (ours.upstream, ours.upstream_uid, ours.pulled) == (upstream, "their-task", False)
    assert (other.upstream, FeedbackTask.objects.count()) == (None, 2)


def test_it_sets_aside_a_feedback_task_that_it_cannot_take(upstream: Upstream, fake: FakeUpstream) -> None:
    fake.feedback_tasks = [
        {**TASK, "id": "b", "json_schema": {"type": "wrong"}},
        {**TASK, "id": "c", "name": ""},
        {"name": "no id"},
        RUBRIC,
    ]
    row = pull(upstream)
    assert (row.state, row.refused, row.feedback_tasks) == (PullState.COMPLETE, 3, 1)
    assert all(refusal.reason.startswith("Feedback task: ") for refusal in PullRefusal.objects.all())


# Who pulls -------------------------------------------------------------------------------------------------------


def test_it_leaves_alone_what_another_process_pulls(upstream: Upstream, fake: FakeUpstream) -> None:
    Upstream.objects.update(pull_leased_until=timezone.now() + timedelta(seconds=9))
    upstream.refresh_from_db()
    assert sync.pull(upstream) is None
    assert (fake.seen, Pull.objects.count()) == ([], 0)


def test_it_loses_against_who_was_faster(upstream: Upstream) -> None:
    stale = Upstream.objects.get()
    pull(upstream)
    assert sync.pull(stale) is None


def test_it_takes_over_from_a_process_that_died(upstream: Upstream) -> None:
    now = timezone.now()
    Pull.objects.create(upstream=upstream, fence=0, started_at=now)
    Upstream.objects.update(pull_leased_until=now)
    assert pull(upstream).state == PullState.COMPLETE
    assert Pull.objects.order_by("pk")[0].state == PullState.INCOMPLETE


def test_it_stops_when_another_process_has_taken_over(
    upstream: Upstream, fake: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken_over(*_: object) -> None:
        Upstream.objects.update(pull_fence=99)

    fake.add(theirs())
    monkeypatch.setattr(pulls, "_pull_feedback_tasks", taken_over)
    row = sync.pull(upstream)
    assert row is not None
    assert (row.state, row.error) == (PullState.INCOMPLETE, "Another process took this pull over.")
    upstream.refresh_from_db()
    assert upstream.listed_at is None


def test_it_pauses_when_the_token_is_refused(upstream: Upstream, fake: FakeUpstream) -> None:
    fake.token = "another"
    row = pull(upstream)
    assert row.state == PullState.FAILED
    assert "refuses the token" in row.error
    assert upstream.token_refused_at is not None
    assert not Upstream.objects.pull_due(timezone.now() + timedelta(days=1)).exists()


@pytest.mark.parametrize("status", [301, 404, 429, 500, 503])
def test_it_comes_again_later_after_a_failure(upstream: Upstream, fake: FakeUpstream, status: int) -> None:
    fake.answer_always("GET", Answer(status, b"<html>"))
    waits = []
    for _ in range(3):
        row = pull(upstream)
        assert row.state == PullState.FAILED
        assert str(status) in row.error
        waits.append((upstream.next_pull_at - timezone.now()).total_seconds())
    assert waits[0] < waits[1] < waits[2]
    fake.faults.clear()
    pull(upstream)
    assert (upstream.pull_failures, upstream.last_error) == (0, "")


# Broken connections, refusals tried again ------------------------------------------------------------------------


def test_it_keeps_what_came_before_the_connection_broke(
    upstream: Upstream, fake: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "READ_SECONDS", 0.5)
    for uid in ("a", "b", "c"):
        fake.add(theirs(uid))
    body = b'{"completions":[' + b",".join(fake.completions.values()) + b"]}"
    short = {"Content-Type": "application/json", "X-Whole": "no"}
    fake.answer_once("GET /api/v1/completions", Answer(body=body[:-200], headers=short, drip=len(body), pause=0))
    row = pull(upstream)
    assert (row.state, row.listed, row.created, row.gone) == (PullState.INCOMPLETE, 2, 2, 0)
    assert row.error


def test_it_says_why_a_page_was_too_long_and_keeps_what_fits(
    upstream: Upstream, fake: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "LONGEST_PAGE", 100_000)
    for number in range(200):
        fake.add(theirs(str(number), filler="x" * 2_000))
    row = pull(upstream)
    assert row.state == PullState.INCOMPLETE
    assert 20 < row.created < 60
    assert "longer than 100,000 bytes" in row.error
    assert row.gone == 0


def test_it_leaves_the_upstream_alone_for_as_long_as_it_asks(upstream: Upstream, fake: FakeUpstream) -> None:
    fake.answer_once("GET", Answer(503, headers={"Retry-After": "120"}))
    assert pull(upstream).state == PullState.FAILED
    assert not Upstream.objects.pull_due(timezone.now() + timedelta(seconds=110)).exists()
    assert sync.pull(upstream) is None
    assert len(fake.seen) == 1


def test_it_asks_a_dead_upstream_once_in_fifteen_seconds(upstream: Upstream, fake: FakeUpstream) -> None:
    fake.answer_always("", Answer(503))
    for _ in range(circuit.FAILURES):
        pull(upstream)
    upstream.refresh_from_db()
    assert sync.pull(upstream) is None
    assert len(fake.seen) == circuit.FAILURES
    (trouble,) = upstreams.troubles([upstream.organization_id])
    assert (trouble.kind, trouble.count) == ("down", circuit.FAILURES)
    Upstream.objects.update(quiet_until=timezone.now())
    fake.faults.clear()
    assert pull(upstream).state == PullState.COMPLETE
    assert upstreams.troubles([upstream.organization_id]) == []


@pytest.fixture
def too_large(upstream: Upstream, fake: FakeUpstream, settings: Settings) -> PullRefusal:
    """An item that is larger than may be, set aside."""
    settings.API_MAX_BODY_BYTES = 1_000
    fake.add(theirs("a", filler="x" * 2_000))
    assert pull(upstream).refused == 1
    return PullRefusal.objects.get()


def test_it_takes_what_was_refused_once_it_may(
    upstream: Upstream, fake: FakeUpstream, too_large: PullRefusal, settings: Settings
) -> None:
    settings.API_MAX_BODY_BYTES = 100_000
    assert pull(upstream).created == 1
    too_large.refresh_from_db()
    assert too_large.taken_at is not None
    assert not PullRefusal.objects.open().exists()


def test_it_tries_the_bytes_again_that_are_no_longer_listed(
    upstream: Upstream, fake: FakeUpstream, too_large: PullRefusal, settings: Settings
) -> None:
    fake.completions.clear()
    settings.API_MAX_BODY_BYTES = 100_000
    pull(upstream)
    assert PullRefusal.objects.open().exists()
    refusals.try_again(too_large, actor=SYSTEM)
    upstream.refresh_from_db()
    assert upstream.next_pull_at <= timezone.now()
    assert pull(upstream).created == 1
    too_large.refresh_from_db()
    assert (too_large.retry_asked_at, too_large.taken_at is not None) == (None, True)
    assert AuditEvent.objects.filter(action="refusal.retry").count() == 1


def test_it_says_again_why_it_refuses(upstream: Upstream, fake: FakeUpstream, too_large: PullRefusal) -> None:
    fake.completions.clear()
    refusals.try_again(too_large, actor=SYSTEM)
    row = pull(upstream)
    assert (row.state, row.refused) == (PullState.COMPLETE, 1)
    too_large.refresh_from_db()
    assert (too_large.retry_asked_at, too_large.taken_at, too_large.pull) == (None, None, row)


def test_it_opens_a_refusal_again_that_comes_again(
    upstream: Upstream, fake: FakeUpstream, too_large: PullRefusal, settings: Settings
) -> None:
    settings.API_MAX_BODY_BYTES = 100_000
    pull(upstream)
    settings.API_MAX_BODY_BYTES = 1_000
    pull(upstream)
    assert PullRefusal.objects.open().get() == too_large
