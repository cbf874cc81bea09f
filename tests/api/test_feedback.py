"""POST /api/v1/feedback and GET /api/v1/feedback/{id}."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from reviews.models import Feedback, FeedbackCompletion, FeedbackOrigin, ItemState, Push, QueueItem
from tests.api.conftest import Api
from tests.api.samples import UID, document

PATH = "/api/v1/feedback"
Unchanged = Callable[[], AbstractContextManager[None]]


def body(task: Any, **members: Any) -> dict[str, Any]:
    return {
        "task_id": task.uid,
        "json_values": {"score": 4},
        "matched_completion_ids": [],
        "comment": "Good.",
        "organization_id": "acme",
        **members,
    }


def test_it_works(api: Api) -> None:
    task = api.feedback_task("support")
    uid = api.create(document())
    answer = api.post(PATH, body(task, completion_ids=[uid]))
    row = Feedback.objects.get()
    assert answer.status == 200
    assert answer.json == {
        "id": row.uid,
        "organization_id": "acme",
        "task_id": task.uid,
        "task_name": "Helpful",
        "json_values": {"score": 4},
        "matched_completion_ids": [uid],
        "comment": "Good.",
        "created_at": row.created_at.isoformat(),
        "created_at_ms": int(row.created_at.timestamp() * 1000),
    }
    assert (row.origin, row.api_token, row.reviewer) == (FeedbackOrigin.API, api.token, None)
    assert row.task_revision == task.current_revision
    assert Push.objects.count() == 0


def test_it_names_the_document_that_was_graded(api: Api) -> None:
    task = api.feedback_task("support")
    uid = api.create(document())
    api.post(PATH, body(task, completion_ids=[uid]))
    api.post(f"/api/v1/completions/{uid}", {"x": 1})
    match = FeedbackCompletion.objects.select_related("completion").get()
    assert match.document_id == match.completion.received_id != match.completion.current_id


def test_it_takes_the_item_out_of_the_queue(api: Api) -> None:
    task = api.feedback_task("support")
    uid = api.create(document())
    api.post(PATH, body(task, completion_ids=[uid]))
    item = QueueItem.objects.get()
    assert item.graded_at is not None
    assert item.state != ItemState.OPEN


def test_it_takes_several_completions(api: Api) -> None:
    task = api.feedback_task("support")
    uids = [api.create(document()) for _ in range(3)]
    answer = api.post(PATH, body(task, completion_ids=[*uids, uids[0]]))
    assert sorted(answer.json["matched_completion_ids"]) == sorted(uids)


def test_it_keeps_the_members_of_the_values_in_their_order(api: Api) -> None:
    task = api.feedback_task("support")
    uid = api.create(document())
    values = {"note": "é\x00", "score": 2}
    answer = api.post(PATH, body(task, completion_ids=[uid], json_values=values))
    assert list(answer.json["json_values"].items()) == list(values.items())


def test_it_takes_no_comment(api: Api) -> None:
    task = api.feedback_task("support")
    uid = api.create(document())
    assert api.post(PATH, body(task, completion_ids=[uid], comment=None)).json["comment"] == ""


def test_it_finds_completions_by_tags(api: Api) -> None:
    task = api.feedback_task("support")
    api.create(document(tags=["support"]))
    both = api.create(document(tags=["support", "urgent"]))
    answer = api.post(PATH, body(task, completion_tags_selector=["urgent", "support"]))
    assert answer.json["matched_completion_ids"] == [both]


def test_it_takes_the_newest_where_tags_match_many(api: Api) -> None:
    task = api.feedback_task("support")
    uids = [api.create(document()) for _ in range(3)]
    answer = api.post(PATH, body(task, completion_tags_selector=["support"], max_matched_completions=2))
    assert sorted(answer.json["matched_completion_ids"]) == sorted(uids[1:])


@pytest.mark.parametrize("selector", [["unknown"], ["support", "unknown"], [], {}, None])
def test_it_refuses_feedback_on_nothing_unless_told(api: Api, unchanged: Unchanged, selector: object) -> None:
    task = api.feedback_task("other")
    api.create(document())
    with unchanged():
        sentence = api.post(PATH, body(task, completion_tags_selector=selector)).refusal(400)
    assert "allow_unmatched_feedback" in sentence
    answer = api.post(PATH, body(task, completion_tags_selector=selector, allow_unmatched_feedback=True))
    assert (answer.status, answer.json["matched_completion_ids"]) == (200, [])


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"score": 9}, "score"),
        ({"score": "4"}, "score"),
        ({"score": 4, "note": 1}, "note"),
        ({}, "score"),
        ({"score": 4, "extra": 1}, "extra"),
    ],
)
def test_it_refuses_values_that_the_schema_refuses_and_says_where(
    api: Api, unchanged: Unchanged, values: dict[str, Any], place: str
) -> None:
    task = api.feedback_task("support")
    uid = api.create(document())
    with unchanged():
        assert place in api.post(PATH, body(task, completion_ids=[uid], json_values=values)).refusal(400)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"task_id": None}, "“task_id”"),
        ({"task_id": 7}, "“task_id”"),
        ({"task_id": "a\x00"}, "“task_id”"),
        ({"json_values": None}, "“json_values”"),
        ({"json_values": [1]}, "“json_values”"),
        ({"comment": 7}, "“comment”"),
        ({"comment": "a\x00b"}, "NUL"),
        ({"comment": "x" * 20_001}, "20,000"),
        ({"completion_ids": "x"}, "“completion_ids”"),
        ({"completion_ids": [1]}, "“completion_ids”"),
        ({"completion_ids": ["a\x00"]}, "“completion_ids”"),
        ({"completion_ids": ["x"] * 1_001}, "“completion_ids”"),
        ({"completion_tags_selector": "x"}, "“completion_tags_selector”"),
        ({"completion_tags_selector": ["a\x00"]}, "“completion_tags_selector”"),
        ({"max_matched_completions": 0}, "“max_matched_completions”"),
        ({"max_matched_completions": True}, "“max_matched_completions”"),
        ({"max_matched_completions": "1"}, "“max_matched_completions”"),
        ({"max_matched_completions": 1.0}, "“max_matched_completions”"),
        ({"max_matched_completions": 1_001}, "“max_matched_completions”"),
        ({"max_matched_completions": 2**63}, "“max_matched_completions”"),
        ({"allow_unmatched_feedback": "true"}, "“allow_unmatched_feedback”"),
        ({"allow_unmatched_feedback": 1}, "“allow_unmatched_feedback”"),
        ({"allow_unmatched_feedback": []}, "“allow_unmatched_feedback”"),
        ({"completion_ids": {}}, "“completion_ids”"),
        ({"completion_ids": [""]}, "“completion_ids”"),
        ({"completion_ids": ["x" * 256]}, "“completion_ids”"),
        ({"completion_tags_selector": ["x"] * 101}, "“completion_tags_selector”"),
        ({"completion_tags_selector": [None]}, "“completion_tags_selector”"),
        ({"json_values": "{}"}, "“json_values”"),
    ],
)
def test_it_validates(api: Api, unchanged: Unchanged, members: dict[str, Any], said: str) -> None:
    task = api.feedback_task("support")
    uid = api.create(document())
    with unchanged():
        assert said in api.post(PATH, body(task, **({"completion_ids": [uid]} | members))).refusal(400)


def test_it_names_the_path_of_a_nested_value(api: Api, unchanged: Unchanged) -> None:
    part = {"type": "object", "properties": {"scores": {"type": "array", "items": {"type": "integer"}}}}
    task = api.feedback_task("support", schema={"type": "object", "properties": {"part": part}})
    uid = api.create(document())
    with unchanged():
        answer = api.post(PATH, body(task, completion_ids=[uid], json_values={"part": {"scores": [1, "two"]}}))
    assert answer.refusal(400).startswith("part.scores.1: ")


def test_it_refuses_values_that_are_too_large(api: Api, unchanged: Unchanged) -> None:
    task = api.feedback_task("support", schema={"type": "object"})
    uid = api.create(document())
    deep: Any = 1
    for _ in range(62):
        deep = [deep]
    for values in ({"a": "x" * 1_100_000}, {"a": [0] * 100_001}, {"a": {"b": {"c": deep}}}):
        with unchanged():
            api.post(PATH, body(task, completion_ids=[uid], json_values=values)).refusal(400)


@pytest.mark.parametrize("matched", [[], ["of no meaning"], None, "x", 7])
def test_it_finds_out_itself_what_is_matched(api: Api, matched: object) -> None:
    """log10py sends `matched_completion_ids` with every feedback; it is for the server to say."""
    task = api.feedback_task("support")
    uid = api.create(document())
    answer = api.post(PATH, body(task, completion_ids=[uid], matched_completion_ids=matched))
    assert answer.json["matched_completion_ids"] == [uid]


@pytest.mark.parametrize("tags", [[], ["unknown"], {}, None])
def test_it_goes_by_ids_where_there_are_ids_and_tags(api: Api, tags: object) -> None:
    task = api.feedback_task("support")
    uid, _ = api.create(document()), api.create(document())
    answer = api.post(PATH, body(task, completion_ids=[uid], completion_tags_selector=tags))
    assert answer.json["matched_completion_ids"] == [uid]


def test_it_goes_by_tags_where_there_are_no_ids(api: Api) -> None:
    task = api.feedback_task("support")
    uid = api.create(document())
    answer = api.post(PATH, body(task, completion_ids=[], completion_tags_selector=["support"]))
    assert answer.json["matched_completion_ids"] == [uid]


def test_it_takes_a_hundred_tags_and_every_one_of_them_counts(api: Api) -> None:
    task = api.feedback_task("support")
    tags = [f"tag {number}" for number in range(100)]
    api.create(document(tags=tags[:-1]))
    uid = api.create(document(tags=tags))
    answer = api.post(PATH, body(task, completion_tags_selector=tags))
    assert answer.json["matched_completion_ids"] == [uid]


@pytest.mark.parametrize("allowed", [False, None])
def test_it_takes_a_null_for_not_allowed(api: Api, unchanged: Unchanged, allowed: object) -> None:
    task = api.feedback_task("support")
    with unchanged():
        given = body(task, completion_tags_selector=["support"], allow_unmatched_feedback=allowed)
        assert "allow_unmatched_feedback" in api.post(PATH, given).refusal(400)


def test_it_does_not_know_another_feedback_task(api: Api, beta: Api, unchanged: Unchanged) -> None:
    theirs = beta.feedback_task("support")
    uid = api.create(document())
    with unchanged():
        sentence = api.post(PATH, body(theirs, completion_ids=[uid])).refusal(404)
        assert sentence == f"There is no feedback task {theirs.uid} here."
        api.post(PATH, body(theirs, task_id="unknown", completion_ids=[uid])).refusal(404)


def test_it_does_not_know_another_organizations_completion(api: Api, beta: Api, unchanged: Unchanged) -> None:
    task = api.feedback_task("support")
    mine = api.create(document())
    theirs = beta.create(document(organization_id="beta"))
    with unchanged():
        sentence = api.post(PATH, body(task, completion_ids=[mine, theirs])).refusal(404)
        assert sentence == f"There is no completion {theirs} here."
        api.post(PATH, body(task, completion_ids=[UID])).refusal(404)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_it_takes_no_other_method(api: Api, unchanged: Unchanged, method: str) -> None:
    with unchanged():
        api.call(method, PATH).refusal(405)
        api.call(method, f"{PATH}/x").refusal(405)
        api.post(f"{PATH}/x", {}).refusal(405)


def test_it_shows_one(api: Api) -> None:
    task = api.feedback_task("support")
    uid = api.create(document())
    made = api.post(PATH, body(task, completion_ids=[uid])).json
    answer = api.get(f"{PATH}/{made['id']}?organization_id=acme")
    assert (answer.status, answer.json) == (200, made)


@pytest.mark.parametrize("uid", ["unknown", "%00", UID])
def test_it_does_not_show_what_is_not_there(api: Api, uid: str) -> None:
    api.get(f"{PATH}/{uid}").refusal(404)


def test_it_does_not_show_another_organizations(api: Api, beta: Api) -> None:
    task = beta.feedback_task("support")
    uid = beta.create(document(organization_id="beta"))
    made = beta.post(PATH, body(task, completion_ids=[uid], organization_id="beta")).json
    assert beta.get(f"{PATH}/{made['id']}").status == 200
    api.get(f"{PATH}/{made['id']}").refusal(404)
