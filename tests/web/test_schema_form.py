"""The form of a feedback task's schema, and the values that come back from it."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviews.web.schema_form import RESERVED_KEYS, Field, SchemaForm, bound, unbound
from reviews.workflow.schema import check_schema, validate
from tests.web.schema_forms import exact, posted, schema_of

RUBRIC: dict[str, Any] = {
    "type": "object",
    "properties": {
        "correctness": {"type": "integer", "minimum": 1, "maximum": 5, "description": "5 is right."},
        "problem": {"type": "string", "enum": ["none", "wrong fact", "tone"], "title": "Worst problem"},
        "send_as_is": {"type": "boolean"},
        "note": {"type": "string"},
    },
    "required": ["correctness"],
    "additionalProperties": False,
}


def only(part: Any, values: dict[str, Any] | None = None, *, required: bool = False) -> Field:
    (field,) = unbound(schema_of(part, required=required), values).fields
    return field


def answer(part: Any, text: str, *, required: bool = False) -> tuple[dict[str, Any], Field, bool]:
    values, form, is_valid = bound(schema_of(part, required=required), {"v-a": text})
    return values, form.fields[0], is_valid


def keys(form: SchemaForm) -> list[list[str]]:
    return [[choice.key for choice in field.choices] for field in form.fields]


# What is shown


def test_it_shows_one_field_for_each_property() -> None:
    form = unbound(RUBRIC)

    assert [field.name for field in form.fields] == ["correctness", "problem", "send_as_is", "note"]
    assert [field.kind for field in form.fields] == ["scale", "choice", "boolean", "prose"]
    assert [field.label for field in form.fields] == ["Correctness", "Worst problem", "Send as is", "Note"]
    assert [field.required for field in form.fields] == [True, False, False, False]
    assert form.fields[0].help == "5 is right."
    assert form.error == ""


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"enum": ["x"]}, "choice"),
        ({"const": 1}, "choice"),
        ({"type": "integer", "enum": [1, 2]}, "choice"),
        ({"type": ["boolean", "null"]}, "choice"),
        ({"type": "boolean"}, "boolean"),
        ({"type": "integer", "minimum": 0, "maximum": 10}, "scale"),
        ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 12}, "scale"),
        ({"type": "integer", "minimum": 0, "maximum": 100, "multipleOf": 10}, "scale"),
        ({"type": ["integer", "null"], "minimum": 1, "maximum": 3}, "scale"),
        ({"type": "integer", "minimum": 0, "maximum": 11}, "integer"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "integer"),
        ({"type": "integer"}, "integer"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "number"),
        ({"type": ["integer", "number"]}, "number"),
        ({"type": "string", "maxLength": 120}, "text"),
        ({"type": "string", "format": "date"}, "text"),
        ({"type": "string", "maxLength": 121}, "prose"),
        ({"type": ["string", "null"]}, "prose"),
        ({"type": "string", "oneOf": [{"maxLength": 3}, {"minLength": 5}]}, "prose"),
        ({"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.1}, "scale"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "prose"),
        ({"oneOf": [{"const": 1, "title": "Bad"}, {"const": 2, "title": "Good"}]}, "choice"),
        ({"allOf": [{"type": "integer"}, {"minimum": 1}, {"maximum": 5}]}, "scale"),
        ({"type": ["string", "integer"]}, "object"),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "object"),
        ({"type": "object", "properties": {"b": {}}}, "object"),
        ({"type": "array", "items": {"type": "string"}}, "rows"),
        ({"type": "array", "items": {"enum": ["x", "y"]}}, "checks"),
        ({"type": "array", "prefixItems": [{"type": "string"}]}, "rows"),
        ({"type": "array"}, "json"),
        ({"type": "object"}, "json"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "json"),
        ({"minimum": 1}, "json"),
        ({"enum": []}, "json"),
        ({"type": "null"}, "json"),
        ({}, "json"),
        (True, "json"),
    ],
)
def test_it_picks_a_control_for_each_kind(part: Any, kind: str) -> None:
    assert only(part).kind == kind


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"properties": {}},
        {"properties": {"a": False}},
        {"$ref": "#/$defs/x", "$defs": {"x": {"type": "object"}}},
        {"patternProperties": {"^x": {"type": "array"}}},
        {"additionalProperties": {"type": "string"}},
        {"minProperties": 1, "propertyNames": {"maxLength": 3}},
    ],
)
def test_it_gives_one_json_box_where_no_member_is_named(schema: dict[str, Any]) -> None:
    check_schema(schema)
    (field,) = unbound(schema, {"x": [1]}).fields

    assert (field.name, field.html_name, field.kind) == ("", "values", "json")
    assert json.loads(field.value) == {"x": [1]}
    assert bound(schema, {"values": '{"q": '})[1].fields[0].error.startswith("This is not JSON")


def test_it_keeps_the_fields_beside_a_condition_on_them() -> None:
    condition = {"if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}}
    schema = {"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, **condition}

    _, form, is_valid = bound(schema, {"v-a": "1"})

    assert not is_valid
    assert form.fields[1].error == "A value is required."


def test_it_asks_for_a_required_member_that_has_no_property() -> None:
    form = unbound({"properties": {"a": {"type": "string"}}, "required": ["b"]})

    assert [(field.name, field.kind, field.required) for field in form.fields] == [
        ("a", "prose", False),
        ("b", "json", True),
    ]


def test_it_keeps_earlier_members_that_the_schema_does_not_name() -> None:
    schema = schema_of({"type": "string"})
    form = unbound(schema, {"a": "x", "more of it": {"b": [1]}})

    values, _, is_valid = bound(schema, posted(form))

    assert is_valid
    assert values == {"a": "x", "more of it": {"b": [1]}}


def test_it_tells_a_default_and_never_submits_it() -> None:
    part = {"type": "integer", "minimum": 1, "maximum": 5, "default": 3, "description": "How good?"}
    form = unbound(schema_of(part))

    assert form.fields[0].help == "How good? Default: 3."
    assert not any(choice.selected for choice in form.fields[0].choices)
    assert bound(schema_of(part), posted(form))[0] == {}


def test_it_gives_html_the_bounds() -> None:
    whole = only({"type": "integer", "minimum": 0.5, "exclusiveMaximum": 100})
    tenths = only({"type": "number", "minimum": 0.05, "maximum": 1, "multipleOf": 0.1})
    free = only({"type": "number", "exclusiveMinimum": 0})
    draft_4 = only({"type": "integer", "minimum": 1, "exclusiveMinimum": True, "maximum": 99, "multipleOf": 2})

    assert (whole.minimum, whole.maximum, whole.step) == ("1", "99", "1")
    assert (tenths.minimum, tenths.maximum, tenths.step) == ("0.1", "1", "0.1")
    assert (free.minimum, free.maximum, free.step) == ("0", "", "any")
    assert (draft_4.minimum, draft_4.maximum, draft_4.step) == ("2", "98", "2")


def test_it_gives_a_scale_every_value_it_allows() -> None:
    field = only({"type": ["integer", "null"], "minimum": -1, "maximum": 5, "multipleOf": 2})

    assert [choice.label for choice in field.choices] == ["0", "2", "4", "None"]


@pytest.mark.parametrize("name", ["a b", "a-b", "ä", 'x"><b>', "", "a.b[0]", "__proto__", "a/b~c", "v-a", "😀", "A\n"])
def test_it_takes_any_property_name(name: str) -> None:
    schema = {"properties": {name: {"type": "string"}, "other": {"type": "string"}}}
    form = unbound(schema, {name: "x"})

    assert all(
        character.isascii() and (character.isalnum() or character in "-_") for character in form.fields[0].html_id
    )
    assert len({field.html_name for field in form.fields}) == 2
    assert bound(schema, posted(form))[0] == {name: "x"}


def test_it_ignores_posted_names_that_are_none_of_its_own() -> None:
    post = {"v-a": "x", "v-%62": "1", "v-a-zz": "1", "v--ff": "1", "csrfmiddlewaretoken": "t", "values": "{}"}

    assert bound(schema_of({"type": "string"}), post)[0] == {"a": "x"}


def test_it_keeps_the_json_type_of_each_choice() -> None:
    members = [1, "1", 1.5, None, "null", True, "true", "", {"b": [1]}]
    labels = ["1", '"1"', "1.5", "null", '"null"', "true", '"true"', '""', '{"b":[1]}']
    form = unbound(schema_of({"enum": members}))

    assert [choice.label for choice in form.fields[0].choices] == labels
    for choice, member in zip(form.fields[0].choices, members, strict=True):
        values, _, is_valid = bound(schema_of({"enum": members}), {"v-a": choice.value})
        assert is_valid
        assert exact(values) == exact({"a": member})


def test_it_shows_an_earlier_number_written_otherwise() -> None:
    part = {"type": "integer", "minimum": 1, "maximum": 5}

    assert [choice.selected for choice in only(part, {"a": 2.0}).choices] == [False, True, False, False, False]
    assert not any(choice.selected for choice in only(part, {"a": True}).choices)


def test_it_says_that_an_earlier_choice_is_gone() -> None:
    field = only({"enum": ["x", "y"]}, {"a": "z"})

    assert field.error == 'The earlier answer "z" is not one of the choices.'


def test_it_gives_a_text_with_lines_a_box_with_lines() -> None:
    assert only({"type": "string", "maxLength": 50}, {"a": "one\ntwo"}).kind == "prose"


# What comes back


def test_it_leaves_out_what_was_not_touched() -> None:
    values, form, is_valid = bound(RUBRIC, {**posted(unbound(RUBRIC)), "v-correctness": "4"})

    assert is_valid
    assert exact(values) == '{"correctness": 4}'
    assert [choice.selected for choice in form.fields[0].choices] == [False, False, False, True, False]


def test_it_says_what_is_missing_at_the_field() -> None:
    values, form, is_valid = bound(RUBRIC, {"v-note": "fine"})

    assert not is_valid
    assert values == {"note": "fine"}
    assert [field.error for field in form.fields] == ["A value is required.", "", "", ""]
    assert form.fields[3].value == "fine"


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), (" -3 ", -3), ("+3", 3), ("007", 7), ("3.0", 3.0), ("3e2", 300.0), (".5", 0.5), ("2.", 2.0)],
)
def test_it_reads_numbers_as_they_are_written(text: str, value: float) -> None:
    values, _, is_valid = answer({"type": "number"}, text)

    assert is_valid
    assert exact(values) == exact({"a": value})


@pytest.mark.parametrize("kind", ["integer", "number"])
@pytest.mark.parametrize(
    "text", ["12x", "x", "1,5", "1 2", "NaN", "inf", "1e999", "-", "٣", "0x10", "1_0", "9" * 5_000, "9" * 20]
)
def test_it_refuses_what_is_no_number(text: str, kind: str) -> None:
    values, field, is_valid = answer({"type": kind}, text)

    assert not is_valid
    assert values == {}
    assert field.value == text
    assert field.error.endswith(".")


def test_it_keeps_the_first_thing_said_about_a_field() -> None:
    _, field, _ = answer({"type": "integer"}, "12x", required=True)
    assert field.error == "Write a whole number, such as 3."

    _, field, _ = answer({"type": "integer"}, "3.5")
    assert field.error == '3.5 is not of type "integer".'


def test_it_keeps_text_exactly_but_for_the_browsers_line_ends() -> None:
    values, _, _ = answer({"type": "string"}, "  two\r\nlines\rand \n a half\t ")

    assert values == {"a": "  two\nlines\nand \n a half\t "}


def test_it_reads_an_empty_nullable_field_as_null_where_an_answer_is_required() -> None:
    part = {"type": ["string", "null"]}

    assert answer(part, "", required=True)[0] == {"a": None}
    assert answer(part, "")[0] == {}
    assert not only(part, required=True).required
    assert only(part, {"a": None}).value == ""


def test_it_wants_a_pick_where_a_choice_may_be_null() -> None:
    assert not answer({"enum": ["x", None]}, "", required=True)[2]
    assert answer({"enum": ["x", None]}, "null", required=True)[0] == {"a": None}


@pytest.mark.parametrize("text", ["z", "1", '"x', "undefined"])
def test_it_refuses_a_token_that_is_no_choice(text: str) -> None:
    _, field, is_valid = answer({"enum": ["x", "y"]}, text)

    assert not is_valid
    assert field.error == "Pick one of the choices."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "This is not JSON: "),
        ("[NaN]", "NaN is not JSON."),
        ('{"b": 1, "b": 2}', "This JSON has a member twice in one object."),
        ("[" * 100_000, "This JSON is nested too deeply."),
        ("9" * 10_000, "A number in this JSON is too large."),
    ],
    ids=["broken", "constant", "twice", "deep", "long"],
)
def test_it_refuses_what_is_no_json(text: str, sentence: str) -> None:
    _, field, is_valid = answer({"type": "array"}, text)

    assert not is_valid
    assert field.error.startswith(sentence)


def test_it_says_where_in_a_json_box_something_is_wrong() -> None:
    part = {"type": "object", "additionalProperties": {"items": {"type": "string"}}}
    _, field, _ = answer(part, '{"x": ["y", 2]}')

    assert field.error == 'x.1: 2 is not of type "string".'


def test_it_wants_an_object_in_the_box_for_everything() -> None:
    schema = {"type": "object", "minProperties": 1}

    assert bound(schema, {"values": "[1]"})[1].fields[0].error == 'Write a JSON object, such as {"name": "value"}.'
    assert "less than 1 property" in bound(schema, {})[1].fields[0].error
    assert bound(schema, {"values": '{"b": 1}'})[0] == {"b": 1}


def test_it_says_at_the_form_what_belongs_to_no_field() -> None:
    schema = {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "minProperties": 1}

    _, form, is_valid = bound(schema, {})

    assert not is_valid
    assert "less than 1 property" in form.error
    assert [field.error for field in form.fields] == ["", ""]


# Keys


def test_it_gives_a_scale_its_digits_and_the_others_letters() -> None:
    assert keys(unbound(RUBRIC)) == [["1", "2", "3", "4", "5"], ["n", "w", "t"], ["y", "o"], []]


def test_it_gives_digits_to_the_first_scale_only() -> None:
    scale = {"type": "integer", "minimum": -1, "maximum": 9}
    form = unbound({"properties": {"a": {"enum": ["yes"]}, "b": scale, "c": scale}, "required": ["a"]})

    assert keys(form) == [["y"], ["", *"0123456789"], [""] * 11]


def test_it_gives_digits_to_the_first_required_choice_where_there_is_no_scale() -> None:
    choice, flag = {"enum": [f"{letter}…" for letter in "abcdefghijk"]}, {"type": "boolean"}
    form = unbound({"properties": {"a": flag, "b": choice, "c": flag}, "required": ["b", "c"]})

    assert keys(form) == [["y", "n"], [*"123456789", "", ""], ["a", "o"]]


def test_it_never_gives_a_digit_to_another_digit() -> None:
    form = unbound(schema_of({"enum": [0, 1, 3, "unsure"]}, required=True))

    assert keys(form) == [["0", "1", "3", "2"]]


def test_it_keeps_keys_when_the_form_comes_back() -> None:
    assert keys(bound(RUBRIC, {"v-problem": '"tone"'})[1]) == keys(unbound(RUBRIC))


# Round trips

NAMES = st.text(st.characters(codec="utf-8"), max_size=8)
# Browsers cannot send a lone CR, and an empty box is an answer left out.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=30)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
MEMBERS = SCALARS | st.text(st.characters(codec="utf-8"), max_size=10)
JSON = st.recursive(MEMBERS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))


@st.composite
def enumerations(draw: st.DrawFn) -> tuple[Any, Any]:
    members = draw(st.lists(MEMBERS, min_size=1, max_size=12, unique_by=exact))
    return {"enum": members}, draw(st.sampled_from(members))


@st.composite
def constants(draw: st.DrawFn) -> tuple[Any, Any]:
    member = draw(JSON)
    return {"const": member}, member


@st.composite
def integers(draw: st.DrawFn) -> tuple[Any, Any]:
    step = draw(st.integers(1, 7))
    low, high = sorted((draw(st.integers(-30, 30)) * step, draw(st.integers(-30, 30)) * step))
    bounds = {"minimum": low - draw(st.integers(0, step - 1)), "maximum": high, "multipleOf": step}
    return {"type": "integer", **bounds}, draw(st.integers(low // step, high // step)) * step


@st.composite
def numbers(draw: st.DrawFn) -> tuple[Any, Any]:
    value = draw(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1))
    return {"type": "number", **draw(st.sampled_from([{}, {"minimum": value}, {"maximum": value}]))}, value


@st.composite
def texts(draw: st.DrawFn) -> tuple[Any, Any]:
    return {"type": draw(st.sampled_from(["string", ["string", "null"]])), **draw(limits)}, draw(TEXTS)


limits = st.sampled_from([{}, {"maxLength": 30}, {"maxLength": 500, "minLength": 1}])
flags = st.tuples(st.just({"type": "boolean"}), st.booleans())
boxes = st.tuples(st.sampled_from([True, {}, {"title": "Anything"}]), JSON)
answers = st.one_of(enumerations(), constants(), integers(), numbers(), texts(), flags, boxes)


@st.composite
def rubrics(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A flat schema and values that match it."""
    parts = draw(st.dictionaries(NAMES, answers, min_size=1, max_size=5))
    required = draw(st.lists(st.sampled_from(sorted(parts)), unique=True))
    optional = draw(st.lists(st.sampled_from(sorted(parts)), unique=True))
    values = {name: value for name, (_, value) in parts.items() if name in required or name in optional}
    properties = {name: part for name, (part, _) in parts.items()}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}, values


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rubrics())
def test_it_gets_back_the_values_it_shows(rubric: tuple[dict[str, Any], dict[str, Any]]) -> None:
    schema, values = rubric
    validate(schema, values)

    returned, form, is_valid = bound(schema, posted(unbound(schema, values)))

    assert is_valid, form
    assert exact(returned) == exact(values)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rubrics())
def test_it_never_gives_a_key_twice(rubric: tuple[dict[str, Any], dict[str, Any]]) -> None:
    given_keys = [key for field in keys(unbound(rubric[0])) for key in field if key]

    assert len(given_keys) == len(set(given_keys))
    assert not RESERVED_KEYS & set(given_keys)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rubrics(), st.data())
def test_it_answers_any_post_with_a_form(rubric: tuple[dict[str, Any], dict[str, Any]], data: st.DataObject) -> None:
    names = [field.html_name for field in unbound(rubric[0]).fields]
    post = data.draw(st.dictionaries(st.sampled_from(names) | st.text(), st.text()))

    values, form, is_valid = bound(rubric[0], post)

    assert is_valid == (not form.error and not any(field.error for field in form.fields))
    if is_valid:
        validate(rubric[0], values)
