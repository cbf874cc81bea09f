"""GradeBench in the test's own process before a faulty upstream, with time that can be made to pass.

What moves is what moves in a worker: `tick` is beat's only call, and what it wakes runs at once. `pass_time` moves the
moments in the rows back, and the clock of the upstream on, so that ten minutes take as long as their requests do.
"""

import random
import time
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import DateTimeField, F, Model

from reviews import tasks
from reviews.log10 import sync
from reviews.models import (
    Completion,
    Organization,
    Pull,
    PullRefusal,
    Push,
    PushKind,
    PushState,
    Queue,
    Role,
    Upstream,
    User,
)
from reviews.models.sync import NEEDS_A_PERSON
from reviews.workflow import accounts, conflicts, documents, editing, grading, queues, upstreams
from reviews.workflow.audit import Actor
from reviews.workflow.conflicts import Choice
from reviews.workflow.editing import LeafEdit
from tests.fake_upstream import ORGANIZATION, TOKEN
from tests.faults.held import held_marks
from tests.faults.marks import Marks, with_mark
from tests.faults.scenario import chat, feedback_task
from tests.faults.upstream import FaultyUpstream
from tests.faults.verdict import Edit, Grade, Ledger, Verdict, judge

POINTER = "/response/choices/0/message/content"
MOMENTS: tuple[type[Model], ...] = (Upstream, Push, Pull, PullRefusal)


class Clock:
    """Monotonic seconds, and those that were made to pass."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.passed


class World:
    """One upstream, one organization, its reviewer, and what she was told is saved."""

    def __init__(self, server: FaultyUpstream, clock: Clock, *, seed: int) -> None:
        random.seed(seed)
        self.seed = seed
        self.server = server
        self.clock = clock
        self.marks = Marks(seed)
        self.ledger = Ledger()
        self.decided: set[str] = set()
        self.given_up: set[str] = set()
        self.organization: Organization = accounts.create_organization("acme", external_id="acme-external")
        self.reviewer: User = accounts.add_member("ann", organization=self.organization, role=Role.LEAD).user
        self.upstream: Upstream = upstreams.create(
            self.organization, url=server.url, upstream_organization=ORGANIZATION, token=TOKEN, name="fake"
        )

    # Time --------------------------------------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Let so many seconds pass in which nothing happens."""
        by = timedelta(seconds=seconds)
        for model in MOMENTS:
            moments = [field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)]
            model._default_manager.update(**{name: F(name) - by for name in moments})
        self.clock.passed += seconds
        self.server.carry_out_late()

    def tick(self) -> None:
        """What beat does each second, and the workers it wakes."""
        tasks.tick()

    def run(self, seconds: float, *, step: float = 1.0) -> None:
        """Let so many seconds pass, with beat's call each `step` of them."""
        for _ in range(int(seconds / step)):
            self.tick()
            self.pass_time(step)

    def settle(self, *, seconds: float = 2_000, step: float = 1.0) -> float:
        """Run until nothing is on its way any more; the seconds it took. Raises AssertionError when it takes longer."""
        passed = 0.0
        while self.on_the_way():
            assert passed < seconds, f"not calm within {seconds:.0f} s: {self.states()}"
            # What has not come by itself for some time is not looked for each second.
            by = step if passed < 20 else 5 * step if passed < 100 else 20 * step
            self.run(by, step=by)
            passed += by
        return passed

    # What GradeBench does ----------------------------------------------------------------------------------------

    def pull(self) -> Pull:
        """Poll the upstream now."""
        self.upstream.refresh_from_db()
        row = sync.pull(self.upstream)
        assert row is not None, "Nothing was pulled."
        row.refresh_from_db()
        return row

    def push(self) -> int:
        """Send what is due now; how many arrived."""
        self.upstream.refresh_from_db()
        return sync.push(self.upstream)

    def fresh(self) -> Upstream:
        """The upstream's row as it stands."""
        self.upstream.refresh_from_db()
        return self.upstream

    # What people do ----------------------------------------------------------------------------------------------

    def start(self, count: int) -> None:
        """Have so many completions upstream, and here in the queue."""
        self.server.feedback_tasks = [feedback_task(0)]
        for number in range(1, count + 1):
            self.server.add(chat(f"c-{number:03}"))
        self.tick()
        assert Completion.objects.count() == count

    def review(self, count: int = 1, *, edits: bool = True) -> list[Edit]:
        """Review the next so many completions: grade each and, unless told, edit it. The edits, or else the grades."""
        return [self._review_next(edits=edits) for _ in range(count)]

    def _review_next(self, *, edits: bool) -> Edit:
        assignment = queues.claim_next(Queue.objects.get(), reviewer=self.reviewer)
        assert assignment is not None, "Nothing is left to review."
        completion = assignment.item.completion
        grade = Grade(completion.uid, self.marks.make("grade"), self.clock())
        edit = Edit(completion.uid, self.marks.make("edit"), self.clock())
        leaf = LeafEdit(POINTER, with_mark(self.text(completion), edit.mark))
        grading.submit(
            assignment,
            values={"score": 4},
            comment=f"[{grade.mark}]",
            edits=[leaf] if edits else [],
            base_id=completion.current_id,
            actor=Actor(user=self.reviewer),
        )
        self.ledger.grades.append(grade)
        if edits:
            self.ledger.edits.append(edit)
        grade.acknowledged = edit.acknowledged = True
        return edit if edits else grade

    def edit(self, uid: str) -> Edit:
        """Edit a completion anew, on the text that stands here."""
        completion = self.completion(uid)
        edit = Edit(uid, self.marks.make("edit"), self.clock())
        leaf = LeafEdit(POINTER, with_mark(self.text(completion), edit.mark))
        with transaction.atomic():
            editing.edit(completion.pk, [leaf], base_id=completion.current_id, actor=Actor(user=self.reviewer))
        self.ledger.edits.append(edit)
        edit.acknowledged = True
        return edit

    def decide(self, uid: str, choice: Choice) -> None:
        """Decide a conflict; merged: both texts' marks, one after the other."""
        conflict = conflicts.find(self.completion(uid))
        assert conflict is not None, f"There is nothing to decide about {uid}."
        texts = {}
        if choice == Choice.MERGED:
            texts = {leaf.pointer: f"{leaf.theirs} {leaf.ours}" for leaf in conflict.leaves}
        conflicts.resolve(
            conflict.completion.pk,
            choice=choice,
            texts=texts,
            theirs_id=conflict.theirs_id,
            ours_id=conflict.ours_id,
            actor=Actor(user=self.reviewer),
        )
        if choice == Choice.OURS:
            self.decided.update(row.mark for row in self.server.entries if row.uid == uid)
        if choice == Choice.THEIRS:
            self.given_up.update(row.mark for row in self.ledger.edits if row.uid == uid)

    # What came of it ---------------------------------------------------------------------------------------------

    def completion(self, uid: str) -> Completion:
        """A completion, its current document joined."""
        return Completion.objects.with_documents().select_related("upstream").get(uid=uid)

    def text(self, completion: Completion) -> str:
        """The text of its answer, as it stands here."""
        text = documents.at(documents.read(completion.current), POINTER)
        assert isinstance(text, str)
        return text

    def text_there(self, uid: str) -> str:
        """The text of its answer, as it stands upstream."""
        text: str = self.server.stored(uid)["response"]["choices"][0]["message"]["content"]
        return text

    def states(self, kind: str = "") -> dict[str, int]:
        """How many pushes are in each state."""
        rows = Push.objects.filter(kind=kind) if kind else Push.objects.all()
        found: dict[str, int] = {}
        for state in rows.values_list("state", flat=True):
            found[state] = found.get(state, 0) + 1
        return found

    def on_the_way(self) -> int:
        """How many pushes have neither arrived nor wait for a person."""
        moving = Push.objects.filter(state__in=(PushState.WAITING, PushState.SENDING))
        held = Completion.objects.filter(conflict_document__isnull=False).values("pk")
        edits = Push.objects.filter(kind=PushKind.UPDATE, state__in=NEEDS_A_PERSON).values("completion")
        behind = moving.filter(kind=PushKind.FEEDBACK).exclude(completion__in=held).exclude(completion__in=edits)
        return moving.filter(kind=PushKind.UPDATE).count() + behind.count()

    def verdict(self, name: str, *, sent_again: Collection[str] = ()) -> Verdict:
        """The verdict on all that was done."""
        return judge(
            name,
            self.ledger,
            self.server.entries,
            self.server.final(),
            held=held_marks(),
            given_up=self.given_up,
            decided=self.decided,
            sent_again=sent_again,
            seed=self.seed,
        )

    def check_arrived(self, name: str, *, acknowledged: int) -> Verdict:
        """Assert that all that was acknowledged is there, once, and that nobody has to decide anything."""
        verdict = self.verdict(name)
        assert verdict.clean, str(verdict)
        assert (verdict.acknowledged, verdict.held) == (acknowledged, 0)
        assert set(self.states()) == {"delivered"}
        return verdict

    def check_equal(self, uid: str) -> None:
        """Assert that both sides have the same request and response."""
        here = documents.read(self.completion(uid).current)
        assert documents.semantic_hash(here) == documents.semantic_hash(self.server.stored(uid))
