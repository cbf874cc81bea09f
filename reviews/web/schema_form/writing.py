"""From values to what a form would have posted for them. What a control cannot give back exactly is written as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from reviews.web.schema_form import json_text, names
from reviews.web.schema_form.controls import ABSENT, Control, control_of, text_of, value_of
from reviews.web.schema_form.json_text import Unreadable
from reviews.web.schema_form.looks import MOST_NODES, MOST_ROWS, Looks, drawn_groups, item_of, members_of
from reviews.web.schema_form.shapes import Group, Grown, compact, names_in

Json = Any


class Writer:
    """Writes values into `post`, by the names of the form's controls."""

    def __init__(self, looks: Looks) -> None:
        self.post: dict[str, str] = {}
        self._looks = looks
        # Half of what reading takes, so that what is written can be read.
        self._left = MOST_NODES // 2

    def write(self, path: str, part: Json, value: Json, *, required: bool, level: int = 0) -> None:
        """Write the value at a path."""
        self._left -= 1
        plain = self._looks.shape(part).plain
        if (plain.get("readOnly") is True and not required) or (self._left < 0 and path != names.ROOT):
            self._as_json(path, value)
            return
        grown, picks = self._grown(part, value)
        if grown.conditions:
            self.post[names.HELD + path] = " ".join(sorted(self._looks.held(grown, value)))
        layout = self._looks.layout(grown, level)
        drawn = [key for key, _group in drawn_groups(grown)]
        if layout != "object" and not set(drawn) <= picks.keys():
            self._as_json(path, value)
            return
        self.post |= {names.variant(path, key): str(picks[key]) for key in drawn if key in picks}
        self._draw(layout, path, grown, value, drawn=bool(drawn), required=required or bool(drawn), level=level)

    def _grown(self, part: Json, value: Json) -> tuple[Grown, dict[str, int]]:
        """The shape by the value: of each group the first branch that it matches, and the conditions it fulfils."""
        picks: dict[str, int] = {}
        held: frozenset[str] = frozenset()
        while True:
            grown = self._looks.grow(part, picks, held)
            found = {key: self._pick(group, value) for key, group in drawn_groups(grown)}
            now = {key: pick for key, pick in found.items() if pick is not None}
            holds = self._looks.held(grown, value)
            if now == picks and holds == held:
                return grown, picks
            picks, held = now, holds

    def _pick(self, group: Group, value: Json) -> int | None:
        return next((index for index, branch in enumerate(group.branches) if self._looks.matches(branch, value)), None)

    def _draw(
        self, layout: str, path: str, grown: Grown, value: Json, *, drawn: bool, required: bool, level: int
    ) -> None:
        match layout:
            case "object" if isinstance(value, dict):
                self._object(path, grown, value, required=required, level=level)
            case "checks" if isinstance(value, list) and self._checks(path, grown, value, required=required):
                pass
            case "rows" | "checks" if isinstance(value, list) and len(value) <= MOST_ROWS:
                self._rows(path, grown, value, required=required, level=level)
            case "null" if value is None and drawn:
                pass
            case "leaf" | "null":
                self._leaf(path, control_of(grown.shape), value, required=required)
            case _:
                self._as_json(path, value)

    def _as_json(self, path: str, value: Json) -> None:
        self.post[names.JSON + path] = json_text.written(value)

    def _leaf(self, path: str, control: Control, value: Json, *, required: bool) -> None:
        text = text_of(control, value)
        if value is None and control.nullable and not required:
            self.post[names.EMPTY + path] = "1"
        elif control.members or _comes_back(control, text, value, required=required):
            self.post[names.PREFIX + path] = text
        else:
            self._as_json(path, value)

    def _object(self, path: str, grown: Grown, value: Mapping[str, Json], *, required: bool, level: int) -> None:
        members = members_of(grown)
        wanted = set(names_in(grown.shape.plain.get("required")))
        for name, part in members.items():
            if name in value and name not in grown.shape.fixed:
                inner = names.member(path, name)
                self.write(inner, part, value[name], required=name in wanted, level=level + 1)
        rest = {name: inner for name, inner in value.items() if name not in members}
        if rest:
            self.post[names.REST + path] = json_text.written(rest)
        if not value and not required:
            self.post[names.EMPTY + path] = "1"

    def _rows(self, path: str, grown: Grown, value: Sequence[Json], *, required: bool, level: int) -> None:
        self.post[names.COUNT + path] = str(len(value))
        for index, item in enumerate(value):
            self.write(names.row(path, index), item_of(grown.shape.plain, index), item, required=True, level=level + 1)
        if not value and not required:
            self.post[names.EMPTY + path] = "1"

    def _checks(self, path: str, grown: Grown, value: Sequence[Json], *, required: bool) -> bool:
        """Write a list as checked boxes; False where its order or a value that is there twice would be lost."""
        shape = self._looks.choices_of(grown.shape.plain["items"])
        tokens = control_of(shape).tokens if shape else ()
        asked = [compact(item) for item in value]
        if asked != [token for token in tokens if token in asked]:
            return False
        checked = ((index, token) for index, token in enumerate(tokens) if token in asked)
        self.post |= {f"{names.PREFIX}{path}--{index}": token for index, token in checked}
        if not value and not required:
            self.post[names.EMPTY + path] = "1"
        return True


def _comes_back(control: Control, text: str, value: Json, *, required: bool) -> bool:
    """Whether a control that holds this text gives back this value, and a browser this text."""
    if "\r" in text:
        return False
    try:
        back = value_of(control, text, required=required)
    except Unreadable:
        return False
    return back is not ABSENT and compact(back) == compact(value)
