"""Signing in by OpenID Connect, against a provider that speaks HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client, override_settings

from reviews.models import AuditEvent, User
from tests import factories, openid
from tests.openid import Provider

pytestmark = pytest.mark.django_db
CLAIMS = {"sub": "42", "email": "Mira@acme.example", "email_verified": True, "preferred_username": "root"}
CALLBACK = "/sign-in/oidc/callback"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(dict(CLAIMS)) as provider:
        app = {
            "provider_id": "oidc",
            "name": "Acme",
            "client_id": openid.CLIENT_ID,
            "secret": openid.CLIENT_SECRET,
            "settings": {"server_url": provider.issuer, "oauth_pkce_enabled": True},
        }
        with override_settings(SOCIALACCOUNT_PROVIDERS={"openid_connect": {"APPS": [app]}}, OIDC_NAME="Acme"):
            yield provider


@pytest.fixture
def mira() -> User:
    user = factories.member(factories.organization(), username="mira").user
    User.objects.filter(pk=user.pk).update(email="mira@acme.example")
    return user


def _through(provider: Provider, client: Client, **posted: str) -> Any:
    """There and back again."""
    page = client.post("/sign-in/openid", posted)
    assert page.status_code == 200
    return client.get(CALLBACK, provider.authorize(page.context["url"]))


def test_it_signs_in_who_has_the_address_that_the_provider_vouches_for(provider: Provider, mira: User) -> None:
    client = Client()
    assert b"Sign in by Acme" in client.get("/sign-in").content
    assert _through(provider, client, next="/sync")["Location"] == "/sync"
    assert client.get("/you").context["user"] == mira
    assert AuditEvent.objects.get(action="sign_in").details == "socialaccount"
    assert SocialAccount.objects.get().extra_data == {}


def test_from_then_on_the_providers_id_of_her_counts(provider: Provider, mira: User) -> None:
    _through(provider, Client())
    factories.user("nadia")
    User.objects.filter(username="nadia").update(email="mira@acme.example")
    User.objects.filter(pk=mira.pk).update(email="")
    client = Client()
    assert _through(provider, client)["Location"] == "/"
    assert client.get("/you").context["user"] == mira


def _unknown(provider: Provider, mira: User) -> None:
    provider.claims["email"] = "nadia@acme.example"


def _unverified(provider: Provider, mira: User) -> None:
    provider.claims["email_verified"] = False


def _left(provider: Provider, mira: User) -> None:
    User.objects.filter(pk=mira.pk).update(is_active=False)


def _two(provider: Provider, mira: User) -> None:
    factories.user("other")
    User.objects.filter(username="other").update(email="mira@acme.example")


def _no_sub(provider: Provider, mira: User) -> None:
    del provider.claims["sub"]


def _other_sub(provider: Provider, mira: User) -> None:
    provider.said_of_id["sub"] = "43"


def _other_audience(provider: Provider, mira: User) -> None:
    provider.said_of_id["aud"] = "another application"


def _other_issuer(provider: Provider, mira: User) -> None:
    provider.said_of_id["iss"] = "https://evil.example"


def _too_old(provider: Provider, mira: User) -> None:
    provider.said_of_id["exp"] = 1


@pytest.mark.parametrize(
    "change",
    [_unknown, _unverified, _left, _two, _no_sub, _other_sub, _other_audience, _other_issuer, _too_old],
)
def test_it_lets_in_nobody_else_and_makes_nobody(provider: Provider, mira: User, change: Any) -> None:
    change(provider, mira)
    count = User.objects.count()
    client = Client()
    answer = _through(provider, client)
    assert answer.status_code in (403, 503)
    assert b'role="alert"' in answer.content
    assert client.get("/").status_code == 302
    assert (User.objects.count(), SocialAccount.objects.count()) == (count, 0)


def test_who_left_is_not_let_in_by_the_id_either(provider: Provider, mira: User) -> None:
    _through(provider, Client())
    _left(provider, mira)
    client = Client()
    assert _through(provider, client).status_code == 422
    assert client.get("/").status_code == 302


def test_what_comes_back_belongs_to_the_browser_that_went(provider: Provider, mira: User) -> None:
    page = Client().post("/sign-in/openid")
    answer = Client().get(CALLBACK, provider.authorize(page.context["url"]))
    assert answer.status_code == 403
    assert b'role="alert"' in answer.content


def test_who_turns_back_reads_why(provider: Provider, mira: User) -> None:
    client = Client()
    state = provider.authorize(client.post("/sign-in/openid").context["url"])["state"]
    answer = client.get(CALLBACK, {"error": "access_denied", "state": state})
    assert answer.status_code == 403
    assert "Acme did not let you in" in answer.content.decode()


def test_a_provider_that_is_down_is_said(provider: Provider, mira: User) -> None:
    provider.__exit__()
    assert Client().post("/sign-in/openid").status_code == 503


def test_it_is_started_by_post_alone_and_only_where_there_is_one(provider: Provider) -> None:
    assert Client().get("/sign-in/openid").status_code == 405
    assert Client().get("/sign-in/other/callback").status_code == 404
    with override_settings(SOCIALACCOUNT_PROVIDERS={}):
        assert Client().post("/sign-in/openid").status_code == 404
        assert b"Sign in by" not in Client().get("/sign-in").content


def test_it_goes_to_no_other_site(provider: Provider, mira: User) -> None:
    assert _through(provider, Client(), next="https://evil.example/")["Location"] == "/"
