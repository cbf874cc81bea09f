"""What a client gets for what it should not send, over the wire: the right 4xx, a sentence, nothing written."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.e2e.sides import Api, completion, open_api
from tests.instances import Instance

pytestmark = pytest.mark.e2e
LIMIT = 200_000


@pytest.fixture(scope="module")
def running() -> Iterator[Api]:
    with Instance("errors", env={"GRADEBENCH_API_MAX_BODY_BYTES": str(LIMIT)}) as instance:
        instance.wait_ready()
        yield open_api(instance, "app")


def _send(api: Api, path: str = "/api/v1/completions", **changes: Any) -> requests.Response:
    request: dict[str, Any] = {"json": completion("Hello."), "headers": {"X-Log10-Token": api.token}, "timeout": 30}
    return requests.post(api.url + path, **{**request, **changes}, allow_redirects=False)


CASES: dict[str, tuple[int, Callable[[Api], requests.Response]]] = {
    "no token": (401, lambda api: _send(api, headers={})),
    "a wrong token": (401, lambda api: _send(api, headers={"X-Log10-Token": "gb_wrong"})),
    "another organization in the body": (403, lambda api: _send(api, json=completion("x", organization_id="other"))),
    "another organization in the query": (403, lambda api: _send(api, "/api/v1/completions?organization_id=other")),
    "another organization in the header": (
        403,
        lambda api: _send(api, headers={"X-Log10-Token": api.token, "X-Log10-Organization": "other"}),
    ),
    "malformed JSON": (400, lambda api: _raw(api, b'{"kind": ')),
    "two members of one name": (400, lambda api: _raw(api, b'{"kind": "chat", "kind": "prompt"}')),
    "NaN": (400, lambda api: _raw(api, b'{"duration": NaN}')),
    "half a character": (400, lambda api: _raw(api, b'{"kind": "\\ud800"}')),
    "too deep": (400, lambda api: _raw(api, b'{"request": ' + b'{"a":' * 80 + b"1" + b"}" * 81)),
    "not an object": (400, lambda api: _raw(api, b"[]")),
    "an unknown path": (404, lambda api: _send(api, "/api/v1/nothing")),
    "a slash at the end": (404, lambda api: _send(api, "/api/v1/sessions/")),
    "a body over the limit": (413, lambda api: _raw(api, b'{"kind":"' + b"x" * LIMIT + b'"}')),
    "a form": (415, lambda api: _send(api, json=None, data={"kind": "chat"})),
    "an unknown id that is no uuid": (404, lambda api: _send(api, "/api/v1/completions/17")),
}


def _raw(api: Api, body: bytes) -> requests.Response:
    headers = {"X-Log10-Token": api.token, "Content-Type": "application/json"}
    return _send(api, json=None, data=body, headers=headers)


@pytest.mark.parametrize("case", CASES)
def test_it_answers_with_a_sentence_and_writes_nothing(running: Api, case: str) -> None:
    status, send = CASES[case]
    response = send(running)
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"].startswith("application/json")
    assert len(response.json()["error"].split()) > 3
    assert running.get("/api/v1/completions/ungraded").json() == {"completions": []}
    assert running.get("/api/v1/feedback").json()["total"] == 0


def test_it_takes_a_body_at_the_limit(running: Api) -> None:
    frame = b'{"kind":"chat","status":"finished","failure_reason":"' + b'"}'
    body = frame[:-2] + b"x" * (LIMIT - len(frame)) + frame[-2:]
    assert len(body) == LIMIT
    assert _raw(running, body).status_code == 200
