"""Who is signed in, asked by a question that is compiled once: every page and every fragment asks it."""

from functools import cache
from typing import Any

from django.contrib import auth
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from gradebench.compiled import Compiled, asked

BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignedIn(AuthenticationMiddleware):
    """As Django's own. It says only who she is of whom there is no doubt; all others Django looks at itself."""

    def process_request(self, request: HttpRequest) -> None:
        """Ask when somebody wants to know."""
        super().process_request(request)
        vars(request)["user"] = SimpleLazyObject(lambda: _user_of(request))


def _user_of(request: HttpRequest) -> Any:
    known = vars(request)
    # The name by which Django's own remembers it.
    if "_cached_user" not in known:
        known["_cached_user"] = _without_doubt(request) or auth.get_user(request)
    return known["_cached_user"]


def _without_doubt(request: HttpRequest) -> Any:
    """The active user of a session that was signed in with the password, or link, that she has today; else None."""
    session = request.session
    pk, said = str(session.get(auth.SESSION_KEY, "")), session.get(auth.HASH_SESSION_KEY)
    if session.get(auth.BACKEND_SESSION_KEY) != BACKEND or not pk.isdecimal() or not said:
        return None
    user = _user().first(pk=int(pk))
    if user is None or not user.is_active or not constant_time_compare(said, user.get_session_auth_hash()):
        return None
    return user


@cache
def _user() -> Compiled[Any]:
    # Not asked for at import: the settings name this module before there are models.
    rows = auth.get_user_model().objects
    return Compiled(lambda: rows.filter(pk=asked("pk")))
