"""The strict gate: what is let in as JSON, and the cutting of long lists into their items.

`loads` refuses what JSON libraries disagree about or no database holds: NaN and infinities, duplicate members, lone
surrogates, integers beyond 64 bits, and nesting beyond a limit.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

# A string that has no end is taken to the end of the text: looking for its end from each of its quotes anew would cost
# the square of its length. The possessive forms never go back.
_TEXT = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_STRING = re.compile(_TEXT.encode(), re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND = bytes.maketrans(b"[]", b"{}")
# Up to here strings are cut out by splitting at quotes, which is quick and costs memory; beyond, by the expression.
_SPLIT_UP_TO = 1024 * 1024
_ONE_DIGIT = bytes.maketrans(b"123456789", b"000000000")
_MANY_DIGITS = b"0" * 19
# How a colon begins that is written as an escape.
_ESCAPED_SIGN = b"\\u003"
_LONG_INTEGER = re.compile(rb"(?<![0-9.eE+-])-?[0-9]{19,}+(?![.eE])")
_BLANK = re.compile(rb"[ \t\n\r]*")
_WHOLE_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_SIGN = re.compile(rb'["\[\]{}]')
_PLAIN = re.compile(rb'[^\s"\[\]{}:,]*')
_NOT_FINITE = re.compile(rb"(?<![^\s:,\[])[+-]?(?:NaN|Infinity)")
_OTHER_ENCODINGS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_LONGEST_MEMBER = 10_000
# What was read is let go in steps of this many bytes.
_KEPT = 256 * 1024


class BadJson(ValueError):
    """Bytes that are not taken as JSON; the sentence says why."""


class ListBroken(BadJson):
    """A list that ends before its end, or whose frame is not JSON. What came before was yielded."""


def loads(raw: bytes, *, max_depth: int) -> Any:
    """The value of `raw`. Raises BadJson.

    Cost: one parse by orjson and a few passes of C code over the bytes, no Python per value.
    """
    frame = _frame(raw)
    _check_depth(frame, max_depth)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadJson(f"The body is not valid JSON: {_reason(raw, frame) or error}.") from error
    if _drops_members(raw, frame, orjson.dumps(value)):
        raise BadJson("An object in the body has two members of the same name.")
    for match in _LONG_INTEGER.finditer(frame) if _MANY_DIGITS in frame.translate(_ONE_DIGIT) else ():
        if not -(2**63) <= int(match.group()) < 2**64:
            raise BadJson("An integer in the body does not fit into 64 bits.")
    return value


def _drops_members(raw: bytes, frame: bytes, parsed: bytes) -> bool:
    """Whether the parsed value has fewer members than the text: one name came twice, and a value would be dropped in
    silence.
    """
    if _ESCAPED_SIGN not in raw:
        # Then the strings that are kept have the same colons in both, and what was dropped had one of its own.
        return raw.count(b":") != parsed.count(b":")
    # A colon outside a string stands in a member and nowhere else.
    return frame.count(b":") != _frame(parsed).count(b":")


def _frame(raw: bytes) -> bytes:
    """The text with a quote in place of every string."""
    if len(raw) > _SPLIT_UP_TO:
        return _STRING.sub(b'"', raw)
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b'"'.join(raw.split(b'"')[::2])


def _reason(raw: bytes, frame: bytes) -> str:
    """Why these bytes are no JSON, where that is a matter of how the sender writes it; else empty."""
    if raw.startswith(_OTHER_ENCODINGS) or b"\x00" in raw[:2]:
        return "send it as UTF-8, without a byte order mark"
    if _NOT_FINITE.search(frame):
        return "NaN and Infinity are no numbers of JSON; send null"
    return ""


def _check_depth(frame: bytes, max_depth: int) -> None:
    # Of one kind, so that one replacement takes away one level; whether they match in kind is the parser's question.
    brackets = frame.translate(_ONE_KIND, _NOT_BRACKETS)
    for _ in range(max_depth):
        # Each pass takes the innermost pairs away, so what is left after `max_depth` passes is deeper than that.
        outer = brackets.replace(b"{}", b"")
        if len(outer) == len(brackets):
            return
        brackets = outer
    if brackets:
        raise BadJson(f"The body is nested deeper than {max_depth} levels.")


def text_member(raw: bytes, name: str) -> str:
    """A top-level member of an object that may be refused by `loads`, where it is text; empty where it cannot be read.

    Lone surrogates are replaced.
    """
    try:
        value = json.loads(raw, parse_int=float)
    except (ValueError, RecursionError):
        return ""
    text = value.get(name) if isinstance(value, dict) else None
    return text.encode(errors="replace").decode() if isinstance(text, str) else ""


class ListReader:
    """Reads `{"name": [item, …], …}` item by item out of pieces of any size, so that a bad item costs itself alone and
    no more than one item is held at a time.

    Once `items` is exhausted, `members` holds the other top-level members that are short, and `found` says whether
    there was a list. Inside an item only texts and brackets are looked at: whether it is JSON is the question of
    `loads`.
    """

    def __init__(self, pieces: bytes | Iterable[bytes], name: str) -> None:
        self.name = name
        self.members: dict[str, Any] = {}
        self.found = False
        self._pieces = iter([pieces] if isinstance(pieces, bytes) else pieces)
        self._data = b""
        self._at = 0
        self._let_go = 0

    def items(self) -> Iterator[bytes]:
        """The bytes of each item. Raises ListBroken where the bytes stop being a list."""
        self._expect(b"{")
        while not self._is(b"}"):
            key = self._key()
            if key == self.name and self._is(b"["):
                self.found = True
                yield from self._elements()
            else:
                self.members[key] = self._member()
            self._comma(b"}")
        self._expect(b"}")
        if self._peek():
            raise ListBroken("Something follows after the end of the list.")

    def _elements(self) -> Iterator[bytes]:
        self._expect(b"[")
        while not self._is(b"]"):
            yield self._value()
            self._comma(b"]")
        self._expect(b"]")

    def _key(self) -> str:
        if not self._is(b'"'):
            raise ListBroken(f"The list is not JSON at byte {self._place:,}: a name was expected.")
        key = self._parsed(self._value())
        self._expect(b":")
        return str(key)

    def _member(self) -> Any:
        raw = self._value()
        return self._parsed(raw) if len(raw) <= _LONGEST_MEMBER else None

    def _parsed(self, raw: bytes) -> Any:
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise ListBroken(f"The list is not JSON before byte {self._place:,}: {error}.") from error

    def _value(self) -> bytes:
        """The bytes of the value that comes next."""
        first = self._peek()
        if first == b'"':
            end = self._end_of_text(self._at)
        elif first in (b"{", b"["):
            end = self._end_of_nested()
        else:
            end = self._end_of_plain()
        value = self._data[self._at : end]
        self._at = end
        return value

    def _end_of_text(self, start: int) -> int:
        while (match := _WHOLE_TEXT.match(self._data, start)) is None:
            self._more()
        return match.end()

    def _end_of_nested(self) -> int:
        depth, place = 0, self._at
        while True:
            match = _SIGN.search(self._data, place)
            if match is None:
                place = len(self._data)
                self._more()
            elif match.group() == b'"':
                place = self._end_of_text(match.start())
            else:
                place = match.end()
                depth += 1 if match.group() in b"{[" else -1
                if depth == 0:
                    return place

    def _end_of_plain(self) -> int:
        """A number or a word ends before the next sign; at the end of all bytes nobody knows whether it was whole."""
        while (match := _PLAIN.match(self._data, self._at)) is None or match.end() == len(self._data):
            self._more()
        if match.end() == self._at:
            raise ListBroken(f"The list is not JSON at byte {self._place:,}: a value was expected.")
        return match.end()

    def _more(self) -> None:
        """Read on, as much again as is held, so that a long item is not gone through anew with every little piece."""
        wanted, pieces, size = len(self._data) - self._at, [self._data], 0
        for piece in self._pieces:
            pieces.append(piece)
            size += len(piece)
            if size >= wanted:
                break
        if not size:
            raise ListBroken(f"The list breaks off at byte {self._let_go + len(self._data):,}.")
        self._data = b"".join(pieces)

    def _peek(self) -> bytes:
        """The next byte that is not blank, with `_at` upon it; empty at the end of all bytes."""
        while True:
            match = _BLANK.match(self._data, self._at)
            self._at = match.end() if match else self._at
            if self._at > _KEPT:
                self._data, self._let_go, self._at = self._data[self._at :], self._let_go + self._at, 0
            if self._at < len(self._data):
                return self._data[self._at : self._at + 1]
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._data += piece

    @property
    def _place(self) -> int:
        return self._let_go + self._at

    def _is(self, mark: bytes) -> bool:
        return self._peek() == mark

    def _expect(self, mark: bytes) -> None:
        if not self._is(mark):
            raise ListBroken(
                f"The list breaks off or is not JSON at byte {self._place:,}: “{mark.decode()}” was expected."
            )
        self._at += 1

    def _comma(self, end: bytes) -> None:
        if self._is(end):
            return
        self._expect(b",")
        if self._is(end):
            raise ListBroken(f"The list is not JSON at byte {self._place:,}: a comma stands before its end.")
