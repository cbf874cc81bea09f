"""POST /api/v1/sessions."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from reviews.models import Session
from tests.api.conftest import Api

PATH = "/api/v1/sessions"
Unchanged = Callable[[], AbstractContextManager[None]]


@pytest.mark.parametrize("body", [None, b"{}", b'{"organization_id":"acme"}', b'{"anything":1}'])
def test_it_works(api: Api, body: bytes | None) -> None:
    answer = api.post(PATH, body)
    session = Session.objects.get()
    assert answer.status == 201
    assert answer.json == {"session": {"id": session.uid}}
    assert session.organization == api.organization


def test_it_opens_another_each_time(api: Api) -> None:
    assert api.post(PATH).json != api.post(PATH).json


@pytest.mark.parametrize("body", [b"[]", b"{", b"1"])
def test_it_validates(api: Api, unchanged: Unchanged, body: bytes) -> None:
    with unchanged():
        api.post(PATH, body).refusal(400)


def test_it_opens_none_for_another_organization(api: Api, beta: Api, unchanged: Unchanged) -> None:
    with unchanged():
        api.post(PATH, {"organization_id": "beta"}).refusal(403)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_it_takes_no_other_method(api: Api, unchanged: Unchanged, method: str) -> None:
    with unchanged():
        api.call(method, PATH).refusal(405)
