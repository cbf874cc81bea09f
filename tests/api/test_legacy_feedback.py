"""Feedback and feedback tasks as log10-io asks for them: its organization in query and body, nulls for nothing."""

from typing import Any

from tests.api.conftest import Api
from tests.api.log10io import HEADERS
from tests.api.samples import SCHEMA, document

FEEDBACK = "/api/v1/feedback"
TASKS = "/api/v1/feedback_task"
WITHOUT_HEADER = {"User-Agent": "python-requests/2.32.5"}


def given(task_uid: str, **members: Any) -> dict[str, Any]:
    """What `log10 feedback create` posts."""
    sent = {"task_id": task_uid, "json_values": {"score": 4}, "completion_tags_selector": ["support"], "comment": ""}
    return {**sent, "organization_id": "acme", **members}


def listed(api: Api, *, offset: int = 0, limit: int = 50, task_uid: str = "") -> Any:
    """What `Feedback.list` gets."""
    query = f"organization_id=acme&offset={offset}&limit={limit}&task_id={task_uid}"
    return api.get(f"{FEEDBACK}?{query}", headers=HEADERS).json


def test_it_takes_feedback_without_a_comment_and_without_the_header(api: Api) -> None:
    task = api.feedback_task("support")
    uid = api.create(document())
    for headers in (WITHOUT_HEADER, HEADERS):
        answer = api.post(FEEDBACK, given(task.uid, comment=None), headers=headers)
        assert (answer.status, answer.json["comment"]) == (200, "")
        assert answer.json["matched_completion_ids"] == [uid]
        got = api.get(f"{FEEDBACK}/{answer.json['id']}?organization_id=acme", headers=headers)
        assert got.json == answer.json


def test_it_says_what_is_wrong_under_error(api: Api) -> None:
    """Quirk 12: the client's own path for failures reads that key."""
    task = api.feedback_task("support")
    api.create(document())
    api.post(FEEDBACK, given(task.uid, json_values={"score": 9}), headers=HEADERS).refusal(400)
    api.post(FEEDBACK, given("unknown"), headers=HEADERS).refusal(404)
    api.post(TASKS, {"organization_id": "acme", "name": "x"}, headers=HEADERS).refusal(400)
    api.post(TASKS, headers=HEADERS).refusal(400)
    api.get(f"{TASKS}/unknown?organization_id=acme", headers=HEADERS).refusal(404)


def test_it_lets_the_client_fetch_to_the_end_from_any_offset(api: Api) -> None:
    """Quirk 10: the client asks on as long as it has fewer rows than `total`."""
    tasks = [api.feedback_task("support"), api.feedback_task("support", name="Tone")]
    api.create(document())
    for _ in range(4):
        api.post(FEEDBACK, given(tasks[0].uid), headers=HEADERS)
    assert listed(api)["total"] == listed(api, task_uid=tasks[0].uid)["total"] == 4
    assert listed(api, task_uid=tasks[1].uid) == {"feedback": [], "data": [], "total": 0}
    first = listed(api, offset=1, limit=2)
    rest = listed(api, offset=3, limit=2)
    assert (len(first["data"]), first["total"]) == (2, 3)
    assert len(first["data"]) + len(rest["data"]) == first["total"]
    assert {"id", "task_name", "json_values", "matched_completion_ids"} <= set(first["data"][0])


def test_it_lists_feedback_tasks_with_what_the_table_reads(api: Api) -> None:
    """Quirk 9: the client reads `json_schema.required` of every row."""
    loose = {name: value for name, value in SCHEMA.items() if name != "required"}
    sent = {"organization_id": "acme", "name": "Loose", "json_schema": loose, "completion_tags_selector": []}
    made = api.post(TASKS, sent, headers=HEADERS)
    assert made.status == 200
    (row,) = api.get(f"{TASKS}?organization_id=acme&offset=0&limit=25", headers=HEADERS).json["data"]
    assert (row["id"], row["json_schema"]["required"], row["instruction"]) == (made.json["id"], [], "")
    assert "created_at" in row
    assert api.get(f"{TASKS}/{row['id']}?organization_id=acme", headers=HEADERS).json == row
