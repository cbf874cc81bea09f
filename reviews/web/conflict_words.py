"""The conflict page's sentences: what happened, and what each way out will do to which side."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reviews.web.display_conflicts import ChoiceButton
from reviews.workflow.conflicts import Choice, Conflict

KEYS = {Choice.MERGED: "m", Choice.OURS: "o", Choice.THEIRS: "t"}


@dataclass(frozen=True, slots=True)
class Parties:
    """Who stands against whom: the upstream's name, and whose edit it is ("your", "mira's"), "" where nothing was
    edited here. `arrived`: what stands here is what the upstream had before its change, so there is nothing to merge.
    """

    upstream: str
    whose: str
    arrived: bool = False

    @property
    def subject(self) -> str:
        """Whose edit, at the start of a sentence; a name stays as it is written."""
        return self.whose.capitalize() if self.whose == _("your") else self.whose


def title(conflict: Conflict, who: Parties) -> str:
    """What happened, in one line."""
    return _title(conflict, who) % {"upstream": who.upstream, "whose": who.whose}


def _title(conflict: Conflict, who: Parties) -> str:
    match conflict.reason:
        case "changed" if not who.whose:
            return _("%(upstream)s changed this answer after it was graded")
        case "changed":
            return _("%(upstream)s changed this answer after %(whose)s edit")
        case "dropped":
            return _("%(upstream)s lost %(whose)s edit")
        case "absent":
            return _("%(upstream)s no longer lists this completion")
        case "refused":
            return _("%(upstream)s refused %(whose)s edit")


def lead(conflict: Conflict, who: Parties) -> str:
    """What is known about it, and what is wanted of the reader."""
    match conflict.reason:
        case "changed" if not who.whose:
            return _("Nothing was edited here. Look at what changed, and whether the grade still stands.")
        case "changed" if who.arrived:
            return _("The edit had arrived there. Look at what changed since, and decide which text stands.")
        case "changed":
            return _("Nothing was sent yet. Look at what differs, and decide which text stands.")
        case "dropped":
            return _("It said that it had the edit, but lists the text from before it again. Decide which text stands.")
        case "absent":
            return _("It was graded or deleted there, so there is nothing to compare with. Nothing was sent.")
        case "refused":
            return _("Nothing changed there. Its words:")


def box_heading(conflict: Conflict, who: Parties) -> str:
    """Over the text that goes with the third choice."""
    if conflict.reason != "changed":
        return _("The box")
    return _("The merge that %(upstream)s gets") % {"upstream": who.upstream}


def choices(conflict: Conflict, who: Parties, *, clashes: int, leaves_out: bool) -> tuple[ChoiceButton, ...]:
    """The ways out that there are, the safest first. `leaves_out`: we changed more than texts, which no merge has."""
    found = tuple(_choices(conflict, who, clashes=clashes, leaves_out=leaves_out))
    return tuple(sorted(found, key=lambda choice: not choice.primary))


def _choices(conflict: Conflict, who: Parties, *, clashes: int, leaves_out: bool) -> Iterator[ChoiceButton]:
    changed = conflict.reason == "changed"
    if conflict.reason != "absent" and conflict.leaves and conflict.mergeable and not who.arrived:
        label = _("Send the merge") if changed else _("Send the text in the box")
        words = _merge_words(conflict, who, clashes=clashes, leaves_out=leaves_out)
        yield _button(Choice.MERGED, label, words, primary=changed and not clashes)
    label, words = _ours(conflict, who)
    yield _button(Choice.OURS, label, words, primary=conflict.reason in ("dropped", "refused"))
    label = _("Take theirs") if conflict.theirs_known else _("Give it up")
    yield _button(Choice.THEIRS, label, _theirs(conflict, who), primary=who.arrived)


def _button(choice: Choice, label: str, words: str, *, primary: bool) -> ChoiceButton:
    return ChoiceButton(choice.value, KEYS[choice], label, words, primary=primary)


def _merge_words(conflict: Conflict, who: Parties, *, clashes: int, leaves_out: bool) -> str:
    names = {"upstream": who.upstream, "whose": who.whose}
    if conflict.reason != "changed":
        return _("%(upstream)s gets the text as you change it in the box.") % names
    words = [_("%(upstream)s gets its new text with %(whose)s changes in it.") % names]
    if clashes:
        words = [_("%(upstream)s gets the text in the box.") % names, _clash_words(clashes)]
    if leaves_out:
        words.append(_("What was changed here beside the text is not part of it."))
    return " ".join(words)


def _clash_words(count: int) -> str:
    words = ngettext(
        "%(count)s place in it clashes: read there first.", "%(count)s places in it clash: read there first.", count
    )
    return words % {"count": f"{count:,}"}


def _ours(conflict: Conflict, who: Parties) -> tuple[str, str]:
    names = {"upstream": who.upstream, "whose": who.whose}
    match conflict.reason:
        case "changed":
            return _("Keep ours"), f"{_gets_ours(who) % names} {_overwritten(conflict, who)}"
        case "dropped":
            return _("Send ours again"), _("%(upstream)s gets %(whose)s text once more.") % names
        case "absent":
            return _("Send ours anyway"), _("%(upstream)s gets %(whose)s text, whatever stands there now.") % names
        case "refused":
            return _("Push again"), _("%(upstream)s is sent the same text once more.") % names


def _gets_ours(who: Parties) -> str:
    if who.arrived:
        return _("%(upstream)s gets the text from before its change again.")
    return _("%(upstream)s gets %(whose)s text.")


def _overwritten(conflict: Conflict, who: Parties) -> str:
    others = len(conflict.their_changes)
    if not others:
        return _("What %(upstream)s changed is overwritten.") % {"upstream": who.upstream}
    words = ngettext(
        "What %(upstream)s changed is overwritten, also in %(count)s place beside the text.",
        "What %(upstream)s changed is overwritten, also in %(count)s places beside the text.",
        others,
    )
    return words % {"upstream": who.upstream, "count": f"{others:,}"}


def _theirs(conflict: Conflict, who: Parties) -> str:
    return _their_words(conflict, who) % {"upstream": who.upstream, "whose": who.subject}


def _their_words(conflict: Conflict, who: Parties) -> str:
    match conflict.theirs_known, bool(who.whose):
        case True, True:
            return _("%(upstream)s's text stands here too. %(whose)s edit stays in the history, and nothing is sent.")
        case True, False:
            return _("%(upstream)s's text stands here too, and nothing is sent.")
        case False, True:
            return _(
                "The text that %(upstream)s last had stands here again. "
                "%(whose)s edit stays in the history, and nothing is sent."
            )
        case _:
            return _("The text that %(upstream)s last had stands here again, and nothing is sent.")


def done(conflict: Conflict, choice: Choice, *, upstream: str, sent: bool, withdrawn: int, more: int) -> str:
    """What happens now. `sent`: something leaves, which a merge that came out as theirs does not."""
    stands = _("%(upstream)s's text stands, and nothing is sent.") % {"upstream": upstream}
    words = [_leaves(conflict, choice, upstream) if sent else stands]
    if withdrawn:
        words.append(_withdrawn(withdrawn))
    if more:
        words.append(ngettext("%(count)s more to decide.", "%(count)s more to decide.", more) % {"count": f"{more:,}"})
    return " ".join(words)


def _withdrawn(count: int) -> str:
    words = ngettext(
        "%(count)s grade is withdrawn, and the completion is offered for another review.",
        "%(count)s grades are withdrawn, and the completion is offered for another review.",
        count,
    )
    return words % {"count": count}


def _leaves(conflict: Conflict, choice: Choice, upstream: str) -> str:
    wait = settings.UNDO_SECONDS if conflict.theirs_known or choice == Choice.MERGED else 0
    names = {"upstream": upstream, "seconds": f"{wait:g}"}
    if choice == Choice.MERGED:
        later, now = (
            _("The merge leaves for %(upstream)s in %(seconds)s s."),
            _("The merge leaves for %(upstream)s now."),
        )
    else:
        later, now = _("Our text leaves for %(upstream)s in %(seconds)s s."), _("Our text leaves for %(upstream)s now.")
    return (later if wait >= 1 else now) % names
