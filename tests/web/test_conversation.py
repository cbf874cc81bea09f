"""Every shape a reviewer meets becomes readable; nothing is dropped and nothing raises."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from reviews.web.conversation import media_in, read
from reviews.web.display import Conversation, pair
from reviews.web.display_blocks import (
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


def chat(*messages: Any, **choice: Any) -> dict[str, Any]:
    """A chat document with these request messages and one choice with these members."""
    return {
        "kind": "chat",
        "status": "finished",
        "request": {"model": "small", "messages": list(messages)},
        "response": {"model": "small-1", "choices": [{"index": 0, "finish_reason": "stop", **choice}]},
    }


def answer(content: Any, **members: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **members}


def call(arguments: Any, name: str = "find_order") -> dict[str, Any]:
    return {"id": "call_7", "type": "function", "function": {"name": name, "arguments": arguments}}


PNG = "data:image/png;base64,iVBORw0KGgo="
CORPUS: dict[str, dict[str, Any]] = {
    "plain": chat({"role": "user", "content": "Is the shop open?"}, message=answer("Until six.")),
    "developer": chat({"role": "developer", "content": "Be brief. " * 60}, message=answer("Yes.")),
    "tools": chat(
        {"role": "user", "name": "kim", "content": "Where is my parcel?"},
        {"role": "assistant", "content": None, "tool_calls": [call('{"order": "A-1", "since": 2.50}')]},
        {"role": "tool", "tool_call_id": "call_7", "content": '{"state": "in transit", "eta": "Friday"}'},
        message=answer(None, tool_calls=[call('{"steps": [{"say": "Grüße"}, {"say": "\\u00e9"}]}', "reply")]),
    ),
    "broken arguments": chat(message=answer("", tool_calls=[call('{"order": ')])),
    "older call": chat(message=answer(None, function_call={"name": "find", "arguments": "{}"})),
    "parts": chat(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Which one is broken?", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                {
                    "type": "file",
                    "file": {"filename": "terms.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
                },
                {"type": "file", "file": {"file_id": "file-9"}},
                {"type": "hologram", "depth": {"layers": "three"}},
                "a bare string",
                17,
            ],
        },
        message=answer("The left one."),
    ),
    "thinking": chat(
        message=answer(
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Two and two."}], "closed": True},
                {"type": "text", "text": "Four."},
            ],
            reasoning_content="Let me see.",
            reasoning_details=[{"type": "reasoning.encrypted", "data": "gAAAA"}],
        )
    ),
    "other provider's tools": chat(
        {"role": "assistant", "content": [{"type": "tool_use", "id": "tu_1", "name": "look", "input": {"at": "map"}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "tu_1", "content": [{"type": "text", "text": "a bridge"}]},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
            ],
        },
        message=answer("There is a bridge."),
    ),
    "refused": chat(message=answer(None, refusal="I cannot help with that.")),
    "spoken": chat(
        message=answer(None, audio={"id": "au_1", "data": "AAAA", "transcript": "Good day.", "expires_at": 1})
    ),
    "silent audio": chat(message=answer("Hi.", audio={"id": "", "data": "", "transcript": "", "expires_at": 0})),
    "unknown members": chat(
        {"role": "critic", "content": "No.", "mood": "grim", "name": {"first": "Ada"}},
        message=answer("Yes.", annotations=[{"url_citation": {"url": "https://example.test/a"}}]),
        native_finish_reason="completed",
        stop_reason=154829,
    ),
    "odd shapes": {
        "kind": "chat",
        "tags": "not a list",
        "request": {"messages": ["just text", None, 3, {"content": {"type": "text", "text": "one part"}}]},
        "response": {"choices": ["a string", None, {"message": "text"}, {"message": {"content": 12}}, {"text": "t"}]},
        "surprise": {"deep": ["thing"]},
    },
    "prompt": {
        "kind": "prompt",
        "request": {"model": "old", "prompt": ["Translate:", "The parcel is late."]},
        "response": {"choices": [{"index": 0, "text": "\nLe colis est en retard.", "finish_reason": "stop"}]},
    },
    "older client": {
        "kind": "chat",
        "duration": 1284,
        "orig_module": "openai.resources",
        "request": json.dumps({"messages": [{"role": "user", "content": "Hello"}]}),
        "response": json.dumps({"model": "m", "choices": [{"message": {"role": "assistant", "content": "Hi"}}]}),
        "stacktrace": json.dumps([{"file": "a.py", "lineno": 3, "name": "f", "line": "g()"}]),
    },
}


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a JSON value with the name of the member that holds it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for member, inner in value.items():
            yield from leaves(inner, member)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, name)


def texts(value: Any) -> Iterator[str]:
    """Every text that a display object carries."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for inner in value:
            yield from texts(inner)
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts(getattr(value, field.name))


def is_shown(text: str, shown: str) -> bool:
    """Whether a text, or each text of the JSON it is, stands in what is shown."""
    if text in shown or json.dumps(text, ensure_ascii=False)[1:-1] in shown:
        return True
    try:
        inner = json.loads(text)
    except ValueError:
        return False
    return isinstance(inner, dict | list) and all(is_shown(leaf, shown) for _, leaf in leaves(inner))


def opened(member: Any) -> Mapping[str, Any]:
    value: Mapping[str, Any] = json.loads(member) if isinstance(member, str) else member
    return value


@pytest.mark.parametrize("document", CORPUS.values(), ids=CORPUS.keys())
def test_it_shows_every_text_of_messages_and_choices(document: dict[str, Any]) -> None:
    conversation = read(document)
    shown = "\x00".join(texts((conversation.turns, conversation.choices)))
    request, response = opened(document["request"]), opened(document["response"])
    said = [request.get("messages"), request.get("prompt"), response["choices"]]
    # The type of a part or call chose how it is shown; that an answer is the assistant's is said by its place.
    hidden = [(name, text) for name, text in leaves(said) if name != "type" and (name, text) != ("role", "assistant")]
    assert [text for _, text in hidden if not is_shown(text, shown)] == []


@pytest.mark.parametrize("document", CORPUS.values(), ids=CORPUS.keys())
def test_it_renders(document: dict[str, Any]) -> None:
    assert 'id="answer"' in rendered(read(document))


def rendered(conversation: Conversation) -> str:
    answers = pair(conversation.choices, ())
    return render_to_string("reviews/_conversation.html", {"conversation": conversation, "answers": answers})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "function", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(messages=json_values, choices=json_values, whole=json_values)
def test_it_never_raises(messages: Any, choices: Any, whole: Any) -> None:
    read({"request": {"messages": messages}, "response": {"choices": choices}, "duration": whole, "tags": whole})
    read({"request": {"messages": [messages]}, "response": {"choices": [{"message": choices, "logprobs": whole}]}})
    read({"request": whole, "response": whole, "stacktrace": whole, "status": whole})


def test_it_survives_deep_nesting() -> None:
    deep: Any = "bottom"
    for _ in range(3000):
        deep = [deep]
    conversation = read(chat({"role": "user", "content": deep}, message=answer("Hi")))
    assert conversation.turns[0].blocks == (Data("part", "(nested too deeply to be shown)"),)


def test_it_escapes_what_people_and_models_write() -> None:
    document = chat({"role": "user", "content": "<script>alert(1)</script>"}, message=answer("<img src=x onerror=y>"))
    page = rendered(read(document))
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_it_shows_a_result_under_its_call() -> None:
    user, calls = read(CORPUS["tools"]).turns
    assert (user.label, user.note) == ("user", "kim")
    assert calls.note == "calls tool"
    result = ToolReply("", "", (ToolResult('{"state": "in transit", "eta": "Friday"}'),))
    assert calls.blocks == (ToolCall("find_order", '{"order": "A-1", "since": 2.50}', "call_7", (result,)),)


def test_it_describes_media_without_loading_them() -> None:
    blocks = read(CORPUS["parts"]).turns[0].blocks
    image, sound, file, held = (block for block in blocks if isinstance(block, Media))
    assert (image.what, image.media_type, image.size, image.notes) == ("image", "image/png", 8, (("detail", "low"),))
    assert (sound.what, sound.media_type, sound.size) == ("audio", "wav", 4)
    assert (file.name, file.media_type, file.size_text) == ("terms.pdf", "application/pdf", "4 bytes")
    assert held.notes == (("file_id", "file-9"),)
    assert [media.number for media in (image, sound, file, held)] == [0, 1, 2, 3]
    assert media_in(CORPUS["parts"], 2) == file
    assert media_in(CORPUS["parts"], 4) is None
    assert "<img" not in rendered(read(CORPUS["parts"]))


def test_it_finds_pictures_wherever_a_provider_puts_them() -> None:
    inline = {"inline_data": {"mime_type": "image/png", "data": "iVBORw0KGgo="}}
    drawn = answer("Here.", images=[{"type": "image_url", "image_url": {"url": PNG}}])
    conversation = read(chat({"role": "user", "content": [inline]}, message=drawn))
    (sent,) = conversation.turns[0].blocks
    _, made = conversation.choices[0].blocks
    assert isinstance(sent, Media)
    assert isinstance(made, Media)
    assert [(media.what, media.media_type, media.size) for media in (sent, made)] == [("image", "image/png", 8)] * 2


def test_it_keeps_unknown_members_as_data() -> None:
    conversation = read(CORPUS["unknown members"])
    assert Data("mood", "grim") in conversation.turns[0].blocks
    assert Data("stop_reason", "154829") in conversation.choices[0].blocks
    assert read(CORPUS["odd shapes"]).document_members[-1] == Data("surprise", '{"deep": ["thing"]}')


def test_it_lists_the_addresses_that_an_answer_cites() -> None:
    annotations = [
        {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A", "start_index": 3}},
        {"url_citation": {"url": "https://b.example", "start_index": 4, "end_index": 9}},
        {"type": "file_citation", "file_id": "f-1"},
    ]
    conversation = read(chat(message=answer("See there.", annotations=annotations)))
    first = Citation("https://a.example", "A", notes=(("start_index", "3"),))
    cited = Citations((first, Citation("https://b.example", "", 4, 9)))
    other = Data("annotations", '[{"type": "file_citation", "file_id": "f-1"}]')
    assert conversation.choices[0].blocks == (Prose("See there.", main=True), cited, other)


def test_it_links_to_no_address_that_is_not_of_the_web() -> None:
    page = rendered(read(chat(message=answer("x", annotations=[{"url_citation": {"url": "javascript:alert(1)"}}]))))
    assert "javascript:alert(1)</span>" in page
    assert "href" not in page.split("citations")[1].split("</ol>")[0]


def test_it_reads_a_document_that_is_plain_text() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "The terms."}
    document = chat({"role": "user", "content": [{"type": "document", "source": source}]}, message=answer("Fine."))
    assert read(document).turns[0].blocks == (Prose("The terms."), Data("media_type", "text/plain"))


def test_it_leaves_out_members_that_say_nothing() -> None:
    document = chat({"role": "user", "content": "Hi", "name": None}, message=answer("Ho", annotations=[], refusal=None))
    conversation = read(document)
    assert conversation.turns[0].blocks == (Prose("Hi"),)
    assert conversation.choices[0].blocks == (Prose("Ho", main=True),)
    assert len(read(CORPUS["silent audio"]).choices[0].blocks) == 1


def test_it_folds_long_instructions_but_never_an_answer() -> None:
    conversation = read(chat({"role": "system", "content": "Rules. " * 100}, message=answer("Words. " * 5000)))
    assert conversation.turns[0].blocks[0] == Prose("Rules. " * 100, folded=True)
    assert conversation.choices[0].blocks[0] == Prose("Words. " * 5000, main=True)


@pytest.mark.parametrize(
    ("name", "pointer"),
    [
        ("plain", "/response/choices/0/message/content"),
        ("thinking", "/response/choices/0/message/content/1/text"),
        ("prompt", "/response/choices/0/text"),
        ("tools", ""),
        ("older client", ""),
    ],
)
def test_it_points_to_the_text_that_can_be_edited(name: str, pointer: str) -> None:
    assert read(CORPUS[name]).choices[0].pointer == pointer


def test_it_points_to_each_text_of_an_answer() -> None:
    parts = [{"type": "text", "text": text} for text in ("One.", "", "One.", "Two.")]
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    choice = read(chat(message=answer([parts[0], picture, *parts[1:]]))).choices[0]
    assert [(leaf.text, leaf.pointer.rsplit("/", 2)[1], leaf.name) for leaf in choice.leaves] == [
        ("One.", "0", "edit-0"),
        ("", "2", "edit-0-2"),
        ("One.", "3", "edit-0-3"),
        ("Two.", "4", "edit-0-4"),
    ]
    assert [leaf and leaf.part for _, leaf in choice.shown] == [1, None, None, 3, 4]


def test_it_reads_refusal_and_reasoning() -> None:
    assert read(CORPUS["refused"]).choices[0].blocks == (Refusal("I cannot help with that."),)
    thoughts = [block.text for block in read(CORPUS["thinking"]).choices[0].blocks if isinstance(block, Reasoning)]
    assert thoughts == ["Let me see.", "Two and two."]


def test_it_reads_the_facts() -> None:
    document = chat(message=answer("Hi")) | {"duration": 1.284, "tags": ["a"], "session_id": "s"}
    document["response"] |= {"created": 1764200001, "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    facts = read(document).facts
    assert (facts.model, facts.duration_text, facts.tags, facts.session_id) == ("small-1", "1.3 s", ("a",), "s")
    assert (facts.prompt_tokens, facts.completion_tokens, facts.finish_reason) == (3, 1, "stop")
    assert facts.created is not None
    assert facts.created.isoformat() == "2025-11-26T23:33:21+00:00"


def test_it_counts_an_older_client_in_milliseconds() -> None:
    facts = read(CORPUS["older client"]).facts
    assert facts.duration == 1.284
    assert facts.stacktrace[0].place == "a.py:3"


def test_it_says_that_a_call_failed() -> None:
    page = rendered(
        read({"status": "failed", "failure_kind": "RateLimitError", "failure_reason": "429", "request": {}})
    )
    assert "The call failed: RateLimitError" in page


def test_it_says_that_a_call_failed_beside_what_it_had_answered_by_then() -> None:
    frames = [{"file": "ask.py", "lineno": 3, "name": "ask", "line": "send()"}]
    failed = {"status": "failed", "failure_reason": "cut off", "stacktrace": frames}
    page = rendered(read(chat(message=answer("Half an ans")) | failed))
    assert page.index("cut off") < page.index("ask.py:3") < page.index("Half an ans")
    assert page.count("ask.py:3") == 1


def test_it_shows_controls_as_pictures() -> None:
    assert read(chat(message=answer("a\x00b\ud800"))).choices[0].blocks[0] == Prose("a␀b�", main=True)
