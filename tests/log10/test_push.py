"""Pushes against a real HTTP server."""

import time
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from reviews.log10 import pushes, sync
from reviews.models import (
    Assignment,
    Completion,
    FeedbackTask,
    Organization,
    Push,
    PushKind,
    PushState,
    Queue,
    Role,
    Upstream,
    User,
)
from reviews.workflow import (
    accounts,
    conflicts,
    documents,
    feedback_tasks,
    grading,
    outbox,
    queues,
    upstreams,
)
from reviews.workflow.audit import SYSTEM, Actor
from reviews.workflow.conflicts import Choice
from reviews.workflow.editing import LeafEdit
from tests.api.samples import CORPUS, SCHEMA, document
from tests.fake_upstream import ORGANIZATION, Answer, FakeUpstream
from tests.log10.test_pull import RUBRIC, pull, theirs

POINTER = "/response/choices/0/message/content"
UPDATE = "POST /api/v1/completions/"
FEEDBACK = "POST /api/v1/feedback"
STRANGE = {
    **document(id="a", organization_id="their-org"),
    "x_unknown": {"z": 1, "a": 1.0, "n": None, "big": 2**63},
    "stacktrace": None,
}


@pytest.fixture
def reviewer(organization: Organization) -> User:
    """Someone who reviews."""
    return accounts.add_member("ann", organization=organization, role=Role.REVIEWER).user


def review(reviewer: User, *, edit: str = "At ten.", comment: str = "Fine.") -> Completion:
    """Claim the next item, change its answer and grade it."""
    assignment: Assignment | None = queues.claim_next(Queue.objects.get(), reviewer=reviewer)
    assert assignment is not None
    completion = assignment.item.completion
    grading.submit(
        assignment,
        values={"score": 4},
        comment=comment,
        edits=[LeafEdit(POINTER, edit)] if edit else [],
        base_id=completion.current_id,
        actor=Actor(user=reviewer),
    )
    return completion


def push(upstream: Upstream) -> int:
    upstream.refresh_from_db()
    return sync.push(upstream)


def states() -> list[tuple[str, str]]:
    return [(row.kind, row.state) for row in Push.objects.order_by("pk")]


@pytest.fixture
def reviewed(upstream: Upstream, fake: FakeUpstream, reviewer: User) -> Completion:
    """One completion that was pulled, edited and graded."""
    fake.feedback_tasks = [RUBRIC]
    fake.add(STRANGE)
    pull(upstream)
    return review(reviewer)


def test_it_sends_the_edit_and_then_the_grade(upstream: Upstream, fake: FakeUpstream, reviewed: Completion) -> None:
    assert push(upstream) == 2
    assert [kind for kind, _ in fake.journal] == ["update", "feedback"]
    assert fake.journal[1][1] == {
        "organization_id": ORGANIZATION,
        "task_id": "their-task",
        "json_values": {"score": 4},
        "matched_completion_ids": ["a"],
        "comment": "Fine.",
        "completion_ids": ["a"],
    }
    assert states() == [("update", "delivered"), ("feedback", "delivered")]
    assert push(upstream) == 0
    assert len(fake.journal) == 2


def has_answer_text(sample: dict[str, Any]) -> bool:
    try:
        return isinstance(documents.at(sample, POINTER), str)
    except documents.PointerMissing:
        return False


@pytest.mark.parametrize("name", [name for name, sample in CORPUS.items() if has_answer_text(sample)])
def test_it_changes_one_leaf_and_not_a_byte_beside_it(
    upstream: Upstream, fake: FakeUpstream, reviewer: User, name: str
) -> None:
    sample = {**CORPUS[name], "id": "a", "tags": ["support"]}
    fake.feedback_tasks = [RUBRIC]
    fake.add(sample)
    pull(upstream)
    review(reviewer, edit="Another answer.")
    push(upstream)
    body = next(seen.body for seen in fake.seen if f"{seen.method} {seen.path}".startswith(UPDATE))
    expected = documents.with_leaf(sample, POINTER, "Another answer.")
    assert orjson.loads(body) == {**expected, "organization_id": ORGANIZATION}
    assert body == orjson.dumps({**expected, "organization_id": ORGANIZATION})


def test_it_sends_a_grade_without_an_edit(upstream: Upstream, fake: FakeUpstream, reviewer: User) -> None:
    fake.feedback_tasks = [RUBRIC]
    fake.add(theirs())
    pull(upstream)
    review(reviewer, edit="")
    assert push(upstream) == 1
    assert [kind for kind, _ in fake.journal] == ["feedback"]


def test_it_keeps_what_arrived_as_the_upstreams_document(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion
) -> None:
    push(upstream)
    reviewed.refresh_from_db()
    assert reviewed.upstream_document_id == reviewed.current_id
    row = pull(upstream)
    assert (row.gone, row.conflicts, row.changed) == (0, 0, 0)


def test_it_reads_the_list_before_an_edit_leaves(upstream: Upstream, fake: FakeUpstream, reviewed: Completion) -> None:
    push(upstream)
    assert fake.paths().count("GET /api/v1/completions/ungraded") == 1
    Upstream.objects.update(listed_at=timezone.now() - timedelta(minutes=2))
    Push.objects.filter(kind=PushKind.UPDATE).update(state=PushState.WAITING, delivered_at=None, confirmed_at=None)
    fake.add(fake.journal[0][1])
    assert push(upstream) == 1
    assert fake.paths().count("GET /api/v1/completions/ungraded") == 2


def test_it_sends_nothing_when_the_upstream_changed_meanwhile(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion
) -> None:
    fake.add({**STRANGE, "response": {"choices": []}})
    Upstream.objects.update(listed_at=timezone.now() - timedelta(minutes=2))
    assert push(upstream) == 0
    assert fake.journal == []
    assert states() == [("update", "conflict"), ("feedback", "waiting")]
    reviewed.refresh_from_db()
    assert reviewed.conflict_document is not None
    assert push(upstream) == 0
    assert fake.journal == []


def test_it_sends_nothing_while_the_list_cannot_be_read(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion
) -> None:
    Upstream.objects.update(listed_at=None)
    fake.answer_always("GET", Answer(500))
    assert push(upstream) == 0
    assert fake.journal == []
    assert states() == [("update", "waiting"), ("feedback", "waiting")]


@pytest.mark.parametrize("echo", [b"{}", b"null", b"[]", orjson.dumps(STRANGE), b'{"error":"no"}'])
def test_it_does_not_believe_an_echo_that_says_otherwise(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion, echo: bytes
) -> None:
    fake.answer_once(UPDATE, Answer(body=echo))
    assert push(upstream) == 0
    update = Push.objects.get(kind=PushKind.UPDATE)
    assert (update.state, update.attempts, update.ambiguous) == (PushState.WAITING, 1, True)
    assert "another text" in update.last_error
    assert update.not_before > timezone.now()
    assert [kind for kind, _ in fake.journal] == []


def test_it_believes_an_echo_that_respells(upstream: Upstream, fake: FakeUpstream, reviewed: Completion) -> None:
    reviewed.refresh_from_db()
    ours = documents.read(reviewed.current)
    echo = {"response": ours["response"], "extra": 1, "request": {**ours["request"], "max_tokens": 64.0}}
    fake.answer_once(UPDATE, Answer(body=orjson.dumps(echo)))
    assert push(upstream) >= 1
    assert Push.objects.get(kind=PushKind.UPDATE).state == PushState.DELIVERED


def test_it_pauses_when_the_token_is_refused(upstream: Upstream, fake: FakeUpstream, reviewed: Completion) -> None:
    fake.token = "another"
    assert push(upstream) == 0
    upstream.refresh_from_db()
    assert upstream.token_refused_at is not None
    assert push(upstream) == 0
    assert len([seen for seen in fake.seen if seen.path.startswith("/api/completions/")]) == 1
    assert fake.journal == []
    assert states() == [("update", "waiting"), ("feedback", "waiting")]
    upstreams.change(upstream, url=fake.url, token="another", actor=SYSTEM)
    assert push(upstream) == 2


def test_it_waits_as_long_as_it_is_asked_to(upstream: Upstream, fake: FakeUpstream, reviewed: Completion) -> None:
    fake.answer_once(UPDATE, Answer(429, headers={"Retry-After": "60"}))
    assert push(upstream) == 0
    update = Push.objects.get(kind=PushKind.UPDATE)
    assert (update.state, update.last_status, update.ambiguous) == (PushState.WAITING, 429, False)
    upstream.refresh_from_db()
    assert upstream.quiet_until is not None
    assert 50 < (upstream.quiet_until - timezone.now()).total_seconds() <= 60
    Push.objects.update(not_before=timezone.now())
    assert push(upstream) == 0
    Upstream.objects.update(quiet_until=timezone.now())
    assert push(upstream) == 2


@pytest.mark.parametrize("status", [400, 404, 413, 301])
def test_it_asks_a_person_about_what_is_refused_for_good(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion, status: int
) -> None:
    fake.answer_once(UPDATE, Answer(status, b'{"error":"Not this."}'))
    assert push(upstream) == 0
    assert states() == [("update", "attention"), ("feedback", "waiting")]
    assert push(upstream) == 0
    assert fake.journal == []
    outbox.retry(Push.objects.get(kind=PushKind.UPDATE), actor=SYSTEM)
    assert push(upstream) == 2


def test_it_finds_out_that_an_attempt_without_a_word_arrived(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion
) -> None:
    fake.answer_once(UPDATE, Answer(hang_up=True), after=True)
    assert push(upstream) == 0
    update = Push.objects.get(kind=PushKind.UPDATE)
    assert (update.state, update.ambiguous) == (PushState.WAITING, True)
    row = pull(upstream)
    assert (row.conflicts, row.changed) == (0, 0)
    reviewed.refresh_from_db()
    assert reviewed.upstream_document_id == reviewed.current_id
    update.refresh_from_db()
    assert update.state == PushState.DELIVERED
    assert push(upstream) == 1
    assert [kind for kind, _ in fake.journal] == ["update", "feedback"]


def test_it_sends_again_what_a_process_left_behind(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion
) -> None:
    update = Push.objects.get(kind=PushKind.UPDATE)
    assert outbox.lease(update)
    assert push(upstream) == 0
    now = timezone.now() + timedelta(minutes=5)
    assert outbox.sweep(now) == 1
    Push.objects.update(not_before=timezone.now())
    assert push(upstream) == 2
    assert not outbox.delivered(update)


def test_it_leaves_alone_what_another_process_sends(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion
) -> None:
    Upstream.objects.update(push_leased_until=timezone.now() + timedelta(seconds=9))
    assert push(upstream) == 0
    assert fake.journal == []


def test_it_sends_nothing_to_a_disabled_upstream(upstream: Upstream, fake: FakeUpstream, reviewed: Completion) -> None:
    Upstream.objects.update(enabled=False)
    assert push(upstream) == 0
    assert fake.journal == []


def test_it_sends_the_newest_of_several_edits(
    upstream: Upstream, fake: FakeUpstream, reviewer: User, reviewed: Completion
) -> None:
    task = FeedbackTask.objects.get()
    assert task.linked
    fake.feedback_tasks = [RUBRIC, {**RUBRIC, "id": "second", "name": "Tone"}]
    pull(upstream)
    assignment = queues.claim_next(Queue.objects.get(name="Tone"), reviewer=reviewer)
    assert assignment is not None
    grading.submit(
        assignment,
        values={"score": 1},
        edits=[LeafEdit(POINTER, "At eleven.")],
        base_id=assignment.item.completion.current_id,
        actor=Actor(user=reviewer),
    )
    push(upstream)
    assert [kind for kind, _ in fake.journal] == ["update", "feedback", "feedback"]
    assert documents.at(fake.journal[0][1], POINTER) == "At eleven."
    assert [value["task_id"] for kind, value in fake.journal[1:]] == ["their-task", "second"]


def test_it_keeps_feedback_here_that_the_upstream_does_not_know(
    upstream: Upstream, fake: FakeUpstream, organization: Organization, reviewer: User
) -> None:
    fake.add(theirs())
    feedback_tasks.create(organization, feedback_tasks.Content("Ours", "", SCHEMA, ("support",)))
    pull(upstream)
    review(reviewer, edit="")
    assert push(upstream) == 0
    assert states() == [("feedback", "unlinked")]
    assert fake.journal == []


# What stands there is looked at ----------------------------------------------------------------------------------


def test_it_sees_the_edit_there_before_the_grade_leaves(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion
) -> None:
    push(upstream)
    assert fake.paths()[2:] == [
        "GET /api/completions/a",
        "POST /api/v1/completions/a",
        "GET /api/completions/a",
        "POST /api/v1/feedback",
        "GET /api/v1/feedback",
    ]
    assert Push.objects.get(kind=PushKind.UPDATE).confirmed_at is not None


def test_it_waits_for_the_next_list_where_nothing_else_tells(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion
) -> None:
    fake.tells_more = False
    assert push(upstream) == 1
    assert [kind for kind, _ in fake.journal] == ["update"]
    upstream.refresh_from_db()
    assert upstream.next_pull_at <= timezone.now() + timedelta(seconds=15)
    pull(upstream)
    assert push(upstream) == 1
    assert [kind for kind, _ in fake.journal] == ["update", "feedback"]


def test_it_finds_an_edit_that_was_dropped_behind_a_good_echo(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion
) -> None:
    fake.faults.append(lambda seen: Answer(body=seen.body) if f"{seen.method} {seen.path}".startswith(UPDATE) else None)
    assert push(upstream) == 1
    assert states() == [("update", "delivered"), ("feedback", "waiting")]
    assert pull(upstream).conflicts == 1
    reviewed.refresh_from_db()
    conflict = conflicts.find(reviewed)
    assert conflict is not None
    assert conflict.reason == "dropped"
    fake.faults.clear()
    conflicts.resolve(
        reviewed.pk,
        choice=Choice.OURS,
        theirs_id=conflict.theirs_id,
        ours_id=conflict.ours_id,
        actor=SYSTEM,
    )
    assert push(upstream) == 2
    assert [kind for kind, _ in fake.journal] == ["update", "feedback"]


def test_it_lets_a_grade_go_at_last_when_nothing_ever_tells(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion
) -> None:
    fake.tells_more = False
    push(upstream)
    Push.objects.filter(kind=PushKind.UPDATE).update(delivered_at=timezone.now() - outbox.CONFIRM)
    assert push(upstream) == 1


@pytest.fixture
def vanished(upstream: Upstream, fake: FakeUpstream, reviewed: Completion) -> Completion:
    """Graded by another client after it was edited here: no list has it any more."""
    fake.graded["a"] = fake.completions.pop("a")
    Upstream.objects.update(listed_at=None)
    return reviewed


def test_it_sends_what_is_not_listed_when_it_stands_there_as_it_was(
    upstream: Upstream, fake: FakeUpstream, vanished: Completion
) -> None:
    assert push(upstream) == 2
    assert [kind for kind, _ in fake.journal] == ["update", "feedback"]


@pytest.mark.parametrize("tells_more", [True, False])
def test_it_does_not_send_over_what_it_cannot_compare(
    upstream: Upstream, fake: FakeUpstream, vanished: Completion, tells_more: bool
) -> None:
    fake.graded["a"] = orjson.dumps({**STRANGE, "response": {"choices": []}})
    fake.tells_more = tells_more
    assert push(upstream) == 0
    assert fake.journal == []
    assert states() == [("update", "absent"), ("feedback", "waiting")]


def test_it_sends_it_when_a_person_says_so(upstream: Upstream, fake: FakeUpstream, vanished: Completion) -> None:
    fake.tells_more = False
    push(upstream)
    assert fake.journal == []
    outbox.retry(Push.objects.get(kind=PushKind.UPDATE), actor=SYSTEM)
    push(upstream)
    assert fake.journal[0][0] == "update"


@pytest.mark.parametrize("edit", ["At ten.", ""])
def test_it_does_not_send_again_what_arrived_before_a_restore(
    upstream: Upstream, fake: FakeUpstream, reviewer: User, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    fake.feedback_tasks = [RUBRIC]
    fake.add(STRANGE)
    pull(upstream)
    reviewed = review(reviewer, edit=edit)
    before = list(Push.objects.order_by("pk").values())
    assert push(upstream) == len(before)
    # The database as it was in the backup: nothing had been sent yet, and every list was read before.
    for row in before:
        Push.objects.filter(pk=row["id"]).update(**row)
    reviewed.refresh_from_db()
    Completion.objects.filter(pk=reviewed.pk).update(upstream_document=reviewed.received)
    # A process that begins now believes no list from before.
    monkeypatch.setattr(pushes, "_BEGAN", time.monotonic())
    push(upstream)
    assert {state for _, state in states()} == {"delivered"}
    assert len(fake.journal) == len(before)


def test_it_looks_for_a_grade_that_may_have_arrived(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion
) -> None:
    fake.answer_once("POST /api/v1/feedback", Answer(hang_up=True), after=True)
    assert push(upstream) == 1
    assert states() == [("update", "delivered"), ("feedback", "waiting")]
    Push.objects.filter(state=PushState.WAITING).update(not_before=timezone.now())
    assert push(upstream) == 1
    assert [kind for kind, _ in fake.journal] == ["update", "feedback"]


def test_it_sends_a_grade_again_that_did_not_arrive(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion
) -> None:
    fake.answer_once("POST /api/v1/feedback", Answer(hang_up=True))
    assert push(upstream) == 1
    Push.objects.filter(state=PushState.WAITING).update(not_before=timezone.now())
    assert push(upstream) == 1
    assert [kind for kind, _ in fake.journal] == ["update", "feedback"]


def test_it_pauses_when_no_key_opens_the_token(
    upstream: Upstream, fake: FakeUpstream, reviewed: Completion, settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = ["another"]
    assert push(upstream) == 0
    assert states() == [("update", "waiting"), ("feedback", "waiting")]
    (trouble,) = upstreams.troubles([upstream.organization_id])
    assert (trouble.kind, "GRADEBENCH_ENCRYPTION_KEYS" in trouble.words) == ("sealed", True)
    upstreams.change(upstream, url=fake.url, token=fake.token, actor=SYSTEM)
    assert push(upstream) == 2


def test_it_goes_on_with_the_next_when_one_is_refused_for_good(
    upstream: Upstream, fake: FakeUpstream, reviewer: User
) -> None:
    fake.feedback_tasks = [RUBRIC]
    for uid in ("a", "b"):
        fake.add(theirs(uid))
    pull(upstream)
    for _ in range(2):
        review(reviewer)
    fake.answer_once(UPDATE, Answer(400, b'{"error":"Not this."}'))
    assert push(upstream) == 2
    assert sorted(states()) == [
        ("feedback", "delivered"),
        ("feedback", "waiting"),
        ("update", "attention"),
        ("update", "delivered"),
    ]
    assert upstreams.troubles([upstream.organization_id]) == []
