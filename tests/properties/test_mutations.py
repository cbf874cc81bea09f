"""Whatever is sent is answered by 2xx or by 4xx with an `error`, soon, and what was taken can be read again."""

import random
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.models.base import new_uid
from tests.api.conftest import LOG10PY, Answer, Api
from tests.api.samples import CORPUS, SCHEMA
from tests.properties import shapes, tried

# The promise is five; a machine that is busy with something else is no fault.
MOST_SECONDS = 20
READERS = ({}, {"User-Agent": LOG10PY}, {"X-Log10-Organization-Id": "acme"})
CONTENT_TYPES = [
    *["application/json"] * 20,
    "application/json; charset=utf-16",
    "text/plain",
    "application/x+json",
    "é",
]

Record = Callable[[str, object], None]


class Asked:
    """Sends, checks every answer, and counts."""

    def __init__(self, api: Api, record_property: Record) -> None:
        self.api = api
        self._record_property = record_property
        self.tried = self.taken = 0
        self.slowest = 0.0

    def ask(self, method: str, path: str, body: object = None, **options: Any) -> Answer:
        """The answer, which must be one that a client can live with."""
        began = time.perf_counter()
        answer = self.api.call(method, path, body, **options)
        seconds = time.perf_counter() - began
        self.tried += 1
        self.slowest = max(self.slowest, seconds)
        assert seconds < MOST_SECONDS
        assert 200 <= answer.status < 300 or 400 <= answer.status < 500, (answer.status, answer.raw[:300])
        if answer.status >= 400 and method != "HEAD":
            answer.refusal(answer.status)
        self.taken += answer.status < 300
        return answer

    def record(self) -> None:
        """Into the figures of the run. What was answered by 5xx has failed the test before."""
        figures = {"tried": self.tried, "taken": self.taken, "5xx": 0, "slowest, ms": round(self.slowest * 1000)}
        for name, value in figures.items():
            self._record_property(name, value)


@pytest.fixture
def asked(api: Api, record_property: Record) -> Asked:
    """Asks as a client that may do everything."""
    return Asked(api, record_property)


def _spoilt(value: Any, chance: random.Random) -> bytes:
    """One of three times the structure, one of three the bytes, and else both."""
    kind = chance.randrange(3)
    raw = orjson.dumps(value if kind == 0 else shapes.spoil(value, chance))
    return shapes.splinter(raw, chance) if kind != 1 else raw


def _content_type(chance: random.Random) -> str:
    return chance.choice(CONTENT_TYPES)


def _inner_texts(document: dict[str, Any]) -> dict[str, Any]:
    """As log10-io logs it: request, response and stacktrace as JSON in a text."""
    nested = ("request", "response", "stacktrace")
    return {
        name: orjson.dumps(value).decode() if name in nested and value is not None else value
        for name, value in document.items()
    }


def test_any_mutation_of_a_completion_is_answered(asked: Asked) -> None:
    api = asked.api
    api.feedback_task("support")
    standing = api.create(CORPUS["plain"])

    @tried(100)
    @given(shapes.documents | st.sampled_from(list(CORPUS.values())), st.integers(0, 2**32))
    def is_answered(document: dict[str, Any], seed: int) -> None:
        chance = random.Random(seed)
        fresh = new_uid()
        path, uid = chance.choice(
            [
                ("/api/v1/completions", ""),
                (f"/api/v1/completions/{standing}", standing),
                (f"/api/v1/completions/{fresh}", fresh),
                (f"/api/completions/{fresh}", fresh),
                (f"/api/completions/{standing}", standing),
            ]
        )
        legacy = path.startswith("/api/completions")
        sent = _spoilt(_inner_texts(document) if legacy else document, chance)
        answer = asked.ask("POST", path, sent, content_type=_content_type(chance))
        if answer.status < 300:
            uid = uid or answer.json["id"]
            for headers in READERS:
                assert api.get(f"/api/completions/{uid}", headers=headers).status == 200

    is_answered()
    for headers in READERS:
        asked.ask("GET", "/api/v1/completions/ungraded", headers=headers)
        asked.ask("GET", "/api/completions?organization_id=acme&offset=0&limit=1000", headers=headers)
    asked.record()


def test_any_schema_and_any_values_are_answered(asked: Asked) -> None:
    uid = asked.api.create(CORPUS["plain"])

    @tried(40)
    @given(shapes.schemas, st.lists(shapes.values, min_size=1, max_size=3))
    def are_answered(schema: dict[str, Any], several: list[dict[str, Any]]) -> None:
        task = {"name": "x", "json_schema": schema, "completion_tags_selector": []}
        made = asked.ask("POST", "/api/v1/feedback_task", task)
        if made.status != 200:
            return
        assert list(made.json["json_schema"]["properties"]) == list(schema["properties"])
        for values in several:
            grade = {"task_id": made.json["id"], "json_values": values, "completion_ids": [uid]}
            given_back = asked.ask("POST", "/api/v1/feedback", grade)
            if given_back.status == 200:
                assert orjson.dumps(given_back.json["json_values"]) == orjson.dumps(values)

    are_answered()
    for headers in READERS:
        asked.ask("GET", "/api/v1/feedback?limit=1000", headers=headers)
        asked.ask("GET", "/api/v1/feedback_task?organization_id=acme", headers=headers)
        asked.ask("GET", "/api/v1/feedback_task", headers=headers)
    asked.record()


def test_any_mutation_of_feedback_and_of_feedback_tasks_is_answered(asked: Asked) -> None:
    api = asked.api
    task = api.feedback_task("support")
    uid = api.create(CORPUS["plain"])
    grade = {
        "task_id": task.uid,
        "json_values": {"score": 4, "note": "é"},
        "matched_completion_ids": [],
        "comment": "Good.",
        "organization_id": "acme",
    }
    bodies = [
        ("POST", "/api/v1/feedback", {**grade, "completion_ids": [uid]}),
        (
            "POST",
            "/api/v1/feedback",
            {**grade, "completion_tags_selector": ["support"], "max_matched_completions": 100},
        ),
        ("POST", "/api/v1/feedback", {**grade, "completion_tags_selector": ["x"], "allow_unmatched_feedback": True}),
        (
            "POST",
            "/api/v1/feedback_task",
            {"name": "x", "json_schema": SCHEMA, "completion_tags_selector": ["support"]},
        ),
        ("GET", "/api/v1/feedback", {"offset": 0, "limit": 5, "completion_id": uid, "task_id": task.uid}),
        ("POST", "/api/v1/sessions", {"organization_id": "acme"}),
        ("POST", "/api/sessions", {"organization_id": "acme"}),
        ("POST", "/api/completions", {"organization_id": "acme"}),
    ]

    @tried(150)
    @given(st.sampled_from(bodies), st.integers(0, 2**32))
    def is_answered(sent: tuple[str, str, dict[str, Any]], seed: int) -> None:
        chance = random.Random(seed)
        method, path, body = sent
        asked.ask(method, path, _spoilt(body, chance), content_type=_content_type(chance))

    is_answered()
    for headers in READERS:
        asked.ask("GET", "/api/v1/feedback?limit=1000", headers=headers)
        asked.ask("GET", "/api/v1/feedback_task", headers=headers)
    asked.record()


QUERIES = [
    "organization_id",
    "offset",
    "limit",
    "task_id",
    "completion_id",
    "after",
    "tagFilter",
    "createdFilter",
    "ids",
]
PATHS = [
    "v1/completions/ungraded",
    "v1/feedback",
    "v1/feedback_task",
    "completions",
    "tags/search",
    "v1/feedback/",
    "x",
]


def test_any_query_and_any_path_is_answered(asked: Asked) -> None:
    asked.api.create(CORPUS["plain"])
    words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
        ["acme", "0", "-1", "9" * 30, "{}", '{"from":1}', "2026-01-01_1", "%00", "%ff", "a,b", "[]", "é", "../x", "."]
    )

    @tried(40)
    @given(
        st.sampled_from(["GET", "GET", "HEAD", "POST", "OPTIONS", "PUT", "TRACE"]),
        st.sampled_from(PATHS),
        words,
        st.dictionaries(st.sampled_from(QUERIES), words, max_size=3),
    )
    def is_answered(method: str, path: str, more: str, query: dict[str, str]) -> None:
        tail = "".join(letter for letter in more if letter not in "?#") if path.endswith("/") else ""
        asked.ask(method, f"/api/{path}{tail}?" + "&".join(f"{name}={value}" for name, value in query.items()))

    is_answered()
    asked.record()
