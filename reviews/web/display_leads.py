"""What a lead's pages show: flags, a queue's settings and items, feedback tasks. Frozen dataclasses, as in display."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from reviews.web.display_sync import Figure, Option
from reviews.web.markdown import render
from reviews.web.schema_form import SchemaForm

# --- flags -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FlagRow:
    """A flagged item. `over` says why it is no longer offered at all, where it is not; `may_grade`: a review of it is
    free for her.
    """

    id: int
    completion_id: int
    completion_name: str
    preview: str
    queue_id: int
    queue_name: str
    reason: str
    by: str
    at: datetime
    over: str = ""
    may_grade: bool = False


@dataclass(frozen=True, slots=True)
class FlagsPage:
    """The inbox of flags, the one that has waited longest first. `first` and `further` are addresses; `back` is its
    own, for actions.
    """

    rows: tuple[FlagRow, ...]
    count: Figure
    queues: tuple[Option, ...]
    back: str = ""
    first: str = ""
    further: str = ""


# --- a queue -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """What a reviewer holds now. `over`: its time is up, and nobody else has asked for an item since."""

    id: int
    completion_id: int
    completion_name: str
    until: datetime
    over: bool = False
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class ReviewerRow:
    """One reviewer's work in a queue; `each_text` is her pace today."""

    name: str
    done: int
    today: int
    each_text: str
    skipped: int
    held: tuple[HeldClaim, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingsForm:
    """The settings as the form shows them. `errors` and `theirs` are sentences by the name of the setting; `theirs`
    says what another lead has saved in the meantime, and `overtaken` who that was.
    """

    name: str
    everyone: bool
    members: tuple[Option, ...]
    reviews: str
    blind: bool
    orders: tuple[Option, ...]
    minutes: str
    seen: str
    errors: dict[str, str]
    theirs: dict[str, str]
    overtaken: str = ""
    overtaken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueSettingsPage:
    """A queue for its lead: figures, who reviews, settings."""

    id: int
    name: str
    feedback_task_id: int
    is_open: bool
    archived: bool
    waiting: int
    in_review: int
    flagged: int
    done: int
    total: int
    open: int
    reviewers: tuple[ReviewerRow, ...]
    form: SettingsForm


@dataclass(frozen=True, slots=True)
class ItemNote:
    """Who holds, skipped, graded or closed an item; `until` is how long she holds it."""

    words: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item of a queue, with what became of it."""

    id: int
    completion_id: int
    completion_name: str
    preview: str
    received_at: datetime
    reviews: str
    notes: tuple[ItemNote, ...] = ()
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class ItemAction:
    """What can be done with the items of a list: `do` is posted, the rest are words."""

    do: str
    label: str
    title: str
    means: str


@dataclass(frozen=True, slots=True)
class ItemsPage:
    """A stretch of one of a queue's lists, newest first. `newer`, `older` and `flags` are addresses; `back` is its
    own.
    """

    queue_id: int
    queue_name: str
    lists: tuple[Option, ...]
    flags: str
    rows: tuple[ItemRow, ...]
    empty: str
    action: ItemAction | None = None
    back: str = ""
    newer: str = ""
    older: str = ""


@dataclass(frozen=True, slots=True)
class LedItem:
    """A completion's item in one queue, with what its lead can do about it."""

    id: int
    queue_id: int
    queue_name: str
    actions: tuple[ItemAction, ...] = ()


# --- feedback tasks ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A feedback task in the list. `origin` says where it comes from, `items` how many completions stand in its queue;
    `offered` while its backlog is still being offered.
    """

    id: int
    name: str
    organization: str
    origin: str
    queue_id: int
    queue_name: str
    paused: bool
    tags: tuple[str, ...]
    items: int
    revision: int
    at: datetime
    archived_at: datetime | None = None
    offering: bool = False


@dataclass(frozen=True, slots=True)
class TasksPage:
    """The feedback tasks of the organizations where she is a lead."""

    rows: tuple[TaskRow, ...]
    archived: tuple[TaskRow, ...]
    several: bool = False


@dataclass(frozen=True, slots=True)
class Theirs:
    """What another lead saved while this one wrote."""

    by: str
    at: datetime
    name: str
    instruction: str
    schema: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskForm:
    """What a feedback task says, as the form shows it. `errors` are sentences by the name of the part; `spare` are the
    empty boxes for further tags; `known_tags` are offered for them.
    """

    name: str
    instruction: str
    schema: str
    tags: tuple[str, ...]
    spare: tuple[int, ...]
    known_tags: tuple[str, ...]
    organizations: tuple[Option, ...]
    seen: str
    errors: dict[str, str]
    theirs: Theirs | None = None


@dataclass(frozen=True, slots=True)
class TaskPreview:
    """What reviewers would see, and what the selector matches now. Without a `form` the schema cannot be used yet."""

    name: str
    instruction: str
    form: SchemaForm | None
    schema_error: str
    selects: bool
    matched: Figure
    unknown: tuple[str, ...] = ()

    @property
    def instruction_html(self) -> SafeString:
        """The instruction with its markdown rendered; empty where it has none."""
        return render(self.instruction)


@dataclass(frozen=True, slots=True)
class RevisionLine:
    """One revision of a feedback task, with how many grades were given under it."""

    number: int
    at: datetime
    by: str
    grades: int


@dataclass(frozen=True, slots=True)
class TaskPage:
    """A feedback task for its lead; without an `id` a new one. `may_change`: it is ours. `offered` of `matching` are in
    the queue so far, while its backlog is being offered.
    """

    id: int | None
    name: str
    preview_address: str
    form: TaskForm
    preview: TaskPreview
    examples: tuple[tuple[str, str], ...] = ()
    may_change: bool = True
    origin: str = ""
    upstream: str = ""
    pulled: bool = False
    queue_id: int | None = None
    archived_at: datetime | None = None
    offered: Figure | None = None
    held: int = 0
    open: int = 0
    revisions: tuple[RevisionLine, ...] = ()
