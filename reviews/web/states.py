"""The state of a push, in the words of the pages."""

from reviews.models import Push, PushState
from reviews.web.display import SyncState

_WORDS = {
    PushState.WAITING: "waiting",
    PushState.SENDING: "sending",
    PushState.DELIVERED: "arrived",
    PushState.CONFLICT: "attention",
    PushState.ATTENTION: "attention",
    PushState.SUPERSEDED: "held",
    PushState.UNLINKED: "local",
}
CONFLICT = "Conflict: the upstream changed this completion after we pulled it. Nothing was sent."
SUPERSEDED = "A newer edit went instead."


def sync_state(push: Push) -> SyncState:
    """Where a push stands: arrived at, next try at, or what a person has to know. Its upstream is joined."""
    state = PushState(push.state)
    words = {PushState.CONFLICT: CONFLICT, PushState.SUPERSEDED: SUPERSEDED}.get(state, push.last_error)
    return SyncState(
        state=_WORDS[state],  # type: ignore[arg-type]
        at=push.delivered_at or push.not_before,
        words=words,
        upstream=push.upstream.name if push.upstream else "",
    )
