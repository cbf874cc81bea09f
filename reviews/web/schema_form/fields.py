"""What the page shows of a form: fields within fields, ready to be drawn."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from reviews.web.markdown import render
from reviews.web.schema_form.names import HELD


@dataclass(frozen=True)
class Choice:
    """One radio button or checkbox. `value` is an opaque token that the form posts, `key` the keyboard key that picks
    it or ""; `name` is the name of a checkbox, since each has its own.
    """

    value: str
    label: str
    key: str
    selected: bool
    name: str = ""


@dataclass(frozen=True)
class Field:
    """One question of the form, ready to be drawn; `minimum`, `maximum` and `step` are HTML attributes or "".

    `kind` says how: choice, boolean, scale and variant are radio buttons, checks are checkboxes, integer, number and
    text a line, prose and json a box, object a group of `fields`, rows a list of them, fixed and read_only words.
    `marks` are hidden controls; `add` and `remove` are the values of the buttons that make and unmake a row, or "";
    `place` says where it stands among the others, for a list of errors.
    """

    name: str
    html_name: str
    html_id: str
    label: str
    help: str
    kind: str
    required: bool
    choices: tuple[Choice, ...] = ()
    value: str = ""
    error: str = ""
    minimum: str = ""
    maximum: str = ""
    step: str = ""
    max_length: int | None = None
    input_type: str = "text"
    limits: str = ""
    fields: tuple["Field", ...] = ()
    marks: tuple[tuple[str, str], ...] = ()
    add: str = ""
    remove: str = ""
    place: str = ""
    description: str = ""

    @property
    def described(self) -> SafeString:
        """The description with its markdown rendered; empty where it has none."""
        return render(self.description)

    @property
    def further_help(self) -> str:
        """The help without the description."""
        return self.help.removeprefix(self.description).strip()

    @property
    def note(self) -> str:
        """The few words at the right of the label: whether it may be left out, and within which limits."""
        words = [] if self.required or self.kind in ("read_only", "fixed") or self.remove else [_("optional")]
        if self.limits:
            words.append(self.limits)
        elif self.kind == "scale":
            words.append(f"{self.choices[0].label}–{self.choices[-1].label}")
        if self.kind == "json":
            words.append("JSON")
        return " · ".join(words)


@dataclass(frozen=True)
class SchemaForm:
    """The questions in the schema's order; `error` is what is wrong with the answers as a whole, or "".

    `marks` are hidden controls. `is_live`: what is shown depends on what is answered, so the form is asked for anew
    when an answer changes. `drawn` are the fields as HTML, where somebody has drawn them already.
    """

    fields: tuple[Field, ...]
    error: str
    marks: tuple[tuple[str, str], ...] = ()
    is_live: bool = False
    drawn: SafeString | None = dataclasses.field(default=None, compare=False)

    @property
    def every_field(self) -> Iterator[Field]:
        """All fields, each before those within it."""
        return _every(self.fields)

    @property
    def has_conditions(self) -> bool:
        """Whether answers decide which fields there are, other than by a choice among variants."""
        marks = [*self.marks, *(mark for field in self.every_field for mark in field.marks)]
        return any(name.startswith(HELD) for name, _value in marks)

    @property
    def has_buttons(self) -> bool:
        """Whether some button of the form asks for another form instead of submitting it."""
        return self.is_live or any(field.add or field.remove for field in self.every_field)

    @property
    def wrong(self) -> Iterator[Field]:
        """The fields with something wrong, in their order."""
        return (field for field in self.every_field if field.error)


def _every(fields: tuple[Field, ...]) -> Iterator[Field]:
    for field in fields:
        yield field
        yield from _every(field.fields)
