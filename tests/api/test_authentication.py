"""Who may call: the token, its scopes, and the organization that a request names."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from reviews.models import ApiToken
from reviews.workflow import accounts
from reviews.workflow.audit import SYSTEM
from tests.api.conftest import Api
from tests.api.samples import UID, document

Unchanged = Callable[[], AbstractContextManager[None]]

CALLS = [
    ("ingest", "POST", "/api/v1/completions"),
    ("ingest", "POST", f"/api/v1/completions/{UID}"),
    ("read", "GET", "/api/v1/completions/ungraded"),
    ("read", "GET", f"/api/completions/{UID}"),
    ("ingest", "POST", "/api/v1/sessions"),
    ("read", "GET", "/api/v1/feedback"),
    ("feedback", "POST", "/api/v1/feedback"),
    ("read", "GET", "/api/v1/feedback/x"),
    ("read", "GET", "/api/v1/feedback_task"),
    ("feedback", "POST", "/api/v1/feedback_task"),
    ("read", "GET", "/api/v1/feedback_task/x"),
    ("ingest", "POST", "/api/sessions"),
    ("read", "GET", "/api/completions"),
    ("ingest", "POST", "/api/completions"),
    ("ingest", "POST", f"/api/completions/{UID}"),
    ("read", "GET", "/api/tags/search"),
]
PATHS = sorted({(method, path) for _, method, path in CALLS})


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("body", [None, b"{", b"{}"])
def test_it_asks_for_a_token(api: Api, unchanged: Unchanged, method: str, path: str, body: bytes | None) -> None:
    api.headers = {}
    with unchanged():
        answer = api.call(method, path, body)
    assert "X-Log10-Token" in answer.refusal(401)
    assert answer.headers["WWW-Authenticate"] == "X-Log10-Token"


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("secret", ["wrong", "x" * 5_000, "\xe9", "gb_", "null"])
def test_it_refuses_an_unknown_token(api: Api, unchanged: Unchanged, method: str, path: str, secret: str) -> None:
    api.headers = {"X-Log10-Token": secret}
    with unchanged():
        assert "not valid" in api.call(method, path, {}).refusal(401)


def test_it_refuses_a_revoked_token(api: Api) -> None:
    accounts.revoke_token(api.token, actor=SYSTEM)
    assert "revoked" in api.post("/api/v1/sessions").refusal(401)


def test_it_refuses_a_token_from_the_moment_it_expires(api: Api) -> None:
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    assert api.post("/api/v1/sessions").status == 201
    ApiToken.objects.update(expires_at=timezone.now())
    assert "expired" in api.post("/api/v1/sessions").refusal(401)


@pytest.mark.parametrize("part", [slice(1, None), slice(None, -1), slice(3, None)])
def test_it_refuses_a_part_of_a_token(api: Api, part: slice) -> None:
    api.headers = {"X-Log10-Token": api.secret[part]}
    api.post("/api/v1/sessions").refusal(401)
    api.headers = {"X-Log10-Token": api.token.hash}
    api.post("/api/v1/sessions").refusal(401)


@pytest.mark.parametrize(("scope", "method", "path"), CALLS)
def test_it_needs_the_scope_of_what_is_called(
    api: Api, unchanged: Unchanged, scope: str, method: str, path: str
) -> None:
    scopes = {f"can_{name}": name != scope for name in ("ingest", "read", "feedback", "admin")}
    ApiToken.objects.update(**scopes)
    with unchanged():
        assert "not allowed" in api.call(method, path, {}).refusal(403)
    ApiToken.objects.update(**{name: not given for name, given in scopes.items()})
    assert api.call(method, path, {}).status not in (401, 403)


def test_it_remembers_when_a_token_was_used(api: Api) -> None:
    api.post("/api/v1/sessions")
    used = ApiToken.objects.get().last_used_at
    assert used is not None
    api.post("/api/v1/sessions")
    assert ApiToken.objects.get().last_used_at == used


# The organization ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["acme", "acme-slug", ""])
def test_it_takes_the_organization_by_both_its_names(api: Api, name: str) -> None:
    assert api.post("/api/v1/completions", document(organization_id=name)).json["organization_id"] == "acme"
    for header in ("X-Log10-Organization", "X-Log10-Organization-Id", "x-log10-organization"):
        assert api.get("/api/v1/feedback", headers={header: name}).status == 200
    assert api.get(f"/api/v1/feedback?organization_id={name}").status == 200


@pytest.mark.parametrize("name", ["beta", "beta-slug", "Acme", "acme ", "nobody", "None"])
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_it_serves_no_other_organization(
    api: Api, beta: Api, unchanged: Unchanged, method: str, path: str, name: str
) -> None:
    body = document(id=UID, organization_id="acme")
    with unchanged():
        for header in ("X-Log10-Organization", "X-Log10-Organization-Id"):
            # Blanks around a header's value are not part of it.
            if name == name.strip():
                sentence = api.call(method, path, body, headers={header: name}).refusal(403)
                assert "another organization" in sentence
        api.call(method, f"{path}?organization_id={name}", body).refusal(403)


@pytest.mark.parametrize("name", ["beta", "beta-slug", 7, ["acme"], {}, False])
@pytest.mark.parametrize(("method", "path"), [call for call in PATHS if call[0] == "POST"])
def test_it_writes_for_no_other_organization(
    api: Api, beta: Api, unchanged: Unchanged, method: str, path: str, name: Any
) -> None:
    with unchanged():
        api.call(method, path, document(organization_id=name)).refusal(403)
