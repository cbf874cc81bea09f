"""What every answer tells the browser, and that no page has a script or a style of its own in it."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import OperationalError
from django.test import Client
from django.urls import get_resolver

from gradebench import headers
from reviews.web import queues
from tests import factories
from tests.web.scene import Scene, scene

pytestmark = pytest.mark.django_db

POLICY = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'"},
    "img-src": {"'self'", "data:"},
    "media-src": {"'self'"},
    "connect-src": {"'self'"},
    "form-action": {"'self'"},
    "frame-ancestors": {"'none'"},
    "base-uri": {"'none'"},
    "object-src": {"'none'"},
}
NONCE = re.compile(r"'nonce-([A-Za-z0-9+/=]{22,})'")


def policy(response: Any) -> tuple[dict[str, set[str]], str]:
    """The directives of an answer without the nonce, and that."""
    text = response["Content-Security-Policy"]
    found = NONCE.search(text)
    parts = [part.split() for part in NONCE.sub("", text).split(";") if part.strip()]
    return {name: set(values) for name, *values in parts}, found[1] if found else ""


class Inline(HTMLParser):
    """Notes what a strict policy forbids: scripts with text, styles, event handlers, addresses that are scripts."""

    def __init__(self, nonce: str) -> None:
        super().__init__()
        self.nonce = nonce
        self.found: list[str] = []
        self.nonces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.found.append(self.get_starttag_text() or tag)
        if any(value.strip().lower().startswith(("javascript:", "vbscript:")) for value in given.values()):
            self.found.append(self.get_starttag_text() or tag)
        if tag == "script" and given.get("type") != "application/json":
            if "src" not in given:
                self.found.append(self.get_starttag_text() or tag)
            self.nonces.append(given.get("nonce", ""))


@pytest.fixture
def made() -> Scene:
    """An admin with a completion, who runs the site as well."""
    made = scene(role="admin", pulled=True)
    type(made.user).objects.update(is_staff=True, is_superuser=True)
    return made


def pages(made: Scene) -> Iterator[tuple[str, Any]]:
    """Every page that a GET shows, of ours and of Django admin, each kind of failure among them."""
    claim, completion = made.start(), made.completions[0].pk
    ours = (
        "/",
        f"/reviews/{claim}",
        f"/completions/{completion}",
        f"/completions/{completion}/purge",
        f"/queues/{made.queue.pk}/settings",
        f"/queues/{made.queue.pk}/items",
        f"/queues/{made.queue.pk}/done",
        "/feedback-tasks",
        "/feedback-tasks/new",
        f"/feedback-tasks/{made.feedback_task.pk}",
        *("/flags", "/sync", "/sync/refusals", "/api/docs", "/nowhere", "/admin/"),
    )
    for address in (*ours, *_admin()):
        yield address, made.client.get(address, follow=True)
    yield "sign-in", Client().get("/sign-in")
    yield "csrf", Client(enforce_csrf_checks=True).post("/sign-in")
    stranger = Client()
    stranger.force_login(factories.reviewer(made.organization))
    yield "403", stranger.get(f"/completions/{completion}/purge")


def _admin() -> Iterator[str]:
    for model in apps.get_app_config("reviews").get_models():
        name = model._meta.model_name
        if f"reviews_{name}_changelist" in _names():
            yield f"/admin/reviews/{name}/"
            row = model._default_manager.first()
            yield from [f"/admin/reviews/{name}/add/"] if row is None else [f"/admin/reviews/{name}/{row.pk}/change/"]


def _names() -> set[str]:
    admin = get_resolver().namespace_dict["admin"][1]
    return {str(name) for name in admin.reverse_dict if isinstance(name, str)}


def test_every_page_has_the_policy_and_nothing_that_breaks_it(made: Scene) -> None:
    seen = 0
    for address, response in pages(made):
        directives, nonce = policy(response)
        assert directives == POLICY, address
        parser = Inline(nonce)
        parser.feed(response.content.decode())
        assert parser.found == [], address
        assert set(parser.nonces) <= {nonce, ""}, address
        if not response.request["PATH_INFO"].startswith("/admin/"):
            assert "" not in parser.nonces, address
        seen += 1
    assert seen > 30


def test_a_nonce_serves_once() -> None:
    first, second = (policy(Client().get("/sign-in"))[1] for _ in range(2))
    assert first
    assert second
    assert first != second


def test_what_a_script_asks_for_brings_no_script(made: Scene) -> None:
    claim = made.start()
    for answer in (
        made.client.get(f"/reviews/{claim}", headers={"HX-Request": "true"}),
        made.client.get("/sync/live", headers={"HX-Request": "true"}),
        made.client.post(f"/reviews/{claim}/submit", {"document": "0"}, headers={"HX-Request": "true"}),
    ):
        assert b"<script" not in answer.content.replace(b'<script type="application/json"', b"")


def _kinds(made: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Any]]:
    """An answer of each kind."""
    client = made.client
    yield "page", client.get("/")
    yield "redirect", Client().get("/")
    yield "admin", client.get("/admin/")
    yield "admin redirect", Client().get("/admin/")
    yield "api refused", Client().get("/api/v1/completions/ungraded")
    yield "api 404", Client().get("/api/nowhere")
    yield "schema", Client().get("/api/schema")
    yield "file", Client().get("/static/reviews/app.css")
    yield "no file", Client().get("/static/nowhere.css")
    yield "scripts", Client().get("/scripts/0/keys.js")
    yield "health", Client().get("/healthz")
    yield "404", client.get("/nowhere")
    yield "405", client.post("/sync/live")
    yield "400", client.get("/", headers={"Host": "elsewhere.example"})
    yield "csrf", Client(enforce_csrf_checks=True).post("/sign-in")
    broken = Client(raise_request_exception=False)
    broken.force_login(made.user)
    for name, error in (("500", RuntimeError("x")), ("503", OperationalError("database is locked"))):

        def fail(*_: Any, error: Exception = error, **__: Any) -> None:
            raise error

        monkeypatch.setattr(queues, "render", fail)
        yield name, broken.get("/")


def test_every_kind_of_answer_has_every_header(made: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, response in _kinds(made, monkeypatch):
        for name, value in headers.HEADERS.items():
            assert response.headers.get(name) == value, (kind, name, response.headers)
        assert policy(response)[0] == POLICY, kind
        assert "Access-Control-Allow-Origin" not in response.headers, kind


def test_the_headers_middleware_is_outermost() -> None:
    assert settings.MIDDLEWARE[:2] == ["gradebench.headers.middleware", "csp.middleware.CSPMiddleware"]


def test_no_template_of_ours_has_code_in_it() -> None:
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son(?!ly=)[a-z]+=|javascript:", text), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", text, re.DOTALL), path
        assert all("nonce=" in tag for tag in re.findall(r"<script.*?</script>", text, re.DOTALL)), path
