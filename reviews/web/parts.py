"""The blocks of one message: words, thoughts, tool calls and their results, pictures and sounds, and the rest as data.

Every provider has its own members for the same things; they are told apart here and nowhere else.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from reviews.web.display_blocks import (
    Block,
    Citation,
    Citations,
    Data,
    Media,
    Prose,
    Reasoning,
    Refusal,
    ToolCall,
    ToolReply,
    ToolResult,
)
from reviews.web.json_text import listed, mapping, one_line, pretty, says_nothing, showable, words

# Longer texts open on demand: instructions early, because they repeat on every item; others only when they are vast.
FOLD_INSTRUCTION: Final = 320
FOLD_RESULT: Final = 1_200
FOLD_TEXT: Final = 6_000

TOOL_ROLES: Final = ("tool", "function")
_INSTRUCTING = ("system", "developer")
_THOUGHTS = ("reasoning", "reasoning_content", "thinking")
_TEXT_PARTS = ("text", "input_text", "output_text", "summary_text")
_THINKING_PARTS = ("thinking", "reasoning", "redacted_thinking")
_MEDIA_WORDS = {
    "image_url": "image",
    "video_url": "video",
    "document_url": "document",
    "audio_url": "audio",
    "input_audio": "audio",
    "input_image": "image",
    "input_file": "file",
    "inline_data": "file",
    "audio": "audio",
    "file": "file",
    "image": "image",
    "video": "video",
}
_SOURCE_MEMBERS = ("url", "file_data", "data", "uri", "image_url", "file_url")


def message_blocks(message: Mapping[str, Any], role: str, names: Mapping[str, str]) -> Iterator[Block]:
    """The blocks of a message in reading order. `names` knows which tool a call id belongs to."""
    if role in TOOL_ROLES:
        call_id = words(message.get("tool_call_id"))
        name = words(message.get("name")) or names.get(call_id, "")
        yield ToolReply(call_id, name, tuple(_said(message, role)))
    else:
        yield from _said(message, role)


def _said(message: Mapping[str, Any], role: str) -> Iterator[Block]:
    spoken = {name for name in (*_THOUGHTS, "refusal") if isinstance(message.get(name), str)}
    yield from (Reasoning(showable(message[name])) for name in _THOUGHTS if name in spoken and message[name])
    if role in TOOL_ROLES:
        yield from _results(message.get("content"))
        spoken |= texts_of(message, "tool_call_id")
    else:
        yield from content_blocks(message.get("content"), role)
    if "refusal" in spoken and message["refusal"]:
        yield Refusal(showable(message["refusal"]))
    for part in listed(message.get("images")):
        yield from _part(part, role)
    yield from _calls(message)
    yield from _sound(message.get("audio"))
    sources, others = _citations(message.get("annotations"))
    if sources:
        yield Citations(sources)
        message = {**message, "annotations": others}
    objects = {name for name in ("function_call", "audio") if isinstance(message.get(name), Mapping)}
    lists = {name for name in ("tool_calls", "images") if isinstance(message.get(name), list)}
    yield from rest(message, {"content"} | spoken | objects | lists | texts_of(message, "role", "name"))


def content_blocks(content: Any, role: str) -> Iterator[Block]:
    """The blocks of a `content` or `prompt` member: text, a list of parts, one part, or anything else."""
    if says_nothing(content):
        return
    if isinstance(content, str | Mapping):
        yield from _part(content, role)
    elif isinstance(content, list):
        for part in content:
            yield from _part(part, role)
    else:
        yield Data("content", pretty(content))


def rest(members: Mapping[str, Any], known: Iterable[str]) -> Iterator[Data]:
    """Every member but the known ones that says something, as data."""
    seen = set(known)
    for name, value in members.items():
        if name not in seen and not says_nothing(value):
            yield Data(showable(str(name)), pretty(value))


def texts_of(members: Mapping[str, Any], *names: str) -> set[str]:
    """Those of the named members that are text, so that one of another shape is shown as data."""
    return {name for name in names if isinstance(members.get(name), str)}


def is_text(part: Any) -> bool:
    """Whether a part of a list of parts is plain text."""
    return isinstance(part, Mapping) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str)


# --- tools ---------------------------------------------------------------------------------------------------------


def _calls(message: Mapping[str, Any]) -> Iterator[Block]:
    for call in listed(message.get("tool_calls")):
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping):
            yield Data(_("tool call"), pretty(call))
            continue
        yield from _function_call(function, words(call.get("id")))
        ordinal = {"index"} if isinstance(call.get("index"), int) else set()
        kind = {"type"} if call.get("type") == "function" else set()
        yield from rest(call, {"function"} | texts_of(call, "id") | kind | ordinal)
    older = mapping(message.get("function_call"))
    if not all(says_nothing(value) for value in older.values()):
        yield from _function_call(older, "")


def _function_call(function: Mapping[str, Any], call_id: str) -> Iterator[Block]:
    yield _tool_call(words(function.get("name")), function.get("arguments"), call_id)
    yield from rest(function, {"arguments"} | texts_of(function, "name"))


def _tool_call(name: str, arguments: Any, call_id: str) -> ToolCall:
    return ToolCall(name or _("(no name)"), "" if arguments is None else pretty(arguments), call_id)


def _results(content: Any) -> Iterator[Block]:
    if isinstance(content, list) and content:
        for part in content:
            if is_text(part):
                yield _result(part["text"])
                yield from rest(part, ("type", "text"))
            else:
                yield from _part(part, "tool")
    else:
        yield _result("" if says_nothing(content) else pretty(content))


def _result(text: str) -> ToolResult:
    return ToolResult(showable(text), folded=len(text) > FOLD_RESULT)


# --- parts of a content list ---------------------------------------------------------------------------------------


def _part(part: Any, role: str) -> Iterator[Block]:
    """One part of a list of parts, whichever provider's."""
    if isinstance(part, str):
        yield _prose(part, role)
    elif not isinstance(part, Mapping):
        yield Data("part", pretty(part))
    elif is_text(part):
        yield _prose(part["text"], role)
        yield from rest(part, ("type", "text"))
    else:
        yield from _special_part(part, words(part.get("type")))


def _prose(text: str, role: str) -> Prose:
    limit = FOLD_INSTRUCTION if role in _INSTRUCTING else FOLD_TEXT
    return Prose(showable(text), folded=len(text) > limit)


def _special_part(part: Mapping[str, Any], kind: str) -> Iterator[Block]:
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        yield Refusal(showable(part["refusal"]))
        yield from rest(part, ("type", "refusal"))
    elif kind in _THINKING_PARTS:
        yield from _thoughts(part)
    elif kind == "tool_use":
        yield _tool_call(words(part.get("name")), part.get("input"), words(part.get("id")))
        yield from rest(part, {"type", "input"} | texts_of(part, "name", "id"))
    elif kind == "tool_result":
        more = rest(part, {"type", "content"} | texts_of(part, "tool_use_id"))
        yield ToolReply(words(part.get("tool_use_id")), "", (*_results(part.get("content")), *more))
    else:
        yield from _media_part(part, kind)


def _thoughts(part: Mapping[str, Any]) -> Iterator[Block]:
    member = next((name for name in ("thinking", "text", "summary") if not says_nothing(part.get(name))), "")
    value = part.get(member)
    if isinstance(value, str):
        yield Reasoning(showable(value))
    for inner in listed(value):
        yield Reasoning(showable(inner["text"])) if is_text(inner) else Data("thinking", pretty(inner))
    yield from rest(part, {"type", member} if isinstance(value, str | list) else {"type"})


def _media_part(part: Mapping[str, Any], kind: str) -> Iterator[Block]:
    member = "source" if isinstance(part.get("source"), Mapping) else ""
    member = member or next((name for name in _MEDIA_WORDS if isinstance(part.get(name), str | Mapping)), "")
    if not member or says_nothing(part[member]):
        yield Data(kind or "part", pretty(part))
        return
    source = part[member]
    if isinstance(source, Mapping) and source.get("type") == "text" and isinstance(source.get("data"), str):
        # Some providers' documents are plain text, to be read like any other.
        yield _prose(source["data"], kind)
        yield from rest(source, ("type", "data"))
        yield from rest(part, ("type", member))
        return
    yield _media(_MEDIA_WORDS.get(kind) or _MEDIA_WORDS.get(member) or kind or "file", part[member])
    yield from rest(part, ("type", member))


def _sound(audio: Any) -> Iterator[Block]:
    """A spoken answer: its transcript is prose, its data is described. Some servers send one with nothing in it."""
    if not isinstance(audio, Mapping) or not any(audio.get(member) for member in ("id", "data", "transcript")):
        return
    transcript = words(audio.get("transcript"))
    if transcript:
        yield Prose(transcript)
        audio = {member: value for member, value in audio.items() if member != "transcript"}
    yield _media("audio", audio)


def _citations(annotations: Any) -> tuple[tuple[Citation, ...], list[Any]]:
    """The addresses that an answer cites, and the annotations of other kinds."""
    sources: list[Citation] = []
    others: list[Any] = []
    for annotation in listed(annotations):
        cited = mapping(mapping(annotation).get("url_citation"))
        if not isinstance(cited.get("url"), str):
            others.append(annotation)
            continue
        sources.append(_citation(cited, annotation))
    return tuple(sources), others


def _citation(cited: Mapping[str, Any], annotation: Mapping[str, Any]) -> Citation:
    placed = {name for name in ("start_index", "end_index") if type(cited.get(name)) is int}
    if len(placed) < 2:
        placed = set()
    known = {"url"} | texts_of(cited, "title") | placed
    more = [(name, value) for name, value in cited.items() if name not in known]
    more += [(name, value) for name, value in annotation.items() if name not in ("type", "url_citation")]
    return Citation(
        address=showable(cited["url"]),
        title=words(cited.get("title")),
        start=cited["start_index"] if placed else None,
        end=cited["end_index"] if placed else None,
        notes=tuple((showable(name), one_line(value)) for name, value in more if not says_nothing(value)),
    )


def _media(what: str, value: Any) -> Media:
    """A description of a picture, sound or file; `value` is its URL or an object that holds it."""
    members = {"url": value} if isinstance(value, str) else mapping(value)
    member = next((name for name in _SOURCE_MEMBERS if isinstance(members.get(name), str) and members[name]), "")
    source = words(members.get(member)) if member else ""
    found, size = _describe(source, inline=member == "data" or (member == "file_data" and "://" not in source[:10]))
    said = [name for name in ("media_type", "mime_type", "format") if words(members.get(name))]
    used = {member} | set(said[:1]) | texts_of(members, "filename")
    notes = ((name, one_line(note)) for name, note in members.items() if name not in used)
    media_type = words(members[said[0]]) if said else found
    family = media_type.partition("/")[0]
    return Media(
        # A file that says it is a picture is shown like one.
        what=family if what == "file" and family in ("image", "audio", "video") else what,
        source=source,
        media_type=media_type,
        size=size,
        name=words(members.get("filename")),
        notes=tuple((name, note) for name, note in notes if note),
    )


def _describe(source: str, *, inline: bool) -> tuple[str, int | None]:
    """Media type and size in bytes of a data URL or of bare base64; ("", None) for an address."""
    head, comma, _body = source[:200].partition(",")
    if not (head.startswith("data:") and comma):
        return "", (len(source) * 3 // 4 - source[-2:].count("=") if inline else None)
    media_type, *parameters = head.removeprefix("data:").split(";")
    body = len(source) - len(head) - 1
    return media_type, (body * 3 // 4 - source[-2:].count("=") if "base64" in parameters else body)
