"""One server, one organization and one process of each client for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.clients.drivers import Log10Io, Log10Py, Wire
from tests.clients.fake_openai import FakeOpenAI
from tests.e2e.steps import Organization, create_organization
from tests.faults.passage import Passage
from tests.instances import Instance


@pytest.fixture(scope="package")
def server() -> Iterator[Instance]:
    """A running GradeBench."""
    with Instance("clients") as instance:
        yield instance


@pytest.fixture(scope="package")
def organization(server: Instance) -> Organization:
    """Whose tokens the clients have. Its own name for itself is not the one that the clients know."""
    return create_organization(server, "shop", external_id="8f0c7f52-2d5e-4f0b-9d39-0c9a1f1c7a10")


@pytest.fixture(scope="package")
def other(server: Instance) -> Organization:
    """Another one on the same server."""
    return create_organization(server, "other-shop")


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
