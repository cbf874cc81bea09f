"""GET and POST /api/v1/feedback_task, GET /api/v1/feedback_task/{id}."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from reviews.models import FeedbackTask, QueueItem
from tests.api.conftest import LOG10PY, Api
from tests.api.samples import SCHEMA, document

PATH = "/api/v1/feedback_task"
Unchanged = Callable[[], AbstractContextManager[None]]


def body(**members: Any) -> dict[str, Any]:
    whole = {
        "json_schema": SCHEMA,
        "name": "Helpful",
        "instruction": "Read it.",
        "completion_tags_selector": ["support", "prod"],
    }
    return whole | members


def test_it_works(api: Api) -> None:
    answer = api.post(PATH, body())
    task = FeedbackTask.objects.get()
    assert answer.status == 200
    assert answer.json == {
        "id": task.uid,
        "organization_id": "acme",
        "created_at": task.created_at.isoformat(),
        "created_at_ms": int(task.created_at.timestamp() * 1000),
        "name": "Helpful",
        "instruction": "Read it.",
        "json_schema": SCHEMA,
        "completion_tags_selector": ["prod", "support"],
    }
    assert (task.upstream, task.pulled, task.queue.name) == (None, False, "Helpful")
    assert api.get(f"{PATH}/{task.uid}").json == answer.json


def test_it_offers_what_is_there_already(api: Api) -> None:
    uid = api.create(document())
    api.post(PATH, body(completion_tags_selector=["support"]))
    assert QueueItem.objects.get().completion.uid == uid


def test_it_keeps_the_order_of_the_schema(api: Api) -> None:
    schema = {**SCHEMA, "properties": {name: {"type": "string"} for name in "zebra"}, "required": ["z"]}
    answer = api.post(PATH, body(json_schema=schema))
    assert list(answer.json["json_schema"]["properties"]) == list("zebra")


def test_it_lists_a_bare_array_for_log10py_and_data_for_log10_io(api: Api) -> None:
    made = [api.post(PATH, body(name=name)).json for name in ("a", "b", "c")]
    assert api.get(PATH).json == made[::-1]
    assert api.get(f"{PATH}?organization_id=acme&offset=0&limit=2").json == {"data": [made[2], made[1]]}
    assert api.get(f"{PATH}?organization_id=acme&offset=2&limit=2").json == {"data": [made[0]]}


@pytest.mark.parametrize("selector", [["support"], [], {}, None, {"tags": ["x"]}])
def test_it_takes_every_form_of_selector_and_gives_log10py_an_object(api: Api, selector: object) -> None:
    plain = api.post(PATH, body(completion_tags_selector=selector)).json
    assert plain["completion_tags_selector"] == (selector if isinstance(selector, list) else [])
    headers = {"User-Agent": LOG10PY}
    assert api.get(PATH, headers=headers).json[0]["completion_tags_selector"] == {}
    assert api.get(f"{PATH}/{plain['id']}", headers=headers).json["completion_tags_selector"] == {}
    assert api.post(PATH, body(), headers=headers).json["completion_tags_selector"] == {}


def test_it_always_gives_log10_io_the_member_required(api: Api) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert api.post(PATH, body(json_schema=schema)).json["json_schema"]["required"] == []


def test_it_takes_no_instruction(api: Api) -> None:
    assert api.post(PATH, {"name": "x", "json_schema": SCHEMA}).json["instruction"] == ""


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"name": None}, "“name”"),
        ({"name": ""}, "“name”"),
        ({"name": 7}, "“name”"),
        ({"name": "x" * 256}, "“name”"),
        ({"name": "a\x00"}, "“name”"),
        ({"instruction": []}, "“instruction”"),
        ({"instruction": "x" * 20_001}, "“instruction”"),
        ({"instruction": "a\x00"}, "“instruction”"),
        ({"json_schema": None}, "“json_schema”"),
        ({"json_schema": []}, "“json_schema”"),
        ({"json_schema": {"type": "wrong"}}, "schema"),
        ({"json_schema": {"type": "object", "$ref": "http://127.0.0.1/x"}}, "schema"),
        ({"completion_tags_selector": "x"}, "“completion_tags_selector”"),
        ({"completion_tags_selector": [1]}, "“completion_tags_selector”"),
        ({"completion_tags_selector": ["a\x00"]}, "“completion_tags_selector”"),
        ({"completion_tags_selector": [str(n) for n in range(101)]}, "“completion_tags_selector”"),
    ],
)
def test_it_validates(api: Api, unchanged: Unchanged, members: dict[str, Any], said: str) -> None:
    with unchanged():
        assert said in api.post(PATH, body(**members)).refusal(400)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "circular"),
        ({"properties": {"a": {"$ref": "#"}}}, "circular"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "no such part"),
        ({"properties": {"a": {"$ref": "https://example.com/a.json"}}}, "only references inside the schema"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "only references inside the schema"),
        ({"$schema": "https://example.com/draft"}, "not a known draft"),
        ({"properties": {"a": {"pattern": "(a)\\1"}}}, "linear time"),
        ({"properties": {"a": {"pattern": "(a{1000}){1000}"}}}, "linear time"),
        ({"description": "x" * 66_000}, "at most 65,536"),
        ({"enum": [{}] * 2_001}, "more than 2,000 nodes"),
        ({"properties": {str(number): {} for number in range(501)}}, "at most 500"),
        ({"type": "string"}, "must describe an object"),
    ],
)
def test_it_checks_the_schema_when_it_is_created(
    api: Api, unchanged: Unchanged, schema: dict[str, Any], said: str
) -> None:
    with unchanged():
        assert said in api.post(PATH, body(json_schema={"type": "object", **schema})).refusal(400)


def test_it_matches_catastrophic_patterns_in_linear_time(api: Api) -> None:
    pattern = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}}}
    task = api.post(PATH, body(json_schema=pattern)).json["id"]
    uid = api.create(document())
    grade = {"task_id": task, "json_values": {"a": "a" * 100_000}, "completion_ids": [uid]}
    started = time.process_time()
    assert api.post("/api/v1/feedback", grade).refusal(400).startswith("a: ")
    assert time.process_time() - started < 5


@pytest.mark.parametrize("raw", [None, b"[]", b"{", b'{"name":"a","name":"b"}'])
def test_it_refuses_another_body(api: Api, unchanged: Unchanged, raw: bytes | None) -> None:
    with unchanged():
        api.post(PATH, raw).refusal(400)


@pytest.mark.parametrize("query", ["organization_id=acme&limit=x", "organization_id=acme&offset=-1"])
def test_it_validates_the_query(api: Api, query: str) -> None:
    api.get(f"{PATH}?{query}").refusal(400)


def test_it_does_not_show_another_organizations(api: Api, beta: Api) -> None:
    task = beta.feedback_task("support")
    assert api.get(PATH).json == []
    unknown = api.get(f"{PATH}/unknown").refusal(404)
    assert api.get(f"{PATH}/{task.uid}").refusal(404) == unknown.replace("unknown", task.uid)
    api.get(f"{PATH}/%00").refusal(404)


def test_it_asks_the_database_as_often_for_many_as_for_few(
    api: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    api.get(PATH)
    for count in (1, 5):
        for number in range(count):
            api.feedback_task("support", name=f"{count} {number}")
        with django_assert_num_queries(3):
            api.get(PATH)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_it_takes_no_other_method(api: Api, unchanged: Unchanged, method: str) -> None:
    with unchanged():
        api.call(method, PATH).refusal(405)
        api.call(method, f"{PATH}/x").refusal(405)
        api.post(f"{PATH}/x", {}).refusal(405)
