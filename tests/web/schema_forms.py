"""What the tests of schema forms do over and over: post a form as a browser does, and find a field in it."""

import json
from collections.abc import Mapping
from typing import Any

from reviews.web.schema_form import DO, Field, SchemaForm, again, bound, unbound


def schema_of(part: Any, *, required: bool = False) -> dict[str, Any]:
    """A schema with the one member `a`."""
    return {"type": "object", "properties": {"a": part}, **({"required": ["a"]} if required else {})}


def posted(form: SchemaForm) -> dict[str, str]:
    """What a browser sends for a form as it is shown."""
    texts = dict(form.marks)
    for field in form.every_field:
        texts |= dict(field.marks)
        if field.choices:
            texts |= {choice.name or field.html_name: choice.value for choice in field.choices if choice.selected}
        elif field.kind not in ("object", "rows", "fixed") and (field.value or field.kind != "read_only"):
            texts[field.html_name] = field.value.replace("\n", "\r\n")
    return texts


def find(form: SchemaForm, html_name: str) -> Field:
    """The field of this name."""
    return next(field for field in form.every_field if field.html_name == html_name)


def shown(form: SchemaForm) -> list[tuple[str, str]]:
    """The name and kind of every field."""
    return [(field.html_name, field.kind) for field in form.every_field]


def errors(form: SchemaForm) -> dict[str, str]:
    """What is said, by the name of the field at which it is said."""
    return {field.html_name: field.error for field in form.wrong}


class Person:
    """Somebody in front of a form, without a script."""

    def __init__(self, schema: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
        self.schema = schema
        self.form = unbound(schema, values)
        self.posted = posted(self.form)

    def press(self, deed: str, **written: str) -> None:
        """Write into controls, by their names with `__` for `-`, and press a button that does not submit."""
        self.write(written)
        self.form = again(self.schema, {**self.posted, DO: deed})
        self.posted = posted(self.form)

    def write(self, texts: Mapping[str, str]) -> None:
        """Fill in controls. Raises KeyError for one that is not there."""
        names = {
            name for field in self.form.every_field for name in (field.html_name, *(c.name for c in field.choices))
        }
        for name, text in texts.items():
            if name not in names:
                raise KeyError(name)
            self.posted[name] = text

    def submit(self, texts: Mapping[str, str] | None = None) -> tuple[dict[str, Any], SchemaForm, bool]:
        """Fill in controls and submit."""
        self.write(texts or {})
        return bound(self.schema, self.posted)


def exact(value: Any) -> str:
    """A value as text in which 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True)
