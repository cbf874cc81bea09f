"""What reading and writing a form have in common: the schema's parts, taken apart once, and how each is laid out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reviews.web.schema_form.controls import control_of
from reviews.web.schema_form.shapes import Group, Grown, Shape, grow, kinds_in, names_in, shape_of
from reviews.workflow.schema_parts import inlined, matches

# What lies deeper than this is written as JSON; so is all but the first level where a schema has very many fields.
MOST_LEVELS = 8
MOST_FIELDS = 1_000
MOST_ROWS = 200
MOST_NODES = 5_000

Json = Any


@dataclass(frozen=True)
class Spot:
    """A place in the form. `pointer` leads to it in the values; `remove` is the button that removes it as a row, if it
    is one; `place` are the labels on the way.
    """

    path: str
    pointer: tuple[str, ...]
    label: str
    required: bool
    level: int = 0
    remove: str = ""
    place: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last step of the way to it."""
        return self.pointer[-1] if self.pointer else ""


class Looks:
    """One schema, for the time of one form."""

    def __init__(self, schema: Mapping[str, Json]) -> None:
        self.draft = schema.get("$schema")
        self.root = inlined(schema)
        self.most_levels = MOST_LEVELS if _count_fields(self.root, {}) <= MOST_FIELDS else 1
        self._shapes: dict[int, tuple[Json, Shape]] = {}

    def shape(self, part: Json) -> Shape:
        """A part taken apart, once."""
        if id(part) not in self._shapes:
            # The part is kept too, so that nothing else gets its id.
            self._shapes[id(part)] = (part, shape_of(part))
        return self._shapes[id(part)][1]

    def matches(self, part: Json, value: Json) -> bool:
        """Whether a value matches a part."""
        return matches(part, value, draft=self.draft)

    def held(self, grown: Grown, value: Json) -> frozenset[str]:
        """The keys of the conditions that a value fulfils."""
        return frozenset(key for key, condition in grown.conditions if self.matches(condition.test, value))

    def grow(self, part: Json, picks: Mapping[str, int], held: frozenset[str]) -> Grown:
        """The shape of a part by what was picked and what holds."""
        return grow(self.shape(part), picks, held)

    def layout(self, grown: Grown, level: int) -> str:
        """How a shape is drawn: object, rows, checks, null, or leaf for what has one control (JSON too)."""
        plain, kinds = grown.shape.plain, kinds_in(grown.shape.plain)
        base = kinds - {"null"}
        if "enum" in plain or "const" in plain or (level and level >= self.most_levels):
            return "leaf"
        if base == {"object"} or (not kinds and _speaks_of_members(grown)):
            return "object" if _has_members(grown) else "leaf"
        if base == {"array"} or (not kinds and ("items" in plain or "prefixItems" in plain)):
            return self._list_layout(plain)
        return "null" if kinds == {"null"} else "leaf"

    def _list_layout(self, plain: Mapping[str, Json]) -> str:
        if not any(isinstance(plain.get(word), dict | list) and plain[word] for word in ("items", "prefixItems")):
            return "leaf"
        items = plain.get("items")
        if isinstance(items, dict) and not plain.get("prefixItems") and self.choices_of(items) is not None:
            return "checks"
        return "rows"

    def choices_of(self, items: Json) -> Shape | None:
        """The shape of the items where they are a list of values to choose from."""
        shape = self.shape(items)
        is_listed = "enum" in shape.plain and not any(group.branches for group in shape.groups)
        return shape if is_listed and control_of(shape).kind == "choice" else None


def drawn_groups(grown: Grown) -> Iterator[tuple[str, Group]]:
    """The groups that one chooses among."""
    return ((key, group) for key, group in grown.groups if group.branches)


def members_of(grown: Grown) -> dict[str, Json]:
    """The schema of each member that has a field: those that are named, and those that are required without a name."""
    plain = grown.shape.plain
    required = names_in(plain.get("required"))
    properties = dict(plain.get("properties") or {})
    rest = {name: plain.get("additionalProperties", True) for name in required if name not in properties}
    return {name: part for name, part in {**properties, **rest}.items() if part is not False or name in required}


def takes_more(grown: Grown) -> bool:
    """Whether the schema speaks of members that it does not name."""
    plain = grown.shape.plain
    further = (plain.get("additionalProperties"), plain.get("unevaluatedProperties"), plain.get("patternProperties"))
    return any(isinstance(part, dict) and part for part in further)


def item_of(plain: Mapping[str, Json], index: int) -> Json:
    """The schema of the item at an index; False where there may be none."""
    items = plain.get("items", True)
    first = plain.get("prefixItems") or (items if isinstance(items, list) else [])
    if index < len(first):
        return first[index]
    return plain.get("additionalItems", True) if isinstance(items, list) else items


def _speaks_of_members(grown: Grown) -> bool:
    return "properties" in grown.shape.plain or "required" in grown.shape.plain


def _has_members(grown: Grown) -> bool:
    return (
        bool(members_of(grown))
        or any(True for _ in drawn_groups(grown))
        or any(
            not isinstance(part, bool) and shape_of(part).plain.get("properties")
            for _, condition in grown.conditions
            for part in (condition.then, condition.otherwise)
        )
    )


def _count_fields(part: Json, known: dict[int, int]) -> int:
    """How many fields a part would take if all of it were drawn at once, one row of each list."""
    if not isinstance(part, dict | list):
        return 0
    if id(part) not in known:
        inner = part.values() if isinstance(part, dict) else part
        properties = part.get("properties") if isinstance(part, dict) else None
        own = len(properties) if isinstance(properties, dict) else 0
        known[id(part)] = own + sum(_count_fields(child, known) for child in inner)
    return known[id(part)]
