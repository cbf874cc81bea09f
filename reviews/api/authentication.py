"""Who calls: the token in X-Log10-Token, and through it the organization."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from gradebench import context
from reviews.models import ApiToken
from reviews.workflow import accounts

HEADER = "X-Log10-Token"
MISSING = "Send the API token of your organization in the header X-Log10-Token."
REFUSED = "This API token is not valid: it is unknown, revoked or expired."
LONGEST_TOKEN = 200


class TokenAuthentication(BaseAuthentication):
    """`request.auth` becomes the token, its organization joined."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiToken]:
        """Raises AuthenticationFailed (401)."""
        secret = request.headers.get(HEADER, "")
        if not secret:
            raise AuthenticationFailed(MISSING)
        token = accounts.find_token(secret) if len(secret) <= LONGEST_TOKEN else None
        if token is None:
            raise AuthenticationFailed(REFUSED)
        context.note(organization_id=token.organization_id, api_token_id=token.pk)
        accounts.note_use(token)
        return AnonymousUser(), token

    def authenticate_header(self, request: Request) -> str:
        """Makes a failure a 401 and not a 403."""
        return HEADER


class HasToken(BasePermission):
    """Whether the token may do what the view needs: `needs` is one of ingest, read, feedback, admin. A method that a
    view has and names no need of is refused; one that it does not have is answered as such.
    """

    message = "This API token is not allowed to do that; its scopes are set by an admin of the organization."

    def has_permission(self, request: Request, view: APIView) -> bool:
        needs: dict[str, str] = getattr(view, "needs", {})
        token: Any = request.auth
        # A HEAD is answered by the view's GET.
        method = "GET" if request.method == "HEAD" else request.method or ""
        wanted = needs.get(method)
        if wanted is None:
            return isinstance(token, ApiToken) and (method == "OPTIONS" or not hasattr(view, method.lower()))
        return isinstance(token, ApiToken) and wanted in token.scopes
