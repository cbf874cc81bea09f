"""The strict gate: what is let in as JSON, and the cutting of long lists into their items.

`loads` refuses what JSON libraries disagree about or no database holds: NaN and infinities, duplicate members, lone
surrogates, integers beyond 64 bits, and nesting beyond a limit.
"""

import json
import re
from collections.abc import Generator, Iterator
from json import JSONDecodeError
from typing import Any

import orjson

# A string that has no end is taken to the end of the text: looking for its end from each of its quotes anew would cost
# the square of its length. The possessive forms never go back.
_TEXT = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_STRING = re.compile(_TEXT.encode(), re.DOTALL)
_MARK = re.compile(_TEXT + r"|[\[\]{}]", re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND = bytes.maketrans(b"[]", b"{}")
_LONG_INTEGER = re.compile(rb"(?<![0-9.eE+-])-?[0-9]{19,}+(?![.eE])")
_SPACE = re.compile(r"[ \t\n\r]*")


class BadJson(ValueError):
    """Bytes that are not taken as JSON; the sentence says why."""


class ListBroken(BadJson):
    """A list that ends before its end, or whose frame is not JSON. What came before was yielded."""


def loads(raw: bytes, *, max_depth: int) -> Any:
    """The value of `raw`. Raises BadJson.

    Cost: one parse by orjson and three passes of C code over the bytes, no Python per value.
    """
    frame = _STRING.sub(b'"', raw)
    _check_depth(frame, max_depth)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadJson(f"The body is not valid JSON: {error}.") from error
    # A colon outside a string stands in a member and nowhere else; where the parsed value has fewer members than the
    # text, one name came twice and a value would have been dropped in silence.
    if frame.count(b":") != _STRING.sub(b'"', orjson.dumps(value)).count(b":"):
        raise BadJson("An object in the body has two members of the same name.")
    for match in _LONG_INTEGER.finditer(frame):
        if not -(2**63) <= int(match.group()) < 2**64:
            raise BadJson("An integer in the body does not fit into 64 bits.")
    return value


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
    """Reads `{"name": [item, …], …}` item by item, so that one bad item costs itself alone.

    Once `items` is exhausted, `members` holds the other top-level members, numbers as their text, and `found` says
    whether there was a list.
    """

    def __init__(self, raw: bytes, name: str) -> None:
        self.name = name
        self.members: dict[str, Any] = {}
        self.found = False
        # Only the extent of an item is asked for here. No number is read: a long one would be refused by int().
        self._decoder = json.JSONDecoder(strict=False, parse_int=str, parse_float=str)
        try:
            self._text = raw.decode()
        except UnicodeDecodeError as error:
            raise ListBroken("The list is not UTF-8.") from error

    def items(self) -> Iterator[bytes]:
        """The JSON of each item. Raises ListBroken where the text stops being a list."""
        place = self._expect("{", 0)
        while not self._is("}", place):
            key, place = self._key(place)
            if key == self.name and self._is("[", place):
                self.found = True
                place = yield from self._elements(place)
            else:
                self.members[key], place = self._value(place)
            place = self._after_comma(place, "}")
        if self._skip(self._expect("}", place)) != len(self._text):
            raise ListBroken("Something follows after the end of the list.")

    def _elements(self, place: int) -> Generator[bytes, None, int]:
        place = self._expect("[", place)
        while not self._is("]", place):
            start = self._skip(place)
            _, place = self._value(start)
            yield self._text[start:place].encode(errors="surrogatepass")
            place = self._after_comma(place, "]")
        return self._expect("]", place)

    def _key(self, place: int) -> tuple[str, int]:
        if not self._is('"', place):
            raise ListBroken(f"The list is not JSON at character {place:,}: a name was expected.")
        key, place = self._value(place)
        return key, self._expect(":", place)

    def _value(self, place: int) -> tuple[Any, int]:
        start = self._skip(place)
        try:
            return self._decoder.raw_decode(self._text, start)
        except RecursionError:
            return None, self._end_of_deep(start)
        except JSONDecodeError as error:
            raise ListBroken(f"The list breaks off or is not JSON at character {place:,}.") from error

    def _end_of_deep(self, start: int) -> int:
        """Where a value ends that is nested deeper than the decoder goes; `loads` will say that it is too deep."""
        depth = 0
        for mark in _MARK.finditer(self._text, start):
            sign = self._text[mark.start()]
            depth += (sign in "[{") - (sign in "]}")
            if depth == 0:
                return mark.end()
        raise ListBroken(f"The list breaks off at character {len(self._text):,}.")

    def _skip(self, place: int) -> int:
        match = _SPACE.match(self._text, place)
        return match.end() if match else place

    def _is(self, mark: str, place: int) -> bool:
        return self._text.startswith(mark, self._skip(place))

    def _expect(self, mark: str, place: int) -> int:
        if not self._is(mark, place):
            raise ListBroken(f"The list breaks off or is not JSON at character {place:,}: “{mark}” was expected.")
        return self._skip(place) + 1

    def _after_comma(self, place: int, end: str) -> int:
        if self._is(end, place):
            return place
        place = self._expect(",", place)
        if self._is(end, place):
            raise ListBroken(f"The list is not JSON at character {place:,}: a comma stands before its end.")
        return place
