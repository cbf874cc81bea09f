"""The conflict page's sentences: what happened, and what each way out will do to which side."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from reviews.web.display_conflicts import ChoiceButton
from reviews.workflow.conflicts import Choice, Conflict

KEYS = {Choice.MERGED: "m", Choice.OURS: "o", Choice.THEIRS: "t"}


@dataclass(frozen=True, slots=True)
class Parties:
    """Who stands against whom: the upstream's name, and whose edit it is ("your", "mira's")."""

    upstream: str
    whose: str

    @property
    def subject(self) -> str:
        """Whose edit, at the start of a sentence; a name stays as it is written."""
        return self.whose.capitalize() if self.whose in ("your", "our") else self.whose


def title(conflict: Conflict, who: Parties) -> str:
    """What happened, in one line."""
    match conflict.reason:
        case "changed":
            return f"{who.upstream} changed this answer after {who.whose} edit"
        case "dropped":
            return f"{who.upstream} lost {who.whose} edit"
        case "absent":
            return f"{who.upstream} no longer lists this completion"
        case "refused":
            return f"{who.upstream} refused {who.whose} edit"


def lead(conflict: Conflict, who: Parties) -> str:
    """What is known about it, and what is wanted of the reader."""
    match conflict.reason:
        case "changed":
            return "Nothing was sent yet. Look at what differs, and decide which text stands."
        case "dropped":
            return "It said that it had the edit, but lists the text from before it again. Decide which text stands."
        case "absent":
            return "It was graded or deleted there, so there is nothing to compare with. Nothing was sent."
        case "refused":
            return "Nothing changed there. Its words:"


def box_heading(conflict: Conflict, who: Parties) -> str:
    """Over the text that goes with the third choice."""
    return f"The merge that {who.upstream} gets" if conflict.reason == "changed" else "The box"


def choices(conflict: Conflict, who: Parties, *, clashes: int, leaves_out: bool) -> tuple[ChoiceButton, ...]:
    """The ways out that there are, the safest first. `leaves_out`: we changed more than texts, which no merge has."""
    found = tuple(_choices(conflict, who, clashes=clashes, leaves_out=leaves_out))
    return tuple(sorted(found, key=lambda choice: not choice.primary))


def _choices(conflict: Conflict, who: Parties, *, clashes: int, leaves_out: bool) -> Iterator[ChoiceButton]:
    up, changed = who.upstream, conflict.reason == "changed"
    if conflict.reason != "absent" and conflict.leaves and conflict.mergeable:
        yield ChoiceButton(
            Choice.MERGED.value,
            KEYS[Choice.MERGED],
            "Send the merge" if changed else "Send the text in the box",
            _merge_words(conflict, who, clashes=clashes, leaves_out=leaves_out),
            primary=changed and not clashes,
        )
    label, words = _ours(conflict, who)
    yield ChoiceButton(
        Choice.OURS.value, KEYS[Choice.OURS], label, words, primary=conflict.reason in ("dropped", "refused")
    )
    theirs = (
        f"{up}'s text stands here too" if conflict.theirs_known else f"The text that {up} last had stands here again"
    )
    yield ChoiceButton(
        Choice.THEIRS.value,
        KEYS[Choice.THEIRS],
        "Take theirs" if conflict.theirs_known else "Give it up",
        f"{theirs}. {who.subject} edit stays in the history, and nothing is sent.",
    )


def _merge_words(conflict: Conflict, who: Parties, *, clashes: int, leaves_out: bool) -> str:
    if conflict.reason != "changed":
        return f"{who.upstream} gets the text as you change it in the box."
    words = f"{who.upstream} gets its new text with {who.whose} changes in it."
    if clashes:
        verb = "clashes" if clashes == 1 else "clash"
        words = f"{who.upstream} gets the text in the box. {places(clashes)} in it {verb}: read there first."
    return f"{words} What was changed here beside the text is not part of it." if leaves_out else words


def _ours(conflict: Conflict, who: Parties) -> tuple[str, str]:
    up = who.upstream
    match conflict.reason:
        case "changed":
            others = len(conflict.their_changes)
            besides = f", also in {places(others)} beside the text" if others else ""
            return "Keep ours", f"{up} gets {who.whose} text. What {up} changed is overwritten{besides}."
        case "dropped":
            return "Send ours again", f"{up} gets {who.whose} text once more."
        case "absent":
            return "Send ours anyway", f"{up} gets {who.whose} text, whatever stands there now."
        case "refused":
            return "Push again", f"{up} is sent the same text once more."


def places(count: int) -> str:
    """A number of places in a text, for a reader."""
    return "1 place" if count == 1 else f"{count:,} places"


def done(conflict: Conflict, choice: Choice, *, upstream: str, withdrawn: int, more: int) -> str:
    """What happens now."""
    words = [_done(conflict, choice, upstream)]
    if withdrawn:
        grades = "1 grade is" if withdrawn == 1 else f"{withdrawn} grades are"
        words.append(f"{grades} withdrawn, and the completion is offered for another review.")
    if more:
        words.append(f"{more:,} more to decide.")
    return " ".join(words)


def _done(conflict: Conflict, choice: Choice, upstream: str) -> str:
    if choice == Choice.THEIRS:
        return f"{upstream}'s text stands. The edit stays in the history, and nothing is sent."
    wait = settings.UNDO_SECONDS if conflict.theirs_known or choice == Choice.MERGED else 0
    when = f"in {wait:g} s" if wait >= 1 else "now"
    return f"{'The merge' if choice == Choice.MERGED else 'Our text'} leaves for {upstream} {when}."
