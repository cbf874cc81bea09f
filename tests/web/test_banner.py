"""The line on every page that says that an upstream needs somebody."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from reviews.models import Upstream, User
from tests.web.scene import Scene, person, scene
from tests.web.sync_scene import another_upstream

pytestmark = pytest.mark.django_db
NOW = timezone.now()
REFUSED: dict[str, Any] = {
    "token_refused_at": NOW,
    "failing_since": NOW - timedelta(hours=2),
    "last_failed_at": NOW,
    "last_error": "401",
}
DOWN: dict[str, Any] = {
    "pull_failures": 7,
    "push_failures": 2,
    "failing_since": NOW - timedelta(hours=1),
    "last_failed_at": NOW,
}


def _troubled(role: str = "lead", **columns: Any) -> Scene:
    made = scene(role=role, pulled=True)
    Upstream.objects.update(**columns)
    return made


def _text(client: Client, path: str = "/") -> str:
    return client.get(path).content.decode()


@pytest.mark.parametrize("role", ["lead", "admin"])
def test_those_who_can_act_are_told_on_every_page(role: str) -> None:
    made = _troubled(role, **REFUSED)
    for path in ("/", "/sync", "/sync/refusals", f"/completions/{made.completions[0].pk}", f"/reviews/{made.start()}"):
        assert "prod refuses its token" in _text(made.client, path), path


def test_a_reviewer_is_not_told() -> None:
    made = _troubled("reviewer", **REFUSED)
    assert "refuses its token" not in _text(made.client)


def test_it_is_silent_when_all_is_well() -> None:
    assert 'class="banner"' not in _text(_troubled().client)


def test_a_lead_is_told_to_ask_an_admin_and_site_staff_where_to_go() -> None:
    made = _troubled(**REFUSED)
    assert "Ask an admin to enter the token again." in _text(made.client)
    User.objects.filter(pk=made.user.pk).update(is_staff=True, is_superuser=True)
    page = _text(made.client)
    assert f'href="/admin/reviews/upstream/{made.upstream.pk}/change/"' in page
    assert "Enter the token again in Admin" in page


def test_a_token_that_cannot_be_opened_is_told_as_that() -> None:
    made = _troubled(**{**REFUSED, "token_sealed": "gibberish"})
    assert "prod has a token that cannot be opened" in _text(made.client)


def test_an_upstream_that_is_down_is_told_with_its_tries_and_without_a_token() -> None:
    page = _text(_troubled(**DOWN).client)
    assert "prod is down" in page
    assert "9 tries" in page
    assert "token again" not in page
    assert 'href="/sync">See Sync' in page


def test_several_stand_in_one_line() -> None:
    made = _troubled(**DOWN)
    another_upstream(made.organization, "staging", **REFUSED)
    page = _text(made.client)
    assert page.count('class="banner"') == 1
    assert "prod is down, staging refuses its token" in page
    assert "Ask an admin to enter the token again." in page


def test_it_says_nothing_of_an_upstream_that_is_switched_off() -> None:
    assert 'class="banner"' not in _text(_troubled(**REFUSED, enabled=False).client)


def test_it_says_nothing_of_another_organization() -> None:
    _troubled(**REFUSED)
    assert 'class="banner"' not in _text(scene("other", role="admin").client)


def test_a_name_is_text() -> None:
    made = _troubled(**DOWN, name="<b>prod</b>")
    assert "&lt;b&gt;prod&lt;/b&gt; is down" in _text(made.client)


def test_it_is_not_on_the_page_for_visitors() -> None:
    _troubled(**REFUSED)
    assert 'class="banner"' not in _text(Client(), "/sign-in")


@pytest.mark.parametrize("role", ["reviewer", "lead"])
def test_it_costs_one_question_a_page_of_a_lead_and_none_a_fragment(role: str, settings: Any) -> None:
    made = _troubled(role, **DOWN)
    _, client = person("noor", made.organization, role)

    def questions(path: str, **headers: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get(path, headers=headers)
        return len(asked)

    client.get("/")
    fragment = questions("/sync/live", **{"HX-Request": "true"})
    with_banner = questions("/")
    (engine,) = settings.TEMPLATES
    processors = [name for name in engine["OPTIONS"]["context_processors"] if not name.endswith("banner")]
    settings.TEMPLATES = [{**engine, "OPTIONS": {**engine["OPTIONS"], "context_processors": processors}}]
    assert with_banner - questions("/") == (role == "lead")
    assert fragment - questions("/sync/live", **{"HX-Request": "true"}) == 0
