"""Security 3: no key of an address reaches the ORM. Filters, orders and selectors are those that a page names."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from tests.security import world
from tests.security.asking import ask, plain, routes
from tests.security.world import Side

pytestmark = pytest.mark.django_db

# Columns that would tell a secret by its beginning, on every way there from a row that a list shows.
WAYS = (
    "password__startswith",
    "user__password__startswith",
    "reviewer__password__startswith",
    "created_by__password__startswith",
    "organization__members__user__password__startswith",
    "organization__api_tokens__hash__startswith",
    "hash__startswith",
    "token_sealed__startswith",
    "upstream__token_sealed__startswith",
    "sign_in_links__hash__startswith",
    "x__password__startswith",
    "organization__name__startswith",
    "completion__organization__slug__regex",
    "pk__in",
    "data__contains",
)
ORDERS = ("order", "ordering", "order_by", "sort", "sort_by", "o", "fields", "select", "expand", "include", "distinct")
ODD_ORDERS = ("password", "-user__password", "organization__api_tokens__hash", "?", "-pk", "1", "RANDOM()", "id) --")


def pages(here: Side) -> Iterator[str]:
    """The lists of the pages."""
    queue = here.feedback_task.queue.pk
    yield from ("/", "/flags", "/sync", "/sync/live", "/sync/refusals", "/feedback-tasks", "/you/sessions")
    yield f"/queues/{queue}/items"
    yield f"/queues/{queue}/settings"
    yield f"/completions/{here.completions['edited'].pk}"


API: dict[str, dict[str, str]] = {
    "/api/v1/completions/ungraded": {},
    "/api/v1/feedback": {},
    "/api/v1/feedback_task": {},
    # Its own word for an order, below.
    "/api/completions": {"sort": "created_at"},
    "/api/tags/search": {"query": "walrus-tag"},
}
ADMIN = sorted(
    f"/{route.pattern}" for route in routes() if route.name.endswith("_changelist") and "admin" in route.pattern
)


def asked() -> Iterator[dict[str, str]]:
    """All ways at once, with what would find rows and with what would find none; all orders at once."""
    for value in ("md5", "nobody"):
        yield dict.fromkeys(WAYS, value)
    for order in ODD_ORDERS:
        yield dict.fromkeys(ORDERS, order)


def test_they_change_nothing_on_a_page() -> None:
    here, _ = world.two()
    client, wrong = here.client("lead"), []
    for path in pages(here):
        plain = _body(client, path)
        wrong += [(path, query) for query in asked() if _body(client, path, **query) != plain]
    assert wrong == []


def test_they_change_nothing_in_the_api() -> None:
    here, _ = world.two()
    headers, wrong = {"X-Log10-Token": here.secret}, []
    for path, query in API.items():
        plain = ask(Client(), "GET", path, query, headers=headers).content
        wrong += [
            (path, more)
            for more in asked()
            if ask(Client(), "GET", path, {**more, **query}, headers=headers).content != plain
        ]
    assert wrong == []


@pytest.mark.parametrize("order", ODD_ORDERS)
def test_the_one_order_of_the_api_has_one_name(order: str) -> None:
    here = world.first()
    answer = ask(Client(), "GET", "/api/completions", {"sort": order}, headers={"X-Log10-Token": here.secret})
    assert answer.status_code == 400


def test_an_organization_in_the_address_of_a_page_says_nothing() -> None:
    here, there = world.two()
    client, wrong = here.client("admin"), []
    for path in pages(here):
        plain = _body(client, path)
        for name in ("organization", "organization_id", "organization__id__exact", "org", "tenant"):
            wrong += [
                (path, name)
                for value in (there.organization.pk, "zebra")
                if _body(client, path, **{name: value}) != plain
            ]
    assert wrong == []


def test_they_tell_nothing_in_the_admin() -> None:
    """A list that is asked for what no filter of it asks is none, whether or not there would be rows."""
    world.two()
    client = world.signed_in(world.site_staff())
    wrong = []
    for path in ADMIN:
        for way in WAYS:
            found, nothing = (ask(client, "GET", path, {way: value}) for value in ("md5", "nobody"))
            if (found.status_code, plain(found.content)) != (
                nothing.status_code,
                plain(nothing.content),
            ) or found.status_code not in (302, 400):
                wrong.append((path, way, found.status_code))
    assert wrong == []


def test_the_admin_orders_by_its_columns_alone() -> None:
    world.two()
    client = world.signed_in(world.site_staff())
    wrong: list[tuple[str, str, object]] = []
    for path in ADMIN:
        for name in ("ordering", "order_by", "sort"):
            answer = ask(client, "GET", path, {name: "password"})
            if answer.status_code not in (302, 400):
                wrong.append((path, name, answer.status_code))
        orders = ("password", "99", "-99", "1.2.3.password", "?")
        wrong += [(path, "o", odd) for odd in orders if ask(client, "GET", path, {"o": odd}).status_code != 200]
        if ask(client, "GET", path, {"_to_field": "password"}).status_code != 400:
            wrong.append((path, "_to_field", "password"))
    assert wrong == []


def _body(client: Client, path: str, **query: Any) -> str:
    answer = ask(client, "GET", path, query)
    assert answer.status_code == 200, (path, query)
    return plain(answer.content)
