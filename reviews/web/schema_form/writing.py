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

    def write(self, path: str, part: Json, value: Json, *, required: bool, level: int = 0) -> bool:
        """Write the value at a path; whether anything of it can be seen in the controls.

        A container in which nothing can be seen is marked, where it could be left out, so that it comes back.
        """
        is_seen = self._write(path, part, value, required=required, level=level)
        if not is_seen and not required:
            self.post[names.EMPTY + path] = "1"
        return is_seen or not required

    def _write(self, path: str, part: Json, value: Json, *, required: bool, level: int) -> bool:
        self._left -= 1
        plain = self._looks.shape(part).plain
        if (plain.get("readOnly") is True and not required) or (self._left < 0 and path != names.ROOT):
            return self._as_json(path, value)
        grown, picks = self._grown(part, value)
        if grown.conditions:
            self.post[names.HELD + path] = " ".join(sorted(self._looks.held(grown, value)))
        layout = self._looks.layout(grown, level)
        drawn = [key for key, _group in drawn_groups(grown)]
        if layout != "object" and not set(drawn) <= picks.keys():
            return self._as_json(path, value)
        self.post |= {names.variant(path, key): str(picks[key]) for key in drawn if key in picks}
        if layout == "null" and value is None and drawn:
            return True
        is_seen = self._draw(layout, path, grown, value, required=required or bool(drawn), level=level)
        return is_seen or bool(picks)

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

    def _draw(self, layout: str, path: str, grown: Grown, value: Json, *, required: bool, level: int) -> bool:
        match layout:
            case "object" if isinstance(value, dict):
                return self._object(path, grown, value, level=level)
            case "checks" if isinstance(value, list) and self._are_checks(grown, value):
                return self._checks(path, grown, value)
            case "rows" | "checks" if isinstance(value, list) and len(value) <= MOST_ROWS:
                return self._rows(path, grown, value, level=level)
            case "leaf" | "null":
                return self._leaf(path, control_of(grown.shape), value, required=required)
        return self._as_json(path, value)

    def _as_json(self, path: str, value: Json) -> bool:
        self.post[names.JSON + path] = json_text.written(value)
        return True

    def _leaf(self, path: str, control: Control, value: Json, *, required: bool) -> bool:
        text = text_of(control, value)
        if value is None and control.nullable:
            return False
        if not control.members and not _comes_back(control, text, value, required=required):
            return self._as_json(path, value)
        self.post[names.PREFIX + path] = text
        return True

    def _object(self, path: str, grown: Grown, value: Mapping[str, Json], *, level: int) -> bool:
        members = members_of(grown)
        wanted = set(names_in(grown.shape.plain.get("required")))
        is_seen = False
        for name, part in members.items():
            if name in value and name not in grown.shape.fixed:
                inner = names.member(path, name)
                is_seen |= self.write(inner, part, value[name], required=name in wanted, level=level + 1)
        rest = {name: inner for name, inner in value.items() if name not in members}
        if rest:
            self.post[names.REST + path] = json_text.written(rest)
        return is_seen or bool(rest)

    def _rows(self, path: str, grown: Grown, value: Sequence[Json], *, level: int) -> bool:
        self.post[names.COUNT + path] = str(len(value))
        is_seen = False
        for index, item in enumerate(value):
            part = item_of(grown.shape.plain, index)
            is_seen |= self.write(names.row(path, index), part, item, required=True, level=level + 1)
        return is_seen

    def _are_checks(self, grown: Grown, value: Sequence[Json]) -> bool:
        """Whether boxes can say a list: not an order of its own, nor a value that is there twice."""
        asked = [compact(item) for item in value]
        return asked == [token for token in self._tokens(grown) if token in asked]

    def _checks(self, path: str, grown: Grown, value: Sequence[Json]) -> bool:
        asked = {compact(item) for item in value}
        checked = ((index, token) for index, token in enumerate(self._tokens(grown)) if token in asked)
        self.post |= {f"{names.PREFIX}{path}--{index}": token for index, token in checked}
        return bool(asked)

    def _tokens(self, grown: Grown) -> tuple[str, ...]:
        shape = self._looks.choices_of(grown.shape.plain["items"])
        return control_of(shape).tokens if shape else ()


def _comes_back(control: Control, text: str, value: Json, *, required: bool) -> bool:
    """Whether a control that holds this text gives back this value, and a browser this text."""
    if "\r" in text:
        return False
    try:
        back = value_of(control, text, required=required)
    except Unreadable:
        return False
    return back is not ABSENT and compact(back) == compact(value)
