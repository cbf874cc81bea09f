"""GET /api/v1/completions/ungraded."""

import time
from typing import Any
from urllib.parse import quote

import pytest
from pytest_django import DjangoAssertNumQueries

from reviews.api import completions
from tests.api.conftest import LOG10PY, Api
from tests.api.samples import document

PATH = "/api/v1/completions/ungraded"


def listed(api: Api) -> list[str]:
    return [row["id"] for row in api.get(PATH).json["completions"]]


def grade(api: Api, task: Any, uid: str) -> None:
    body = {"task_id": task.uid, "json_values": {"score": 3}, "comment": "", "completion_ids": [uid]}
    assert api.post("/api/v1/feedback", body).status == 200


def test_it_works(api: Api) -> None:
    api.feedback_task("support")
    uid = api.create(document())
    answer = api.get(PATH)
    assert answer.status == 200
    assert answer.json == {"completions": [{**document(), "id": uid, "organization_id": "acme"}]}


def test_it_lists_nothing_without_a_feedback_task(api: Api) -> None:
    api.create(document())
    assert api.get(PATH).json == {"completions": []}


def test_it_lists_the_oldest_first(api: Api) -> None:
    api.feedback_task("support")
    uids = []
    for _ in range(3):
        uids.append(api.create(document()))
        time.sleep(0.002)
    assert listed(api) == uids


def test_it_lists_what_was_there_before_the_feedback_task(api: Api) -> None:
    uid = api.create(document())
    api.feedback_task("support")
    assert listed(api) == [uid]


def test_it_lists_each_once_however_many_feedback_tasks_match(api: Api) -> None:
    api.feedback_task("support")
    api.feedback_task("support", name="Tone")
    uid = api.create(document())
    assert listed(api) == [uid]


def test_it_needs_all_tags_of_a_selector_and_an_empty_one_selects_nothing(api: Api) -> None:
    api.feedback_task("support", "urgent")
    api.feedback_task(name="Nothing")
    api.create(document())
    uid = api.create(document(tags=["urgent", "support"]))
    assert listed(api) == [uid]


def test_it_does_not_list_what_has_only_started(api: Api) -> None:
    api.feedback_task("support")
    uid = api.create(document(status="started", response=None))
    assert listed(api) == []
    api.post(f"/api/v1/completions/{uid}", document())
    assert listed(api) == [uid]


def test_it_no_longer_lists_what_was_graded(api: Api) -> None:
    task = api.feedback_task("support")
    first, second = api.create(document()), api.create(document())
    grade(api, task, first)
    assert listed(api) == [second]


def test_it_lists_what_another_feedback_task_still_waits_for(api: Api) -> None:
    task = api.feedback_task("support")
    other = api.feedback_task("support", name="Tone")
    uid = api.create(document())
    grade(api, task, uid)
    assert listed(api) == [uid]
    grade(api, other, uid)
    assert listed(api) == []


@pytest.mark.parametrize("most", [1, 1_500, 4_000])
@pytest.mark.parametrize("chunk", [2, 200])
def test_it_cuts_a_long_list_into_pages(api: Api, monkeypatch: pytest.MonkeyPatch, most: int, chunk: int) -> None:
    monkeypatch.setattr(completions, "MOST_LIST_BYTES", most)
    monkeypatch.setattr(completions, "CHUNK", chunk)
    api.feedback_task("support")
    uids = [api.create(document()) for _ in range(7)]
    found, pages, after = [], 0, ""
    while True:
        answer = api.get(f"{PATH}?after={quote(after, safe='')}").json
        found += [row["id"] for row in answer["completions"]]
        pages += 1
        if "next" not in answer:
            break
        assert answer["truncated"] is True
        after = answer["next"]
    assert found == uids
    assert "truncated" not in answer
    assert 2 <= pages <= 7


def test_it_goes_on_where_it_was_though_something_was_graded_meanwhile(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completions, "MOST_LIST_BYTES", 1)
    task = api.feedback_task("support")
    uids = [api.create(document()) for _ in range(3)]
    after = api.get(PATH).json["next"]
    grade(api, task, uids[0])
    assert api.get(f"{PATH}?after={quote(after)}").json["completions"][0]["id"] == uids[1]


@pytest.mark.parametrize(
    "after",
    [
        "x",
        "_",
        "2026-01-01",
        "2026-01-01T00:00:00+00:00_",
        "2026-01-01T00:00:00+00:00_x",
        "2026-01-01T00:00:00+00:00_-1",
        "2026-01-01T00:00:00+00:00_9223372036854775808",
        "2026-01-01T00:00:00+00:00_" + "9" * 5_000,
        "0001-01-01T00:00:00+23:59_1",
        "9999-12-31T23:59:59-23:59_1",
        "\x00",
    ],
)
def test_it_refuses_an_after_of_its_own_making(api: Api, after: str) -> None:
    assert "“after”" in api.get(f"{PATH}?after={quote(after)}").refusal(400)


@pytest.mark.parametrize(
    "after", ["2026-01-01_7", "2026-01-01T00:00:00_7", "9000-01-01T00:00:00+00:00_9223372036854775807"]
)
def test_it_takes_any_moment_for_after(api: Api, after: str) -> None:
    assert api.get(f"{PATH}?after={quote(after)}").status == 200


def test_it_answers_log10py_with_what_it_can_parse(api: Api) -> None:
    api.feedback_task("support")
    api.create(document())
    row = api.get(PATH, headers={"User-Agent": LOG10PY}).json["completions"][0]
    assert row["request"]["stop"] is None


def test_it_does_not_list_another_organizations(api: Api, beta: Api) -> None:
    api.feedback_task("support")
    beta.feedback_task("support")
    uid = beta.create(document(organization_id="beta"))
    assert listed(api) == []
    assert listed(beta) == [uid]


def test_it_asks_the_database_as_often_for_many_as_for_few(
    api: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    api.feedback_task("support")
    for count in (2, 20):
        for _ in range(count):
            api.create(document())
        with django_assert_num_queries(3):
            api.get(PATH)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_it_takes_no_other_method(api: Api, method: str) -> None:
    api.call(method, PATH, {}).refusal(405)
