"""Security 1: every address, asked by everyone. A route without a row fails, and so does a row without a route."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.security import world
from tests.security.addresses import address
from tests.security.asking import Route, ask, routes, writes
from tests.security.route_table import API, TABLE, WHO, Row

pytestmark = pytest.mark.django_db
OTHER_METHODS = ("PUT", "DELETE")


def test_every_route_has_a_row_and_answers_as_it_says(record_property: Callable[[str, object], None]) -> None:
    here, there = world.two()
    clients = [Client(), *map(here.client, world.ROLES), there.client("admin"), world.signed_in(world.site_staff())]
    asked = dict(zip(WHO, clients, strict=True))
    found = {route.name: _row(route, here, asked) for route in routes()}
    wrong = [
        f"    {name!r}: {row},  # the table: {TABLE.get(name, 'no row')}"
        for name, row in found.items()
        if row != TABLE.get(name)
    ]
    assert not wrong, "tests/security/route_table.py should say, if this is as it should be:\n" + "\n".join(wrong)
    assert not TABLE.keys() - found.keys(), "Rows without a route."
    record_property("routes", len(found))
    record_property("requests", len(found) * len(WHO) * 2)


def _row(route: Route, here: world.Side, asked: dict[str, Client]) -> Row:
    def codes(method: str) -> str:
        data = b"{}" if method == "POST" and route.name in API else None
        return " ".join(
            str(ask(client, method, address(route, here, who), data).status_code) for who, client in asked.items()
        )

    return codes("GET"), codes("POST")


def test_no_session_acts_without_the_token_of_the_page(record_property: Callable[[str, object], None]) -> None:
    """A form on another site: posted by the admin of the organization, and by site staff where only they may."""
    here, _ = world.two()
    admin, staff = (Client(enforce_csrf_checks=True) for _ in range(2))
    admin.force_login(here.people["admin"])
    staff.force_login(world.site_staff())
    posted = [route for route in routes() if route.name not in API]
    with writes() as written:
        codes = {
            route.name: ask(staff if "admin" in route.pattern else admin, "POST", address(route, here, "admin"))
            for route in posted
        }
    assert {name: answer.status_code for name, answer in codes.items() if answer.status_code != 403} == {}
    assert written == []
    record_property("routes", len(posted))


def test_no_other_method_writes_anything() -> None:
    here, _ = world.two()
    staff, admin = world.signed_in(world.site_staff()), here.client("admin")
    token = {"X-Log10-Token": here.secret}
    with writes() as written:
        for route in routes():
            path, api = address(route, here, "admin"), route.name in API
            client = staff if "admin" in route.pattern else admin
            for method in OTHER_METHODS:
                answer = ask(client, method, path, b"{}" if api else None, headers=token if api else {})
                # Django's admin shows what a GET shows; a page may ask for the password first.
                refused = answer.status_code in (302, 404, 405)
                assert refused or "admin" in route.pattern, (route.name, method)
    assert written == []
