"""GET /api/v1/feedback."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from reviews.workflow import amending
from reviews.workflow.audit import Actor
from tests import factories
from tests.api.conftest import Api
from tests.api.samples import document

PATH = "/api/v1/feedback"


def grade(api: Api, task_uid: str, completion_uid: str) -> str:
    body = {"task_id": task_uid, "json_values": {"score": 1}, "comment": "", "completion_ids": [completion_uid]}
    uid: str = api.post(PATH, body).json["id"]
    return uid


@pytest.fixture
def graded(api: Api) -> list[str]:
    """Five feedback, oldest first."""
    task = api.feedback_task("support")
    return [grade(api, task.uid, api.create(document())) for _ in range(5)]


def test_it_works(api: Api, graded: list[str]) -> None:
    answer = api.get(PATH)
    assert answer.status == 200
    assert [row["id"] for row in answer.json["feedback"]] == graded[::-1]
    assert answer.json["data"] == answer.json["feedback"]
    assert answer.json["total"] == 5


def test_it_is_empty_at_first(api: Api) -> None:
    assert api.get(PATH).json == {"feedback": [], "data": [], "total": 0}


@pytest.mark.parametrize(
    ("offset", "limit", "shown", "total"), [(0, 2, 2, 5), (3, 10, 2, 2), (5, 1, 0, 0), (9, 9, 0, 0)]
)
def test_it_pages_in_the_body_and_in_the_query(
    api: Api, graded: list[str], offset: int, limit: int, shown: int, total: int
) -> None:
    in_body = api.get(PATH, {"offset": offset, "limit": limit}).json
    in_query = api.get(f"{PATH}?organization_id=acme&offset={offset}&limit={limit}&task_id=").json
    assert in_body == in_query
    assert [row["id"] for row in in_body["data"]] == graded[::-1][offset : offset + limit]
    assert (len(in_body["data"]), in_body["total"]) == (shown, total)


def test_it_lets_a_client_that_fetches_until_the_total_come_to_an_end(api: Api, graded: list[str]) -> None:
    offset, rows = 1, 0
    for _ in range(10):
        answer = api.get(f"{PATH}?offset={offset}&limit=2").json
        rows += len(answer["data"])
        offset += 2
        if rows >= answer["total"]:
            break
    assert rows >= 2


def test_it_finds_by_feedback_task_and_by_completion(api: Api, graded: list[str]) -> None:
    other = api.feedback_task("support", name="Tone")
    completion = api.create(document())
    uid = grade(api, other.uid, completion)
    for answer in (
        api.get(PATH, {"task_id": other.uid}),
        api.get(f"{PATH}?task_id={other.uid}"),
        api.get(PATH, {"completion_id": completion}),
        api.get(f"{PATH}?completion_id={completion}&task_id={other.uid}"),
    ):
        assert [row["id"] for row in answer.json["data"]] == [uid]
        assert answer.json["total"] == 1
    assert api.get(f"{PATH}?task_id=unknown").json["total"] == 0
    assert api.get(f"{PATH}?task_id=%00").json["total"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {"limit": -1},
        {"offset": -1},
        {"offset": "x"},
        {"limit": 1.5},
        {"limit": True},
        {"offset": []},
        {"offset": 10**12},
        {"task_id": 7},
        {"completion_id": []},
        [],
        b"{",
    ],
)
def test_it_validates(api: Api, body: object) -> None:
    api.get(PATH, body).refusal(400)


@pytest.mark.parametrize("query", ["limit=-1", "offset=x", "limit=%C2%B2", "offset=9999999999", "limit=1e3"])
def test_it_validates_the_query(api: Api, query: str) -> None:
    api.get(f"{PATH}?{query}").refusal(400)


def test_it_does_not_list_another_organizations(api: Api, beta: Api, graded: list[str]) -> None:
    assert beta.get(PATH).json["total"] == 0
    beta.get(PATH, {"organization_id": "acme"}).refusal(403)


def test_it_asks_the_database_as_often_for_many_as_for_few(
    api: Api, graded: list[str], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for limit in (1, 5):
        with django_assert_num_queries(4):
            api.get(f"{PATH}?limit={limit}")


def test_it_leaves_out_what_was_taken_back_and_what_was_corrected(api: Api, settings: Any) -> None:
    settings.UNDO_SECONDS = 600
    wanted = factories.feedback_task(api.organization)
    for _ in range(3):
        factories.completion(api.organization)
    claims = [factories.assignment(wanted) for _ in range(3)]
    stands, undone, corrected = (factories.submit(claim).feedback for claim in claims)
    amending.undo(claims[1], fields=[], actor=Actor(user=claims[1].reviewer))
    newer = amending.amend(
        claims[2],
        values={"score": 1},
        edits=[],
        base_id=corrected.matched.get().document_id,
        seen_id=corrected.pk,
        actor=Actor(user=claims[2].reviewer),
    )
    assert newer is not None
    assert [row["id"] for row in api.get(PATH).json["feedback"]] == [newer.feedback.uid, stands.uid]
    assert api.get(f"{PATH}/{undone.uid}").status == 200
