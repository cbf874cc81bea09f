"""Whatever values a form shows, it gives back: schemas of every kind, and values that match them."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviews.web.schema_form import DO, again, bound, unbound
from reviews.workflow.schema import check_schema, validate
from tests.web.schema_forms import exact, posted

Case = tuple[Any, Any]

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
NAMES = TEXT | st.sampled_from(["a", "b", "0", "a--0", "-", "kind", "x"])
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
ANY = st.recursive(
    SCALARS | TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)


@st.composite
def enumerations(draw: st.DrawFn) -> Case:
    members = draw(st.lists(SCALARS | TEXT, min_size=1, max_size=6, unique_by=exact))
    if draw(st.booleans()):
        titled = [{"const": member, "title": f"Number {index}"} for index, member in enumerate(members)]
        return {"anyOf": titled}, draw(st.sampled_from(members))
    return {"enum": members}, draw(st.sampled_from(members))


@st.composite
def numbers(draw: st.DrawFn) -> Case:
    value = draw(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1))
    kind = draw(st.sampled_from(["number", ["number", "null"]]))
    return {"type": kind, **draw(st.sampled_from([{}, {"minimum": value}, {"maximum": value}]))}, value


@st.composite
def integers(draw: st.DrawFn) -> Case:
    low, high = sorted((draw(st.integers(-30, 30)), draw(st.integers(-30, 30))))
    return {"allOf": [{"type": "integer", "minimum": low}, {"maximum": high}]}, draw(st.integers(low, high))


@st.composite
def texts(draw: st.DrawFn) -> Case:
    parts: list[dict[str, Any]] = [
        {"type": "string"},
        {"type": "string", "maxLength": 8},
        {"type": ["string", "null"]},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"type": "string", "default": "x", "examples": ["y"], "x-unknown": 1},
    ]
    part = draw(st.sampled_from(parts))
    is_nullable = "anyOf" in part or isinstance(part["type"], list)
    return part, draw(TEXT | st.none() if is_nullable else TEXT)


dates = st.tuples(st.just({"type": "string", "format": "date"}), st.dates().map(str))
flags = st.tuples(st.sampled_from([{"type": "boolean"}, {"type": ["boolean", "null"]}]), st.booleans())
boxes = st.tuples(st.sampled_from([True, {}, {"title": "Anything"}]), ANY)
leaves = st.one_of(enumerations(), numbers(), integers(), texts(), dates, flags, boxes)


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Case]) -> Case:
    parts = draw(st.dictionaries(NAMES, inner, max_size=4))
    required = [name for name in parts if draw(st.booleans())]
    values = {name: value for name, (_, value) in parts.items() if name in required or draw(st.booleans())}
    schema: dict[str, Any] = {"type": "object", "properties": {name: part for name, (part, _) in parts.items()}}
    schema |= draw(st.sampled_from([{"required": required}, {"allOf": [{"required": required}]}]))
    if draw(st.booleans()):
        extra = draw(st.dictionaries(NAMES.filter(lambda name: name not in parts), ANY, max_size=2))
        return schema, {**values, **extra}
    return {**schema, "additionalProperties": False}, values


@st.composite
def lists(draw: st.DrawFn, inner: st.SearchStrategy[Case]) -> Case:
    part, value = draw(inner)
    length = draw(st.integers(0, 3))
    if draw(st.booleans()):
        first, start = draw(inner)
        return {"type": "array", "prefixItems": [first], "items": part}, [start, *[value] * length]
    return {"type": "array", "items": part}, [value] * length


@st.composite
def checks(draw: st.DrawFn) -> Case:
    members = draw(st.lists(SCALARS | TEXT, min_size=1, max_size=6, unique_by=exact))
    return {"type": "array", "items": {"enum": members}}, draw(st.lists(st.sampled_from(members), max_size=5))


@st.composite
def variants(draw: st.DrawFn, inner: st.SearchStrategy[Case]) -> Case:
    """Branches told apart by a constant, some of them not objects at all."""
    (one, value), (other, _) = draw(inner), draw(inner)
    branches = [
        {"type": "object", "properties": {"kind": {"const": "one"}, "a": one}, "required": ["kind", "a"]},
        {"type": "object", "properties": {"kind": {"const": "two"}, "b": other}, "required": ["kind"]},
        draw(st.sampled_from([{"type": "string"}, {"type": "null"}, {"type": "array", "items": {"type": "integer"}}])),
    ]
    keyword = draw(st.sampled_from(["oneOf", "anyOf"]))
    return {keyword: branches}, {"kind": "one", "a": value}


@st.composite
def conditions(draw: st.DrawFn, inner: st.SearchStrategy[Case]) -> Case:
    (one, value), (other, rest) = draw(inner), draw(inner)
    schema = {
        "type": "object",
        "properties": {"kind": {"enum": ["one", "two"]}},
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "one"}}},
        "then": {"properties": {"a": one}, "required": ["a"]},
        "else": {"properties": {"b": other}},
        "dependentSchemas": {"kind": {"properties": {"c": other}}},
        "dependentRequired": {"kind": ["c"]},
    }
    return schema, draw(
        st.sampled_from([{"kind": "one", "a": value, "c": rest}, {"kind": "two", "c": rest, "b": rest}])
    )


@st.composite
def references(draw: st.DrawFn, inner: st.SearchStrategy[Case]) -> Case:
    """Marked here, and put into the definitions of the whole by `rubrics`."""
    part, value = draw(inner)
    return {"$ref": part, "title": "Referred to"}, value


def nested(inner: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    return st.one_of(objects(inner), lists(inner), variants(inner), conditions(inner), references(inner))


cases = st.recursive(leaves | checks(), nested, max_leaves=6)


def with_definitions(part: Any, definitions: dict[str, Any]) -> Any:
    """A schema whose references name definitions, instead of holding the part that they refer to."""
    if isinstance(part, list):
        return [with_definitions(inner, definitions) for inner in part]
    if not isinstance(part, dict):
        return part
    if isinstance(part.get("$ref"), dict | bool):
        name = f"d{len(definitions)}"
        definitions[name] = True
        definitions[name] = with_definitions(part["$ref"], definitions)
        return {"$ref": f"#/$defs/{name}", "title": part["title"]}
    return {name: with_definitions(inner, definitions) for name, inner in part.items()}


@st.composite
def rubrics(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A schema of an object and values that match it."""
    schema, values = draw(objects(cases) | conditions(cases))
    definitions: dict[str, Any] = {}
    schema = with_definitions(schema, definitions)
    return {**schema, **({"$defs": definitions} if definitions else {})}, values


def is_usable(schema: dict[str, Any], values: dict[str, Any]) -> bool:
    """Whether the generated schema is taken in and the values match it: a branch may forbid what another one adds."""
    try:
        check_schema(schema)
        validate(schema, values)
    except ValueError:
        return False
    return True


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(rubrics())
def test_it_gets_back_the_values_it_shows(rubric: tuple[dict[str, Any], dict[str, Any]]) -> None:
    schema, values = rubric
    if not is_usable(schema, values):
        return

    returned, form, is_valid = bound(schema, posted(unbound(schema, values)))

    assert exact(returned) == exact(values), form
    assert is_valid, form


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(rubrics())
def test_it_gives_every_control_a_name_of_its_own(rubric: tuple[dict[str, Any], dict[str, Any]]) -> None:
    form = unbound(*rubric) if is_usable(*rubric) else unbound({})

    ids = [field.html_id for field in form.every_field]
    names = [field.html_name for field in form.every_field if field.kind != "checks"]
    names += [choice.name for field in form.every_field for choice in field.choices if choice.name]
    names += [name for marks in (form.marks, *(field.marks for field in form.every_field)) for name, _ in marks]
    assert len(ids) == len(set(ids))
    assert len(names) == len(set(names))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(rubrics(), st.data())
def test_it_answers_any_post_with_a_form(rubric: tuple[dict[str, Any], dict[str, Any]], data: st.DataObject) -> None:
    schema, values = rubric
    try:
        check_schema(schema)
    except ValueError:
        return
    post = posted(unbound(schema, values))
    names = st.sampled_from(sorted(post)) if post else st.text()
    wrong = data.draw(st.dictionaries(names | st.text(), st.text() | st.sampled_from(["0", "1", "999999999", "{}"])))
    deeds = st.sampled_from(["show:", "add:", "remove:", *(f"add:{name[2:]}" for name in post)])
    returned, form, is_valid = bound(schema, {**post, **wrong})
    anew = again(schema, {**post, **wrong, DO: data.draw(deeds | st.text())})

    assert is_valid == (not form.error and not any(True for _ in form.wrong))
    assert posted(anew) is not None
    if is_valid:
        validate(schema, returned)
