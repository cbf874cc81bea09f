"""Upstreams in the admin: the token goes in and never comes out."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from reviews.models import AuditEvent, Upstream
from reviews.workflow import upstreams
from tests import factories
from tests.admin.people import page, site_staff

pytestmark = pytest.mark.django_db
TOKEN = "the-token-of-the-upstream"


def form(upstream: Upstream, **changed: Any) -> dict[str, Any]:
    """What the browser posts for an upstream."""
    return {
        "name": upstream.name,
        "url": upstream.url,
        "upstream_organization": upstream.upstream_organization,
        "token": "",
        "pull_seconds": upstream.pull_seconds,
        "enabled": "on",
        **changed,
    }


def change(upstream: Upstream, **changed: Any) -> str:
    """Save an upstream's form; the page that comes back."""
    path = f"/admin/reviews/upstream/{upstream.pk}/change/"
    response = site_staff().post(path, form(upstream, **changed), follow=True)
    upstream.refresh_from_db()
    return response.content.decode()


def add(**given: Any) -> str:
    posted = {
        "organization": factories.organization().pk,
        "name": "log10",
        "url": "https://log10.example/",
        "upstream_organization": "acme",
        "token": TOKEN,
        "pull_seconds": "",
    }
    response = site_staff().post("/admin/reviews/upstream/add/", {**posted, **given}, follow=True)
    return response.content.decode()


def test_it_makes_one_with_its_token_sealed() -> None:
    assert TOKEN not in add()
    made = Upstream.objects.get()
    assert (made.url, upstreams.token_of(made)) == ("https://log10.example", TOKEN)
    assert AuditEvent.objects.filter(action="upstream.create").count() == 1


def test_it_demands_a_token() -> None:
    assert "Enter the token that the upstream knows us by." in add(token="")
    assert not Upstream.objects.exists()


@pytest.mark.parametrize(
    "url", ["ftp://log10.example", "https://me:secret@log10.example", "https://log10.example/?a=1"]
)
def test_it_refuses_an_address_that_is_no_api(url: str) -> None:
    assert TOKEN not in add(url=url)
    assert not Upstream.objects.exists()


def test_it_refuses_a_token_that_no_header_carries() -> None:
    assert "characters that no request can carry" in add(token="tökén")
    assert not Upstream.objects.exists()


def test_it_never_shows_the_token() -> None:
    made, client = factories.upstream(factories.organization(), token=TOKEN), site_staff()
    for path in ("", f"{made.pk}/change/", f"{made.pk}/history/"):
        html = page(client, f"reviews/upstream/{path}")
        assert TOKEN not in html
        assert made.token_sealed not in html


def test_it_never_echoes_the_token_of_a_form_with_errors() -> None:
    made = factories.upstream(factories.organization())
    assert TOKEN not in change(made, token=TOKEN, name="")


def test_it_keeps_the_token_when_the_field_is_left_empty() -> None:
    made = factories.upstream(factories.organization(), token=TOKEN)
    change(made, name="Renamed", pull_seconds=7)
    assert (made.name, made.pull_seconds, upstreams.token_of(made)) == ("Renamed", 7, TOKEN)
    assert AuditEvent.objects.get(action="upstream.change").details == "name, pull_seconds"


def test_it_refuses_another_url_without_a_token() -> None:
    made = factories.upstream(factories.organization(), token=TOKEN)
    assert "Enter the token again" in change(made, url="https://elsewhere.example")
    assert (made.url, upstreams.token_of(made)) == ("https://log10.example", TOKEN)


def test_it_takes_another_url_with_a_token() -> None:
    made = factories.upstream(factories.organization())
    Upstream.objects.filter(pk=made.pk).update(token_refused_at=timezone.now())
    change(made, url="https://elsewhere.example/", token=TOKEN, name="Elsewhere")
    assert (made.url, made.name, upstreams.token_of(made)) == ("https://elsewhere.example", "Elsewhere", TOKEN)
    assert made.token_refused_at is None
    assert AuditEvent.objects.filter(action="upstream.credential").count() == 1


def test_it_writes_nothing_that_sync_writes() -> None:
    made = factories.upstream(factories.organization())
    Upstream.objects.filter(pk=made.pk).update(pull_fence=5, last_error="said later")
    change(made, name="Renamed")
    assert (made.pull_fence, made.last_error) == (5, "said later")


def test_it_disables() -> None:
    made = factories.upstream(factories.organization())
    path = f"/admin/reviews/upstream/{made.pk}/change/"
    posted = form(made)
    del posted["enabled"]
    site_staff().post(path, posted)
    made.refresh_from_db()
    assert not made.enabled


def test_it_pulls_now() -> None:
    made = factories.upstream(factories.organization())
    later = timezone.now() + timedelta(hours=1)
    Upstream.objects.filter(pk=made.pk).update(next_pull_at=later)
    site_staff().post("/admin/reviews/upstream/", {"action": "pull_now", "_selected_action": [made.pk]})
    made.refresh_from_db()
    assert made.next_pull_at <= timezone.now()
    assert AuditEvent.objects.filter(action="upstream.pull_now").count() == 1


def test_it_refuses_a_form_that_was_opened_before_the_url_changed() -> None:
    """Another one's URL would be put back under the new token."""
    made = factories.upstream(factories.organization(), token="for the former")
    opened = form(made)
    change(made, url="https://elsewhere.example", token=TOKEN)
    path = f"/admin/reviews/upstream/{made.pk}/change/"
    assert "Enter the token again" in site_staff().post(path, opened, follow=True).content.decode()
    made.refresh_from_db()
    assert (made.url, upstreams.token_of(made)) == ("https://elsewhere.example", TOKEN)


@pytest.mark.parametrize("url", ["http://log10.example", "https://log10.example:444", "https://log10.example/v2"])
def test_it_takes_every_part_of_the_url_for_another_url(url: str) -> None:
    made = factories.upstream(factories.organization(), token=TOKEN)
    assert "Enter the token again" in change(made, url=url)
    assert made.url == "https://log10.example"


def test_it_says_since_when_it_fails() -> None:
    made = factories.upstream(factories.organization())
    first, last = timezone.now() - timedelta(hours=3), timezone.now() - timedelta(minutes=1)
    Upstream.objects.filter(pk=made.pk).update(failing_since=first, last_failed_at=last, push_failures=7)
    html = page(site_staff(), f"reviews/upstream/{made.pk}/change/")
    for moment in (first, last):
        assert timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S") in html
