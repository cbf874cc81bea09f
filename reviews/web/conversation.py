"""A completion's raw document, made ready to read.

`read` knows the shapes that providers and Log10's clients really send and never raises: what it does not know becomes a
`Data` block under its own name. Members that say nothing (null, "", [] and {}) are left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from django.utils.translation import ngettext

from reviews.web.display import AnswerChoice, Conversation, Facts, Frame, Turn
from reviews.web.display_blocks import Block, Data, Media, Prose, ToolCall, ToolReply
from reviews.web.display_leaves import Leaf
from reviews.web.json_text import listed, mapping, one_line, opened, pretty, says_nothing, showable, words
from reviews.web.parts import TOOL_ROLES, content_blocks, is_text, message_blocks, rest, texts_of
from reviews.web.tokens import TokenRun, read_tokens, spans
from reviews.web.tool_pairs import paired

# Of more uncertain words than that, the list is a page of its own: drawn below the answer it would cost more than the
# answer itself, each time the item is opened.
MOST_LISTED = 200
# The address of the page that lists the uncertain words of the choice at this place.
ListAt = Callable[[int], str]

_TEXT_MEMBERS = ("id", "session_id", "failure_kind", "failure_reason")
_LOGPROB_MEMBERS = ("content", "tokens", "token_logprobs", "top_logprobs", "text_offset")


def read(document: Mapping[str, Any], list_at: ListAt | None = None) -> Conversation:
    """The conversation of a chat or prompt document: turns, answers, facts, and all other members as data.

    Without `list_at` all uncertain words are listed with their answer, however many there are.
    """
    request, response = opened(document.get("request")), opened(document.get("response"))
    duration = {"duration"} if _seconds(document) is not None else set()
    lists = {name for name in ("tags", "stacktrace") if isinstance(opened(document.get(name)), list)}
    numbers = count()
    turns = [replace(turn, blocks=_numbered(turn.blocks, numbers)) for turn in _turns(request)]
    choices = _choices(response, list_at, addressable=isinstance(document.get("response"), Mapping))
    return Conversation(
        turns=paired(turns),
        choices=tuple(replace(choice, blocks=_numbered(choice.blocks, numbers)) for choice in choices),
        facts=_facts(document, request, response),
        request_members=_other_members("request", request, ("prompt", "messages")),
        response_members=_other_members("response", response, ("choices",)),
        document_members=tuple(
            rest(document, {"request", "response"} | duration | lists | texts_of(document, *_TEXT_MEMBERS))
        ),
    )


def media_in(document: Mapping[str, Any], number: int) -> Media | None:
    """The picture, sound or file that has this number on the page of the document."""
    conversation = read(document)
    blocks = (*(turn.blocks for turn in conversation.turns), *(choice.blocks for choice in conversation.choices))
    return next((media for inner in blocks for media in _media(inner) if media.number == number), None)


def _media(blocks: Iterable[Block]) -> Iterator[Media]:
    for block in blocks:
        if isinstance(block, Media):
            yield block
        elif isinstance(block, ToolCall):
            yield from _media(block.replies)
        elif isinstance(block, ToolReply):
            yield from _media(block.blocks)


def _numbered(blocks: Iterable[Block], numbers: Iterator[int]) -> tuple[Block, ...]:
    """The blocks, their pictures and sounds numbered in the order of the document."""
    return tuple(_with_number(block, numbers) for block in blocks)


def _with_number(block: Block, numbers: Iterator[int]) -> Block:
    if isinstance(block, Media):
        return replace(block, number=next(numbers))
    return replace(block, blocks=_numbered(block.blocks, numbers)) if isinstance(block, ToolReply) else block


# --- turns ---------------------------------------------------------------------------------------------------------


def _turns(request: Any) -> tuple[Turn, ...]:
    members = mapping(request)
    prompt, messages = members.get("prompt"), members.get("messages")
    turns = [] if says_nothing(prompt) else [Turn("prompt", "prompt", tuple(content_blocks(prompt, "prompt")))]
    if isinstance(messages, list):
        names = _call_names(messages)
        turns += [_turn(message, names) for message in messages]
    elif not says_nothing(messages):
        turns.append(Turn("messages", "messages", (Data("messages", pretty(messages)),)))
    return tuple(turns)


def _turn(message: Any, names: Mapping[str, str]) -> Turn:
    if not isinstance(message, Mapping):
        return Turn("message", "message", (Data("message", pretty(message)),))
    role = words(message.get("role")) or "message"
    blocks = tuple(message_blocks(message, role, names))
    return Turn(role, role, blocks, _note(message, role, blocks, names))


def _note(message: Mapping[str, Any], role: str, blocks: Sequence[Block], names: Mapping[str, str]) -> str:
    name = words(message.get("name"))
    if role in TOOL_ROLES:
        return name or names.get(words(message.get("tool_call_id")), "")
    calls = sum(1 for block in blocks if isinstance(block, ToolCall))
    called = ngettext("calls tool", "calls %(count)d tools", calls) % {"count": calls} if calls else ""
    return ", ".join(filter(None, (name, called)))


def _call_names(messages: Sequence[Any]) -> dict[str, str]:
    """Which tool each call id belongs to, so that a result can say whose it is."""
    calls = (mapping(call) for message in messages for call in listed(mapping(message).get("tool_calls")))
    return {words(call.get("id")): words(mapping(call.get("function")).get("name")) for call in calls}


# --- answers -------------------------------------------------------------------------------------------------------


def _choices(response: Any, list_at: ListAt | None, *, addressable: bool) -> tuple[AnswerChoice, ...]:
    choices = listed(mapping(response).get("choices"))
    return tuple(_choice(choice, index, list_at, addressable=addressable) for index, choice in enumerate(choices))


def _choice(choice: Any, index: int, list_at: ListAt | None, *, addressable: bool) -> AnswerChoice:
    if not isinstance(choice, Mapping):
        return AnswerChoice(index, "", (Data("choice", pretty(choice)),))
    texts, run = _editable(choice), read_tokens(choice)
    elsewhere = list_at(index) if run and list_at and run.uncertain > MOST_LISTED else ""
    return AnswerChoice(
        index=index,
        finish_reason=words(choice.get("finish_reason")),
        blocks=_with_main(_answer_blocks(choice, has_run=run is not None), [text for text, _ in texts]),
        leaves=tuple(replace(leaf, list_at=elsewhere) for leaf in _leaves(texts, index, run, addressable=addressable)),
        tokens=run,
        list_at=elsewhere,
    )


def _answer_blocks(choice: Mapping[str, Any], *, has_run: bool) -> Iterable[Block]:
    message, text, logprobs = choice.get("message"), choice.get("text"), choice.get("logprobs")
    known = texts_of(choice, "text", "finish_reason") | ({"index"} if isinstance(choice.get("index"), int) else set())
    if isinstance(message, Mapping):
        known.add("message")
        if message.get("role") != "assistant":
            yield from rest({"role": message.get("role")}, ())
        yield from message_blocks(message, "assistant", {})
    if isinstance(text, str) and text:
        yield Prose(showable(text))
    if has_run:
        known.add("logprobs")
        yield from rest(mapping(logprobs), _LOGPROB_MEMBERS)
    elif isinstance(logprobs, Mapping) and all(says_nothing(value) for value in logprobs.values()):
        known.add("logprobs")
    yield from rest(choice, known)


def _leaves(texts: Sequence[tuple[str, str]], index: int, run: TokenRun | None, *, addressable: bool) -> Iterator[Leaf]:
    found = spans(run, [text for text, _ in texts]) if run else ()
    for number, (text, path) in enumerate(texts):
        pointer = f"/response/choices/{index}{path}" if addressable else ""
        yield Leaf(index, number + 1, text, pointer, run, found[number] if found else None)


def _editable(choice: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The texts of a choice that can be edited, each with the path to its leaf."""
    content, text = mapping(choice.get("message")).get("content"), choice.get("text")
    if isinstance(content, str):
        return [(content, "/message/content")]
    texts = [(part["text"], f"/message/content/{at}/text") for at, part in enumerate(listed(content)) if is_text(part)]
    return texts or ([(text, "/text")] if isinstance(text, str) else [])


def _with_main(blocks: Iterable[Block], texts: Iterable[str]) -> tuple[Block, ...]:
    """Marks the blocks that show editable texts; an answer is read in full, so none of its prose is folded."""
    left = [showable(text) for text in texts if text]
    marked: list[Block] = []
    for block in blocks:
        if not isinstance(block, Prose):
            marked.append(block)
            continue
        main = block.text in left
        if main:
            left.remove(block.text)
        marked.append(Prose(block.text, main=main))
    return tuple(marked)


# --- facts ---------------------------------------------------------------------------------------------------------


def _facts(document: Mapping[str, Any], request: Any, response: Any) -> Facts:
    answered = mapping(response)
    usage = mapping(answered.get("usage"))
    reasons = (words(mapping(choice).get("finish_reason")) for choice in listed(answered.get("choices")))
    return Facts(
        kind=words(document.get("kind")),
        status=words(document.get("status")),
        model=words(answered.get("model")) or words(mapping(request).get("model")),
        prompt_tokens=_count(usage, "prompt_tokens", "input_tokens"),
        completion_tokens=_count(usage, "completion_tokens", "output_tokens"),
        duration=_seconds(document),
        tags=tuple(pretty(tag) for tag in listed(opened(document.get("tags")))),
        finish_reason=", ".join(dict.fromkeys(filter(None, reasons))),
        failure_kind=words(document.get("failure_kind")),
        failure_reason=words(document.get("failure_reason")),
        session_id=words(document.get("session_id")),
        created=_moment(answered.get("created")),
        stacktrace=tuple(_frame(frame) for frame in listed(opened(document.get("stacktrace")))),
    )


def _count(usage: Mapping[str, Any], *names: str) -> int | None:
    figures = (usage.get(name) for name in names)
    return next((figure for figure in figures if isinstance(figure, int) and not isinstance(figure, bool)), None)


def _seconds(document: Mapping[str, Any]) -> float | None:
    """How long the call took. Log10's older clients, which send their members as text, count in milliseconds."""
    value = document.get("duration")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    older = isinstance(document.get("request"), str) or "orig_module" in document
    return value / 1000 if older else float(value)


def _moment(seconds: Any) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _frame(frame: Any) -> Frame:
    if not isinstance(frame, Mapping):
        return Frame(pretty(frame), "", "")
    place = ":".join(filter(None, (one_line(frame.get("file")), one_line(frame.get("lineno")))))
    return Frame(place, one_line(frame.get("name")), one_line(frame.get("line")))


def _other_members(name: str, value: Any, known: Sequence[str]) -> tuple[Data, ...]:
    """What a request or response holds besides its conversation; all of it where it is no object."""
    if isinstance(value, Mapping):
        # Only a list of choices was read as choices.
        shown = {member for member in known if member != "choices" or isinstance(value.get(member), list)}
        return tuple(rest(value, shown))
    return () if says_nothing(value) else (Data(name, pretty(value)),)
