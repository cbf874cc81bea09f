"""schemathesis reads the description, makes requests of it, right and wrong ones, and holds the answers against it.

They go into the WSGI application itself, without a socket, within the transaction of a test. Every operation gets its
examples, the boundary values of all that it takes, and a few requests by chance; SCHEMATHESIS_EXAMPLES=500 makes those
many. Its plugin for pytest is left out (it wants to rename tests, and pytest 9 lets nobody): the tests are made here.
"""

import copy
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection

from reviews.api.openapi import of_component
from reviews.api.openapi.common import GROUPS
from reviews.api.openapi.document import document
from tests.api.conftest import LOG10PY, Api
from tests.api.samples import CORPUS
from tests.api.test_openapi import problems

AnyCase = Case[Any]
AnyOperation = APIOperation[Any, Any, Any, Any]
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "6"))
CLIENTS = [LOG10PY, "python-httpx/0.28.1", "curl/8.5.0"]
# One key for many bodies would be refused but for the first, and what is not packed is not packed.
LEFT_OUT = ("Idempotency-Key", "Content-Encoding")
NDJSON = "application/x-ndjson"
BULK = "/api/gradebench/v1/completions/bulk"
CHECKS: dict[str, dict[str, Any]] = {
    # 501 is what is described where GradeBench has no such thing.
    "not_a_server_error": {"expected-statuses": ["2xx", "4xx", "501"]},
    "negative_data_rejection": {"expected-statuses": ["4xx", "501"]},
    "status_code_conformance": {},
    "content_type_conformance": {},
    "response_schema_conformance": {},
    "unsupported_method": {},
    "allow_header_conformance": {},
}


@dataclass
class Tally:
    """What was asked, and how it was answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    succeeded: Counter[str] = field(default_factory=Counter)

    def note(self, case: AnyCase, response: Response) -> None:
        """Count one answer."""
        self.statuses[response.status_code] += 1
        # Among the wrong requests is one by another method, and that may be OPTIONS.
        if response.status_code < 300 and case.method.upper() == case.operation.method.upper():
            self.succeeded[case.operation.label] += 1


@pytest.fixture
def tally(record_property: Any) -> Iterator[Tally]:
    """Counts, and prints what it counted among the figures of the run."""
    counted = Tally()
    yield counted
    record_property("requests", counted.statuses.total())
    record_property("answers", " ".join(f"{status}×{count}" for status, count in sorted(counted.statuses.items())))


@pytest.fixture
def application() -> Iterator[Any]:
    """GradeBench, which leaves the connection of the test's transaction open between requests."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield get_wsgi_application()
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def described(api: Api, request: pytest.FixtureRequest) -> BaseSchema:
    """The description, and in it ids that are here, so that chance finds more than what is not there."""
    task = api.feedback_task("support", schema={"type": "object"})
    uids = [api.create(CORPUS[name]) for name in ("plain", "tools", "prompt", "failed", "odd types", "deep")]
    given = api.post("/api/v1/feedback", {"task_id": task.uid, "json_values": {}, "completion_ids": uids[:1]})
    known = [*uids, task.uid, given.json["id"]]
    loaded = schemathesis.openapi.from_dict(
        narrowed(known, task.uid),
        config=SchemathesisConfig.from_dict(
            {
                "generation": {
                    "max-examples": EXAMPLES,
                    "deterministic": True,
                    "with-security-parameters": False,
                    "database": "none",
                    "no-shrink": EXAMPLES < 100,
                },
                "checks": {"enabled": False, **{name: {"enabled": True, **more} for name, more in CHECKS.items()}},
                "suppress-health-check": ["all"],
            }
        ),
    )
    # Only now: each call of Django's test client connects those signals again.
    loaded.app = request.getfixturevalue("application")
    return loaded


def narrowed(known: list[str], task: str) -> dict[str, Any]:
    """The document with what only this database knows: its ids, its feedback task, its organization."""
    whole: dict[str, Any] = copy.deepcopy(document())
    for methods in whole["paths"].values():
        for operation in methods.values():
            operation["parameters"] = list(_narrowed(operation["parameters"], known))
    for name, parameter in whole["components"]["parameters"].items():
        if name not in LEFT_OUT:
            parameter["schema"] = {"enum": ["acme", "acme-slug", ""]}
    bulk = whole["paths"][BULK]["post"]["requestBody"]["content"][NDJSON]
    bulk["schema"] = {"type": "array", "items": bulk.pop("x-itemSchema"), "maxItems": 20}
    bulk.pop("examples")
    shapes = whole["components"]["schemas"]
    for name in ("CompletionIn", "LoggedIn", "FeedbackIn", "FeedbackTaskIn"):
        shapes[name]["properties"]["organization_id"] = {"enum": ["acme", None, ""]}
    shapes["FeedbackIn"]["properties"]["task_id"] = {"enum": [task]}
    shapes["FeedbackIn"]["properties"]["completion_ids"]["items"] = {"enum": known[:6]}
    return whole


def _narrowed(parameters: list[dict[str, Any]], known: list[str]) -> Iterator[dict[str, Any]]:
    for parameter in parameters:
        name = parameter.get("name") or parameter["$ref"].rpartition("/")[2]
        if name == "id":
            yield {**parameter, "schema": {"anyOf": [{"enum": known}, parameter["schema"]]}}
        elif name not in LEFT_OUT:
            yield parameter


@schemathesis.serializer(NDJSON)
def lines(context: Any, value: Any) -> bytes:
    """A line for each item; what is no list goes as it is, for the wrong requests."""
    items = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def check_lines(content: bytes) -> None:
    """What schemathesis does not look into: each line of an answer in bulk."""
    *answers, summary = content.splitlines()
    assert problems(of_component("BulkSummary"), orjson.loads(summary)) == []
    for answer in answers:
        assert problems(of_component("BulkLine"), orjson.loads(answer)) == []


def hypothesis_test(schema: BaseSchema, operation: AnyOperation, ask: Callable[[AnyCase], None]) -> Callable[[], None]:
    """The test of one operation: its examples, the boundaries of what it takes, and chance."""
    modes = [HypothesisTestMode.EXAMPLES, HypothesisTestMode.COVERAGE, HypothesisTestMode.FUZZING]
    settings = schema.config.get_hypothesis_settings(operation=operation, phase="fuzzing")
    config = HypothesisTestConfig(project=schema.config, modes=modes, settings=settings)

    def test(case: AnyCase) -> None:
        ask(case)

    made: Callable[[], None] = create_test(operation=operation, test_func=test, config=config)
    return made


@pytest.mark.parametrize("group", GROUPS)
def test_it_answers_as_it_is_described(
    api: Api, described: BaseSchema, tally: Tally, subtests: pytest.Subtests, group: str
) -> None:
    def ask(case: AnyCase) -> None:
        client = CLIENTS[tally.statuses.total() % len(CLIENTS)]
        response = case.call_and_validate(
            headers={"X-Log10-Token": api.secret, "User-Agent": client},
            # In bulk what is wrong with a line is said in its line.
            excluded_checks=[negative_data_rejection] if case.operation.path == BULK else [],
        )
        tally.note(case, response)
        if response.headers["content-type"] == [NDJSON]:
            check_lines(response.content)
        if response.status_code >= 400:
            assert list(orjson.loads(response.content)) == ["error"]

    found: list[Any] = list(described.get_all_operations())
    for operation in [result.ok() for result in found]:
        if operation.tags == [group]:
            with subtests.test(operation.label):
                hypothesis_test(described, operation, ask)()
                is_here = any(status.startswith("2") for status in operation.responses.status_codes)
                assert bool(tally.succeeded[operation.label]) == is_here, "Is anything tried that should succeed?"
