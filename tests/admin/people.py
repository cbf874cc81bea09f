"""Who visits the admin in these tests."""

from django.test import Client

from reviews.models import Organization, Role, User
from tests import factories


def visitor(user: User) -> Client:
    """A client that is signed in as `user`."""
    client = Client()
    client.force_login(user)
    return client


def site_staff() -> Client:
    """A client that is signed in as site staff."""
    return visitor(factories.user(is_superuser=True))


def role_admin(*organizations: Organization) -> Client:
    """A client that is signed in as an admin of these organizations."""
    first, *others = organizations
    user = factories.member(first, role=Role.ADMIN).user
    for organization in others:
        factories.member(organization, username=user.username, role=Role.ADMIN)
    return visitor(user)


def page(client: Client, path: str, status: int = 200) -> str:
    """The HTML at a path of the admin."""
    response = client.get(f"/admin/{path}")
    assert response.status_code == status, response
    return response.content.decode()
