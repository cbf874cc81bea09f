"""A feedback task's JSON Schema as a form: what the page shows, and the values that come back from it.

Every schema gives a form that can answer it. What has no plain control is a box for JSON, for that member alone, with
the same validation. A default is told in the help text and never fills a control, because a control that is filled is
submitted. docs/schema-form.md says for each keyword how it is drawn and validated.
"""

from reviews.web.schema_form.acting import asks_again
from reviews.web.schema_form.fields import Choice, Field, SchemaForm
from reviews.web.schema_form.forms import again, blank, bound, unbound
from reviews.web.schema_form.keys import RESERVED_KEYS
from reviews.web.schema_form.names import DO, PREFIX, WHOLE

__all__ = [
    "DO",
    "PREFIX",
    "RESERVED_KEYS",
    "WHOLE",
    "Choice",
    "Field",
    "SchemaForm",
    "again",
    "asks_again",
    "blank",
    "bound",
    "unbound",
]
