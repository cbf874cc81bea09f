"""The client of one organization."""

import pytest

from tests.api.conftest import Api, make_api


@pytest.fixture
def api(db: None) -> Api:
    """A client that may do everything."""
    return make_api("acme")
