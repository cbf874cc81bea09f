"""Signing in and out."""

import pytest
from django.test import Client

from reviews.models import AuditEvent, SignInLink
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
