"""Forms within forms: objects, lists, references, alternatives, conditions, as somebody without a script meets them."""

from typing import Any

import pytest
from django.http import QueryDict

from reviews.web.schema_form import DO, again, bound, unbound
from reviews.web.schema_form.looks import MOST_LEVELS, MOST_ROWS
from reviews.workflow.schema import check_schema
from tests.web.schema_forms import Person, errors, find, posted, schema_of, shown

PERSON: dict[str, Any] = {
    "type": "object",
    "title": "Person",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "age": {"type": "integer", "minimum": 0},
    },
    "required": ["name"],
    "additionalProperties": False,
}
TAGS: dict[str, Any] = {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 2}
PROBLEMS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "problems": {
            "type": "array",
            "title": "Problems",
            "items": {"$ref": "#/$defs/problem"},
            "minItems": 1,
        }
    },
    "required": ["problems"],
    "$defs": {
        "problem": {
            "type": "object",
            "title": "Problem",
            "properties": {
                "where": {"type": "string", "maxLength": 80},
                "severity": {"type": "integer", "minimum": 1, "maximum": 3},
            },
            "required": ["where", "severity"],
        }
    },
}
SHAPES: dict[str, Any] = {
    "oneOf": [
        {
            "title": "A circle",
            "type": "object",
            "properties": {"kind": {"const": "circle"}, "radius": {"type": "number", "exclusiveMinimum": 0}},
            "required": ["kind", "radius"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"kind": {"const": "box"}, "width": {"type": "number"}, "height": {"type": "number"}},
            "required": ["kind", "width"],
            "additionalProperties": False,
        },
        {"type": "string", "title": "In words"},
    ]
}
BUG: dict[str, Any] = {
    "type": "object",
    "properties": {"verdict": {"enum": ["works", "has a bug"]}},
    "required": ["verdict"],
    "if": {"properties": {"verdict": {"const": "has a bug"}}, "required": ["verdict"]},
    "then": {"properties": {"line": {"type": "integer"}}, "required": ["line"]},
    "else": {"properties": {"praise": {"type": "string"}}},
}


# Objects


def test_it_shows_the_fields_of_a_nested_object_under_its_title() -> None:
    form = unbound(schema_of(PERSON, required=True))

    assert shown(form) == [("v-a", "object"), ("v-a--name", "text"), ("v-a--age", "integer")]
    assert find(form, "v-a").label == "Person"
    assert find(form, "v-a--name").place == "Person › Name"


def test_it_leaves_out_an_optional_object_in_which_nothing_is_answered() -> None:
    person = Person(schema_of(PERSON))

    assert person.submit() == ({}, person.form, True)


def test_it_wants_the_required_members_once_an_optional_object_is_begun() -> None:
    values, form, is_valid = Person(schema_of(PERSON)).submit({"v-a--age": "40"})

    assert not is_valid
    assert values == {"a": {"age": 40}}
    assert errors(form) == {"v-a--name": "A value is required."}


def test_it_says_what_is_wrong_at_the_nested_field() -> None:
    _, form, _ = Person(schema_of(PERSON)).submit({"v-a--name": "x" * 41, "v-a--age": "-1"})

    assert errors(form).keys() == {"v-a--name", "v-a--age"}


def test_it_asks_for_members_without_a_name_in_a_box_of_their_own() -> None:
    schema = {"properties": {"a": {"type": "string"}}, "patternProperties": {"^x-": {"type": "integer"}}}
    person = Person(schema)

    assert shown(person.form) == [("v-a", "prose"), ("r--", "json")]
    assert person.submit({"v-a": "y", "r--": '{"x-1": 2}'})[0] == {"a": "y", "x-1": 2}
    assert errors(person.submit({"r--": '{"x-1": "z"}'})[1]) == {"r--": '"z" is not of type "integer".'}
    assert errors(person.submit({"r--": '{"a": "z"}'})[1]) == {"r--": "a has a field of its own."}
    assert errors(person.submit({"r--": "[]"})[1])["r--"].startswith("Write a JSON object")


def test_it_writes_as_json_what_lies_too_deep() -> None:
    part: dict[str, Any] = {"type": "string"}
    for _ in range(MOST_LEVELS + 2):
        part = {"type": "object", "properties": {"b": part}}
    form = unbound(schema_of(part))

    assert [field.kind for field in form.every_field] == ["object"] * (MOST_LEVELS - 1) + ["json"]


def test_it_writes_all_but_the_first_level_as_json_where_fields_are_very_many() -> None:
    wide = {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(30)}}
    lists = {"type": "object", "properties": {f"l{number}": {"$ref": "#/$defs/wide"} for number in range(40)}}
    schema = {**lists, "$defs": {"wide": wide}}
    check_schema(schema)

    assert {field.kind for field in unbound(schema).every_field} == {"json"}


def test_it_shows_what_is_read_only_and_gives_it_back() -> None:
    schema = schema_of({"type": "string", "readOnly": True})

    assert [field.kind for field in unbound(schema).fields] == ["read_only"]
    assert bound(schema, posted(unbound(schema)))[0] == {}
    assert bound(schema, posted(unbound(schema, {"a": "kept"})))[0] == {"a": "kept"}


# Lists


def test_it_adds_and_removes_rows_without_a_script() -> None:
    person = Person(schema_of(TAGS))
    assert shown(person.form) == [("v-a", "rows")]

    person.press("add:a")
    person.write({"v-a--0": "first"})
    person.press("add:a")
    person.write({"v-a--1": "second"})
    assert find(person.form, "v-a").add == ""
    assert person.submit()[0] == {"a": ["first", "second"]}

    person.press("remove:a--0")
    assert person.submit()[0] == {"a": ["second"]}
    person.press("remove:a--0")
    assert person.submit()[0] == {}


def test_it_moves_what_is_in_the_rows_after_one_that_goes() -> None:
    people = {"type": "array", "items": {**PERSON, "properties": {**PERSON["properties"], "tags": TAGS}}}
    values = {"a": [{"name": "x"}, {"name": "y", "tags": ["1", "2"]}, {"name": "z", "age": 3}]}
    person = Person(schema_of(people), values)

    person.press("remove:a--1--tags--0")
    assert person.submit()[0]["a"][1] == {"name": "y", "tags": ["2"]}
    person.press("remove:a--0")
    assert person.submit()[0] == {"a": [{"name": "y", "tags": ["2"]}, {"name": "z", "age": 3}]}


def test_it_begins_a_required_list_with_the_rows_that_must_be() -> None:
    person = Person(PROBLEMS)

    assert shown(person.form) == [
        ("v-problems", "rows"),
        ("v-problems--0", "object"),
        ("v-problems--0--where", "text"),
        ("v-problems--0--severity", "scale"),
    ]
    assert find(person.form, "v-problems--0").label == "Problem 1"
    values, _, is_valid = person.submit({"v-problems--0--where": "line 3", "v-problems--0--severity": "2"})
    assert is_valid
    assert values == {"problems": [{"where": "line 3", "severity": 2}]}


def test_it_says_at_which_row_something_is_wrong() -> None:
    person = Person(PROBLEMS)
    person.press("add:problems")
    _, form, _ = person.submit({"v-problems--0--where": "x", "v-problems--0--severity": "2"})

    assert errors(form) == {
        "v-problems--1--where": "A value is required.",
        "v-problems--1--severity": "A value is required.",
    }


def test_it_wants_a_row_of_one_answer_to_be_answered_or_removed() -> None:
    person = Person(schema_of(TAGS))
    person.press("add:a")

    assert errors(person.submit()[1]) == {"v-a--0": "Answer this, or remove it."}


def test_it_checks_boxes_for_a_list_of_choices() -> None:
    part = {"type": "array", "items": {"enum": ["x", 1, "1"]}, "minItems": 2, "uniqueItems": True}
    person = Person(schema_of(part))
    (field,) = person.form.fields

    assert field.kind == "checks"
    assert field.note == "optional · at least 2, all different"
    assert [choice.name for choice in field.choices] == ["v-a--0", "v-a--1", "v-a--2"]
    assert bound(schema_of(part), {"v-a--1": "1", "v-a--2": '"1"'})[0] == {"a": [1, "1"]}
    assert "less than 2 items" in errors(bound(schema_of(part), {"v-a--1": "1"})[1])["v-a"]
    assert errors(bound(schema_of(part), {"v-a--1": "7"})[1]) == {"v-a": "Pick one of the choices."}


def test_it_shows_rows_where_boxes_would_lose_the_order() -> None:
    form = unbound(schema_of({"type": "array", "items": {"enum": ["x", "y"]}}), {"a": ["y", "x"]})

    assert [kind for _, kind in shown(form)] == ["rows", "choice", "choice"]


def test_it_gives_each_place_of_a_tuple_its_own_control() -> None:
    part = {
        "type": "array",
        "prefixItems": [{"type": "integer", "title": "Line"}, {"type": "string", "title": "Reason"}],
        "items": False,
    }
    person = Person(schema_of(part))
    person.press("add:a")
    person.press("add:a")

    assert shown(person.form) == [("v-a", "rows"), ("v-a--0", "integer"), ("v-a--1", "prose")]
    assert find(person.form, "v-a").add == ""
    assert person.submit({"v-a--0": "3", "v-a--1": "y"})[0] == {"a": [3, "y"]}


def test_it_reads_the_tuples_of_older_drafts() -> None:
    part = {"type": "array", "items": [{"type": "integer"}], "additionalItems": {"type": "boolean"}}
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", **schema_of(part)}

    assert [kind for _, kind in shown(unbound(schema, {"a": [1, True]}))] == ["rows", "integer", "boolean"]


# References


def test_it_follows_references_and_keeps_what_stands_beside_them() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/$defs/grade", "title": "Mine"}, "b": {"$ref": "#grade"}},
        "$defs": {"grade": {"$anchor": "grade", "type": "integer", "minimum": 1, "maximum": 5, "title": "Grade"}},
    }
    form = unbound(schema)

    assert [(field.label, field.kind) for field in form.fields] == [("Mine", "scale"), ("Grade", "scale")]


def test_it_ignores_what_stands_beside_a_reference_in_older_drafts() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"a": {"$ref": "#/definitions/grade", "title": "Mine"}},
        "definitions": {"grade": {"type": "boolean", "title": "Grade"}},
    }

    assert [(field.label, field.kind) for field in unbound(schema).fields] == [("Grade", "boolean")]


def test_it_puts_together_what_allof_says() -> None:
    base = {"properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"]}
    more = {"properties": {"a": {"maximum": 3}, "b": {"type": "boolean"}}}
    schema = {"allOf": [{"$ref": "#/$defs/base"}, more], "$defs": {"base": base}}
    form = unbound(schema)

    assert shown(form) == [("v-a", "scale"), ("v-b", "boolean")]
    assert [choice.label for choice in form.fields[0].choices] == ["1", "2", "3"]
    assert form.fields[0].required


# Alternatives


def test_it_offers_variants_by_title_and_shows_the_fields_of_the_chosen_one() -> None:
    person = Person(schema_of(SHAPES, required=True))
    assert shown(person.form) == [("g-a", "object"), ("c0-a", "variant")]
    assert [choice.label for choice in find(person.form, "c0-a").choices] == ["A circle", "box", "In words"]

    person.press("show:", **{"c0-a": "1"})
    assert shown(person.form)[2:] == [("f-a--kind", "fixed"), ("v-a--width", "number"), ("v-a--height", "number")]
    assert person.submit({"v-a--width": "2"})[0] == {"a": {"kind": "box", "width": 2}}

    person.press("show:", **{"c0-a": "2"})
    assert shown(person.form)[2:] == [("v-a", "prose")]
    assert person.submit({"v-a": "round"})[0] == {"a": "round"}


def test_it_wants_a_variant_to_be_picked() -> None:
    person = Person(schema_of(SHAPES, required=True))

    assert errors(person.submit()[1]) == {"c0-a": "A value is required."}
    assert errors(bound(person.schema, {"c0-a": "7"})[1]) == {"c0-a": "Pick one of the choices."}


def test_it_says_what_is_wrong_within_the_chosen_variant() -> None:
    person = Person(schema_of(SHAPES))
    person.press("show:", **{"c0-a": "0"})

    assert errors(person.submit({"v-a--radius": "0"})[1]).keys() == {"v-a--radius"}
    assert errors(person.submit({"v-a--radius": ""})[1]) == {"v-a--radius": "A value is required."}


def test_it_offers_variants_of_the_whole_beside_the_members_they_share() -> None:
    schema = {"properties": {"note": {"type": "string"}}, **SHAPES, "oneOf": SHAPES["oneOf"][:2]}
    schema["oneOf"] = [{**branch, "additionalProperties": True} for branch in schema["oneOf"]]
    person = Person(schema)

    person.press("show:", **{"c0--": "0"})
    assert shown(person.form) == [
        ("c0--", "variant"),
        ("v-note", "prose"),
        ("f-kind", "fixed"),
        ("v-radius", "number"),
    ]
    assert person.submit({"v-radius": "2.5", "v-note": "x"})[0] == {"kind": "circle", "radius": 2.5, "note": "x"}


def test_it_asks_which_type_where_there_are_several() -> None:
    person = Person(schema_of({"type": ["string", "integer", "null"]}))
    assert [choice.label for choice in find(person.form, "c0-a").choices] == ["Text", "Whole number", "Nothing"]

    person.press("show:", **{"c0-a": "1"})
    assert person.submit({"v-a": "3"})[0] == {"a": 3}
    person.press("show:", **{"c0-a": "2"})
    assert person.submit()[0] == {"a": None}


# Conditions


def test_it_shows_what_a_condition_asks_for_once_it_holds() -> None:
    person = Person(BUG)
    assert shown(person.form) == [("v-verdict", "choice"), ("v-praise", "prose")]
    assert person.form.is_live

    person.press("show:", **{"v-verdict": '"has a bug"'})
    assert shown(person.form) == [("v-verdict", "choice"), ("v-line", "integer")]
    assert errors(person.submit()[1]) == {"v-line": "A value is required."}
    assert person.submit({"v-line": "3"})[0] == {"verdict": "has a bug", "line": 3}

    person.press("show:", **{"v-verdict": '"works"'})
    assert shown(person.form)[1:] == [("v-praise", "prose")]


def test_it_asks_for_what_an_answer_calls_for() -> None:
    schema = {
        "properties": {"card": {"type": "string", "maxLength": 9}},
        "dependentRequired": {"card": ["address"]},
        "dependentSchemas": {"card": {"properties": {"address": {"type": "string"}}}},
    }
    person = Person(schema)
    assert shown(person.form) == [("v-card", "text")]

    person.press("show:", **{"v-card": "1234"})
    assert shown(person.form)[1:] == [("v-address", "prose")]
    assert errors(person.submit()[1]) == {"v-address": "A value is required."}


def test_it_follows_a_condition_on_what_another_one_shows() -> None:
    inner = {"if": {"required": ["b"]}, "then": {"properties": {"c": {"type": "boolean"}}}}
    schema = {
        "properties": {"a": {"type": "boolean"}},
        "allOf": [{"if": {"required": ["a"]}, "then": {"properties": {"b": {"type": "boolean"}}}}, inner],
    }

    form = again(schema, {"v-a": "true", "v-b": "true"})

    assert [name for name, _ in shown(form)] == ["v-a", "v-b", "v-c"]


# Hostile forms


def test_it_refuses_more_rows_than_a_form_holds() -> None:
    post = {"n-a": "5000", **{f"v-a--{number}": "x" for number in range(5000)}}
    _, form, is_valid = bound(schema_of({**TAGS, "maxItems": 9999}), post)

    assert not is_valid
    assert errors(form) == {"v-a": f"A form takes at most {MOST_ROWS} rows of a list."}


def test_it_refuses_more_fields_than_a_form_holds() -> None:
    table = {"type": "array", "items": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}}
    post = {"n-a": "200"}
    post |= {f"n-a--{row}": "200" for row in range(200)}
    post |= {f"n-a--{row}--{column}": "200" for row in range(200) for column in range(200)}

    values, form, is_valid = bound(schema_of(table), post)

    assert (values, is_valid, form.error) == ({}, False, "More was sent than this form can hold.")
    assert again(schema_of(table), {**post, DO: "add:a"}).error == "More was sent than this form can hold."


def test_it_refuses_what_was_sent_twice() -> None:
    _, form, is_valid = bound(schema_of(PERSON), QueryDict("v-a--name=x&v-a--name=y"))

    assert not is_valid
    assert errors(form) == {"v-a--name": "This was sent more than once."}


@pytest.mark.parametrize(
    "deed", ["add:", "add:nowhere", "remove:a", "remove:a--9", "remove:a--x", "shout", "", "add:a--0"]
)
def test_it_stays_as_it_is_where_a_button_asks_for_nothing_it_has(deed: str) -> None:
    schema = schema_of(TAGS)
    post = posted(unbound(schema, {"a": ["x"]}))

    assert posted(again(schema, {**post, DO: deed})) == post


def test_it_writes_a_very_long_list_as_json() -> None:
    values = {"a": ["x"] * (MOST_ROWS + 1)}
    schema = schema_of({"type": "array", "items": {"type": "string"}})

    assert shown(unbound(schema, values)) == [("j-a", "json")]
    assert bound(schema, posted(unbound(schema, values)))[0] == values
