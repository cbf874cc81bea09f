"""From a posted form to values, and to the form as it is shown: one walk through the schema does both.

An empty control is an answer left out. A container that is optional is there as soon as anything in it is answered.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from reviews.web.schema_form import names, words
from reviews.web.schema_form.controls import ABSENT, Control, chosen, control_of, kind_for, value_of
from reviews.web.schema_form.fields import Choice, Field
from reviews.web.schema_form.json_text import Unreadable
from reviews.web.schema_form.looks import (
    MOST_NODES,
    MOST_ROWS,
    Looks,
    Spot,
    drawn_groups,
    item_of,
    members_of,
    takes_more,
)
from reviews.web.schema_form.shapes import Group, Grown, compact, names_in

MOST_FIRST_ROWS = 10
# A condition may hang on what another one shows; a circle of them is given up.
MOST_ROUNDS = 8

Json = Any


class TooMuch(ValueError):
    """More was posted than a form can hold."""


@dataclass(frozen=True)
class Reading:
    """A value, or ABSENT, with its field; whether anything was answered in it, and whether it may be shown anew."""

    value: Json
    field: Field
    touched: bool


@dataclass(frozen=True)
class Chosen:
    """The alternatives at a place: their field, and the branch that was chosen, if one was."""

    html_name: str
    branch: Json
    picked: bool


class Reader:
    """Reads one posted form. `errors` has a sentence by html name; `places` the field of each place in the values."""

    def __init__(self, looks: Looks, post: Mapping[str, str], doubled: frozenset[str], *, earlier: bool) -> None:
        self.errors: dict[str, str] = {}
        self.places: dict[tuple[str, ...], str] = {}
        self.chosen: dict[tuple[str, ...], list[Chosen]] = {}
        self.is_live = False
        self._looks = looks
        self._post = post
        self._doubled = doubled
        self._earlier = earlier
        self._left = MOST_NODES
        self._known: dict[str, tuple[Spot, Json, Reading]] = {}

    def read(self, spot: Spot, part: Json) -> Reading:
        """The answer at a place. Raises TooMuch."""
        known = self._known.get(spot.path)
        if known and known[0] == spot and known[1] == part:
            return known[2]
        self._left -= 1
        if self._left < 0:
            raise TooMuch
        reading = self._read(spot, part)
        self._known[spot.path] = (spot, part, reading)
        return reading

    def _read(self, spot: Spot, part: Json) -> Reading:
        name = names.JSON + spot.path
        plain = self._looks.shape(part).plain
        read_only = plain.get("readOnly") is True and not spot.required
        if read_only or name in self._post:
            return self._leaf(spot, plain, Control("read_only" if read_only else "json"), name)
        held = frozenset(self._post.get(names.HELD + spot.path, "").split())
        grown = self._picked(spot, part, held)
        reading = self._content(spot, grown)
        for _round in range(MOST_ROUNDS):
            now = self._held(grown, reading)
            if now == held:
                break
            held = now
            grown = self._picked(spot, part, held)
            reading = self._content(spot, grown)
        if not grown.conditions:
            return reading
        self.is_live = True
        marks = ((names.HELD + spot.path, " ".join(sorted(held))), *reading.field.marks)
        return replace(reading, field=replace(reading.field, marks=marks))

    def _held(self, grown: Grown, reading: Reading) -> frozenset[str]:
        value = {} if reading.value is ABSENT and reading.field.kind == "object" else reading.value
        return frozenset() if value is ABSENT else self._looks.held(grown, value)

    def _picked(self, spot: Spot, part: Json, held: frozenset[str]) -> Grown:
        """The shape with the branches that were picked; a branch may have alternatives of its own."""
        picks: dict[str, int] = {}
        while True:
            grown = self._looks.grow(part, picks, held)
            found = {key: self._pick(spot, key, group) for key, group in drawn_groups(grown)}
            now = {key: pick for key, pick in found.items() if pick is not None}
            if now == picks:
                return grown
            picks = now

    def _pick(self, spot: Spot, key: str, group: Group) -> int | None:
        text = self._post.get(names.variant(spot.path, key), "")
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else -1
        return number if number < len(group.branches) and number >= 0 else None

    # Alternatives, and what they lead to

    def _content(self, spot: Spot, grown: Grown) -> Reading:
        groups = [(key, group, self._pick(spot, key, group)) for key, group in drawn_groups(grown)]
        others = [Chosen("", group.only, picked=True) for _key, group in grown.groups if not group.branches]
        variants = [self._variant(spot, key, group, pick) for key, group, pick in groups]
        self.chosen[spot.pointer] = others + [
            Chosen(field.html_name, None if pick is None else group.branches[pick], picked=pick is not None)
            for field, (_key, group, pick) in zip(variants, groups, strict=True)
        ]
        layout = self._looks.layout(grown, spot.level)
        if not variants or layout == "object":
            return self._drawn(layout, spot, grown, tuple(variants))
        self.is_live = True
        self.places[spot.pointer] = variants[0].html_name
        if any(pick is None for _key, _group, pick in groups):
            return Reading(ABSENT, self._group(spot, grown, tuple(variants), f"g-{spot.path}"), touched=False)
        label = next(choice.label for choice in variants[-1].choices if choice.selected)
        if layout == "null":
            return Reading(None, self._group(spot, grown, tuple(variants), f"g-{spot.path}"), touched=True)
        inner = self._drawn(layout, replace(spot, label=label, required=True, remove=""), grown, ())
        return replace(inner, field=self._group(spot, grown, (*variants, inner.field), f"g-{spot.path}"), touched=True)

    def _variant(self, spot: Spot, key: str, group: Group, pick: int | None) -> Field:
        name = names.variant(spot.path, key)
        labels = words.branch_labels(group)
        if self._post.get(name) and pick is None:
            self.errors.setdefault(name, _("Pick one of the choices."))
        choices = (Choice(str(number), label, "", number == pick) for number, label in enumerate(labels))
        return Field(
            name=spot.name,
            html_name=name,
            html_id=f"field-{name}",
            label=_("Which of these") if spot.level == 0 or len(labels) > 1 else spot.label,
            help="",
            kind="variant",
            required=spot.required,
            choices=tuple(choices),
            value="" if pick is None else str(pick),
            place=_place(spot),
        )

    def _group(
        self, spot: Spot, grown: Grown, fields: tuple[Field, ...], name: str, marks: tuple[tuple[str, str], ...] = ()
    ) -> Field:
        field = self._field(spot, grown.shape.plain, "object", name)
        return replace(field, fields=fields, marks=marks)

    def _drawn(self, layout: str, spot: Spot, grown: Grown, variants: tuple[Field, ...]) -> Reading:
        match layout:
            case "object":
                return self._object(spot, grown, variants)
            case "rows":
                return self._rows(spot, grown)
            case "checks":
                return self._checks(spot, grown)
        return self._leaf(spot, grown.shape.plain, control_of(grown.shape), names.PREFIX + spot.path)

    # One control

    def _leaf(self, spot: Spot, plain: Mapping[str, Json], control: Control, name: str) -> Reading:
        text = _newlines(self._post.get(name, ""))
        value = self._value(name, control, text, required=spot.required)
        # An earlier answer that was null stays so until something is written.
        is_null = value is ABSENT and control.nullable and not text and names.EMPTY + spot.path in self._post
        self.places[spot.pointer] = name
        kind, input_type = kind_for(control, text)
        choices = zip(control.tokens, control.labels, strict=True)
        field = replace(
            self._field(spot, plain, kind, name),
            required=spot.required and not (control.nullable and not control.members),
            choices=tuple(Choice(token, label, "", token == text) for token, label in choices),
            value=text,
            minimum=control.minimum,
            maximum=control.maximum,
            step=control.step,
            max_length=control.max_length if kind in ("text", "prose") else None,
            input_type=input_type,
            marks=((names.EMPTY + spot.path, "1"),) if is_null else (),
            limits="" if control.members else words.limits_of(plain, control.minimum, control.maximum),
        )
        value = None if is_null else value
        return Reading(value, field, touched=is_null or bool(text.strip()))

    def _value(self, name: str, control: Control, text: str, *, required: bool) -> Json:
        try:
            if name in self._doubled:
                raise Unreadable(_("This was sent more than once."))
            box = replace(control, kind="json") if control.kind == "read_only" else control
            return value_of(box, text, required=required)
        except Unreadable as error:
            gone = _("The earlier answer %s is not one of the choices.") % text
            self.errors[name] = gone if self._earlier and control.members else str(error)
            return ABSENT

    def _fixed(self, spot: Spot, value: Json) -> Field:
        field = self._field(spot, {}, "fixed", f"f-{spot.path}")
        return replace(field, value=value if isinstance(value, str) else compact(value))

    def _field(self, spot: Spot, plain: Mapping[str, Json], kind: str, name: str) -> Field:
        return Field(
            name=spot.name,
            html_name=name,
            html_id=f"field-{name}",
            label=words.label_of(plain, spot.label),
            help=words.help_of(plain),
            kind=kind,
            required=spot.required,
            remove=spot.remove,
            place=_place(spot),
            description=words.description_of(plain),
        )

    # Objects

    def _object(self, spot: Spot, grown: Grown, variants: tuple[Field, ...]) -> Reading:
        value: dict[str, Json] = {}
        fields = list(variants)
        picked = any(field.value for field in variants)
        touched = picked or names.EMPTY + spot.path in self._post
        for name, inner, part in self._members(spot, grown):
            if name in grown.shape.fixed:
                constant = self._looks.shape(part).plain["const"]
                reading = Reading(constant, self._fixed(inner, constant), touched=False)
            else:
                reading = self.read(inner, part)
            fields.append(reading.field)
            touched = touched or reading.touched
            if reading.value is not ABSENT:
                value[name] = reading.value
        rest = self._rest(spot, grown, value)
        if rest:
            fields.append(rest.field)
            value |= rest.value
        touched = touched or bool(rest and rest.touched)
        is_there = touched or spot.required
        if not is_there:
            self._forget(fields)
        self.places[spot.pointer] = variants[0].html_name if variants and not picked else f"{names.PREFIX}{spot.path}"
        self.is_live = self.is_live or bool(variants)
        field = self._group(spot, grown, tuple(fields), names.PREFIX + spot.path, self._empty(spot))
        return Reading(value if is_there else ABSENT, field, touched=touched)

    def _forget(self, fields: Sequence[Field]) -> None:
        """Unsay what was said about fields: rows without an answer are no mistake where the whole is left out."""
        for field in fields:
            self.errors.pop(field.html_name, None)
            self._forget(field.fields)

    def _members(self, spot: Spot, grown: Grown) -> Iterator[tuple[str, Spot, Json]]:
        required = set(names_in(grown.shape.plain.get("required")))
        for name, part in members_of(grown).items():
            label = words.label_of(self._looks.shape(part).plain, words.readable(name))
            inner = Spot(
                names.member(spot.path, name),
                (*spot.pointer, name),
                label,
                name in required,
                spot.level + 1,
                place=(*spot.place, label),
            )
            yield name, inner, part

    def _rest(self, spot: Spot, grown: Grown, own: Mapping[str, Json]) -> Reading | None:
        """The box for members that the schema does not name; None where nothing asks for it."""
        name = names.REST + spot.path
        if not (takes_more(grown) or self._post.get(name, "").strip()):
            return None
        inner = Spot(name, spot.pointer, _("Further members"), required=False, level=spot.level + 1, place=spot.place)
        reading = self._leaf(inner, {}, Control("json"), name)
        value = {} if reading.value is ABSENT else reading.value
        if not isinstance(value, dict):
            self.errors[name] = _('Write a JSON object, such as {"name": "value"}.')
        elif value.keys() & members_of(grown).keys():
            self.errors[name] = _("%s has a field of its own.") % next(iter(value.keys() & members_of(grown).keys()))
        if name in self.errors:
            return replace(reading, value={}, touched=True)
        self.places |= {(*spot.pointer, member): name for member in value}
        return replace(reading, value=value)

    def _empty(self, spot: Spot) -> tuple[tuple[str, str], ...]:
        """The mark by which a container comes back that is there although nothing is answered in it."""
        name = names.EMPTY + spot.path
        return ((name, "1"),) if name in self._post else ()

    # Lists

    def _rows(self, spot: Spot, grown: Grown) -> Reading:
        plain = grown.shape.plain
        name = names.PREFIX + spot.path
        self.places[spot.pointer] = name
        count = self._count(spot, plain, name)
        label = words.label_of(plain, spot.label)
        readings = [self._row(spot, plain, index, label) for index in range(count)]
        most = plain.get("maxItems")
        most = min(int(most), MOST_ROWS) if isinstance(most, int | float) else MOST_ROWS
        can_add = count < most and item_of(plain, count) is not False
        value = [reading.value for reading in readings]
        is_there = spot.required or count > 0 or names.EMPTY + spot.path in self._post
        field = replace(
            self._field(spot, plain, "rows", name),
            fields=tuple(reading.field for reading in readings),
            marks=((names.COUNT + spot.path, str(count)), *self._empty(spot)),
            add=f"add:{spot.path}" if can_add else "",
            limits=words.limits_of(plain, "", ""),
        )
        touched = any(reading.touched for reading in readings) or names.EMPTY + spot.path in self._post
        return Reading(value if is_there else ABSENT, field, touched=touched)

    def _count(self, spot: Spot, plain: Mapping[str, Json], name: str) -> int:
        """How many rows were posted; in a fresh form as many as there must be, within reason."""
        text = self._post.get(names.COUNT + spot.path)
        if text is None:
            least = plain.get("minItems", 0)
            return min(int(least), MOST_FIRST_ROWS) if spot.required and isinstance(least, int | float) else 0
        count = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else MOST_ROWS + 1
        if count > MOST_ROWS:
            self.errors[name] = _("A form takes at most %d rows of a list.") % MOST_ROWS
            return 0
        return count

    def _row(self, spot: Spot, plain: Mapping[str, Json], index: int, label: str) -> Reading:
        path = names.row(spot.path, index)
        part = item_of(plain, index)
        title = words.row_label(words.label_of(self._looks.shape(part).plain, label), index)
        inner = Spot(
            path,
            (*spot.pointer, str(index)),
            title,
            required=True,
            level=spot.level + 1,
            remove=f"remove:{path}",
            place=(*spot.place, title),
        )
        reading = self.read(inner, part)
        reading = replace(reading, field=replace(reading.field, label=title))
        if reading.value is not ABSENT:
            return reading
        self.errors.setdefault(self.places[inner.pointer], _("Answer this, or remove it."))
        return replace(reading, value=None)

    def _checks(self, spot: Spot, grown: Grown) -> Reading:
        if names.COUNT + spot.path in self._post:
            # Something that boxes cannot say: an order of its own, or a value twice.
            return self._rows(spot, grown)
        plain = grown.shape.plain
        name = names.PREFIX + spot.path
        shape = self._looks.choices_of(plain["items"])
        control = control_of(shape) if shape else Control("json")
        self.places[spot.pointer] = name
        boxes = [f"{name}--{index}" for index in range(len(control.members))]
        posted = {self._post[box] for box in boxes if self._post.get(box)}
        value = self._checked(name, control, posted)
        for index in range(len(value)):
            self.places[(*spot.pointer, str(index))] = name
        is_there = bool(value) or spot.required or names.EMPTY + spot.path in self._post
        field = replace(
            self._field(spot, plain, "checks", name),
            choices=tuple(
                Choice(token, label, "", token in posted, box)
                for token, label, box in zip(control.tokens, control.labels, boxes, strict=True)
            ),
            limits=words.limits_of(plain, "", ""),
            marks=self._empty(spot),
        )
        touched = bool(posted) or names.EMPTY + spot.path in self._post
        return Reading(value if is_there else ABSENT, field, touched=touched)

    def _checked(self, name: str, control: Control, posted: set[str]) -> list[Json]:
        try:
            for token in sorted(posted):
                chosen(control, token)
        except Unreadable as error:
            self.errors[name] = str(error)
        return [member for token, member in zip(control.tokens, control.members, strict=True) if token in posted]


def _place(spot: Spot) -> str:
    return words.path_label(spot.place)


def _newlines(text: str) -> str:
    """Browsers send the lines of a text box with CR LF, whatever was put in."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
