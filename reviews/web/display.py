"""What the pages show: frozen dataclasses, filled by views and read by templates.

Moments are aware datetimes, durations are seconds, sizes are bytes. Templates decide how a thing looks, never what
may be seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from reviews.web.display_blocks import Block, Data, Prose
from reviews.web.display_conflicts import ThreeWay
from reviews.web.display_leaves import Leaf, field_name, prefix
from reviews.web.display_purging import Tombstone
from reviews.web.json_text import showable
from reviews.web.markdown import render
from reviews.web.schema_form import SchemaForm
from reviews.web.three_way import difference_html
from reviews.web.tokens import TokenRun, render_tokens, render_uncertain
from reviews.web.words import difference, seconds_text

# --- a conversation ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `label` stands in the margin, `note` small below it (a name, "calls tool")."""

    role: str
    label: str
    blocks: tuple[Block, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class AnswerChoice:
    """One choice of the response. `index` is its place in the list, whatever the document calls it.

    `leaves` are its editable texts, in their order. `list_at` is the address of the page that lists its uncertain
    words, "" where so few are listed with it.
    """

    index: int
    finish_reason: str
    blocks: tuple[Block, ...]
    leaves: tuple[Leaf, ...] = ()
    tokens: TokenRun | None = None
    list_at: str = ""

    @property
    def text(self) -> str:
        """The first editable text, or empty."""
        return self.leaves[0].text if self.leaves else ""

    @property
    def pointer(self) -> str:
        """The JSON pointer of the first editable text, "" when there is no such place."""
        return self.leaves[0].pointer if self.leaves else ""

    @property
    def shown(self) -> tuple[tuple[Block, Leaf | None], ...]:
        """The blocks, each with the editable text that it shows, if it shows one."""
        left = list(self.leaves)
        pairs: list[tuple[Block, Leaf | None]] = []
        for block in self.blocks:
            text = block.text if isinstance(block, Prose) and block.main else None
            leaf = next((leaf for leaf in left if showable(leaf.text) == text), None)
            if leaf is not None:
                left.remove(leaf)
            pairs.append((block, leaf))
        return tuple(pairs)

    @property
    def marked(self) -> bool:
        """Whether the probabilities can be shown in the text itself."""
        return any(leaf is not None and leaf.marked for _, leaf in self.shown)

    @property
    def tokens_html(self) -> SafeString:
        """The text that the tokens are of, with the uncertain ones tinted."""
        if self.tokens is None:
            return SafeString("")
        return render_tokens(self.tokens, prefix(self.index), list_at=self.list_at)

    @property
    def uncertain_html(self) -> SafeString:
        """The uncertain tokens as list items with their alternatives."""
        return render_uncertain(self.tokens, prefix(self.index)) if self.tokens else SafeString("")


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of the stack trace the client recorded."""

    place: str
    name: str
    line: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a completion besides its words. Duration in seconds."""

    kind: str = ""
    status: str = ""
    model: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    duration: float | None = None
    tags: tuple[str, ...] = ()
    finish_reason: str = ""
    failure_kind: str = ""
    failure_reason: str = ""
    session_id: str = ""
    created: datetime | None = None
    stacktrace: tuple[Frame, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the call went wrong, whatever came of it."""
        return bool(self.failure_kind or self.failure_reason) or self.status == "failed"

    @property
    def duration_text(self) -> str:
        """The duration for a reader: "1.3 s", "820 ms", "2 min 5 s"; empty when unknown."""
        return "" if self.duration is None else seconds_text(self.duration)


@dataclass(frozen=True, slots=True)
class SessionPlace:
    """The place of a completion among those of its session, oldest first, with its neighbours' ids.

    `review_id` is the review to go back to from there.
    """

    position: int
    total: int
    previous_id: int | None = None
    next_id: int | None = None
    review_id: int | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A completion ready to read: the turns that led to the answer, the answers, and everything else as data."""

    turns: tuple[Turn, ...]
    choices: tuple[AnswerChoice, ...]
    facts: Facts
    request_members: tuple[Data, ...] = ()
    response_members: tuple[Data, ...] = ()
    document_members: tuple[Data, ...] = ()


@dataclass(frozen=True, slots=True)
class EditBox:
    """The edit box of one text of a choice: `text` is what the box holds, `original` the text as it stands now, at
    `pointer`. `part` and `parts` tell where it stands among the texts of the choice, counted from 1.

    `three_way` compares an edit that came too late with what the text has become meanwhile; then the box holds both.
    """

    index: int
    text: str
    original: str
    pointer: str = ""
    part: int = 1
    parts: int = 1
    error: str = ""
    three_way: ThreeWay | None = None

    @property
    def changed(self) -> bool:
        """Whether the box holds something else than the text as it stands."""
        return self.text != self.original

    @property
    def name(self) -> str:
        """The form field that carries the text."""
        return field_name(self.index, self.part)

    @property
    def open_words(self) -> str:
        """What opens the box."""
        if self.parts == 1:
            return _("Edit the answer")
        return _("Edit part %(part)s of the answer") % {"part": self.part}

    @property
    def title(self) -> str:
        """What stands over it when it is open."""
        return _("Your edit") if self.parts == 1 else _("Your edit of part %(part)s") % {"part": self.part}

    @property
    def label(self) -> str:
        """What the box is called to those who do not see where it stands."""
        if self.parts == 1:
            return _("Text of the answer")
        return _("Text of part %(part)s of the answer") % {"part": self.part}

    @property
    def rows(self) -> int:
        """Lines the box opens with where the browser cannot size it by its content."""
        lines = self.text.count("\n") + 1 + len(self.text) // 70
        return min(max(lines, 3), 24)


@dataclass(frozen=True, slots=True)
class SentLeaf:
    """A text that a submit would change: its place, and both texts as JSON, as they travel."""

    pointer: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """A choice with an edit box for each of its texts, or without any where nothing can be edited."""

    choice: AnswerChoice
    edits: tuple[EditBox, ...] = ()


# --- the review screen -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a queue is. `seconds_each` is the reviewer's median of today, `saved_at` her last stored review."""

    done: int
    total: int
    mine_today: int = 0
    seconds_each: float | None = None
    saved_at: datetime | None = None

    @property
    def each_text(self) -> str:
        """The time one review takes, for a reader."""
        return seconds_text(self.seconds_each) if self.seconds_each is not None else ""


@dataclass(frozen=True, slots=True)
class FormError:
    """One sentence of the summary on top of a refused form; `target` is the id of the field it is about."""

    message: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class OfferedDraft:
    """What she wrote over a text that does not stand any more; used or thrown away by its id."""

    id: int
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class UndoLine:
    """The submit that can still be taken back: its claim, its grade in a few words, the seconds that are left."""

    assignment_id: int
    grade: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Amended:
    """The grade that is being changed: its id, when it was given, and whether it has left."""

    feedback_id: int
    at: datetime
    sent: bool


@dataclass(frozen=True, slots=True)
class ReviewScreen:
    """Everything the review screen shows. `upstream` is the name of the place an edit is carried to, or empty;
    `document_id` is the document that is shown, so that a grade names what was seen. `lost_edits` are texts of hers
    whose place is gone from the answer.

    `draft_key` names her draft on this computer, `saved_at` is the time of the one that fills the form, `offered` the
    one that does not fit any more. `one_key` is the name of the only field that must be answered, where one key can
    do it; `begun` says that there is more in the form, so that a key must not submit it. `ready` says in one word all
    that the fragment was made from.
    """

    assignment_id: int
    completion_id: int
    document_id: int
    completion_name: str
    queue_id: int
    queue_name: str
    rubric: str
    instruction: str
    conversation: Conversation
    form: SchemaForm
    claimed_until: datetime
    progress: Progress | None
    edits: tuple[EditBox, ...] = ()
    comment: str = ""
    flag_reason: str = ""
    errors: tuple[FormError, ...] = ()
    lost_edits: tuple[str, ...] = ()
    upstream: str = ""
    draft_key: str = ""
    saved_at: datetime | None = None
    offered: OfferedDraft | None = None
    one_key: str = ""
    begun: bool = False
    ready: str = ""
    undo: UndoLine | None = None
    amended: Amended | None = None
    session: SessionPlace | None = None

    @property
    def answers(self) -> tuple[ShownAnswer, ...]:
        """The choices, each with its edit box."""
        return pair(self.conversation.choices, self.edits)

    @property
    def instruction_html(self) -> SafeString:
        """The instruction with its markdown rendered; empty where it has none."""
        return render(showable(self.instruction))


# --- queues ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QueueCard:
    """A queue as its reviewer sees it. `resume_id` is the assignment she already holds in it.

    `skipped` counts the items that wait but that she skipped, so that "waiting" never promises what is not hers. `led`:
    she may set it.
    """

    id: int
    name: str
    instruction: str
    waiting: int
    in_review: int
    done: int
    total: int
    mine_today: int = 0
    skipped: int = 0
    resume_id: int | None = None
    upstream: str = ""
    led: bool = False

    @property
    def ready(self) -> bool:
        """Whether there is something to start or to go on with."""
        return self.waiting > 0 or self.resume_id is not None


@dataclass(frozen=True, slots=True)
class QueueDone:
    """The end of a queue for one reviewer: `in_review` are with others, `skipped` are those she passed over."""

    id: int
    name: str
    done: int
    total: int
    mine: int
    mine_today: int
    in_review: int
    skipped: int
    next_queue: QueueCard | None = None


# --- a completion and its history --------------------------------------------------------------------------------


PushState = Literal["waiting", "sending", "arrived", "undecided", "attention", "held", "local", "not_sent"]


@dataclass(frozen=True, slots=True)
class SyncState:
    """Where one change stands on its way upstream.

    `at` is the moment of the state (arrival, next attempt); `words` say what a person has to know when it needs
    attention or is held. `decide_id` is the completion whose conflict page decides it, for those who may.
    """

    state: PushState
    at: datetime | None = None
    words: str = ""
    upstream: str = ""
    decide_id: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One leaf that a revision changed. `closely`: compared word by word, which takes its time on long texts."""

    pointer: str
    before: str
    after: str
    closely: bool = False

    @property
    def marked(self) -> SafeString:
        """What changed, removed and added words marked, with a few words around it."""
        if self.closely:
            return difference_html(self.before, self.after)
        part = difference(self.before, self.after)
        removed = format_html("<del>{}</del>", part.removed) if part.removed else ""
        added = format_html("<ins>{}</ins>", part.added) if part.added else ""
        return format_html("{}{}{}{}", part.lead, removed, added, part.tail)


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """One accepted change. `deed` says for a reader what `by` did: "edit", "pull", "API", "took prod's text".

    `earlier`: another document stands now.
    """

    number: int
    at: datetime
    deed: str
    by: str
    changes: tuple[ChangeRow, ...]
    sync: SyncState | None = None
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class GoingBack:
    """What would change if the answer said again what it said after revision `number` (0: as it was received).

    `undecided`: a conflict about the completion has to be decided before.
    """

    completion_id: int
    name: str
    number: int
    document_id: int
    changes: tuple[ChangeRow, ...]
    upstream: str = ""
    undecided: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """One submitted grade with its values as name and value, in the order of the rubric. `withdrawn`: it was taken back
    and does not count.
    """

    at: datetime
    by: str
    feedback_task: str
    values: tuple[tuple[str, str], ...]
    comment: str = ""
    superseded: bool = False
    withdrawn: bool = False
    sync: SyncState | None = None


@dataclass(frozen=True, slots=True)
class CompletionPage:
    """A completion with its history, newest first. `name` is the id the clients know it by; `review_id` the review
    that she looks around from, and goes back to; `goes_back`: she may take its answer back to an earlier text. With a
    `tombstone` its text was purged, and there is no conversation; `purges`: she may do that.
    """

    id: int
    name: str
    conversation: Conversation
    received_at: datetime
    source: str
    sync: SyncState | None = None
    upstream: str = ""
    queues: tuple[tuple[int, str, str], ...] = ()
    feedback: tuple[FeedbackRow, ...] = ()
    revisions: tuple[RevisionRow, ...] = ()
    session: SessionPlace | None = None
    review_id: int | None = None
    goes_back: bool = False
    tombstone: Tombstone | None = None
    purges: bool = False

    @property
    def answers(self) -> tuple[ShownAnswer, ...]:
        """The choices as they stand now, without edit boxes."""
        return pair(self.conversation.choices, ())


def pair(choices: Sequence[AnswerChoice], edits: Sequence[EditBox]) -> tuple[ShownAnswer, ...]:
    """Each choice with the edit boxes of the same index."""
    return tuple(ShownAnswer(choice, tuple(box for box in edits if box.index == choice.index)) for choice in choices)
