"""Any document in Log10's shape goes in and comes out equal, and is readable by a client that parses strictly."""

from typing import Any

import orjson
from hypothesis import given

from tests.api.conftest import LOG10PY, Api
from tests.api.test_corpus import check
from tests.properties import shapes, tried


def test_any_document_goes_in_and_comes_out_equal(api: Api) -> None:
    api.feedback_task("support")

    @tried(50)
    @given(shapes.documents)
    def comes_out_equal(document: dict[str, Any]) -> None:
        check(api, orjson.dumps(document))

    comes_out_equal()
    _check_lists(api)


def test_any_two_posts_of_one_completion_come_out_as_one(api: Api) -> None:
    """Every member of the second, unless it is outranked or null; every other of the first, in its place."""

    @tried(20)
    @given(shapes.documents, shapes.documents)
    def comes_out_as_one(first: dict[str, Any], second: dict[str, Any]) -> None:
        uid = api.create(first)
        raw = orjson.dumps(second)
        assert api.post(f"/api/v1/completions/{uid}", raw).status == 200
        came = api.get(f"/api/completions/{uid}").json["data"]
        given_ids = {"id", "organization_id"}
        assert set(came) - given_ids == {*first, *second} - given_ids
        for name, value in came.items():
            if name not in given_ids:
                sources = [orjson.dumps(post[name]) for post in (first, second) if name in post]
                assert orjson.dumps(value) in sources
        # The same again changes nothing.
        before = api.get(f"/api/completions/{uid}").raw
        assert api.post(f"/api/v1/completions/{uid}", raw).status == 200
        assert api.get(f"/api/completions/{uid}").raw == before

    comes_out_as_one()


def _check_lists(api: Api) -> None:
    for headers in ({}, {"User-Agent": LOG10PY}, {"X-Log10-Organization-Id": "acme"}):
        assert api.get("/api/v1/completions/ungraded", headers=headers).status == 200
        assert api.get("/api/completions?organization_id=acme&limit=1000", headers=headers).status in (200, 404)
