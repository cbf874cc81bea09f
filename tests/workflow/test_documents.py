"""Documents: bytes, the hash of what they mean, pointers, and the columns that lists need."""

import hashlib
import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.models import Document
from reviews.workflow import documents
from reviews.workflow.documents import DocumentUnreadable, PointerMissing
from tests import factories


def _hash_of(request: str) -> str:
    """The hash of a document with this JSON as its request."""
    return documents.semantic_hash({"request": orjson.loads(request)})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("1", "1e0"),
        ("100", "1E2"),
        ("[100, 2]", "[1e+2, 2.00]"),
        ("-3", "-3.0"),
        ("0", "-0.0"),
        ("10000000000000000", "1e16"),
        ('{"a": 1, "b": {"c": 2, "d": 3}}', '{"b": {"d": 3.0, "c": 2}, "a": 1}'),
        ('{"t": "1.0 \\" 2.0", "n": 1}', '{"t": "1.0 \\" 2.0", "n": 1.0}'),
        ('"é"', '"\\u00e9"'),
    ],
)
def test_it_hashes_alike_what_means_the_same(one: str, other: str) -> None:
    assert _hash_of(one) == _hash_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "2"),
        ("1", "true"),
        ("1", '"1"'),
        ("1.5", "1.25"),
        ("0.1", "0.01"),
        ('"1.0"', '"1"'),
        ('"a 1e0"', '"a 1"'),
        ('"\\" 1.0"', '"\\" 1"'),
        ('"\\\\" ', '"\\\\\\\\"'),
        ("[1, 2]", "[2, 1]"),
        ("null", "false"),
        ('{"1.0": 1}', '{"1": 1}'),
    ],
)
def test_it_hashes_apart_what_means_another_thing(one: str, other: str) -> None:
    assert _hash_of(one) != _hash_of(other)


numbers = st.integers(min_value=-(2**63), max_value=2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text('"\\ 01.eE+-aé\n') | st.sampled_from(["chatcmpl-5e0d", '1.0"', "2.0\\", '\\"3e4'])
parts = st.none() | st.booleans() | numbers | numbers.map(lambda number: float(round(number))) | texts
values = st.recursive(parts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=40)


@given(values)
def test_it_hashes_as_the_hashes_that_are_stored(value: Any) -> None:
    text = orjson.dumps({"request": value, "response": None}, option=orjson.OPT_SORT_KEYS)
    assert documents.semantic_hash({"request": value}) == hashlib.sha256(_spelled_by_value(text)).hexdigest()


def _spelled_by_value(text: bytes) -> bytes:
    """Number by number and string by string, as the hashes that are stored were made."""
    spelled = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')

    def by_value(match: re.Match[bytes]) -> bytes:
        found = match.group()
        if found.startswith(b'"') or not re.search(rb"[0-9]\.0(?![0-9])|[0-9][eE]", found):
            return found
        return str(int(float(found))).encode() if float(found).is_integer() else found

    return spelled.sub(by_value, text)


def test_it_hashes_request_and_response_alone() -> None:
    document = factories.document()
    assert documents.semantic_hash({**document, "tags": ["new"], "duration": 9}) == documents.semantic_hash(document)
    assert documents.semantic_hash({**document, "response": None}) != documents.semantic_hash(document)


@pytest.mark.django_db
def test_it_reads_what_was_stored() -> None:
    document = {"b": 1, "a": [1.0, 2**63, "\x00 ü"], "": None}
    row = documents.store(factories.organization(), document)
    stands = Document.objects.get(pk=row.pk)
    assert documents.dumps(documents.read(stands)) == documents.dumps(document)
    assert stands.size == len(documents.dumps(document))


@pytest.mark.django_db
def test_it_keeps_the_bytes_that_came() -> None:
    raw = b'{ "request" : 1.0,\n"response": 1e2 }'
    row = documents.store(factories.organization(), orjson.loads(raw), raw)
    assert documents.unpack(row.data) == raw
    assert row.size == len(raw)


@pytest.mark.parametrize(
    "row",
    [
        Document(encoding="purged", data=b""),
        Document(data=b"no zstd"),
        Document(data=documents.pack(b"[1]")),
    ],
)
def test_it_says_when_a_document_cannot_be_read(row: Document) -> None:
    with pytest.raises(DocumentUnreadable):
        documents.read(row)


# Pointers --------------------------------------------------------------------------------------------------------


def test_it_finds_what_a_pointer_names() -> None:
    document = {"a": [{"b/c": 1}, {"d~e": 2}], "": {"0": 3}}
    assert documents.at(document, "/a/0/b~1c") == 1
    assert documents.at(document, "/a/1/d~0e") == 2
    assert documents.at(document, "//0") == 3


@pytest.mark.parametrize("pointer", ["", "a", "/b", "/a/1", "/a/x", "/a/0/b", "/c/d"])
def test_it_says_when_a_pointer_leads_nowhere(pointer: str) -> None:
    with pytest.raises(PointerMissing):
        documents.at({"a": [1], "c": "text"}, pointer)


def test_it_replaces_a_leaf_and_keeps_all_else() -> None:
    before: dict[str, Any] = {"z": 1, "a": [{"n": 2**60, "t": "old", "f": 1.0}], "b": None}
    after = documents.with_leaf(before, "/a/0/t", "new")
    assert documents.dumps(after) == b'{"z":1,"a":[{"n":1152921504606846976,"t":"new","f":1.0}],"b":null}'
    assert before["a"][0]["t"] == "old"


def test_it_never_adds_a_member() -> None:
    with pytest.raises(PointerMissing):
        documents.with_leaf({"a": {}}, "/a/b", "new")


def test_it_says_what_differs() -> None:
    before = {"a": 1, "b/c": [1, {"~": "x"}], "gone": True}
    after = {"a": 1, "b/c": [1, {"~": "y"}], "new": None, "newer": 2}
    assert documents.changes(before, after) == [
        ("/b~1c/1/~0", "x", "y"),
        ("/gone", True, None),
        ("/newer", None, 2),
    ]


def test_it_tells_numbers_from_truth_values() -> None:
    assert documents.changes({"a": 1}, {"a": True}) == [("/a", 1, True)]


def test_it_shows_a_list_of_another_length_whole() -> None:
    assert documents.changes({"a": [1, 2]}, {"a": [1]}) == [("/a", [1, 2], [1])]


def test_it_does_not_list_more_than_200_changes() -> None:
    many = {str(number): number for number in range(201)}
    assert len(documents.changes({}, {**many, "200": None})) == 200
    assert documents.changes({}, many) == [("", None, None)]


# Columns ---------------------------------------------------------------------------------------------------------


def test_it_reads_the_columns_of_a_chat() -> None:
    found = documents.columns(factories.document(question="Why  so?\n", answer="So.", session_id="s", duration=1.5))
    assert (found.kind, found.status, found.model, found.session_uid) == ("chat", "finished", "small-1", "s")
    assert (found.prompt_tokens, found.completion_tokens, found.duration) == (5, 4, 1.5)
    assert found.preview == "Why so?"
    assert found.search_text == " so why"


def test_it_reads_the_columns_of_a_prompt() -> None:
    response = {"created": 0, "choices": [{"text": "After."}]}
    found = documents.columns({"kind": "prompt", "request": {"prompt": "Before."}, "response": response})
    assert (found.kind, found.preview, found.search_text) == ("prompt", "Before.", " after before")
    assert found.created_at == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("created", [-1, -1e-9, 253_370_764_800, 253_402_300_799, 1e300, 2**64 - 1])
def test_it_leaves_out_a_moment_that_no_calendar_shows_everywhere(created: float) -> None:
    assert documents.columns(factories.document(response={"created": created})).created_at is None
    found = documents.columns(factories.document(response={"created": 253_370_764_799})).created_at
    assert found is not None
    assert found.astimezone(timezone(timedelta(hours=14))).year == 9999


def test_it_shows_that_a_nul_stood_there() -> None:
    found = documents.columns(factories.document(question="a\x00b", answer="c\x00", session_id="\x00"))
    assert "\x00" not in found.preview + found.search_text + found.session_uid
    assert found.preview == "a�b"
    assert documents.tag_names({"tags": ["a\x00", "", 3, "a\x00", "b"]}) == ["a�", "b"]


ODD: list[object] = [None, True, -1, 1e300, 2**63, "text", [], [None], {}, [[]], "\x00"]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["kind", "status", "request", "response", "session_id", "duration", "tags"])
def test_it_reads_columns_whatever_stands_in_a_member(name: str, odd: object) -> None:
    found = documents.columns({**factories.document(), name: odd})
    assert found.kind in {"chat", "other"}
    documents.tag_names({name: odd})


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["model", "created", "usage", "choices"])
def test_it_reads_columns_whatever_stands_in_a_response(name: str, odd: object) -> None:
    found = documents.columns(factories.document(response={name: odd}))
    assert found.prompt_tokens is None


def _logged(*chances: object) -> dict[str, Any]:
    return {"choices": [{"logprobs": {"content": [{"token": "t", "logprob": chance} for chance in chances]}}]}


def test_it_reads_confidence_off_the_logprobs() -> None:
    mean, low, uncertain = documents.confidence(_logged(0.0, math.log(0.5), math.log(0.3)))
    assert mean == pytest.approx(0.6)
    assert low == pytest.approx(0.3)
    assert uncertain == 1


@pytest.mark.parametrize("response", [{}, _logged(), _logged(None, "0", []), {"choices": [{"logprobs": []}]}])
def test_it_knows_no_confidence_without_logprobs(response: dict[str, Any]) -> None:
    assert documents.confidence(response) == (None, None, None)


@pytest.mark.parametrize("chance", [-9999.0, 0.5, -0.1, -1e300])
def test_it_keeps_confidence_between_0_and_1(chance: float) -> None:
    mean, low, _ = documents.confidence(_logged(*[chance] * 7))
    assert mean is not None
    assert low is not None
    assert 0 <= low <= mean <= 1
