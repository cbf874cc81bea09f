"""Documents: the JSON of completions as bytes, as a hash, and as the columns that lists need."""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import zstandard
from django.utils.translation import gettext as _

from reviews.models import Document, Encoding, Kind, Organization, Status
from reviews.workflow import words

_NOWHERE = (KeyError, TypeError, IndexError, ValueError)
LEVEL = 3
MOST_BYTES = 256 * 1024 * 1024
PREVIEW_CHARACTERS = 200
MOST_CHANGES = 200
# The first second of the year 9999: a moment of its last day is in no calendar any more, east of Greenwich.
LATEST = 253_370_764_800
BIGGEST_INTEGER_COLUMN = 2**31 - 1
# Django makes these lists anew each time that it is asked.
KINDS, STATUSES = Kind.values, Status.values

# What a float spells but an integer may be. A sign that stands alone at the front makes the search several times as
# quick as one that begins with any digit.
_SPELLED = re.compile(rb"\.0(?<=[0-9]\.0)(?![0-9])"), re.compile(rb"e(?<=[0-9]e)")
_OF_NUMBERS = b"+-.0123456789e"
# More characters than orjson writes a number with.
_LONGEST_NUMBER = 32

Json = Any


class DocumentUnreadable(ValueError):
    """The bytes of a document are gone (purged) or do not decompress."""


class TextPurged(DocumentUnreadable):
    """The bytes of a document were emptied by a purge."""


class PointerMissing(LookupError):
    """A JSON pointer that leads nowhere in a document."""


def dumps(value: Json) -> bytes:
    """JSON bytes: members in their order, integers as integers."""
    return orjson.dumps(value)


def pack(data: bytes) -> bytes:
    """Compress with zstd, level 3."""
    return zstandard.compress(data, LEVEL)


def unpack(data: bytes | memoryview) -> bytes:
    """The bytes that `pack` was given. Raises DocumentUnreadable."""
    try:
        return zstandard.decompress(bytes(data), max_output_size=MOST_BYTES)
    except zstandard.ZstdError as error:
        raise DocumentUnreadable(_("The stored bytes do not decompress: %(why)s") % {"why": error}) from error


def beginning(data: bytes | memoryview, most: int) -> tuple[bytes, bool]:
    """The first `most` bytes of what `pack` was given, and whether there are more. Raises DocumentUnreadable."""
    try:
        with zstandard.ZstdDecompressor().stream_reader(bytes(data)) as reader:
            read = reader.read(most + 1)
    except zstandard.ZstdError as error:
        raise DocumentUnreadable(_("The stored bytes do not decompress: %(why)s") % {"why": error}) from error
    return read[:most], len(read) > most


def semantic_hash(document: Mapping[str, Json]) -> str:
    """SHA-256 (hexadecimal) of what a document means: request and response, members sorted, numbers by value.

    1 and 1.0 hash alike, as do 100 and 1e2: an upstream that respells a number has changed nothing.
    """
    meaning = {"request": document.get("request"), "response": document.get("response")}
    return hashlib.sha256(_by_value(orjson.dumps(meaning, option=orjson.OPT_SORT_KEYS))).hexdigest()


def _by_value(text: bytes) -> bytes:
    """JSON that orjson wrote, with its whole numbers as integers; those in strings stay."""
    pieces: list[bytes] = []
    done = seen = 0
    in_string = False
    for place in sorted(match.start() for spelled in _SPELLED for match in spelled.finditer(text)):
        # A digit stands before the place, so no escape is cut in two.
        in_string ^= _quotes(text[seen:place]) % 2 == 1
        seen = place
        if in_string or place < done:
            continue
        before, after = text[max(0, place - _LONGEST_NUMBER) : place], text[place : place + _LONGEST_NUMBER]
        start = place - len(before) + len(before.rstrip(_OF_NUMBERS))
        end = place + len(after) - len(after.lstrip(_OF_NUMBERS))
        number = float(text[start:end])
        if number.is_integer():
            pieces += [text[done:start], str(int(number)).encode()]
            done = end
    return b"".join([*pieces, text[done:]])


def _quotes(text: bytes) -> int:
    """Those that begin or end a string."""
    return (text.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in text else text).count(b'"')


def store(organization: Organization, document: Mapping[str, Json], raw: bytes | None = None) -> Document:
    """Insert a document. `raw` is its JSON as it came, where the caller has it; else it is written from `document`."""
    row = made(organization, document, raw)
    row.save(force_insert=True)
    return row


def made(organization: Organization, document: Mapping[str, Json], raw: bytes | None = None) -> Document:
    """As `store`, but the caller saves."""
    data = dumps(document) if raw is None else raw
    return Document(organization=organization, hash=semantic_hash(document), data=pack(data), size=len(data))


def read(document: Document) -> dict[str, Json]:
    """The JSON object of a stored document. Raises TextPurged, DocumentUnreadable."""
    if document.encoding != Encoding.ZSTD:
        raise TextPurged(_("The text of this completion was purged."))
    value = orjson.loads(unpack(document.data))
    if not isinstance(value, dict):
        raise DocumentUnreadable(_("The stored bytes are not a JSON object."))
    return value


# Pointers --------------------------------------------------------------------------------------------------------


def _steps(pointer: str) -> list[str]:
    if not pointer.startswith("/"):
        raise PointerMissing(f"“{pointer}” is not a JSON pointer.")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]


def escape_step(name: str) -> str:
    """A member name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def at(document: Json, pointer: str) -> Json:
    """The value that a JSON pointer names. Raises PointerMissing."""
    value = document
    for step in _steps(pointer):
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except _NOWHERE as error:
            raise PointerMissing(f"The document has nothing at {pointer}.") from error
    return value


def with_leaf(document: dict[str, Json], pointer: str, leaf: Json) -> dict[str, Json]:
    """A copy of the document in which the value at `pointer` is `leaf`; all else is shared, members in their order.

    Raises PointerMissing when the pointer leads nowhere: an edit never adds members.
    """
    at(document, pointer)
    return _replaced(document, _steps(pointer), leaf)  # type: ignore[no-any-return]


def _replaced(value: Json, steps: list[str], leaf: Json) -> Json:
    if not steps:
        return leaf
    first, rest = steps[0], steps[1:]
    if isinstance(value, list):
        index = int(first)
        return [_replaced(item, rest, leaf) if place == index else item for place, item in enumerate(value)]
    return {name: _replaced(item, rest, leaf) if name == first else item for name, item in value.items()}


def changes(before: Json, after: Json) -> list[tuple[str, Json, Json]]:
    """What differs, as (JSON pointer, before, after); an absent side is None. At most 200: past that the whole
    documents stand as one change at the root, because a list nobody reads helps nobody.
    """
    found: list[tuple[str, Json, Json]] = []
    for change in _differences(before, after, ""):
        found.append(change)
        if len(found) > MOST_CHANGES:
            return [("", None, None)]
    return found


def _differences(before: Json, after: Json, pointer: str) -> Iterator[tuple[str, Json, Json]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _differences(before.get(name), after.get(name), f"{pointer}/{escape_step(name)}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(old, new, f"{pointer}/{index}")
    elif before != after or type(before) is not type(after):
        yield pointer, before, after


# Columns ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Columns:
    """What a completion's row repeats from its current document; field names are the model's."""

    kind: str
    status: str
    model: str
    session_uid: str
    prompt_tokens: int | None
    completion_tokens: int | None
    duration: float | None
    created_at: datetime | None
    preview: str
    search_text: str
    confidence_mean: float | None
    confidence_low: float | None
    uncertain_tokens: int | None


def columns(document: Mapping[str, Json]) -> Columns:
    """Read the columns off a document. Never raises: what is odd is left out of the column, not of the document."""
    request, response = _object(document.get("request")), _object(document.get("response"))
    usage = _object(response.get("usage"))
    prompt, answer = _prompt_text(request), _answer_text(response)
    mean, low, uncertain = confidence(response)
    return Columns(
        kind=_one_of(document.get("kind"), KINDS, Kind.OTHER),
        status=_one_of(document.get("status"), STATUSES, Status.OTHER),
        model=_text(response.get("model") or request.get("model"), 200),
        session_uid=_text(document.get("session_id"), 255),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        duration=_seconds(document.get("duration")),
        created_at=_moment(response.get("created")),
        preview=_text(" ".join((prompt or answer).split()), PREVIEW_CHARACTERS),
        search_text=words.column(_spoken(request, response)),
        confidence_mean=mean,
        confidence_low=low,
        uncertain_tokens=uncertain,
    )


def confidence(response: Mapping[str, Json]) -> tuple[float | None, float | None, int | None]:
    """Mean and lowest token probability (0 to 1) and the count under one half, over the first choice's logprobs."""
    tokens = _object(_object(_first(response.get("choices"))).get("logprobs")).get("content")
    if not isinstance(tokens, list):
        return None, None, None
    chances = [chance for token in tokens if (chance := _chance(_object(token).get("logprob"))) is not None]
    if not chances:
        return None, None, None
    low = min(chances)
    # Rounding may put the mean of equal numbers a hair beside them.
    mean = min(1.0, max(low, math.fsum(chances) / len(chances)))
    return mean, low, sum(chance < 0.5 for chance in chances)


def tag_names(document: Mapping[str, Json]) -> list[str]:
    """The document's tags, each once, in their order, fit for a column."""
    tags = document.get("tags")
    names = [_text(tag, 255) for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    return list(dict.fromkeys(name for name in names if name))


def prompt_of(document: Mapping[str, Json]) -> str:
    """The text that was asked: of the last message of the user, or the prompt."""
    return _prompt_text(_object(document.get("request")))


def answer_of(document: Mapping[str, Json]) -> str:
    """The text that was answered, of the first choice."""
    return _answer_text(_object(document.get("response")))


def part_text(content: Json) -> str:
    """The text of a message's content: a string, or the text parts of a list."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part if isinstance(part, str) else _object(part).get("text") for part in content]
        return "\n".join(text for text in texts if isinstance(text, str))
    return ""


def _spoken(request: Mapping[str, Json], response: Mapping[str, Json]) -> list[str]:
    """All that was said, the answer first, then back to the beginning."""
    choices, messages = response.get("choices"), request.get("messages")
    said: list[str] = []
    for choice in choices if isinstance(choices, list) else ():
        said += [*_message_texts(_object(choice).get("message")), part_text(_object(choice).get("text"))]
    for message in reversed(messages) if isinstance(messages, list) else ():
        said += _message_texts(message)
    return [*said, part_text(request.get("prompt"))]


def _message_texts(message: Json) -> list[str]:
    said = [part_text(_object(message).get("content"))]
    calls = _object(message).get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = _object(_object(call).get("function"))
        said += [text for text in (function.get("name"), function.get("arguments")) if isinstance(text, str)]
    return said


def _prompt_text(request: Mapping[str, Json]) -> str:
    messages = request.get("messages")
    if isinstance(messages, list):
        asked = [message for message in messages if _object(message).get("role") == "user"] or messages
        return part_text(_object(asked[-1]).get("content")) if asked else ""
    return part_text(request.get("prompt"))


def _answer_text(response: Mapping[str, Json]) -> str:
    choice = _object(_first(response.get("choices")))
    return part_text(_object(choice.get("message")).get("content")) or part_text(choice.get("text"))


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _first(value: Json) -> Json:
    return value[0] if isinstance(value, list) and value else None


def _text(value: Json, most: int) -> str:
    # PostgreSQL holds no NUL in text; the document keeps it, the column shows that something stood there.
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:most] if isinstance(value, str) else ""


def _one_of(value: Json, known: list[str], other: str) -> str:
    return value if isinstance(value, str) and value in known else other


def _count(value: Json) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= BIGGEST_INTEGER_COLUMN
    return value if fits else None


def _seconds(value: Json) -> float | None:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    return float(value) if fits else None


def _moment(value: Json) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < LATEST:
        return None
    return datetime.fromtimestamp(value, tz=UTC)


def _chance(logprob: Json) -> float | None:
    if isinstance(logprob, bool) or not isinstance(logprob, (int, float)):
        return None
    return math.exp(min(0.0, float(logprob)))
