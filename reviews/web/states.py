"""The state of a push, in the words of the pages."""

from reviews.models import Push, PushKind, PushState
from reviews.models.sync import NEEDS_A_PERSON
from reviews.web.display import SyncState

_STATES = {
    PushState.WAITING: "waiting",
    PushState.SENDING: "sending",
    PushState.DELIVERED: "arrived",
    PushState.CONFLICT: "undecided",
    PushState.ABSENT: "undecided",
    PushState.ATTENTION: "attention",
    PushState.SUPERSEDED: "held",
    PushState.UNLINKED: "local",
    PushState.DISCARDED: "given_up",
}
SUPERSEDED = "A newer edit went instead."


def sync_state(push: Push, *, decides: bool = False) -> SyncState:
    """Where a push stands: arrived at, next try at, or what a person has to know. Its upstream is joined.

    `decides`: the reader may decide about it, so an edit that waits for a decision leads to its page.
    """
    state, upstream = PushState(push.state), push.upstream.name if push.upstream else ""
    waits = push.kind == PushKind.UPDATE and state in NEEDS_A_PERSON
    return SyncState(
        state=_STATES[state],  # type: ignore[arg-type]
        at=push.delivered_at or push.not_before,
        words=_words(state, upstream, push.last_error),
        upstream=upstream,
        decide_id=push.completion_id if waits and decides else None,
    )


def dropped_state(completion_id: int, upstream: str, *, decides: bool) -> SyncState:
    """Of an edit that arrived and was found missing: the upstream lists what stood there before, or something else."""
    words = f"Conflict: {upstream} no longer lists the text that it was sent."
    return SyncState("undecided", words=words, upstream=upstream, decide_id=completion_id if decides else None)


def changed_state(completion_id: int, upstream: str, *, decides: bool) -> SyncState:
    """Of a completion without an edit of ours that the upstream changed while something here hangs on its text."""
    words = _words(PushState.CONFLICT, upstream, "")
    return SyncState("undecided", words=words, upstream=upstream, decide_id=completion_id if decides else None)


def _words(state: PushState, upstream: str, said: str) -> str:
    match state:
        case PushState.CONFLICT:
            return f"Conflict: {upstream} changed this completion after we pulled it. Nothing was sent."
        case PushState.ABSENT:
            return f"Waits for a decision: {upstream} no longer lists it. Nothing was sent."
        case PushState.SUPERSEDED:
            return SUPERSEDED
        case _:
            return said
