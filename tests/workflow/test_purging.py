"""Purging: every text of a completion goes, a tombstone stays, and what was purged does not come back."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db import connection
from django.utils import timezone

from reviews.log10 import pulls
from reviews.models import (
    AuditEvent,
    Completion,
    Document,
    Feedback,
    ItemState,
    Organization,
    Pull,
    PullRefusal,
    Push,
    PushState,
    QueueItem,
)
from reviews.workflow import (
    clock,
    conflicts,
    documents,
    drafts,
    grading,
    idempotency,
    ingest,
    purging,
    queue_items,
    queues,
)
from reviews.workflow.audit import Actor
from reviews.workflow.drafts import DraftTooLate
from reviews.workflow.editing import LeafEdit
from reviews.workflow.idempotency import Answer, Keyed
from reviews.workflow.purging import PurgeRefused
from tests import factories

pytestmark = pytest.mark.django_db
# The word alone stands among those by which it is found.
CANARY, WORD = "kestrel-under-the-eaves", "kestrel"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"verdict": {"enum": ["good", "bad"]}, "score": {"type": "integer"}, "quote": {"type": "string"}},
    "required": ["score"],
}


def hits(word: str = CANARY) -> set[str]:
    """The columns of all tables in which the word stands, compressed or not."""
    return {column for column, data in _cells() if word.encode() in data}


def _cells() -> Iterator[tuple[str, bytes]]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our own tables
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    yield f"{table}.{name}", _bytes(value)


def _bytes(value: Any) -> bytes:
    if isinstance(value, (bytes, memoryview)):
        try:
            return documents.unpack(value)
        except documents.DocumentUnreadable:
            return bytes(value)
    return str(value).encode()


def age(completion: Completion, days: int) -> None:
    Completion.objects.filter(pk=completion.pk).update(received_at=timezone.now() - timedelta(days=days))


def full() -> Completion:
    """A completion with its text in every place where one can be, and nothing that waits."""
    team = factories.organization()
    upstream = factories.upstream(team)
    task = factories.feedback_task(team, schema=SCHEMA, upstream=upstream)
    completion = factories.completion(team, upstream=upstream, answer=CANARY, question=CANARY)
    # Skipped with words, flagged with words, then graded with words and edited.
    queues.flag(factories.assignment(task), reason=CANARY, actor=Actor())
    queue_items.unflag(QueueItem.objects.get(), actor=Actor())
    claimed = factories.assignment(task)
    given = {"score": 3, "verdict": "good", "quote": CANARY, CANARY: CANARY}
    grading.submit(
        claimed,
        values=given,
        comment=CANARY,
        edits=[LeafEdit(factories.ANSWER, f"Not {CANARY}")],
        base_id=completion.current_id,
        actor=Actor(user=claimed.reviewer),
    )
    drafts.put_back(
        claimed.item, claimed.reviewer, [("text", CANARY)], base=completion.received, of=Feedback.objects.get()
    )
    # The upstream changed it twice meanwhile, and a person took theirs.
    for text in (f"{CANARY}, they say", f"{CANARY}, they say again"):
        factories.pulled(upstream, completion.uid, factories.document(answer=text, question=CANARY))
    completion.refresh_from_db()
    assert completion.conflict_document_id is not None
    conflicts.resolve(
        completion.pk,
        choice=conflicts.Choice.THEIRS,
        theirs_id=completion.conflict_document_id,
        ours_id=completion.current_id,
        actor=Actor(),
    )
    Push.objects.filter(completion=completion, kind="feedback").update(
        state=PushState.DELIVERED, delivered_at=timezone.now(), last_error=CANARY
    )
    token, _ = factories.token(team)
    body = orjson.dumps({"id": completion.uid, "answer": CANARY})
    idempotency.answer_once(
        Keyed(token, "k", "POST", "/api/v1/completions", b""), lambda: Answer(200, body, completion.uid)
    )
    pull = Pull.objects.create(
        upstream=upstream, state="complete", fence=1, started_at=timezone.now(), ended_at=timezone.now()
    )
    now = timezone.now()
    PullRefusal.objects.create(
        upstream=upstream,
        pull=pull,
        uid=completion.uid,
        fingerprint="f",
        reason=CANARY,
        data=documents.pack(CANARY.encode()),
        first_at=now,
        last_at=now,
    )
    return Completion.objects.with_documents().get(pk=completion.pk)


def test_no_text_of_it_is_left_in_any_column() -> None:
    completion = full()
    assert len(hits()) >= 11
    assert "reviews_completion.search_text" in hits(WORD)
    user = factories.reviewer(completion.organization)
    purging.purge(completion.pk, reason="asked for", actor=Actor(user=user))
    assert hits() | hits(WORD) == set()
    completion.refresh_from_db()
    assert (completion.purged_by, completion.purged_because) == (user, "asked for")
    assert Document.objects.exclude(encoding="purged").count() == 0


def test_what_says_nothing_of_it_stays() -> None:
    completion = full()
    before = completion.current.hash
    purging.purge(completion.pk, reason="asked for")
    completion.refresh_from_db()
    feedback = Feedback.objects.get()
    assert orjson.loads(feedback.values_text) == {"score": 3, "verdict": "good", "quote": ""}
    assert (completion.prompt_tokens, completion.model) == (5, "small-1")
    assert [tag.name for tag in completion.tags.all()] == ["review"]
    assert completion.revisions.count() == 2
    event = AuditEvent.objects.get(action="completion.purge")
    assert (event.before_hash, event.after_hash, event.details) == (before, "", "asked for")


def test_another_completion_keeps_its_text() -> None:
    completion = full()
    other = factories.completion(completion.organization, answer="Other words.")
    purging.purge(completion.pk, reason="asked for")
    assert documents.read(Document.objects.get(pk=other.current_id))["response"]
    assert hits("Other words.")


def test_it_leaves_its_queues_and_no_verb_brings_it_back() -> None:
    task = factories.feedback_task(factories.organization())
    done = factories.completion(task.organization)
    factories.submit(factories.assignment(task))
    waiting = factories.completion(task.organization)
    for completion in (done, waiting):
        purging.purge(completion.pk, reason="asked for")
    assert list(QueueItem.objects.order_by("pk").values_list("state", "closed_because")) == [
        (ItemState.DONE, ""),
        (ItemState.WITHDRAWN, queues.PURGED),
    ]
    for item in QueueItem.objects.select_related("queue__organization"):
        with pytest.raises(queue_items.NotSo, match="purged"):
            queue_items.reopen(item, actor=Actor())
    again = factories.feedback_task(task.organization)
    assert not QueueItem.objects.filter(queue=again.queue).exists()


@pytest.mark.parametrize("state", [PushState.WAITING, PushState.SENDING, PushState.ATTENTION, PushState.ABSENT])
def test_it_is_refused_while_an_edit_has_not_arrived(state: PushState) -> None:
    team = factories.organization()
    upstream = factories.upstream(team)
    task = factories.feedback_task(team, upstream=upstream)
    completion = factories.completion(team, upstream=upstream, answer=CANARY)
    factories.submit(factories.assignment(task), answer="Better.")
    Push.objects.filter(kind="feedback").update(state=PushState.DELIVERED, delivered_at=timezone.now())
    leased = timezone.now() if state == PushState.SENDING else None
    Push.objects.filter(kind="update").update(state=state, leased_until=leased)
    with pytest.raises(PurgeRefused, match="has not reached the upstream"):
        purging.purge(completion.pk, reason="asked for")
    assert hits()


def test_it_is_refused_while_somebody_holds_it_and_the_item_stays_open() -> None:
    task = factories.feedback_task(factories.organization())
    completion = factories.completion(task.organization)
    held = factories.assignment(task)
    with pytest.raises(PurgeRefused, match=f"{held.reviewer} is reviewing"):
        purging.purge(completion.pk, reason="asked for")
    assert QueueItem.objects.get().state == ItemState.OPEN


def test_it_is_purged_once_and_with_a_reason() -> None:
    completion = factories.completion(factories.organization())
    with pytest.raises(PurgeRefused, match="Say why"):
        purging.purge(completion.pk, reason=" \n")
    purging.purge(completion.pk, reason="asked for")
    with pytest.raises(PurgeRefused, match="already"):
        purging.purge(completion.pk, reason="asked for again")


def test_a_draft_that_comes_late_is_not_kept() -> None:
    task = factories.feedback_task(factories.organization())
    completion = factories.completion(task.organization)
    claimed = factories.assignment(task)
    queues.release(claimed, reason="", by=None)
    purging.purge(completion.pk, reason="asked for")
    with pytest.raises(DraftTooLate):
        drafts.save(claimed, [("comment", CANARY)], base=completion.current)
    assert hits() == set()


def test_an_application_cannot_log_to_it_again() -> None:
    completion = factories.completion(factories.organization())
    purging.purge(completion.pk, reason="asked for")
    with pytest.raises(ingest.IdPurged, match=completion.uid):
        ingest.receive(completion.organization, completion.uid, factories.document(answer=CANARY))
    assert hits() == set()


@pytest.mark.parametrize("oversize", [False, True])
def test_the_next_pull_passes_over_it(settings: Any, oversize: bool) -> None:
    upstream = factories.upstream(factories.organization())
    completion = factories.completion(upstream.organization, upstream=upstream)
    purging.purge(completion.pk, reason="asked for")
    pull = Pull.objects.create(upstream=upstream, fence=1, started_at=clock.now())
    tally = pulls.Tally()
    if oversize:
        settings.API_MAX_BODY_BYTES = 64
    pulls._take(pull, tally, orjson.dumps({"id": completion.uid, **factories.document(answer=CANARY)}))
    assert (tally.refused, tally.created, tally.changed) == (0, 0, 0)
    assert hits() == set()


# Retention -------------------------------------------------------------------------------------------------------


def test_the_sweep_purges_what_is_old_and_at_rest() -> None:
    task = factories.feedback_task(factories.organization())
    Organization.objects.update(retention_days=30)
    made = {name: factories.completion(task.organization, tags=()) for name in ("old", "young")}
    in_queue = factories.completion(task.organization)
    elsewhere = factories.completion(factories.organization())
    for completion in (made["old"], in_queue, elsewhere):
        age(completion, 31)
    age(made["young"], 29)
    purging.sweep(clock.now())
    assert list(Completion.objects.exclude(purged_at=None)) == [made["old"]]
    assert Completion.objects.get(pk=made["old"].pk).purged_because == "retention: 30 days"


def test_the_sweep_takes_a_few_at_a_time_and_then_looks_hourly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "CHUNK", 2)
    team = factories.organization()
    Organization.objects.update(retention_days=1)
    for _ in range(3):
        age(factories.completion(team), 2)
    now, counts = clock.now(), []
    for _ in range(3):
        purging.sweep(now)
        counts.append(Completion.objects.exclude(purged_at=None).count())
    assert counts == [2, 3, 3]
    age(factories.completion(team), 2)
    purging.sweep(now + purging.LOOK_EVERY)
    assert Completion.objects.filter(purged_at=None).count() == 0


def test_who_sweeps_at_the_same_time_does_nothing() -> None:
    team = factories.organization()
    age(factories.completion(team), 2)
    now = clock.now()
    Organization.objects.update(retention_days=1, retention_due_at=now + purging.LEASE)
    purging.sweep(now)
    assert Completion.objects.filter(purged_at=None).count() == 1


def test_nothing_is_purged_where_no_retention_is_set() -> None:
    age(factories.completion(factories.organization()), 10_000)
    purging.sweep(clock.now())
    assert Completion.objects.filter(purged_at=None).count() == 1


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_the_file_of_the_database_has_nothing_of_it_left() -> None:
    team = factories.organization()
    completion = factories.completion(team, question=CANARY)
    # By others that come after it the index of words has several parts, and it stands in the first.
    for _ in range(3):
        factories.completion(team, question="Another one.")
    path = Path(connection.settings_dict["NAME"])

    def in_file() -> tuple[bool, bool]:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return CANARY.encode() in path.read_bytes(), WORD.encode() in path.read_bytes()

    assert in_file() == (True, True)
    purging.purge(completion.pk, reason="asked for")
    assert in_file() == (False, False)
