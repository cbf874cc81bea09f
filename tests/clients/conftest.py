"""One server, one organization and one process of each client for all tests of this folder."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.drivers import Log10Io, Log10Py, Wire
from tests.clients.fake_openai import FakeOpenAI
from tests.e2e.steps import Organization, ask_database
from tests.faults.passage import Passage
from tests.instances import Instance

FEEDBACK_TASK: dict[str, Any] = {
    "name": "Right?",
    "instruction": "Is the answer right?",
    "json_schema": {
        "type": "object",
        "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
        "required": ["score"],
    },
}


@pytest.fixture(scope="package")
def server() -> Iterator[Instance]:
    """A running GradeBench."""
    with Instance("clients") as instance:
        yield instance


@pytest.fixture(scope="package")
def organizations(server: Instance) -> dict[str, Organization]:
    """Two, by slug, by the commands that operators use, in one process. What the clients call the first is not its
    slug.
    """
    known_as = {"shop": "8f0c7f52-2d5e-4f0b-9d39-0c9a1f1c7a10", "other-shop": "other-shop"}
    lines = ["from django.core.management import call_command"]
    for slug, external_id in known_as.items():
        lines.append(f"call_command('create_organization', '{slug}', external_id='{external_id}', stdout=StringIO())")
        lines.append(f"call_command('create_token', organization='{slug}', name='clients')")
    printed = ask_database(server, "\n".join(["from io import StringIO", *lines]))
    tokens = [line for line in printed.splitlines() if line.startswith("gb_")]
    return {
        slug: Organization(server, slug, external_id, token)
        for (slug, external_id), token in zip(known_as.items(), tokens, strict=True)
    }


@pytest.fixture(scope="package")
def organization(organizations: dict[str, Organization]) -> Organization:
    """Whose tokens the clients have."""
    return organizations["shop"]


@pytest.fixture(scope="package")
def other(organizations: dict[str, Organization]) -> Organization:
    """Another one on the same server."""
    return organizations["other-shop"]


@pytest.fixture(scope="package")
def feedback_task(organization: Organization) -> str:
    """The id of one that wants a score of what is tagged `clients`."""
    return organization.create_feedback_task({**FEEDBACK_TASK, "completion_tags_selector": ["clients"]})


@pytest.fixture(scope="package")
def providers() -> Iterator[FakeOpenAI]:
    """The OpenAI and Anthropic that logged applications call."""
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture(scope="package")
def passage(server: Instance) -> Iterator[Passage]:
    """What the clients take for the server."""
    with Passage(server.url) as passage:
        yield passage


@pytest.fixture
def wire(passage: Passage) -> Wire:
    """What the clients ask during this test."""
    wire = Wire(passage)
    wire.exchanges()
    return wire


@pytest.fixture(scope="package")
def log10py(passage: Passage, organization: Organization) -> Iterator[Log10Py]:
    """log10py 0.1.0."""
    with Log10Py(passage.url, organization) as client:
        yield client


@pytest.fixture(scope="package")
def log10io(passage: Passage, organization: Organization, providers: FakeOpenAI) -> Iterator[Log10Io]:
    """log10-io 0.16.1."""
    with Log10Io(passage.url, organization, providers=providers.port) as client:
        assert client.answer() == {"ready": passage.url}
        yield client
