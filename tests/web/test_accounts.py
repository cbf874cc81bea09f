"""Signing in and out."""

import re

import pytest
from django.test import Client

from reviews.models import AuditEvent, SignInLink, User
from reviews.workflow import accounts
from tests.web.scene import scene

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def _known() -> str:
    organization = accounts.create_organization("acme")
    accounts.add_member("mira", organization=organization, role="reviewer", password=PASSWORD)
    return "mira"


def test_it_signs_in_and_goes_where_she_wanted_to_go() -> None:
    client = Client()
    posted = {"username": _known(), "password": PASSWORD, "next": "/sync"}
    response = client.post("/sign-in", posted)
    assert response["Location"] == "/sync"
    assert client.get("/").status_code == 200
    assert AuditEvent.objects.filter(action="sign_in").count() == 1


def test_it_refuses_a_wrong_password_and_an_unknown_name_with_the_same_words() -> None:
    client, name = Client(), _known()
    wrong = client.post("/sign-in", {"username": name, "password": "no"})
    unknown = client.post("/sign-in", {"username": "nobody", "password": "no"})
    assert wrong.status_code == unknown.status_code == 422
    assert wrong.context["error"] == unknown.context["error"] != ""


def test_it_never_goes_to_another_site() -> None:
    posted = {"username": _known(), "password": PASSWORD, "next": "https://evil.example/"}
    assert Client().post("/sign-in", posted)["Location"] == "/"


def test_a_one_time_link_signs_in_once_and_only_by_its_button() -> None:
    made = scene()
    address = f"/welcome/{accounts.create_sign_in_link(made.user)}"
    visitor = Client()
    assert visitor.get(address).status_code == 200
    assert SignInLink.objects.get().used_at is None
    assert visitor.post(address).status_code == 302
    assert visitor.get("/").status_code == 200
    assert Client().post(address).status_code == 410
    assert Client().get(address).status_code == 410


def test_it_signs_out_by_post_alone() -> None:
    made = scene()
    assert made.client.get("/sign-out").status_code == 405
    made.client.post("/sign-out")
    assert made.client.get("/").status_code == 302


def test_every_page_carries_the_content_security_policy() -> None:
    policy = Client().get("/sign-in")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_signing_in_takes_over_the_zone_of_the_browser_once() -> None:
    posted = {"username": _known(), "password": PASSWORD, "time_zone": "Asia/Tokyo"}
    Client().post("/sign-in", posted)
    Client().post("/sign-in", {**posted, "time_zone": "Europe/Paris"})
    assert User.objects.get(username="mira").time_zone == "Asia/Tokyo"


@pytest.mark.parametrize("name", ["", "Nowhere/At all", "../../etc/passwd", "Asia", "x" * 300, "UTC\x00"])
def test_it_takes_over_no_zone_that_it_does_not_know(name: str) -> None:
    client = Client()
    answer = client.post("/sign-in", {"username": _known(), "password": PASSWORD, "time_zone": name})
    assert answer.status_code == 302
    assert User.objects.get(username="mira").time_zone == ""


@pytest.mark.parametrize(("zone", "shown"), [("Asia/Tokyo", "JST"), ("", "UTC"), ("Mars/Base", "UTC")])
def test_the_server_writes_moments_in_her_zone(zone: str, shown: str) -> None:
    made = scene()
    User.objects.filter(pk=made.user.pk).update(time_zone=zone)
    page = made.client.get(f"/reviews/{made.start()}").content.decode()
    assert re.search(rf"Yours until\s+<time[^>]*>\s*\d\d:\d\d {shown}", page)
