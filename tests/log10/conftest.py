"""An upstream that really listens, and an organization that pulls from it."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from reviews.models import Organization, Upstream
from reviews.workflow import accounts, upstreams
from tests.fake_upstream import ORGANIZATION, TOKEN, FakeUpstream


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    """The upstream's server."""
    with FakeUpstream() as server:
        yield server


@pytest.fixture
def organization(db: None) -> Organization:
    """The organization that pulls; over there it is called otherwise."""
    return accounts.create_organization("acme", external_id="acme-external")


@pytest.fixture
def upstream(organization: Organization, fake: FakeUpstream, settings: Settings) -> Upstream:
    """Loopback allowed, and nothing waits for an undo."""
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    settings.UNDO_SECONDS = 0
    return upstreams.create(organization, url=fake.url, upstream_organization=ORGANIZATION, token=TOKEN, name="fake")
