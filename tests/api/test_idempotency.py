"""Idempotency-Key on our POSTs: the work is done once, however often the request is sent."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from reviews.models import Completion, Feedback, FeedbackTask, KeyedRequest, Session
from reviews.workflow import accounts, grading, idempotency, sweeping
from tests.api.conftest import Answer, Api, make_api
from tests.api.samples import SCHEMA, UID, document

KEY = "5f1c7a1e-3f0e-4b7e-9a51-0c1b6f6a9d10"
Unchanged = Callable[[], AbstractContextManager[None]]


def keyed(key: str = KEY) -> dict[str, Any]:
    """The header, as an option of a request."""
    return {"headers": {"Idempotency-Key": key}}


def is_replayed(answer: Answer) -> bool:
    """Whether the answer says that it was given before."""
    return bool(answer.headers.get("Idempotent-Replayed") == "true")


@pytest.fixture
def feedback(api: Api) -> dict[str, Any]:
    """A feedback of one completion."""
    task = api.feedback_task("support")
    uid = api.create(document(id=UID))
    return {"task_id": task.uid, "json_values": {"score": 4}, "comment": "", "completion_ids": [uid]}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        ("/api/v1/completions", document(), Completion),
        ("/api/v1/sessions", None, Session),
        ("/api/v1/feedback", {}, Feedback),
        (
            "/api/v1/feedback_task",
            {"name": "Rubric", "json_schema": SCHEMA, "completion_tags_selector": ["x"]},
            FeedbackTask,
        ),
    ],
)
def test_it_does_the_work_once_and_replays_the_answer(
    api: Api, feedback: dict[str, Any], unchanged: Unchanged, path: str, body: Any, model: Any
) -> None:
    body = feedback if model is Feedback else body
    before = model.objects.count()
    first = api.post(path, body, **keyed())
    with unchanged():
        again = api.post(path, body, **keyed())
    assert model.objects.count() == before + 1
    assert (first.status, first.raw) == (again.status, again.raw)
    assert 200 <= first.status < 300
    assert (is_replayed(first), is_replayed(again)) == (False, True)


def test_it_does_without_a_key_what_it_did(api: Api, feedback: dict[str, Any]) -> None:
    for _ in range(2):
        assert not is_replayed(api.post("/api/v1/feedback", feedback))
    assert Feedback.objects.count() == 2
    assert KeyedRequest.objects.count() == 0


def test_it_refuses_another_body_under_the_key(api: Api, feedback: dict[str, Any], unchanged: Unchanged) -> None:
    api.post("/api/v1/feedback", feedback, **keyed())
    with unchanged():
        answer = api.post("/api/v1/feedback", {**feedback, "comment": "Other."}, **keyed())
    assert "another body" in answer.refusal(422)


def test_it_keeps_keys_apart_by_path_and_token(api: Api) -> None:
    other = Api(api.organization, *accounts.create_token(api.organization, name="another"))
    assert api.post("/api/v1/sessions", **keyed()).status == 201
    assert api.post("/api/v1/completions", document(), **keyed()).status == 200
    assert api.post(f"/api/v1/completions/{UID}", document(), **keyed()).status == 200
    assert not is_replayed(other.post("/api/v1/sessions", **keyed()))
    assert Session.objects.count() == 2


def test_it_keeps_no_refusal(api: Api, feedback: dict[str, Any], unchanged: Unchanged) -> None:
    wrong = {**feedback, "json_values": {"score": 9}}
    with unchanged():
        api.post("/api/v1/feedback", wrong, **keyed()).refusal(400)
        api.post("/api/v1/feedback", b"{", **keyed()).refusal(400)
    assert api.post("/api/v1/feedback", feedback, **keyed()).status == 200


def test_it_undoes_what_a_request_had_written_when_it_failed(
    api: Api, feedback: dict[str, Any], unchanged: Unchanged, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = grading.record

    def dies(*given: Any, **named: Any) -> Any:
        record(*given, **named)
        raise grading.FeedbackRefused("It failed after all had been written.")

    monkeypatch.setattr(grading, "record", dies)
    with unchanged():
        api.post("/api/v1/feedback", feedback, **keyed()).refusal(400)


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "é", "a\tb"])
def test_it_refuses_what_is_no_key(api: Api, unchanged: Unchanged, key: str) -> None:
    with unchanged():
        assert "printable ASCII" in api.post("/api/v1/sessions", **keyed(key)).refusal(400)


def test_it_takes_the_longest_key(api: Api) -> None:
    assert api.post("/api/v1/sessions", **keyed("x" * 255)).status == 201


def test_it_lets_a_key_stand_where_nothing_is_written(api: Api) -> None:
    assert api.get("/api/v1/feedback", **keyed()).status == 200
    assert KeyedRequest.objects.count() == 0


def test_bulk_takes_no_key(api: Api, unchanged: Unchanged) -> None:
    with unchanged():
        path = "/api/gradebench/v1/completions/bulk"
        answer = api.post(path, b"{}\n", content_type="application/x-ndjson", **keyed())
    assert "“id”" in answer.refusal(400)


def test_it_asks_to_wait_while_one_is_in_flight(api: Api, unchanged: Unchanged) -> None:
    api.post("/api/v1/sessions", **keyed())
    KeyedRequest.objects.update(status=None, answer=None)
    with unchanged():
        answer = api.post("/api/v1/sessions", **keyed())
    assert "at work" in answer.refusal(409)
    assert answer.headers["Retry-After"] == "1"


def test_it_takes_over_from_one_that_died(api: Api) -> None:
    api.post("/api/v1/sessions", **keyed())
    died = timezone.now() - idempotency.GIVEN_UP_AFTER
    KeyedRequest.objects.update(status=None, answer=None, attempted_at=died)
    assert api.post("/api/v1/sessions", **keyed()).status == 201
    row = KeyedRequest.objects.get()
    assert (row.attempt, row.status) == (2, 201)
    assert is_replayed(api.post("/api/v1/sessions", **keyed()))


def test_it_takes_back_what_a_slow_one_did_that_was_taken_over(
    api: Api, feedback: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other party wins in the middle."""
    record, calls = grading.record, []

    def slow(*given: Any, **named: Any) -> Any:
        calls.append(given)
        if len(calls) == 1:
            KeyedRequest.objects.update(attempt=2)
        return record(*given, **named)

    monkeypatch.setattr(grading, "record", slow)
    api.post("/api/v1/feedback", feedback, **keyed()).refusal(409)
    assert Feedback.objects.count() == 0


def test_it_keeps_answers_for_a_day(api: Api) -> None:
    first = api.post("/api/v1/sessions", **keyed())
    api.post("/api/v1/sessions", **keyed("another"))
    now = timezone.now()
    KeyedRequest.objects.filter(key=KEY).update(created_at=now - idempotency.KEPT + timedelta(minutes=1))
    sweeping.sweep(now)
    assert api.post("/api/v1/sessions", **keyed()).raw == first.raw
    KeyedRequest.objects.filter(key=KEY).update(created_at=now - idempotency.KEPT)
    # Not swept yet, it counts as little.
    assert api.post("/api/v1/sessions", **keyed()).raw != first.raw
    KeyedRequest.objects.filter(key=KEY).update(created_at=now - idempotency.KEPT)
    sweeping.sweep(now)
    assert list(KeyedRequest.objects.values_list("key", flat=True)) == ["another"]


# Many at once ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_at_once_do_the_work_once() -> None:
    api = make_api("acme")
    task, uid = api.feedback_task("support"), api.create(document(id=UID))
    body = {"task_id": task.uid, "json_values": {"score": 4}, "completion_ids": [uid]}
    keys = [f"key {number}" for number in range(10)]
    ready = Barrier(8, timeout=30)

    def send_all(_: int) -> list[Answer]:
        sender = Api(api.organization, api.token, api.secret)
        try:
            ready.wait()
            return [sender.post("/api/v1/feedback", body, **keyed(key)) for key in keys]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        answers = [answer for of_one in threads.map(send_all, range(8)) for answer in of_one]
    assert {answer.status for answer in answers} <= {200, 409}
    assert sum(answer.status == 200 and not is_replayed(answer) for answer in answers) == Feedback.objects.count() == 10
    assert len({answer.raw for answer in answers if answer.status == 200}) == 10


@pytest.mark.django_db(transaction=True)
def test_the_second_waits_for_nobody_while_the_first_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    api = make_api("acme")
    at_work, go_on = Event(), Event()
    keep = idempotency._claim

    def claim_and_wait(request: Any) -> Any:
        claimed = keep(request)
        if not at_work.is_set():
            at_work.set()
            assert go_on.wait(30)
        return claimed

    monkeypatch.setattr(idempotency, "_claim", claim_and_wait)

    def first() -> Answer:
        try:
            return Api(api.organization, api.token, api.secret).post("/api/v1/sessions", **keyed())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        started = threads.submit(first)
        assert at_work.wait(30)
        api.post("/api/v1/sessions", **keyed()).refusal(409)
        go_on.set()
        assert started.result(30).status == 201
    assert is_replayed(api.post("/api/v1/sessions", **keyed()))
    assert Session.objects.count() == 1
