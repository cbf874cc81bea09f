"""Tool calls beside what came back for them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from reviews.web.display import Turn
from reviews.web.display_blocks import Block, ToolCall, ToolReply
from reviews.web.parts import TOOL_ROLES

_Place = tuple[int, int]


def paired(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns with every reply under its call. A call without a reply and a reply without a call are marked so; a
    turn that held nothing but replies is no turn any more.
    """
    found = _matched(turns)
    moved = {id(reply) for replies in found.values() for reply in replies}
    joined = (
        replace(turn, blocks=tuple(_blocks(turn.blocks, number, found, moved))) for number, turn in enumerate(turns)
    )
    return tuple(turn for turn, before in zip(joined, turns, strict=True) if turn.blocks or not _was_reply(before))


def _matched(turns: Sequence[Turn]) -> dict[_Place, list[ToolReply]]:
    """For each call the replies to it. Ids come again in long conversations: a reply is to the call before it."""
    calls: dict[str, _Place] = {}
    found: dict[_Place, list[ToolReply]] = {}
    for number, turn in enumerate(turns):
        for at, block in enumerate(turn.blocks):
            if isinstance(block, ToolCall):
                calls[_key(block)] = (number, at)
                found[number, at] = []
            elif isinstance(block, ToolReply) and _key(block) in calls:
                found[calls[_key(block)]].append(block)
    return found


def _key(block: ToolCall | ToolReply) -> str:
    """The id of a call; of the older calls, which have none, the name."""
    return f"id {block.call_id}" if block.call_id else f"name {block.name}"


def _blocks(
    blocks: Sequence[Block], number: int, found: dict[_Place, list[ToolReply]], moved: set[int]
) -> Iterator[Block]:
    for at, block in enumerate(blocks):
        if isinstance(block, ToolCall):
            replies = found[number, at]
            yield replace(block, replies=tuple(_under(block, reply) for reply in replies), unanswered=not replies)
        elif not isinstance(block, ToolReply):
            yield block
        elif id(block) not in moved:
            yield replace(block, lost=True)


def _under(call: ToolCall, reply: ToolReply) -> ToolReply:
    """The reply without what the call above it says already."""
    return replace(reply, call_id="", name="" if reply.name == call.name else reply.name)


def _was_reply(turn: Turn) -> bool:
    only = bool(turn.blocks) and all(isinstance(block, ToolReply) for block in turn.blocks)
    return only and (turn.role in TOOL_ROLES or not turn.note)
