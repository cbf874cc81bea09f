"""Strict JSON in a box."""

import json
from typing import Any, NoReturn

from django.utils.translation import gettext as _

Json = Any


class Unreadable(ValueError):
    """Posted text that cannot be the value of its field; the sentence is shown at the field."""


def parsed(text: str, *, whole: bool) -> Json:
    """Strict JSON: no NaN, no member twice; an object when it is the `whole` answer. Raises Unreadable."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_members)
    except Unreadable:
        raise
    except json.JSONDecodeError as error:
        where = {"what": error.msg, "line": error.lineno, "column": error.colno}
        raise Unreadable(_("This is not JSON: %(what)s in line %(line)d, column %(column)d.") % where) from error
    except ValueError as error:
        raise Unreadable(_("A number in this JSON is too large.")) from error
    except RecursionError as error:
        raise Unreadable(_("This JSON is nested too deeply.")) from error
    if whole and not isinstance(value, dict):
        raise Unreadable(_('Write a JSON object, such as {"name": "value"}.'))
    return value


def written(value: Json) -> str:
    """A value as JSON to be read and changed by a person."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _refuse_constant(name: str) -> NoReturn:
    raise Unreadable(_("%s is not JSON.") % name)


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable(_("This JSON has a member twice in one object."))
    return members
