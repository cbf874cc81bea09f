"""What is at work: the ids of the request or the task that runs here, for every line that is logged meanwhile. Ids
alone: names and texts belong into no log.
"""

from collections.abc import Mapping
from contextvars import ContextVar, Token

Value = str | int | float | None
About = dict[str, Value]

_about: ContextVar[About | None] = ContextVar("about", default=None)


def begin(**ids: Value) -> Token[About | None]:
    """Something else is at work from here on; the token is for `end`."""
    return _about.set({name: value for name, value in ids.items() if value is not None})


def note(**ids: Value) -> None:
    """Say more of it, such as `note(organization_id=3)`. Where nothing is known to be at work, nobody asks."""
    about = _about.get()
    if about is not None:
        about.update({name: value for name, value in ids.items() if value is not None})


def about() -> Mapping[str, Value]:
    """What is known."""
    return _about.get() or {}


def end(token: Token[About | None] | None = None) -> None:
    """It is over; with its token, what was at work before goes on."""
    if token is None:
        _about.set(None)
    else:
        _about.reset(token)
