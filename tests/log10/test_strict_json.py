"""What the gate lets in, and how a list is cut into its items."""

import json
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.log10 import strict_json
from reviews.log10.strict_json import BadJson, ListBroken, ListReader, loads, text_member

DEPTH = 64
texts = st.text(st.characters(exclude_categories=["Cs"]))
integers = st.integers(min_value=-(2**63), max_value=2**64 - 1)
numbers = integers | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | texts
documents = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=40)


def nested(levels: int) -> bytes:
    """So many objects and lists, by turns, in one another."""
    opening = [b'{"a":' if level % 2 else b"[" for level in range(levels)]
    closing = [b"}" if level % 2 else b"]" for level in range(levels)]
    return b"".join(opening) + b"0" + b"".join(reversed(closing))


def read(raw: bytes) -> Any:
    return loads(raw, max_depth=DEPTH)


@given(documents)
def test_it_takes_whatever_orjson_writes_as_it_is(document: Any) -> None:
    raw = orjson.dumps(document)
    assert orjson.dumps(read(raw)) == raw


@given(documents)
def test_it_takes_escapes_and_spaces_too(document: Any) -> None:
    assert read(json.dumps(document, indent=2).encode()) == document


@given(documents)
def test_it_cuts_strings_out_by_both_ways_alike(document: Any) -> None:
    for raw in (orjson.dumps(document), json.dumps(document).encode()):
        assert strict_json._frame(raw) == strict_json._STRING.sub(b'"', raw)


@pytest.mark.parametrize("filler", [b"", b" " * strict_json._SPLIT_UP_TO])
def test_it_is_as_strict_with_long_bodies(filler: bytes) -> None:
    assert read(b'{"a\\\\":"\\"[:",' + filler + b'"b":[1]}') == {"a\\": '\\"[:'.replace("\\", ""), "b": [1]}
    for bad in (b'"a":1,"a":2', b'"a":{"b:":1,"b\\u003a":1}', b'"a":18446744073709551616', b'"a":' + b"[" * 99):
        with pytest.raises(BadJson):
            read(b"{" + filler + bad + b"}")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"a":NaN}', "send null"),
        (b"[1,-Infinity]", "send null"),
        (b"Infinity", "send null"),
        (b"\xef\xbb\xbf{}", "UTF-8, without a byte order mark"),
        ('{"a":1}'.encode("utf-16"), "UTF-8"),
        ('{"a":1}'.encode("utf-16-le"), "UTF-8"),
        ('{"a":1}'.encode("utf-32-be"), "UTF-8"),
        (b'["NaN",]', "not valid JSON: .*column"),
    ],
)
def test_it_says_what_the_sender_can_change(raw: bytes, said: str) -> None:
    with pytest.raises(BadJson, match=said):
        read(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b"[-1e999]",
        b"",
        b"{",
        b"[1,]",
        b'{"a":1,}',
        b"[01]",
        b"['a']",
        b'["\x00"]',
        b'["\xff"]',
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b'["\\x"]',
        b'{"a" 1}',
        b"[1 2]",
        b"[}",
        b"nul",
        b'"abc\\',
    ],
)
def test_it_refuses_what_is_no_json(raw: bytes) -> None:
    with pytest.raises(BadJson, match="not valid JSON"):
        read(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'[{"x":{"y":[{"a":null,"b":0,"a":null}]}}]',
        b'{"":1,"":2}',
        b'{"a:b":1,"a\\u003ab":2}',
        b'{"\\"":1,"\\u0022":2}',
    ],
)
def test_it_refuses_two_members_of_one_name_at_any_depth(raw: bytes) -> None:
    with pytest.raises(BadJson, match="two members of the same name"):
        read(raw)


def test_it_takes_equal_names_in_different_objects() -> None:
    assert read(b'[{"a":1},{"a":{"a":":"}}]') == [{"a": 1}, {"a": {"a": ":"}}]


@pytest.mark.parametrize("raw", [b'["\\ud800"]', b'["\\udc00\\ud800"]', b'{"\\udfff":1}', b'["\\ud83d"]'])
def test_it_refuses_lone_surrogates(raw: bytes) -> None:
    with pytest.raises(BadJson):
        read(raw)


def test_it_takes_surrogate_pairs_and_escaped_nul() -> None:
    assert read(b'["\\ud83d\\ude00","\\u0000"]') == ["😀", "\x00"]


@pytest.mark.parametrize("number", [2**64, 2**70, -(2**63) - 1, -(2**70), 10**19 * 9, 10**300])
@pytest.mark.parametrize("form", ["%d", "[1,%d]", '{"a":%d}', "[ %d ]"])
def test_it_refuses_integers_beyond_64_bits(number: int, form: str) -> None:
    with pytest.raises(BadJson, match="64 bits"):
        read((form % number).encode())


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 2**63, 10**18, -(10**18)])
def test_it_takes_integers_of_64_bits_exactly(number: int) -> None:
    assert read(b"[%d]" % number) == [number]


@pytest.mark.parametrize(
    "raw",
    [
        b'["11805916207174113034240000"]',
        b'{"11805916207174113034240000":-1}',
        b"[0.11805916207174113034240000]",
        b"[11805916207174113034240000.5]",
        b"[11805916207174113034240000e3]",
        b"[1E+00000000000000000000000001]",
        b"[1e-99999999999999999999]",
        b'["\\"99999999999999999999"]',
    ],
)
def test_it_takes_long_digits_that_are_no_integer(raw: bytes) -> None:
    assert read(raw) == json.loads(raw)


def test_it_keeps_integers_and_floats_apart() -> None:
    assert [type(value) for value in read(b"[1,1.0,1e0,-0.0]")] == [int, float, float, float]


@pytest.mark.parametrize("limit", [1, 2, 7, 64])
def test_it_takes_nesting_up_to_the_limit_and_none_deeper(limit: int) -> None:
    assert loads(nested(limit - 1), max_depth=limit) == json.loads(nested(limit - 1))
    assert loads(nested(limit), max_depth=limit) == json.loads(nested(limit))
    with pytest.raises(BadJson, match=f"deeper than {limit} levels"):
        loads(nested(limit + 1), max_depth=limit)


def test_it_does_not_count_brackets_in_texts() -> None:
    assert read(orjson.dumps(["[" * 1_000, "{" * 1_000])) == ["[" * 1_000, "{" * 1_000]


@pytest.mark.parametrize("raw", [b'"' + b'\\"' * 500_000, b"[" * 1_000_000, b'{"a":' * 200_000, b"9" * 1_000_000])
def test_it_is_quick_to_refuse_what_is_long(raw: bytes) -> None:
    started = time.process_time()
    with pytest.raises(BadJson):
        read(raw)
    assert time.process_time() - started < 2


# The list --------------------------------------------------------------------------------------------------------


def items(raw: bytes) -> list[bytes]:
    """What is read of the bytes, which must not hang on the pieces they come in."""
    whole = read_in(raw, len(raw) or 1)
    for size in (1, 7) if len(raw) < 5_000 else ():
        assert read_in(raw, size) == whole
    found, error = whole
    if error is not None:
        raise ListBroken(error)
    return found


def read_in(raw: bytes, size: int) -> tuple[list[bytes], str | None]:
    """The items that came, and how the list broke, read in pieces of `size` bytes."""
    found: list[bytes] = []
    pieces = (raw[start : start + size] for start in range(0, len(raw), size))
    try:
        found.extend(ListReader(pieces, "completions").items())
    except ListBroken as error:
        return found, str(error)
    return found, None


@given(st.lists(documents), st.booleans())
def test_it_yields_every_item_as_it_stands(rows: list[Any], escaped: bool) -> None:
    written = [json.dumps(row, ensure_ascii=escaped).encode() for row in rows]
    assert items(b'{"completions": [ ' + b" , ".join(written) + b" ]}") == written


def test_it_does_not_let_a_bad_item_spoil_the_others() -> None:
    bad = [b"NaN", b'{"a":1,"a":2}', b'"\\ud800"', b"9" * 5_000, b"-Infinity", b"[" * 5_000 + b"]" * 5_000, b"1e999"]
    rows = [row for item in bad for row in (item, b'{"id":"good"}')]
    found = items(b'{"completions":[' + b",".join(rows) + b"]}")
    assert found == rows
    assert [loads(row, max_depth=DEPTH) for row in found[1::2]] == [{"id": "good"}] * len(bad)
    for row in found[::2]:
        with pytest.raises(BadJson):
            loads(row, max_depth=DEPTH)


def test_it_finds_the_end_of_a_deep_item_past_brackets_in_texts() -> None:
    deep = b'{"a":["]}\\"]",' * 2_000 + b"0" + b"]}" * 2_000
    assert items(b'{"completions":[' + deep + b',{"id":"b"}]}') == [deep, b'{"id":"b"}']


@pytest.mark.parametrize(
    "raw",
    [
        b'{"next":"n","truncated":true,"completions":[1,2]}',
        b'{"completions":[1,2],"next":"n","truncated":true}',
        b' { "next" : "n" , "completions" : [ 1 , 2 ] , "truncated" : true } ',
    ],
)
def test_it_reads_the_other_members_wherever_they_stand(raw: bytes) -> None:
    reader = ListReader(raw, "completions")
    assert list(reader.items()) == [b"1", b"2"]
    assert reader.members == {"next": "n", "truncated": True}
    assert reader.found


@pytest.mark.parametrize("raw", [b'{"completions":[]}', b'{"completions": [ ] }'])
def test_it_reads_an_empty_list(raw: bytes) -> None:
    reader = ListReader(raw, "completions")
    assert list(reader.items()) == []
    assert reader.found


@pytest.mark.parametrize("raw", [b"{}", b'{"completions":null}', b'{"error":"no"}', b'{"completions":{}}'])
def test_it_says_that_there_was_no_list(raw: bytes) -> None:
    reader = ListReader(raw, "completions")
    assert list(reader.items()) == []
    assert not reader.found


WHOLE = b'{"a":[1,{"b":"]"}],"completions":[{"id":"x\\"","n":1.5},[true,null],"]"],"next":"n"}'


@pytest.mark.parametrize("end", range(len(WHOLE)))
def test_it_says_that_a_list_breaks_off_wherever_that_is(end: int) -> None:
    complete = items(WHOLE)
    found: list[bytes] = []
    with pytest.raises(ListBroken):
        found.extend(ListReader(WHOLE[:end], "completions").items())
    assert found == complete[: len(found)]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"completions":[1,]}',
        b'{"completions":[1],}',
        b'{"completions":[,]}',
        b'{"completions":[1 2]}',
        b'{"completions":[1]]}',
        b'{"completions":[1]}}',
        b'{"completions":[1]} x',
        b'{"completions" [1]}',
        b"{1:[2]}",
        b"[1,2]",
        b"null",
        b'"completions"',
        b"",
        b"   ",
        b"<html>",
        b"\xff\xfe",
        b'{"completions":[' + b"[" * 5_000,
    ],
)
def test_it_refuses_what_is_no_object_with_a_list(raw: bytes) -> None:
    with pytest.raises(ListBroken):
        items(raw)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"id":"a","n":NaN}', "a"),
        (b'{"id":"a","n":1,"n":2}', "a"),
        (b'{"id":"\\ud800"}', "?"),
        (b'{"id":7}', ""),
        (b"[1]", ""),
        (b"{", ""),
        (b"[" * 5_000, ""),
        (b'{"id":"a","n":' + b"9" * 5_000 + b"}", "a"),
    ],
)
def test_it_reads_one_text_out_of_what_is_refused(raw: bytes, text: str) -> None:
    assert text_member(raw, "id") == text
