"""The table of keywords in docs/schema-form.md, and the keywords that have no other place in the tests."""

import re
from pathlib import Path
from typing import Any

import pytest

from reviews.web.schema_form import bound, unbound
from reviews.web.schema_form.words import KNOWN_KEYWORDS
from reviews.workflow.schema import check_schema
from tests.web.schema_forms import Person, errors, find, posted, schema_of, shown

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (?:`([^`]+)`[^|]*|any other) \| ([^|]+) \| ([^|]+) \| (test_it_[a-z_]+) \|$", re.MULTILINE)
TABLE = (ROOT / "docs" / "schema-form.md").read_text()
VOCABULARIES = {
    "core": "$schema $id $anchor $dynamicAnchor $ref $dynamicRef $defs $vocabulary $comment",
    "applicator": """allOf anyOf oneOf not if then else dependentSchemas properties patternProperties
        additionalProperties
        propertyNames items prefixItems contains""",
    "unevaluated": "unevaluatedItems unevaluatedProperties",
    "validation": """type enum const multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minLength
        maxLength pattern minItems maxItems uniqueItems minContains maxContains minProperties
        maxProperties required dependentRequired""",
    "meta-data": "title description default examples deprecated readOnly writeOnly",
    "format": "format",
    "content": "contentEncoding contentMediaType contentSchema",
    "older drafts": "id definitions dependencies additionalItems $recursiveRef $recursiveAnchor",
}


def test_it_has_each_keyword_in_the_table_once() -> None:
    keywords = [row[0] for row in ROW.findall(TABLE) if row[0]]

    assert len(keywords) == len(set(keywords))
    assert set(keywords) == KNOWN_KEYWORDS
    assert len(ROW.findall(TABLE)) == len(keywords) + 1 == TABLE.count("\n| ") - 1


def test_it_names_tests_that_there_are() -> None:
    folders = (ROOT / "tests" / "web", ROOT / "tests" / "workflow")
    sources = "".join(path.read_text() for folder in folders for path in folder.glob("test_schema*.py"))

    for _keyword, _drawn, _validated, test in ROW.findall(TABLE):
        assert f"def {test}(" in sources, test


def test_it_has_every_keyword_of_the_vocabularies() -> None:
    assert {word for words in VOCABULARIES.values() for word in words.split()} == KNOWN_KEYWORDS


def test_it_follows_a_dynamic_reference() -> None:
    schema = {
        "properties": {"a": {"$dynamicRef": "#grade"}},
        "$defs": {"grade": {"$dynamicAnchor": "grade", "type": "boolean"}},
    }
    check_schema(schema)

    assert shown(unbound(schema)) == [("v-a", "boolean")]


def test_it_reads_the_dependencies_of_older_drafts() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}},
        "dependencies": {"a": ["b"], "b": {"properties": {"c": {"type": "boolean"}}}},
    }
    person = Person(schema)

    person.press("show:", **{"v-a": "true"})
    assert find(person.form, "v-b").required
    person.press("show:", **{"v-b": "true"})
    assert shown(person.form)[2:] == [("v-c", "boolean")]


def test_it_tells_limits_formats_and_examples() -> None:
    text = {"type": "string", "minLength": 2, "maxLength": 9, "pattern": "^a", "examples": ["ab", "ac"]}
    told = {
        "description": "Only *one*.",
        "deprecated": True,
        "contentMediaType": "text/html",
        "contentEncoding": "base64",
        "contentSchema": {"type": "string"},
    }
    field = unbound(schema_of({**text, **told})).fields[0]
    dates = [unbound(schema_of({"type": "string", "format": form})).fields[0] for form in ("date", "email", "uri")]
    times = [unbound(schema_of({"type": "string", "format": form})).fields[0] for form in ("time", "date-time")]

    assert field.note == "optional · 2–9 characters"
    assert field.help == (
        "Only *one*. No longer used: leave it out where you can. For example: ab, ac. "
        "It must match the pattern ^a. What is written here is text/html, base64. "
        "What it holds has a schema of its own, which is not checked."
    )
    assert "<em>one</em>" in field.described
    assert [date.input_type for date in dates] == ["date", "email", "url"]
    assert [time.input_type for time in times] == ["text", "text"]
    assert "14:30:00Z" in times[0].help
    assert errors(bound(schema_of(text), {"v-a": "b"})[1]).keys() == {"v-a"}


def test_it_shows_as_text_what_a_browser_would_throw_away() -> None:
    schema = schema_of({"type": "string", "format": "date"})

    assert unbound(schema, {"a": "2026-02-28"}).fields[0].input_type == "date"
    assert bound(schema, {"v-a": "2026-02-31"})[1].fields[0].input_type == "text"
    assert bound(schema, posted(unbound(schema, {"a": "2026-02-28"})))[0] == {"a": "2026-02-28"}


def test_it_tells_what_it_does_not_know_and_keeps_the_control() -> None:
    part = {"type": "boolean", "x-stars": 3, "$comment": "For us.", "$vocabulary": {}, "writeOnly": True}
    field = unbound(schema_of(part)).fields[0]

    assert field.kind == "boolean"
    assert field.help == "The schema says more, which changes nothing here: x-stars: 3."
    assert unbound(schema_of({"x-stars": 3})).fields[0].kind == "json"


@pytest.mark.parametrize(
    ("part", "text", "name"),
    [
        ({"type": "string", "not": {"const": "x"}}, "x", "v-a"),
        ({"type": "array", "contains": {"const": 1}}, "[2]", "v-a"),
        ({"type": "array", "contains": {"const": 1}, "minContains": 2}, "[1]", "v-a"),
        ({"type": "array", "contains": {"const": 1}, "maxContains": 1}, "[1, 1]", "v-a"),
        ({"type": "array", "unevaluatedItems": False}, "[1]", "v-a"),
        ({"type": "object", "maxProperties": 1}, '{"b": 1, "c": 2}', "v-a"),
        ({"type": "object", "propertyNames": {"maxLength": 1}}, '{"bc": 1}', "v-a"),
        ({"type": "object", "unevaluatedProperties": {"type": "integer"}}, '{"b": "c"}', "v-a"),
    ],
)
def test_it_says_what_keywords_without_a_control_want(part: Any, text: str, name: str) -> None:
    _, form, is_valid = bound(schema_of(part), {name: text})

    assert not is_valid
    assert errors(form).keys() == {name}
