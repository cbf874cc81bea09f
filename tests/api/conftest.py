"""Two organizations, a client for each, and what every refusal must look like."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import orjson
import pytest
from django.apps import apps
from django.test import Client

from reviews.models import ApiToken, FeedbackTask, Organization
from reviews.workflow import accounts, feedback_tasks
from tests.api.samples import SCHEMA

LOG10PY = "speakeasy-sdk/python 0.1.0 2.373.2 1.0.0 log10py"


class Answer:
    """What came back: status, JSON, headers. Every answer of the API is JSON."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.headers = response.headers
        self.raw: bytes = response.content
        assert response.headers.get("Content-Type") == "application/json", response.headers

    @property
    def json(self) -> Any:
        """The value of the body."""
        return orjson.loads(self.raw)

    def refusal(self, status: int) -> str:
        """The sentence of a refusal: the body has it under `error` and nothing else."""
        assert self.status == status, (self.status, self.raw[:500])
        assert list(self.json) == ["error"]
        sentence: str = self.json["error"]
        assert len(sentence.split()) > 2
        return sentence


class Api:
    """A client with a token. A body that is not bytes goes as JSON."""

    def __init__(self, organization: Organization, token: ApiToken, secret: str) -> None:
        self.organization = organization
        self.token = token
        self.secret = secret
        self.headers = {"X-Log10-Token": secret}
        self._client = Client()

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """One request; an empty body has no content type, as the clients send it."""
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        return Answer(
            self._client.generic(
                method,
                path,
                data,
                content_type=content_type if data else "",
                headers={**self.headers, **(headers or {})},
            )
        )

    def get(self, path: str, body: object = None, **options: Any) -> Answer:
        """GET."""
        return self.call("GET", path, body, **options)

    def post(self, path: str, body: object = None, **options: Any) -> Answer:
        """POST."""
        return self.call("POST", path, body, **options)

    def create(self, document: dict[str, Any]) -> str:
        """The id of a completion that was created."""
        answer = self.post("/api/v1/completions", document)
        assert answer.status == 200, answer.raw
        uid: str = answer.json["id"]
        return uid

    def feedback_task(self, *tags: str, name: str = "Helpful", schema: dict[str, Any] | None = None) -> FeedbackTask:
        """A feedback task of the organization, for what carries these tags."""
        content = feedback_tasks.Content(name, "Read it.", schema or SCHEMA, tags)
        return feedback_tasks.create(self.organization, content)


def make_api(slug: str) -> Api:
    """An organization with the external id `slug`, and a token for everything."""
    organization = accounts.create_organization(f"{slug}-slug", name=slug.title(), external_id=slug)
    return Api(organization, *accounts.create_token(organization, name="tests"))


@pytest.fixture
def api(db: None) -> Api:
    """The client of the organization acme."""
    return make_api("acme")


@pytest.fixture
def beta(db: None) -> Api:
    """The client of another organization."""
    return make_api("beta")


def count_rows() -> dict[str, int]:
    """How many rows each table of ours has."""
    return {model.__name__: model._default_manager.count() for model in apps.get_app_config("reviews").get_models()}


@contextmanager
def _unchanged() -> Iterator[None]:
    before = count_rows()
    yield
    assert count_rows() == before


@pytest.fixture
def unchanged(db: None) -> Callable[[], AbstractContextManager[None]]:
    """`with unchanged():` fails when a row was written meanwhile."""
    return _unchanged
