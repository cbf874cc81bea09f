"""The state of a push, in the words of the pages."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reviews.models import Push, PushKind, PushState
from reviews.models.sync import NEEDS_A_PERSON
from reviews.web.display import SyncState
from reviews.workflow.kept_words import shown

_STATES = {
    PushState.WAITING: "waiting",
    PushState.SENDING: "sending",
    PushState.DELIVERED: "arrived",
    PushState.CONFLICT: "undecided",
    PushState.ABSENT: "undecided",
    PushState.ATTENTION: "attention",
    PushState.SUPERSEDED: "not_sent",
    PushState.UNLINKED: "local",
    PushState.DISCARDED: "not_sent",
}
SUPERSEDED = gettext_lazy("A newer edit went instead.")


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


def changed_state(completion_id: int, upstream: str, *, decides: bool) -> SyncState:
    """Of a conflict without an edit that waits: one that had arrived was changed or lost there, or a grade hangs on the
    text that the upstream changed.
    """
    words = _("Conflict: %(upstream)s lists another text than the one that stands here.") % {"upstream": upstream}
    return SyncState("undecided", words=words, upstream=upstream, decide_id=completion_id if decides else None)


def held_state(push: Push) -> SyncState:
    """Of a grade whose completion waits for a decision: it would be sent of a text that may not stand."""
    upstream = push.upstream.name if push.upstream else ""
    return SyncState("held", words=_("until it is decided which text stands"), upstream=upstream)


def _words(state: PushState, upstream: str, said: str) -> str:
    match state:
        case PushState.CONFLICT:
            words = _("Conflict: %(upstream)s changed this completion after we pulled it. Nothing was sent.")
            return words % {"upstream": upstream}
        case PushState.ABSENT:
            words = _("Waits for a decision: %(upstream)s no longer lists it. Nothing was sent.")
            return words % {"upstream": upstream}
        case PushState.SUPERSEDED:
            return str(SUPERSEDED)
        case _:
            return shown(said)
