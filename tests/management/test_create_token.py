"""manage.py create_token"""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from reviews.models import ApiToken
from reviews.workflow import accounts
from tests import factories

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> str:
    """What is printed last."""
    organization, out = factories.organization(), StringIO()
    call_command("create_token", "--organization", organization.slug, "--name", "app", *arguments, stdout=out)
    return out.getvalue().splitlines()[-1]


def test_it_makes_the_usual_token_without_an_end() -> None:
    token = accounts.find_token(create())
    assert token is not None
    assert (token.scopes, token.expires_at) == (("ingest", "read", "feedback"), None)


def test_it_makes_a_token_with_scopes_and_an_end() -> None:
    token = accounts.find_token(create("--scopes", "read, admin", "--expires-in-days", "30"))
    assert token is not None
    assert token.scopes == ("read", "admin")
    assert token.expires_at is not None
    assert timezone.now() + timedelta(days=29) < token.expires_at <= timezone.now() + timedelta(days=30)


@pytest.mark.parametrize("wrong", [("--scopes", "write"), ("--scopes", ","), ("--expires-in-days", "0")])
def test_it_makes_no_other(wrong: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        create(*wrong)
    assert not ApiToken.objects.exists()
