"""Which schemas are taken in, and what is said about values."""

from typing import Any

import pytest

from reviews.workflow.schema import Problem, SchemaRefused, ValuesRefused, canonical, check_schema, validate

RUBRIC: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["works", "has a bug"]},
        "correctness": {"type": "integer", "minimum": 1, "maximum": 5},
        "checked_on": {"type": "string", "format": "date"},
        "note": {"type": "string", "maxLength": 20},
    },
    "required": ["correctness"],
    "additionalProperties": False,
}


def field(part: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": part}}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels - 1):
        schema = {"not": schema}
    return schema


def chain(links: int, times: int) -> dict[str, Any]:
    """Definitions that each refer to the next, `times` over."""
    definitions: dict[str, Any] = {
        f"d{link}": {"allOf": [{"$ref": f"#/$defs/d{link + 1}"}] * times} for link in range(links)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{links}": {"type": "object"}}}


def circular() -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    schema["properties"] = schema
    return schema


HOSTILE: dict[str, tuple[Any, str]] = {
    "a list": ([], "must be a JSON object"),
    "a text": ("{}", "must be a JSON object"),
    "nothing": (None, "must be a JSON object"),
    "true": (True, "must be a JSON object"),
    "an array's": ({"type": "array"}, "must describe an object"),
    "a number's": ({"type": ["number", "null"]}, "must describe an object"),
    "70 KiB": ({"title": "x" * 70 * 1024}, "at most 65,536"),
    "deep": (nested(33), "more than 32 levels"),
    "very deep": (nested(5_000), "more than 32 levels"),
    "a circle of objects": (circular(), "more than 32 levels"),
    "wide": (field({"enum": list(range(2_000))}), "more than 2,000 nodes"),
    "many properties": ({"properties": {f"p{n}": True for n in range(501)}}, "at most 500"),
    "many patterns": ({"properties": {f"p{n}": {"pattern": f"^{n}$"} for n in range(41)}}, "at most 40"),
    "remote": (field({"$ref": "http://127.0.0.1:9/schema"}), "only references inside the schema"),
    "remote, relative": (field({"$ref": "other.json#/a"}), "only references inside the schema"),
    "remote, dynamic": (field({"$dynamicRef": "https://example.com/#a"}), "only references inside the schema"),
    "a file": (field({"$ref": "file:///etc/passwd"}), "only references inside the schema"),
    "a file among data": (field({"enum": [{"$ref": "file:///etc/passwd"}]}), "only references inside the schema"),
    "a meta-schema": (field({"$ref": "https://json-schema.org/draft/2020-12/schema"}), "only references inside"),
    "refers to itself": (field({"$ref": "#"}), "circular"),
    "refers to its parent": (field({"items": {"$ref": "#/properties/a"}}), "circular"),
    "refers in a ring": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        "circular",
    ),
    "recursive": ({"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveRef": "#"}, "circular"),
    "circular through an anchor": (field({"$anchor": "x", "items": {"$ref": "#x"}}), "circular"),
    "dangling": (field({"$ref": "#/$defs/nowhere"}), "no such part"),
    "dangling into a list": (field({"allOf": [{"$ref": "#/properties/a/allOf/x"}]}), "no such part"),
    "dangling anchor": (field({"$ref": "#nowhere"}), "no such part"),
    "doubling references": (chain(12, 2), "more than 20,000 nodes"),
    "a long chain of references": (chain(400, 1), "more than 64 levels"),
    "a second root": (field({"$id": "http://127.0.0.1:9/a", "$ref": "#/properties/a"}), "only the schema itself may"),
    "a second root, draft 4": (
        {"$schema": "http://json-schema.org/draft-04/schema#", **field({"id": "http://127.0.0.1:9/a"})},
        "only the schema itself may",
    ),
    "two of a name": ({"$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}}, 'two parts called "x"'),
    "a remote draft": ({"$schema": "http://127.0.0.1:9/schema"}, "not a known draft"),
    "no draft": ({"$schema": 7}, "not a known draft"),
    "look-ahead": (field({"pattern": "^(?=a)b"}), "linear time"),
    "a back-reference": (field({"pattern": r"(a+)\1"}), "linear time"),
    "a huge repetition": (field({"pattern": "(((a{100}){100}){100}){100}"}), "linear time"),
    "an open bracket": ({"patternProperties": {"(": True}}, "linear time"),
    "an unknown type": (field({"type": "objekt"}), "/properties/a/type"),
    "a bound that is text": (field({"minimum": "1"}), "/properties/a/minimum"),
    "properties that are a list": ({"properties": []}, "/properties"),
    "a number that is none": (field({"minimum": float("nan")}), "not finite"),
    "a huge integer": (field({"const": 2**70}), "more than 64 bits"),
    "half a character": ({"title": "\ud800"}, "not valid Unicode"),
    "a member without a name": ({"properties": {1: True}}, "not text"),
    "something else": (field({"const": {1, 2}}), "not JSON"),
}


@pytest.mark.parametrize(("schema", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_it_refuses_a_hostile_schema_with_a_sentence(schema: object, reason: str) -> None:
    with pytest.raises(SchemaRefused) as refused:
        check_schema(schema)

    sentence = str(refused.value)
    assert reason in sentence
    assert sentence.endswith(".")
    assert len(sentence) < 400


@pytest.mark.parametrize(("schema", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_it_never_validates_against_a_hostile_schema(schema: object, reason: str) -> None:
    with pytest.raises(SchemaRefused):
        validate(schema, {})


@pytest.mark.parametrize(
    "schema",
    [
        {},
        RUBRIC,
        {"type": ["object", "null"]},
        {"$id": "https://example.com/rubric", **field({"type": "string"})},
        {"$schema": "http://json-schema.org/draft-07/schema", "type": "object"},
        {"$schema": "http://json-schema.org/draft-04/schema#", **field({"minimum": 0, "exclusiveMinimum": True})},
        {**field({"$ref": "#/$defs/a~1b%20c"}), "$defs": {"a/b c": {"type": "integer"}}},
        {**field({"$ref": "#grade"}), "$defs": {"x": {"$anchor": "grade"}}},
        field({"properties": {"$ref": {"type": "string"}, "$id": {"type": "string"}}}),
        nested(32),
        {"properties": {f"p{n}": True for n in range(500)}},
        field({"enum": list(range(1_990))}),
        field({"pattern": "^(a+)+$"}),
    ],
    ids=lambda schema: str(schema)[:50],
)
def test_it_accepts_an_ordinary_schema_and_the_largest(schema: object) -> None:
    check_schema(schema)


def test_it_accepts_matching_values() -> None:
    validate(RUBRIC, {"correctness": 5, "verdict": "works", "checked_on": "2024-02-29"})


def test_it_names_the_first_failing_value() -> None:
    with pytest.raises(ValuesRefused) as refused:
        validate(RUBRIC, {"correctness": 7})

    assert str(refused.value) == "correctness: 7 is greater than the maximum of 5"
    assert refused.value.errors == (Problem("/correctness", "7 is greater than the maximum of 5"),)


def test_it_lists_problems_in_the_order_of_the_form() -> None:
    with pytest.raises(ValuesRefused) as refused:
        validate(RUBRIC, {"note": 1, "checked_on": "2023-02-29", "verdict": "fine", "mood": "good"})

    pointers = [problem.pointer for problem in refused.value.errors]
    assert pointers == ["/verdict", "/correctness", "/checked_on", "/note", "/mood"]


def test_it_points_at_what_is_missing_and_what_is_too_much() -> None:
    with pytest.raises(ValuesRefused) as refused:
        validate(RUBRIC, {"a/b~c": 1})

    assert refused.value.errors == (
        Problem("/correctness", "a value is required"),
        Problem("/a~1b~0c", "the schema has no such property"),
    )


def test_it_names_the_path_of_a_nested_value() -> None:
    with pytest.raises(ValuesRefused) as refused:
        validate(field({"items": {"type": "string"}}), {"a": ["x", 2]})

    assert str(refused.value) == 'a.1: 2 is not of type "string"'


def test_it_does_not_repeat_a_long_value() -> None:
    with pytest.raises(ValuesRefused) as refused:
        validate(RUBRIC, {"correctness": 5, "note": "é" * 5_000})

    assert str(refused.value) == "note: the value is longer than 20 characters"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("inf"), "not finite"),
        (2**64, "64 bits"),
        ("\ud800", "Unicode"),
        ({1: 1}, "not text"),
        ("x" * 1_100_000, "at most 1,048,576"),
        ([0] * 100_001, "100,000 nodes"),
        (nested(65), "64 levels"),
    ],
    ids=["infinite", "integer", "surrogate", "name", "bytes", "nodes", "depth"],
)
def test_it_refuses_values_that_are_not_plain_json(value: object, reason: str) -> None:
    with pytest.raises(ValuesRefused, match=reason):
        validate({}, {"a": value})


@pytest.mark.parametrize("values", [[], None, "{}", 1])
def test_it_refuses_values_that_are_no_object(values: object) -> None:
    with pytest.raises(ValuesRefused, match="must be a JSON object"):
        validate({}, values)


def test_it_matches_a_catastrophic_pattern_in_linear_time() -> None:
    schema = field({"pattern": "^(a+)+$"})

    validate(schema, {"a": "a" * 10_000})
    with pytest.raises(ValuesRefused, match="does not match"):
        validate(schema, {"a": "a" * 10_000 + "!"})


def test_it_refuses_work_without_bound() -> None:
    patterns = field({"allOf": [{"pattern": f"[ab]*a[ab]{{300}}{n}"} for n in range(40)]})
    items = field({"items": {"allOf": [{"type": "integer"}] * 900}})

    with pytest.raises(ValuesRefused, match="too large to be checked"):
        validate(patterns, {"a": "ab" * 50_000})
    with pytest.raises(ValuesRefused, match="too large to be checked"):
        validate(items, {"a": [1] * 90_000})


def test_it_does_not_copy_a_large_value_for_each_problem() -> None:
    schema = field({"anyOf": [{"type": "null"}] * 900})

    with pytest.raises(ValuesRefused, match="too large to say where") as refused:
        validate(schema, {"a": "x" * 250_000})

    assert refused.value.errors[0].pointer == ""


def test_it_tells_revisions_apart_by_content_alone() -> None:
    assert canonical({"type": "object", "title": "ä"}) == '{"title":"ä","type":"object"}'
    assert canonical({"title": "ä", "type": "object"}) == canonical({"type": "object", "title": "ä"})
    assert canonical({"title": "a"}) != canonical({"title": "b"})
    with pytest.raises(SchemaRefused):
        canonical([])


def test_it_says_what_is_wrong_where_the_schema_is_quoted_at_length() -> None:
    schema = {"type": "object", "properties": {"a": {"const": "x" * 1_000}}}
    with pytest.raises(ValuesRefused) as refused:
        validate(schema, {"a": 1})
    assert str(refused.value).endswith("was expected")
    assert len(str(refused.value)) < 250
