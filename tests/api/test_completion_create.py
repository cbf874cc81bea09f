"""POST /api/v1/completions."""

import gzip
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.conf import settings
from django.test import Client
from pytest_django.fixtures import Settings

from reviews.models import Completion, QueueItem, Revision, Status
from reviews.workflow import documents
from tests.api.conftest import LOG10PY, Api
from tests.api.samples import CORPUS, UID, document

PATH = "/api/v1/completions"
Unchanged = Callable[[], AbstractContextManager[None]]


def test_it_works(api: Api) -> None:
    answer = api.post(PATH, document())
    assert answer.status == 200
    uid = answer.json["id"]
    assert UUID(uid).version == 4
    assert answer.json == {**document(), "id": uid, "organization_id": "acme"}
    completion = Completion.objects.get()
    assert (completion.uid, completion.organization, completion.upstream) == (uid, api.organization, None)
    assert (completion.status, completion.model, completion.prompt_tokens) == ("finished", "gpt-4o-2024-08-06", 21)


@pytest.mark.parametrize("name", CORPUS)
def test_it_keeps_the_bytes_as_they_came(api: Api, name: str) -> None:
    raw = orjson.dumps(CORPUS[name], option=orjson.OPT_INDENT_2)
    assert api.post(PATH, raw).status == 200
    completion = Completion.objects.select_related("received").get()
    assert documents.unpack(completion.received.data) == raw


def test_it_takes_the_id_that_the_client_made(api: Api) -> None:
    assert api.create(document(id=UID)) == UID
    assert api.create(document(id="not a uuid")) == "not a uuid"


def test_it_merges_into_what_is_there(api: Api) -> None:
    api.create(document(id=UID, status="started", response=None))
    answer = api.post(PATH, {"id": UID, "status": "finished", "response": {"a": 1}})
    assert answer.status == 200
    assert list(answer.json)[-1] == "response"
    assert answer.json["request"] == document()["request"]
    assert Completion.objects.get().status == Status.FINISHED


def test_it_does_not_start_again_what_has_ended(api: Api) -> None:
    api.create(document(id=UID, session_id=None))
    answer = api.post(PATH, {"id": UID, "status": "started", "session_id": "late", "duration": 9})
    assert answer.json["status"] == "finished"
    assert answer.json["session_id"] == "late"
    assert answer.json["duration"] == 1.25


def test_it_changes_nothing_the_second_time(api: Api) -> None:
    api.create(document(id=UID))
    api.create(document(id=UID))
    assert Completion.objects.count() == 1
    assert Revision.objects.count() == 0


def test_it_routes_by_tags(api: Api) -> None:
    task = api.feedback_task("support", "urgent")
    api.create(document(tags=["support"]))
    uid = api.create(document(tags=["urgent", "other", "support"]))
    api.create(document(tags=["urgent", "support"], status="started"))
    item = QueueItem.objects.get()
    assert (item.queue.feedback_task, item.completion.uid) == (task, uid)


def test_it_answers_log10py_with_what_it_can_parse(api: Api) -> None:
    request = api.post(PATH, document(), headers={"User-Agent": LOG10PY}).json["request"]
    for member in ("logit_bias", "top_logprobs", "seed", "stop", "stream_options"):
        assert request[member] is None
    assert request["max_tokens"] == 64


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "must be a JSON object"),
        (None, "empty"),
        ({"request": "text"}, "“request”"),
        ({"response": []}, "“response”"),
        ({"kind": 1}, "“kind”"),
        ({"status": {}}, "“status”"),
        ({"tags": "support"}, "“tags”"),
        ({"tags": [1]}, "“tags”"),
        ({"tags": [""]}, "“tags”"),
        ({"tags": ["x" * 256]}, "“tags”"),
        ({"tags": ["x"] * 1_001}, "“tags”"),
        ({"id": 7}, "“id”"),
        ({"id": ""}, "“id”"),
        ({"id": "x" * 256}, "“id”"),
        ({"id": "a\x00b"}, "NUL"),
        ({"session_id": 7}, "“session_id”"),
        ({"failure_kind": []}, "“failure_kind”"),
        (b"{", "valid JSON"),
        (b'{"a":NaN}', "valid JSON"),
        (b'{"a":1,"a":2}', "two members"),
        (b'{"a":"\\ud800"}', "valid JSON"),
        (b'{"a":18446744073709551616}', "64 bits"),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "deeper than 64"),
        (b"\xff", "valid JSON"),
    ],
)
def test_it_validates(api: Api, unchanged: Unchanged, body: object, said: str) -> None:
    with unchanged():
        assert said in api.post(PATH, body).refusal(400)


def test_it_does_not_touch_another_organizations(api: Api, beta: Api, unchanged: Unchanged) -> None:
    beta.create(document(id=UID, organization_id="beta"))
    with unchanged():
        sentence = api.post(PATH, document(id=UID)).refusal(404)
    assert sentence == f"There is no completion {UID} here."


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_it_takes_no_other_method(api: Api, unchanged: Unchanged, method: str) -> None:
    with unchanged():
        assert "method" in api.call(method, PATH).refusal(405).lower()


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "application/vnd.x+json", "", "APPLICATION/JSON"]
)
def test_it_takes_json_by_any_of_its_names(api: Api, content_type: str) -> None:
    assert api.post(PATH, document(), content_type=content_type).status == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"]
)
def test_it_takes_nothing_but_json(api: Api, unchanged: Unchanged, content_type: str) -> None:
    with unchanged():
        assert "application/json" in api.post(PATH, b'{"a":1}', content_type=content_type).refusal(415)


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8", "us-ascii"])
def test_it_takes_utf_8_by_its_names(api: Api, charset: str) -> None:
    assert api.post(PATH, document(), content_type=f"application/json; charset={charset}").status == 200


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "iso-8859-1", "utf-7", "x"])
def test_it_takes_no_other_encoding(api: Api, unchanged: Unchanged, charset: str) -> None:
    with unchanged():
        answer = api.post(PATH, document(), content_type=f"application/json; charset={charset}")
    assert "UTF-8" in answer.refusal(415)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "gzip, identity"])
def test_it_unpacks_no_body(api: Api, unchanged: Unchanged, encoding: str) -> None:
    packed = gzip.compress(orjson.dumps(document()))
    with unchanged():
        answer = api.post(PATH, packed, headers={"Content-Encoding": encoding})
    assert "Content-Encoding" in answer.refusal(415)
    assert api.post(PATH, document(), headers={"Content-Encoding": "identity"}).status == 200


def test_it_takes_ordinary_large_bodies(api: Api) -> None:
    token = {"token": " the", "logprob": -0.25, "bytes": [32, 116, 104, 101]}
    content = [{**token, "top_logprobs": [token] * 5}] * 4_800
    choice = {"index": 0, "message": {"role": "assistant", "content": " the" * 4_800}, "logprobs": {"content": content}}
    with_logprobs = document(response={**document()["response"], "choices": [choice]})
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 3_999_978}}
    with_pictures = document(request={"model": "m", "messages": [{"role": "user", "content": [picture] * 5}]})
    for large, least in ((with_logprobs, 1_700_000), (with_pictures, 20_000_000)):
        raw = orjson.dumps(large)
        assert least < len(raw) < settings.API_MAX_BODY_BYTES
        made = api.post(PATH, raw)
        assert made.status == 200, made.raw[:500]
        assert api.get(f"/api/completions/{made.json['id']}").raw == b'{"data":' + made.raw + b"}"


def test_it_bounds_what_comes_together_post_by_post(api: Api, unchanged: Unchanged, settings: Settings) -> None:
    settings.API_MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    api.create({"id": UID, "a": "x" * 600})
    with unchanged():
        assert "1,000 bytes" in api.post(PATH, {"id": UID, "b": "x" * 600}).refusal(413)
    assert api.post(PATH, {"id": UID, "a": "x" * 900}).status == 200


def test_it_bounds_the_body(api: Api, unchanged: Unchanged, settings: Settings) -> None:
    settings.API_MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    frame = b'{"x":""}'
    for length in (999, 1_000):
        assert api.post(PATH, frame[:-2] + b"x" * (length - len(frame)) + frame[-2:]).status == 200
    with unchanged():
        assert "1,000 bytes" in api.post(PATH, frame[:-2] + b"x" * (1_001 - len(frame)) + frame[-2:]).refusal(413)


def test_it_says_so_of_a_body_that_only_says_that_it_is_long(api: Api, settings: Settings) -> None:
    settings.API_MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    response: Any = Client().generic("POST", PATH, b"x" * 5_000, "application/json", headers=api.headers)
    assert response.status_code == 413
