"""A call and what came back for it stand together; nothing is shown twice, and what has no other half says so."""

from typing import Any

from django.template.loader import render_to_string

from reviews.web.conversation import read
from reviews.web.display import Turn
from reviews.web.display_blocks import Data, ToolCall, ToolReply, ToolResult


def turns(*messages: dict[str, Any]) -> tuple[Turn, ...]:
    return read({"request": {"messages": list(messages)}, "response": {}}).turns


def call(call_id: str, name: str = "look") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": '{"at": "map"}'}}


def asks(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def answers(call_id: str, content: Any, **members: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content, **members}


def replies(turn: Turn) -> list[tuple[str, list[str]]]:
    """The calls of a turn by id, each with the texts that came back for it."""
    return [
        (
            block.call_id,
            [inner.text for reply in block.replies for inner in reply.blocks if isinstance(inner, ToolResult)],
        )
        for block in turn.blocks
        if isinstance(block, ToolCall)
    ]


def test_it_gives_each_of_several_calls_its_own_result() -> None:
    (turn,) = turns(asks(call("a"), call("b")), answers("b", "second"), answers("a", "first"))
    assert replies(turn) == [("a", ["first"]), ("b", ["second"])]


def test_it_takes_an_id_that_comes_again_for_the_call_before_it() -> None:
    first, second = turns(asks(call("a")), answers("a", "one"), asks(call("a")), answers("a", "two"))
    assert (replies(first), replies(second)) == ([("a", ["one"])], [("a", ["two"])])


def test_it_says_what_has_no_other_half() -> None:
    asking, lost = turns(asks(call("a")), answers("z", "for nobody"))
    assert isinstance(asking.blocks[0], ToolCall)
    assert asking.blocks[0].unanswered
    assert lost.blocks == (ToolReply("z", "", (ToolResult("for nobody"),), lost=True),)
    page = render_to_string(
        "reviews/_conversation.html", {"conversation": read({"request": {"messages": [answers("z", "?")]}})}
    )
    assert "The call that this answers is not in the conversation." in page


def test_it_keeps_a_result_that_came_before_its_call_where_it_stood() -> None:
    early, asking = turns(answers("a", "early"), asks(call("a")))
    assert (early.role, replies(asking)) == ("tool", [("a", [])])


def test_it_takes_all_that_came_back_along() -> None:
    (turn,) = turns(asks(call("a")), answers("a", "done", name="other name", cost=3))
    assert isinstance(turn.blocks[0], ToolCall)
    assert turn.blocks[0].replies == (ToolReply("", "other name", (ToolResult("done"), Data("cost", "3"))),)


def test_it_joins_the_older_calls_by_name() -> None:
    asking = {"role": "assistant", "content": None, "function_call": {"name": "find", "arguments": "{}"}}
    (turn,) = turns(asking, {"role": "function", "name": "find", "content": "found"})
    assert replies(turn) == [("", ["found"])]


def test_it_leaves_what_a_user_said_beside_a_result() -> None:
    asking = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "look", "input": {}}]}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "a bridge"}
    first, second = turns(asking, {"role": "user", "content": [result, {"type": "text", "text": "And now?"}]})
    assert replies(first) == [("t", ["a bridge"])]
    assert [block.kind for block in second.blocks] == ["prose"]
    assert len(turns(asking, {"role": "user", "content": [result]})) == 1
