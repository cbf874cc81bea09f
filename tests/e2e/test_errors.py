"""What a running instance refuses: the right status, a sentence, and nothing written."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.e2e import steps
from tests.instances import Instance

pytestmark = pytest.mark.e2e

LIMIT = 200_000
UUID = "6f0b7a52-0d0f-4b68-9d0c-0f1c5b8f2a11"


class Setting:
    """Two organizations on one instance, each with a completion; `ours` has a feedback task."""

    def __init__(self, instance: Instance) -> None:
        self.ours = steps.create_organization(instance, "shop")
        self.theirs = steps.create_organization(instance, "rival", external_id="org-rival")
        self.task = self.ours.create_feedback_task(steps.FEEDBACK_TASK)
        self.uid = self.ours.create(steps.chat("When?", "At nine.", organization_id="shop"))
        self.their_uid = self.theirs.create(steps.chat("When?", "At ten.", organization_id="org-rival"))
        self.before = self.written()

    def written(self) -> list[Any]:
        """All that the API shows of both, and how many rows there are."""
        shown = []
        for organization, uid in ((self.ours, self.uid), (self.theirs, self.their_uid)):
            shown += [organization.document(uid), organization.ungraded(), organization.feedback()]
            shown.append(organization.call("GET", "/api/v1/feedback_task").json())
        counts = "print(*(m.objects.count() for m in (Completion, Revision, Feedback, FeedbackTask, AuditEvent)))"
        return [*shown, steps.ask_database(self.ours.instance, counts)]


@pytest.fixture(scope="module")
def setting() -> Iterator[Setting]:
    """The instance for all tests here; each asserts that it wrote nothing."""
    with Instance("errors", env={"GRADEBENCH_API_MAX_BODY_BYTES": str(LIMIT)}) as instance:
        yield Setting(instance)


@pytest.fixture(autouse=True)
def _nothing_is_written(setting: Setting) -> Iterator[None]:
    yield
    assert setting.written() == setting.before


def refused(answer: requests.Response, *statuses: int) -> str:
    """The sentence of a refusal."""
    assert answer.status_code in statuses, f"{answer.status_code} {answer.text}"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert list(answer.json()) == ["error"]
    sentence: str = answer.json()["error"]
    assert len(sentence.split()) > 3
    return sentence


def test_it_refuses_a_wrong_token(setting: Setting) -> None:
    for token in ("", "gb_wrong", setting.ours.token[:-1], setting.ours.token + "x", "x" * 5_000):
        headers = {"X-Log10-Token": token}
        create = setting.ours.call("POST", "/api/v1/completions", headers=headers, json={"organization_id": "shop"})
        assert "token" in refused(create, 401)
        refused(setting.ours.call("GET", f"/api/completions/{setting.uid}", headers=headers), 401)


def test_it_refuses_another_organizations_id(setting: Setting) -> None:
    document = steps.chat("Whose?", "Not yours.", organization_id="org-rival")
    refused(setting.ours.call("POST", "/api/v1/completions", json=document), 403)
    for name in ("X-Log10-Organization", "X-Log10-Organization-Id"):
        refused(setting.ours.call("GET", "/api/v1/completions/ungraded", headers={name: "rival"}), 403)
    refused(setting.ours.call("GET", "/api/v1/feedback?organization_id=org-rival"), 403)


def test_what_is_another_organizations_is_answered_like_what_is_unknown(setting: Setting) -> None:
    document = {"organization_id": "shop", "status": "finished"}
    theirs, unknown = setting.their_uid, UUID
    known = refused(setting.ours.call("GET", f"/api/completions/{theirs}"), 404)
    assert known.replace(theirs, unknown) == refused(setting.ours.call("GET", f"/api/completions/{unknown}"), 404)
    refused(setting.ours.call("POST", f"/api/v1/completions/{theirs}", json=document), 404)
    refused(setting.ours.call("POST", "/api/v1/completions", json={**document, "id": theirs}), 404)
    refused(setting.theirs.call("GET", f"/api/v1/feedback_task/{setting.task}"), 404)
    grade = {"task_id": setting.task, "json_values": {"verdict": "good", "score": 3}, "comment": ""}
    refused(setting.ours.call("POST", "/api/v1/feedback", json={**grade, "completion_ids": [theirs]}), 404)
    refused(setting.theirs.call("POST", "/api/v1/feedback", json={**grade, "completion_ids": [theirs]}), 404)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"organization_id": "shop"',
        b"[1, 2]",
        b'"text"',
        b"null",
        b'{"organization_id": "shop", "request": "text"}',
        b'{"organization_id": "shop", "tags": [1]}',
        b'{"organization_id": "shop", "duration": NaN}',
        b'{"organization_id": "shop", "x": "\\ud800"}',
        b'{"organization_id": "shop", "x": "\xff"}',
        b'{"organization_id": "shop", "x": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"organization_id": "shop", "id": "' + b"i" * 256 + b'"}',
    ],
)
def test_it_refuses_malformed_json(setting: Setting, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    refused(setting.ours.call("POST", "/api/v1/completions", headers=headers, data=body), 400)
    refused(setting.ours.call("POST", f"/api/v1/completions/{setting.uid}", headers=headers, data=body), 400)


def test_it_refuses_values_that_the_schema_forbids(setting: Setting) -> None:
    grade = {"task_id": setting.task, "comment": "", "completion_ids": [setting.uid]}
    refused(setting.ours.call("POST", "/api/v1/feedback", json={**grade, "json_values": {"verdict": "fine"}}), 400)


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/completion", "/api/v1/completions/", "/api/v2/feedback", "/api/x/y"]
)
def test_it_has_no_other_paths(setting: Setting, path: str) -> None:
    for method in ("GET", "POST"):
        answer = setting.ours.call(method, path, json={"organization_id": "shop"} if method == "POST" else None)
        if answer.status_code != 405:
            refused(answer, 404)


def test_it_refuses_a_method_that_a_path_has_not(setting: Setting) -> None:
    refused(setting.ours.call("DELETE", f"/api/completions/{setting.uid}"), 405)


@pytest.mark.parametrize("size", [LIMIT + 1, 3_000_000])
@pytest.mark.parametrize("announced", [True, False], ids=["with its length", "in chunks"])
def test_it_refuses_a_body_over_the_limit(setting: Setting, size: int, announced: bool) -> None:
    frame = json.dumps({"organization_id": "shop", "x": ""}).encode()
    body = frame[:-2] + b"x" * (size - len(frame)) + frame[-2:]
    assert len(body) == size
    chunks = (body[start : start + 65_536] for start in range(0, size, 65_536))
    headers = {"Content-Type": "application/json"}
    answer = setting.ours.call("POST", "/api/v1/completions", headers=headers, data=body if announced else chunks)
    # 411 asks for the length, which a server may want to know before it reads.
    refused(answer, *([413] if announced else [411, 413]))
