"""Words that several pages have for the same rows: who did it, and what a grade says."""

from django.utils.translation import gettext as _

from reviews.models import Feedback, Revision
from reviews.web import json_text
from reviews.workflow import grading


def by(row: Feedback | Revision) -> str:
    """Who gave a grade or made a change: a person, an application's token, or GradeBench itself."""
    person = row.reviewer if isinstance(row, Feedback) else row.author
    if person is not None:
        return person.get_username()
    return _("token %(name)s") % {"name": row.api_token.name} if row.api_token else "GradeBench"


def values(feedback: Feedback) -> tuple[tuple[str, str], ...]:
    """A grade's values as name and words, in the order of the rubric."""
    return tuple((name, _value(value)) for name, value in grading.values_of(feedback).items())


def words(value: object) -> str:
    """A JSON value for a reader: text as it is, the rest as JSON, nothing for null."""
    if value is None:
        return ""
    return json_text.words(value) if isinstance(value, str) else json_text.pretty(value)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return words(value)
