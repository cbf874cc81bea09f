"""A form of a schema: fresh, with earlier values, or as it was posted."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson
from django.template import Context, Engine
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from reviews.web.schema_form import json_text, names, words
from reviews.web.schema_form.acting import acted
from reviews.web.schema_form.fields import Field, SchemaForm
from reviews.web.schema_form.json_text import Unreadable
from reviews.web.schema_form.keys import with_keys
from reviews.web.schema_form.looks import Looks, Spot
from reviews.web.schema_form.reading import Reader, Reading, TooMuch
from reviews.web.schema_form.verdict import add_problems
from reviews.web.schema_form.writing import Writer

Json = Any


def unbound(schema: Mapping[str, Json], values: Mapping[str, Json] | None = None) -> SchemaForm:
    """The form of a schema, showing earlier values (a grade to be amended) where given."""
    looks = Looks(schema)
    if _is_whole(looks):
        return _whole_form(schema, json_text.written(dict(values)) if values is not None else "", "")
    writer = Writer(looks)
    if values is not None:
        writer.write(names.ROOT, looks.root, dict(values), required=True)
    reader = Reader(looks, writer.post, frozenset(), earlier=True)
    return _form(reader, _root(reader, looks), reader.errors if values else {}, "")


def blank(schema_text: str) -> SchemaForm:
    """The form of a schema as everyone sees it first: made once, and drawn where no address stands in it."""
    return _blank(schema_text, get_language())


# Of as many rubrics as reviewers are at, at one time.
@lru_cache(maxsize=64)
def _blank(schema_text: str, _language: str | None) -> SchemaForm:
    form = unbound(orjson.loads(schema_text))
    if form.has_buttons:
        return form
    template = Engine.get_default().get_template("reviews/_schema_fields.html")
    return replace(form, drawn=template.render(Context({"fields": form.fields})))


def bound(schema: Mapping[str, Json], post: Mapping[str, str]) -> tuple[dict[str, Json], SchemaForm, bool]:
    """The values in a posted form, the form with what was posted and what is wrong with it, and whether all is well.

    An empty field is absent from the values. Values that are not valid are returned for inspection only.
    """
    looks = Looks(schema)
    if _is_whole(looks):
        return _bound_whole(schema, looks, post.get(names.WHOLE, ""))
    reader = Reader(looks, post, _doubled(post), earlier=False)
    try:
        root = _root(reader, looks)
    except TooMuch:
        error = _("More was sent than this form can hold.")
        return {}, replace(unbound(schema), error=error), False
    overall = add_problems(schema, root.value, reader)
    form = _form(reader, root, reader.errors, overall)
    return root.value, form, not overall and not any(True for _field in form.wrong)


def again(schema: Mapping[str, Json], post: Mapping[str, str]) -> SchemaForm:
    """The form as it was posted, or kept as a draft, after what its buttons asked for; nothing is said about it yet."""
    looks, texts = Looks(schema), acted(post)
    if _is_whole(looks):
        return _whole_form(schema, texts.get(names.WHOLE, ""), "")
    reader = Reader(looks, texts, frozenset(), earlier=False)
    try:
        return _form(reader, _root(reader, looks), {}, "")
    except TooMuch:
        return replace(unbound(schema), error=_("More was sent than this form can hold."))


def _doubled(post: Mapping[str, str]) -> frozenset[str]:
    """The names that were posted more than once."""
    lists = getattr(post, "lists", None)
    return frozenset(name for name, texts in lists() if len(texts) > 1) if lists else frozenset()


def _root(reader: Reader, looks: Looks) -> Reading:
    return reader.read(Spot(names.ROOT, (), "", required=True), looks.root)


def _is_whole(looks: Looks) -> bool:
    """Whether no member is named, so that one box takes all values."""
    return looks.layout(looks.grow(looks.root, {}, frozenset()), 0) != "object"


def _form(reader: Reader, root: Reading, errors: Mapping[str, str], overall: str) -> SchemaForm:
    fields = tuple(_with_errors(field, errors) for field in root.field.fields)
    return SchemaForm(with_keys(fields), overall, root.field.marks, reader.is_live)


def _with_errors(field: Field, errors: Mapping[str, str]) -> Field:
    inner = tuple(_with_errors(one, errors) for one in field.fields)
    return replace(field, error=errors.get(field.html_name, ""), fields=inner)


# One box for all values


def _whole_form(schema: Mapping[str, Json], text: str, error: str) -> SchemaForm:
    label, is_required = words.label_of(schema, _("Values")), bool(schema.get("required"))
    field = Field("", names.WHOLE, f"field-{names.WHOLE}", label, words.help_of(schema), "json", is_required)
    return SchemaForm((replace(field, value=text, error=error),), "")


def _bound_whole(schema: Mapping[str, Json], looks: Looks, text: str) -> tuple[dict[str, Json], SchemaForm, bool]:
    values: dict[str, Json] = {}
    reader = Reader(looks, {}, frozenset(), earlier=False)
    try:
        values = json_text.parsed(text, whole=True) if text.strip() else {}
        error = add_problems(schema, values, reader)
    except Unreadable as unreadable:
        error = str(unreadable)
    return values, _whole_form(schema, text, error), not error
