"""log10py 0.1.0, every operation of it."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.conftest import FEEDBACK_TASK
from tests.clients.documents import ours
from tests.clients.drivers import Log10Py, Wire, header, path
from tests.e2e.steps import Organization, same

pytestmark = pytest.mark.e2e

CHAT = ours()["chat with logprobs"]


def logged(organization: Organization, *tags: str) -> dict[str, Any]:
    """A document of that organization with these tags."""
    return {"organization_id": organization.external_id, **CHAT, "tags": list(tags)}


def test_it_creates(log10py: Log10Py, organization: Organization, wire: Wire) -> None:
    document = logged(organization, "created")
    answered = log10py("create", completion=document)
    seen, status = wire.last()
    assert (seen.method, seen.path, status) == ("POST", "/api/v1/completions", 200)
    assert header(seen, "X-Log10-Organization") == organization.external_id
    assert answered["response"]["choices"][0]["message"]["content"] == "Köln: 4"
    # The SDK sends its members in an order of its own; that is the one that is kept.
    assert seen.json == document
    stored = organization.document(answered["id"])
    assert stored is not None
    assert same(stored) == same(seen.json)


def test_it_updates(log10py: Log10Py, organization: Organization) -> None:
    uid = organization.create(logged(organization, "before"))
    changed = {"organization_id": organization.external_id, "tags": ["after"], "failure_reason": "none"}
    answered = log10py("update", id=uid, completion=changed)
    assert (answered["id"], answered["tags"], answered["status"]) == (uid, ["after"], "finished")
    assert answered["response"]["choices"][0]["message"]["content"] == "Köln: 4"
    expected = {**logged(organization, "after"), "failure_reason": "none"}
    assert {**(organization.document(uid) or {}), "id": None} == {**expected, "id": None}


def test_it_lists_the_ungraded(log10py: Log10Py, organization: Organization, feedback_task: str) -> None:
    graded, waiting = (organization.create(logged(organization, "clients")) for _ in range(2))
    values = {"task_id": feedback_task, "json_values": {"score": 5}, "completion_ids": [graded]}
    log10py("upload_feedback", feedback={"organization_id": organization.external_id, **values})
    listed = log10py("list_ungraded")
    assert waiting in listed
    assert graded not in listed


def test_it_opens_sessions(log10py: Log10Py, wire: Wire) -> None:
    first, second = log10py("create_session"), log10py("create_session")
    assert first
    assert first != second
    assert [(path(seen), seen.body, status) for seen, status in wire.exchanges()] == [
        ("/api/v1/sessions", b"", 201)
    ] * 2


def test_it_creates_lists_and_gets_feedback_tasks(log10py: Log10Py, organization: Organization) -> None:
    asked = {**FEEDBACK_TASK, "name": "By log10py", "completion_tags_selector": ["by-log10py"]}
    uid = log10py("create_feedback_task", feedback_task=asked)
    assert log10py("list_feedback_tasks")[uid] == "By log10py"
    got = log10py("get_feedback_task", id=uid)
    assert (got["id"], got["name"], got["instruction"]) == (uid, "By log10py", FEEDBACK_TASK["instruction"])
    stored = organization.call("GET", f"/api/v1/feedback_task/{uid}").json()
    assert stored["json_schema"] == FEEDBACK_TASK["json_schema"]
    assert stored["completion_tags_selector"] == ["by-log10py"]


def test_it_uploads_feedback_by_ids(log10py: Log10Py, organization: Organization, feedback_task: str) -> None:
    uids = [organization.create(logged(organization, "by-ids")) for _ in range(2)]
    sent = {"task_id": feedback_task, "json_values": {"score": 4}, "comment": "Good.", "completion_ids": uids}
    made = log10py("upload_feedback", feedback={"organization_id": organization.external_id, **sent})
    assert sorted(made["completions"]) == sorted(uids)
    got = log10py("get_feedback", id=made["id"])
    assert (got["task_id"], got["comment"]) == (feedback_task, "Good.")
    stored = organization.call("GET", f"/api/v1/feedback/{made['id']}").json()
    assert stored["json_values"] == {"score": 4}


def test_it_uploads_feedback_by_tags(
    log10py: Log10Py, organization: Organization, feedback_task: str, wire: Wire
) -> None:
    uids = [organization.create(logged(organization, "by", "tags")) for _ in range(3)]
    organization.create(logged(organization, "by"))
    sent = {
        "organization_id": organization.external_id,
        "task_id": feedback_task,
        "json_values": {"score": 2},
        "completion_tags_selector": ["by", "tags"],
    }
    made = log10py("upload_feedback", feedback=sent)
    asked = wire.last()[0].json
    assert (asked["allow_unmatched_feedback"], asked["max_matched_completions"]) == (False, 100)
    assert sorted(made["completions"]) == sorted(uids)

    unmatched = {**sent, "completion_tags_selector": ["by", "nobody"]}
    refused = log10py("upload_feedback", feedback=unmatched, refused=True)
    assert refused["status"] == 400
    assert log10py("upload_feedback", feedback={**unmatched, "allow_unmatched_feedback": True})["completions"] == []


def test_it_lists_feedback(log10py: Log10Py, organization: Organization, wire: Wire) -> None:
    task = organization.create_feedback_task({**FEEDBACK_TASK, "name": "Listed"})
    uid = organization.create(logged(organization, "listed"))
    about = {"organization_id": organization.external_id, "task_id": task, "completion_ids": [uid]}
    for score in range(1, 5):
        log10py("upload_feedback", feedback={**about, "json_values": {"score": score}, "comment": f"{score}"})
    wire.exchanges()
    rows = log10py("list_feedback", filters={"task_id": task})
    assert [row["comment"] for row in rows] == ["4", "3", "2", "1"]
    assert rows[0] == {"task_id": task, "completions": [uid], "comment": "4"}
    assert log10py("list_feedback", filters={"task_id": task, "offset": 1, "limit": 2}) == rows[1:3]
    assert log10py("list_feedback", filters={"completion_id": uid}) == rows
    assert rows[0] in log10py("list_feedback", filters={})
    assert [bool(seen.body) for seen, _ in wire.exchanges()] == [True, True, True, False]


def test_it_raises_with_a_sentence_for_what_was_purged(log10py: Log10Py, organization: Organization) -> None:
    mine = {"organization_id": organization.external_id, "status": "finished"}
    uid = log10py("create", completion=logged(organization, "clients"))["id"]
    organization.instance.carry_out("purge", "--organization", organization.slug, "--completion", uid)
    for refused in (
        log10py("update", id=uid, completion=mine, refused=True),
        log10py("create", completion={**mine, "id": uid}, refused=True),
    ):
        assert refused["status"] == 410
        assert uid in json.loads(refused["body"])["error"]
    assert uid not in log10py("list_ungraded")


def test_it_raises_with_a_sentence_for_what_is_refused(log10py: Log10Py, organization: Organization) -> None:
    mine = {"organization_id": organization.external_id}
    missing = str(uuid4())
    refusals = {
        "unknown feedback": (404, log10py("get_feedback", id=missing, refused=True)),
        "unknown feedback task": (404, log10py("get_feedback_task", id=missing, refused=True)),
        "no uuid": (404, log10py("update", id="none-such", completion=mine, refused=True)),
        "another id in the body": (400, log10py("update", id=missing, completion={**mine, "id": "x"}, refused=True)),
        "no schema": (
            400,
            log10py(
                "create_feedback_task",
                feedback_task={**FEEDBACK_TASK, "json_schema": 7} | {"completion_tags_selector": []},
                refused=True,
            ),
        ),
        "tags": (400, log10py("create", completion={**mine, "tags": [1]}, refused=True)),
    }
    for what, (status, refused) in refusals.items():
        assert (refused["status"], refused["message"]) == (status, "API error occurred"), what
        sentence = json.loads(refused["body"])["error"]
        assert sentence.endswith((".", "!")), sentence
    assert organization.document(missing) is None
