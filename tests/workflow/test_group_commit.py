"""Group commit: what waits is written together, nobody waits for a group to form, and each is told the outcome."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Event, Semaphore
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connections, transaction
from django.test import Client

from gradebench import outages
from gradebench.outages import AWAY, DOUBT
from reviews.models import Completion, CompletionTag, Document, Organization, QueueItem, Revision, Tag
from reviews.models.base import new_uid
from reviews.workflow import documents, group_commit, ingest
from reviews.workflow.group_commit import GroupCommit, WriteApart
from reviews.workflow.ingest import Outcome
from tests import factories

SECONDS = 30
FIRST = "first"

INTERRUPTED = "interrupted"


class Interrupted(Event):
    """Whoever waits for it is interrupted when it comes."""

    def wait(self, timeout: float | None = None) -> bool:
        super().wait(timeout)
        raise KeyboardInterrupt


@dataclass
class Held:
    """A group whose first write is held until it is let go; `written` has the groups, `threads` who wrote each."""

    group: GroupCommit[Any]
    pool: ThreadPoolExecutor
    written: list[list[Any]]
    threads: list[int]
    began: Event
    go: Event
    waiting: Semaphore

    def start(self, *works: Callable[[], Any]) -> list[Future[Any]]:
        """Start the first, which writes and is held, and when it does so the others, one after another; all of these
        wait when this returns.
        """
        started = [self.pool.submit(_closing, works[0])]
        assert self.began.wait(SECONDS)
        for work in works[1:]:
            started.append(self.pool.submit(_closing, work))
            assert self.waiting.acquire(timeout=SECONDS)
        return started

    def start_rows(self, *rows: Any, size: int = 1) -> list[Future[Any]]:
        return self.start(*(partial(self.group.write, row, size) for row in (FIRST, *rows)))

    def finish(self, started: Sequence[Future[Any]]) -> list[BaseException | None]:
        """Let go; what each raised."""
        self.go.set()
        return [one.exception(SECONDS) for one in started]


def _closing(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connections.close_all()


def _held(group: GroupCommit[Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    write, wait, waiting, began, go = group._write, group._wait, Semaphore(0), Event(), Event()
    written: list[list[Any]] = []
    threads: list[int] = []

    def held(rows: Sequence[Any]) -> None:
        written.append(list(rows))
        threads.append(threading.get_ident())
        if not began.is_set():
            began.set()
            assert go.wait(SECONDS)
        write(rows)

    def waited(mine: Any) -> None:
        if mine.row == INTERRUPTED:
            mine.woken = Interrupted()
        waiting.release()
        wait(mine)

    monkeypatch.setattr(group, "_write", held)
    monkeypatch.setattr(group, "_wait", waited)
    with ThreadPoolExecutor(16) as pool:
        yield Held(group, pool, written, threads, began, go, waiting)
        go.set()


def _refuse(rows: Sequence[Any]) -> None:
    """A row that is an error is raised."""
    for row in rows:
        if isinstance(row, BaseException):
            raise row


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    yield from _held(GroupCommit(_refuse), monkeypatch)


@pytest.fixture
def creates(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """The group of the creates, held."""
    yield from _held(ingest._together, monkeypatch)


# The group -------------------------------------------------------------------------------------------------------


def test_what_comes_while_one_is_written_is_written_together(held: Held) -> None:
    started = held.start_rows("a", "b", "c")
    assert held.finish(started) == [None] * 4
    assert held.written == [[FIRST], ["a", "b", "c"]]


def test_who_comes_alone_writes_at_once_in_its_own_thread(held: Held) -> None:
    held.go.set()
    for row in ("a", "b"):
        held.group.write(row, 1)
    assert held.written == [["a"], ["b"]]
    assert set(held.threads) == {threading.get_ident()}
    assert not held.waiting.acquire(blocking=False)


def test_nobody_is_answered_before_his_group_is_written(held: Held) -> None:
    started = held.start_rows("a")
    assert not any(one.done() for one in started)
    held.finish(started)


@pytest.mark.parametrize(("limit", "most"), [("MOST_ROWS", 2), ("MOST_BYTES", 20)])
def test_a_group_has_its_bounds(held: Held, monkeypatch: pytest.MonkeyPatch, limit: str, most: int) -> None:
    monkeypatch.setattr(group_commit, limit, most)
    started = held.start_rows(*"abcde", size=10)
    assert held.finish(started) == [None] * 6
    assert held.written == [[FIRST], ["a", "b"], ["c", "d"], ["e"]]


def test_what_is_too_large_for_a_group_waits_for_none(held: Held) -> None:
    started = held.start_rows("a")
    held.group.write("large", group_commit.MOST_BYTES + 1)
    assert held.written == [[FIRST], ["large"]]
    assert held.finish(started) == [None, None]


def test_a_row_that_is_refused_has_each_of_its_group_written_apart(held: Held) -> None:
    bad = ValueError("no")
    started = held.start_rows("a", bad, "b")
    first, *others = held.finish(started)
    assert first is None
    assert [type(other) for other in others] == [WriteApart] * 3
    held.group.write("later", 1)
    with pytest.raises(ValueError, match="no"):
        held.group.write(bad, 1)
    assert held.written == [[FIRST], ["a", bad, "b"], ["later"], [bad]]


def test_a_leader_that_ends_by_anything_else_leaves_nobody_behind(held: Held) -> None:
    end = SystemExit()
    started = held.start_rows("a", end, "b")
    assert [type(error) for error in held.finish(started)] == [type(None), SystemExit, WriteApart, WriteApart]
    held.group.write("later", 1)
    assert held.written[-1] == ["later"]


def test_a_leader_that_fails_alone_fails_alone(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    write = held.group._write

    def end_with_the_first(rows: Sequence[Any]) -> None:
        write(rows)
        if FIRST in rows:
            raise SystemExit

    monkeypatch.setattr(held.group, "_write", end_with_the_first)
    assert [type(error) for error in held.finish(held.start_rows("a", "b"))] == [SystemExit, type(None), type(None)]
    assert held.written == [[FIRST], ["a", "b"]]


def test_when_the_database_fails_each_is_told_by_an_error_of_its_own(held: Held) -> None:
    cut = OperationalError("server closed the connection")
    cut.__cause__ = psycopg.OperationalError("gone")
    errors = held.finish(held.start_rows("a", cut, "b"))[1:]
    assert len({id(error) for error in errors}) == 3
    for error in errors:
        assert isinstance(error, OperationalError)
        assert error.args == cut.args
        assert error.__cause__ is cut.__cause__
        assert outages.outage_of(error) is AWAY


def test_a_deadlock_is_the_matter_of_two_and_not_of_all(held: Held) -> None:
    deadlock = OperationalError("deadlock detected")
    deadlock.__cause__ = psycopg.errors.DeadlockDetected()
    errors = held.finish(held.start_rows("a", deadlock))
    assert [type(error) for error in errors] == [type(None), WriteApart, WriteApart]


def test_who_may_wait_no_longer_is_not_written_by_others(held: Held) -> None:
    def late() -> None:
        with outages.waiting_at_most(0):
            held.group.write("late", 1)

    started = held.start(partial(held.group.write, FIRST, 1), late, partial(held.group.write, "a", 1))
    assert isinstance(started[1].exception(SECONDS), WriteApart)
    assert held.finish(started)[2] is None
    assert held.written == [[FIRST], ["a"]]


def test_one_that_was_to_lead_and_is_interrupted_lets_the_next_one_lead(held: Held) -> None:
    started = held.start_rows(INTERRUPTED, "a", "b")
    errors = held.finish(started)
    assert [type(error) for error in errors] == [type(None), KeyboardInterrupt, type(None), type(None)]
    assert held.written == [[FIRST], ["a", "b"]]


def test_one_that_is_interrupted_while_it_waits_is_left_out(held: Held) -> None:
    def interrupted() -> None:
        with outages.waiting_at_most(0):
            held.group.write(INTERRUPTED, 1)

    started = held.start(partial(held.group.write, FIRST, 1), interrupted, partial(held.group.write, "a", 1))
    assert isinstance(started[1].exception(SECONDS), KeyboardInterrupt)
    held.finish(started)
    assert held.written == [[FIRST], ["a"]]


@pytest.mark.django_db
def test_within_a_transaction_of_the_callers_it_waits_for_nobody(held: Held) -> None:
    started = held.start_rows("a")
    with transaction.atomic():
        held.group.write("mine", 1)
    assert held.written == [[FIRST], ["mine"]]
    held.finish(started)


# Creates ---------------------------------------------------------------------------------------------------------


def _receive(organization: Organization, uid: str, **said: Any) -> Callable[[], Outcome]:
    document = factories.document(**said)
    return lambda: ingest.receive(organization, uid, document, raw=documents.dumps(document)).outcome


@pytest.mark.django_db(transaction=True)
def test_creates_of_several_organizations_are_sorted_each_in_its_own(creates: Held) -> None:
    wanted = [factories.feedback_task(factories.organization(), selector=["mine"]) for _ in range(2)]
    works = [
        _receive(wanted[at % 2].organization, f"uid {5 - at}", tags=["mine", f"tag {at}", "all"][at % 2 :])
        for at in range(6)
    ]
    started = creates.start(*works)
    assert creates.finish(started) == [None] * 6
    assert [one.result() for one in started] == [Outcome.CREATED] * 6
    assert [len(rows) for rows in creates.written] == [1, 5]
    for at, completion in enumerate(Completion.objects.select_related("received").order_by("-uid")):
        assert completion.organization_id == wanted[at % 2].organization_id
        assert completion.received_id == completion.current_id
        assert documents.read(completion.received) == factories.document(tags=["mine", f"tag {at}", "all"][at % 2 :])
        names = ["mine", f"tag {at}", "all"][at % 2 :]
        assert sorted(completion.tags.values_list("name", flat=True)) == sorted(names)
        assert set(completion.tags.values_list("organization", flat=True)) == {completion.organization_id}
    routed = QueueItem.objects.values_list("completion__uid", "queue__feedback_task")
    assert sorted(routed) == [(f"uid {5 - at}", wanted[0].pk) for at in (4, 2, 0)]


@pytest.mark.django_db(transaction=True)
def test_an_id_that_two_make_at_once_does_not_fail_those_beside_them(creates: Held) -> None:
    organization = factories.organization()
    works = [
        _receive(organization, uid, session_id=f"{at}") for at, uid in enumerate(["a", "b", "twice", "c", "twice"])
    ]
    started = creates.start(*works)
    assert creates.finish(started) == [None] * 5
    outcomes = [one.result() for one in started]
    assert sorted(outcomes) == [Outcome.CHANGED] + [Outcome.CREATED] * 4
    assert outcomes[:2] + outcomes[3:4] == [Outcome.CREATED] * 3
    assert sorted(Completion.objects.values_list("uid", flat=True)) == ["a", "b", "c", "twice"]
    assert (Document.objects.count(), Revision.objects.count()) == (5, 1)


@pytest.mark.django_db(transaction=True)
def test_who_was_written_for_has_written(creates: Held) -> None:
    organization = factories.organization()

    def receive_and_fail() -> object:
        with outages.waiting_at_most(SECONDS):
            assert _receive(organization, "b")() == Outcome.CREATED
            return outages.outage_of(_cut())

    started = creates.start(_receive(organization, "a"), _receive(organization, "c"), receive_and_fail)
    assert creates.finish(started) == [None] * 3
    assert [len(rows) for rows in creates.written] == [1, 2]
    assert started[2].result() is DOUBT


def _cut() -> OperationalError:
    error = OperationalError("server closed the connection")
    error.__cause__ = psycopg.OperationalError("gone")
    return error


@pytest.mark.django_db(transaction=True)
def test_requests_of_a_group_that_the_database_fails_are_all_told_so(
    creates: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization = factories.organization()
    _, secret = factories.token(organization)
    store = ingest.store_new

    def fails_for_several(fresh: Sequence[ingest.New]) -> None:
        store(fresh)
        if len(fresh) > 1:
            raise _cut()

    monkeypatch.setattr(ingest, "store_new", fails_for_several)

    def post(at: int) -> tuple[int, Any]:
        answer = Client(raise_request_exception=False).post(
            "/api/v1/completions",
            factories.document(session_id=f"{at}"),
            content_type="application/json",
            headers={"X-Log10-Token": secret},
        )
        return answer.status_code, answer.json()

    started = creates.start(*(partial(post, at) for at in range(4)))
    assert creates.finish(started) == [None] * 4
    (status, body), *failed = [one.result() for one in started]
    assert status == 200
    assert failed == [(503, {"error": AWAY.words})] * 3
    assert list(Completion.objects.values_list("uid", flat=True)) == [body["id"]]


@pytest.mark.django_db(transaction=True)
def test_every_create_that_was_answered_is_there_once() -> None:
    wanted = [factories.feedback_task(factories.organization()) for _ in range(2)]
    threads, each = 12, 25
    shared = [new_uid() for _ in range(each)]
    ready = threading.Barrier(threads, timeout=SECONDS)

    def send(number: int) -> list[tuple[int, str, Outcome]]:
        organization = wanted[number % 2].organization
        done = []
        ready.wait()
        for at in range(each):
            # Every fifth id is sent by six at about the same time, the same text.
            uid = f"{shared[at]} {organization.pk}" if at % 5 == 0 else new_uid()
            tags = ["review", f"tag {at % 3}"] if at % 5 == 0 else ["review", f"tag {number % 4}"]
            done.append((organization.pk, uid, _receive(organization, uid, tags=tags, session_id=f"{at}")()))
        return done

    with ThreadPoolExecutor(threads) as pool:
        started = [pool.submit(_closing, partial(send, number)) for number in range(threads)]
        done = [one for of_one in started for one in of_one.result(timeout=120)]
    sent = {(organization, uid) for organization, uid, _ in done}
    assert len(done) == threads * each
    assert sorted(Completion.objects.values_list("organization_id", "uid")) == sorted(sent)
    outcomes = [outcome for _, _, outcome in done]
    assert outcomes.count(Outcome.CREATED) == len(sent) == Document.objects.count() == QueueItem.objects.count()
    assert outcomes.count(Outcome.UNCHANGED) == len(done) - len(sent)
    assert CompletionTag.objects.count() == len(sent) * 2
    assert Tag.objects.count() == 9
