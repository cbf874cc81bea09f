"""The description of the API: what it says is served, and what is served it says."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from django.test import Client
from django.urls import get_resolver

from reviews.api import sessions
from reviews.api.openapi import document as documents
from reviews.api.openapi.components import SCHEMAS
from reviews.api.openapi.document import Undescribed, document
from tests.api.api_tables import PAGE, with_tables
from tests.api.conftest import LOG10PY, Api
from tests.api.samples import CORPUS
from tests.api.samples import document as completion
from tests.api.test_authentication import CALLS

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of everything in the document."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def validator(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    """A validator of one schema of the document, formats included."""
    whole = {**schema, "components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def problems(schema: dict[str, Any], value: object) -> list[str]:
    """What is wrong with a value."""
    return [f"{error.instance_path}: {error.message}" for error in validator(schema).iter_errors(value)]


def test_it_is_valid_openapi() -> None:
    schemathesis.openapi.from_dict(document()).validate()


def test_every_route_that_is_served_is_described_and_no_other() -> None:
    entries: list[Any] = list(get_resolver().url_patterns)
    (api,) = [entry for entry in entries if str(entry.pattern) == "api/"]
    served = {
        ("/api/" + str(route.pattern).replace("<path:uid>", "{id}"), name.upper())
        for route in api.url_patterns
        for name in ("get", "post", "put", "patch", "delete")
        if hasattr(route.callback.cls, name)
    }
    assert served == {(path, method) for method, path, _ in operations()}


def test_what_is_described_is_answered_and_nothing_else_is(api: Api) -> None:
    for path, methods in document()["paths"].items():
        for method in METHODS:
            answer = Client().generic(method, path.replace("{id}", "x"), headers=api.headers)
            is_there = answer.status_code != 405
            assert is_there == (method.lower() in methods), (method, path)
            if not is_there:
                allowed = set(answer.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"}
                assert allowed == set(map(str.upper, methods))


def test_every_call_of_the_clients_is_described_with_its_scope() -> None:
    described = {(method, path): operation["security"] for method, path, operation in operations()}
    for scope, method, path in CALLS:
        parts = path.split("/")
        template = path if (method, path) in described else "/".join([*parts[:-1], "{id}"])
        assert described[method, template] == [{"token": [scope]}], path


def test_a_view_that_describes_another_method_than_it_serves_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions.Sessions, "operations", {})
    with pytest.raises(Undescribed, match="/api/v1/sessions serves POST and describes nothing"):
        documents.routes()


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)


def test_every_shape_is_used() -> None:
    text = str(document())
    assert [name for name in SCHEMAS if f"#/components/schemas/{name}'" not in text] == ["CompletionForSdk"]


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each schema with examples that the document has, and whose it is."""
    for method, path, operation in operations():
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            for content in part.get("content", {}).values():
                yield f"{method} {path}", content


def test_every_example_is_what_its_schema_says() -> None:
    for whose, content in contents():
        for example in content.get("examples", {}).values():
            if not isinstance(example["value"], str):
                assert problems(content["schema"], example["value"]) == [], whose


def test_the_examples_can_be_sent(api: Api) -> None:
    paths = document()["paths"]

    def examples(path: str) -> list[Any]:
        content = paths[path]["post"]["requestBody"]["content"]["application/json"]
        return [example["value"] for example in content["examples"].values()]

    (asking,) = examples("/api/v1/feedback_task")
    task = api.post("/api/v1/feedback_task", asking)
    (chat,) = examples("/api/v1/completions")
    uid = api.create(chat)
    by_ids, by_tags = examples("/api/v1/feedback")
    for body in ({**by_ids, "completion_ids": [uid]}, by_tags):
        answer = api.post("/api/v1/feedback", {**body, "task_id": task.json["id"]})
        assert (answer.status, answer.json["matched_completion_ids"]) == (200, [uid])
    (update,) = examples("/api/v1/completions/{id}")
    assert api.post(f"/api/v1/completions/{uid}", update).status == 200


@pytest.mark.parametrize("name", CORPUS)
def test_an_sdk_is_shown_what_is_described_for_it(api: Api, name: str) -> None:
    uid = api.create(CORPUS[name])
    shown = api.get(f"/api/completions/{uid}", headers={"User-Agent": LOG10PY}).json["data"]
    assert problems({"$ref": "#/components/schemas/CompletionForSdk"}, shown) == []


def test_it_needs_no_token_and_asks_no_database(client: Client) -> None:
    answer = client.get("/api/schema")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == document()


def test_it_is_a_page_without_scripts_of_its_own(client: Client, db: None) -> None:
    answer = client.get("/api/docs")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in text
    assert " style=" not in text
    for method, path, _ in operations():
        assert f"<b>{method}</b> {path}" in text
    for name in SCHEMAS:
        assert f">{name}</" in text


@pytest.mark.parametrize("path", ["/api/schema", "/api/docs"])
def test_other_methods_get_a_sentence(client: Client, path: str) -> None:
    answer = client.post(path)
    assert answer.status_code == 405
    assert list(answer.json()) == ["error"]


def test_it_says_what_a_completion_is_answered_with(api: Api) -> None:
    answer = api.post("/api/v1/completions", completion())
    schema = document()["paths"]["/api/v1/completions"]["post"]["responses"]["200"]["content"]["application/json"]
    assert problems(schema["schema"], answer.json) == []


def test_the_tables_of_the_documentation_are_what_is_served(client: Client) -> None:
    """`python -m tests.api.api_tables` makes them anew."""
    text = PAGE.read_text()
    assert with_tables(text, client.get("/api/schema").json()) == text
