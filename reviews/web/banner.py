"""The line on every page that says that an upstream needs somebody, for those who can do something about it."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from reviews.web.http import standing_for
from reviews.workflow import upstreams
from reviews.workflow.upstreams import Trouble

_SHORT = {
    "token": gettext_lazy("%(upstream)s refuses its token"),
    "sealed": gettext_lazy("%(upstream)s has a token that cannot be opened"),
    "down": gettext_lazy("%(upstream)s is down"),
}


@dataclass(frozen=True, slots=True)
class Banner:
    """`only` is the one upstream in trouble; where there are several, `summary` names them all. `wants_token`: of at
    least one the token has to be entered again.
    """

    only: Trouble | None
    summary: str

    wants_token: bool

    @property
    def head(self) -> str:
        """ "prod refuses its token" """
        return _short(self.only) if self.only else self.summary


def _short(trouble: Trouble) -> str:
    return str(_SHORT[trouble.kind]) % {"upstream": trouble.name}


def banner(request: HttpRequest) -> dict[str, Callable[[], Banner | None]]:
    """Context processor. Asks when a template uses it, so that fragments cost nothing."""
    return {"banner": lambda: _banner(request)}


def _banner(request: HttpRequest) -> Banner | None:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    led = standing_for(request).led_ids
    found = upstreams.troubles(led) if led else []
    if not found:
        return None
    said = ", ".join(map(_short, found))
    wants_token = any(trouble.kind != "down" for trouble in found)
    return Banner(found[0] if len(found) == 1 else None, said, wants_token)
