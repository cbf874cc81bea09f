"""Fills an instance's database, which is migrated and empty: `python -m tests.bench.levels 100000`, in its environment.

One organization with an upstream, two queues (each completion stands in one of them) and an empty third, 50 reviewers
who have done nothing yet and 8 who have graded a third of all; a tenth is edited, a hundredth flagged, one in 500 in
conflict, a quarter came from the upstream. The documents are those of a pool of 2,000 distinct ones, made into hash,
compressed bytes and columns by the product's own functions, and used again and again; each row has its own id, moments
and figures, and four words of its own before the text that searches find. Audit events are left out: the sweep would
seal them while things are measured. Printed, as JSON: what a driver needs to know (`Site`).
"""

import dataclasses
import itertools
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import gradebench.wsgi  # noqa: F401 - sets Django up

import orjson  # isort: skip
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection
from django.db.models import Model
from django.test import Client

from reviews.models import (
    Assignment,
    ClaimEvent,
    Completion,
    CompletionTag,
    Document,
    Feedback,
    FeedbackCompletion,
    GradeValue,
    Push,
    QueueItem,
    Revision,
    Role,
    Tag,
    User,
)
from reviews.workflow import documents
from tests import factories
from tests.bench.generator import TAGS, Generator
from tests.bench.million import insert, uid
from tests.bench.site import Site

POOL = 2_000
REVIEWERS, PAST_REVIEWERS = 50, 8
DAYS = 90
SEED = 1
VERDICTS = ("good", "weak", "wrong")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": list(VERDICTS), "title": "Verdict"},
        "score": {"type": "integer", "minimum": 1, "maximum": 5, "title": "Score"},
    },
    "required": ["verdict"],
}


@dataclass(frozen=True)
class Pooled:
    """A document as the product keeps it: its row, and the columns of a completion that has it."""

    hash: str
    data: bytes
    size: int
    columns: dict[str, Any]


class Rows:
    """Row `number` of `many` completions, and what hangs on it. A moment is text that both databases read."""

    def __init__(self, many: int) -> None:
        self.many = many
        self.organization = factories.organization("bench")
        self.upstream = factories.upstream(self.organization, url="http://127.0.0.1:9")
        type(self.upstream).objects.filter(pk=self.upstream.pk).update(enabled=False)
        selectors = {"Helpful": ("app-0",), "Correct": ("app-1",), "Long answers": ("long",)}
        *self.queues, self.long = [
            factories.feedback_task(self.organization, schema=SCHEMA, name=name, selector=selector).queue
            for name, selector in selectors.items()
        ]
        self.past = [factories.reviewer(self.organization).pk for _ in range(PAST_REVIEWERS)]
        tags = [Tag(organization=self.organization, name=f"tag-{at}") for at in range(TAGS)]
        Tag.objects.bulk_create(tags, ignore_conflicts=True)
        self.tags = dict(Tag.objects.values_list("name", "pk"))
        self.generator = Generator(SEED)
        self.pool = [self._pooled(number) for number in range(min(many, POOL))]
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._step = timedelta(days=DAYS) / many
        self._taken = itertools.count(many + 1)
        self._extra = {number: next(self._taken) for number in self.edited + self.conflicts}

    @property
    def graded(self) -> Sequence[int]:
        return range(3, self.many + 1, 3)

    @property
    def edited(self) -> list[int]:
        return list(range(10, self.many + 1, 10))

    @property
    def conflicts(self) -> list[int]:
        """Of those that came from the upstream, and were not edited here too, to keep one extra document a row."""
        return list(range(407, self.many + 1, 500))

    def moment(self, number: int, *, later: int = 0) -> datetime:
        """When it came, and so many seconds later."""
        return self._now - self._step * (self.many - number + 1) + timedelta(seconds=later)

    def document(self, number: int) -> dict[str, Any]:
        """As received."""
        return self._document(number, number, number)

    def extra(self, number: int) -> dict[str, Any]:
        """What an edit made of it, or what the upstream holds instead."""
        return self._document(self._extra[number], number + 1, number)

    def completion(self, number: int) -> dict[str, Any]:
        pulled, edited = number % 4 == 3, number % 10 == 0
        columns, own = self.pool[number % len(self.pool)].columns, self._own_words(number)
        at = self.moment(number)
        return {
            **columns,
            "id": number,
            "organization_id": self.organization.pk,
            "uid": uid(number),
            "upstream_id": self.upstream.pk if pulled else None,
            "received_id": number,
            "current_id": self._extra[number] if edited else number,
            "upstream_document_id": number if pulled else None,
            "conflict_document_id": self._extra[number] if number % 500 == 407 else None,
            "status": "failed" if number % 50 == 0 else "finished",
            "session_uid": f"session-{number // 8}" if number % 4 else "",
            "received_at": at,
            "created_at": at,
            "preview": f"{own} {columns['preview']}"[: documents.PREVIEW_CHARACTERS],
            "search_text": f" {own} {columns['search_text'].lstrip()}",
            "revision_count": int(edited),
        }

    def tag(self, place: int) -> dict[str, Any]:
        """Two of each completion."""
        number, which = (place + 1) // 2, place % 2
        name = f"app-{number % 2}" if which else f"tag-{number % TAGS}"
        return {"id": place, "completion_id": number, "tag_id": self.tags[name]}

    def item(self, number: int) -> dict[str, Any]:
        at, done, flagged = self.moment(number), number % 3 == 0, number % 100 == 1
        return {
            "id": number,
            "queue_id": self.queues[number % 2].pk,
            "completion_id": number,
            "state": "done" if done else "open",
            "reviews_needed": 1,
            "places_taken": int(done),
            "reviews_done": int(done),
            "priority": 0,
            "sort_key": at.timestamp(),
            "received_at": at,
            "graded_at": self.moment(number, later=60) if done else None,
            "closed_at": self.moment(number, later=60) if done else None,
            "closed_because": "",
            "flagged_at": at if flagged and not done else None,
            "flagged_by_id": self.past[0] if flagged and not done else None,
            "flag_reason": "The answer is about another order." if flagged and not done else "",
            "created_at": at,
        }

    def assignment(self, number: int) -> dict[str, Any]:
        return {
            "id": number,
            "item_id": number,
            "reviewer_id": self._reviewer(number),
            "place": 0,
            "state": "done",
            "prefetched": False,
            "fence": 1,
            "claimed_at": self.moment(number),
            "held_until": self.moment(number, later=900),
            "ended_at": self.moment(number, later=60),
        }

    def claim_event(self, number: int) -> dict[str, Any]:
        return {
            "id": number,
            "assignment_id": number,
            "by_id": self._reviewer(number),
            "reason": "",
            "change": "done",
            "at": self.moment(number, later=60),
        }

    def feedback(self, number: int) -> dict[str, Any]:
        queue = self.queues[number % 2]
        return {
            "id": number,
            "organization_id": self.organization.pk,
            "uid": uid(-number),
            "feedback_task_id": queue.feedback_task_id,
            "task_revision_id": queue.feedback_task.current_revision_id,
            "origin": "review",
            "values_text": f'{{"verdict":"{VERDICTS[number % 3]}","score":{number % 5 + 1}}}',
            "comment": "",
            "reviewer_id": self._reviewer(number),
            "assignment_id": number,
            "created_at": self.moment(number, later=60),
        }

    def graded_completion(self, number: int) -> dict[str, Any]:
        return {"id": number, "feedback_id": number, "completion_id": number, "document_id": number}

    def grade_value(self, place: int) -> dict[str, Any]:
        """Two of each feedback."""
        number, name = place // 2 * 3, ("verdict", "score")[place % 2]
        return {
            "id": place,
            "feedback_id": number,
            "completion_id": number,
            "feedback_task_id": self.queues[number % 2].feedback_task_id,
            "name": name,
            "value": VERDICTS[number % 3] if name == "verdict" else str(number % 5 + 1),
        }

    def revision(self, number: int) -> dict[str, Any]:
        return {
            "id": number,
            "completion_id": number,
            "number": 1,
            "base_id": number,
            "result_id": self._extra[number],
            "origin": "edit",
            "changes_text": '[["/response/choices/0/message/content","An answer.","A better answer."]]',
            "author_id": self._reviewer(number),
            "created_at": self.moment(number, later=60),
        }

    def push(self, number: int) -> dict[str, Any]:
        """The grade of a completion that came from the upstream, delivered."""
        ended = self.moment(number, later=90)
        return {
            "id": number,
            "uid": uid(number),
            "upstream_id": self.upstream.pk,
            "completion_id": number,
            "kind": "feedback",
            "revision_id": None,
            "feedback_id": number,
            "state": "delivered",
            "not_before": ended,
            "attempts": 1,
            "fence": 1,
            "ambiguous": False,
            "unchecked": False,
            "last_error": "",
            "created_at": self.moment(number, later=60),
            "delivered_at": ended,
            "confirmed_at": ended,
        }

    def _document(self, pk: int, pooled: int, number: int) -> dict[str, Any]:
        made = self.pool[pooled % len(self.pool)]
        return {
            "id": pk,
            "organization_id": self.organization.pk,
            "hash": made.hash,
            "encoding": "zstd",
            "data": made.data,
            "size": made.size,
            "created_at": self.moment(number),
        }

    def _pooled(self, number: int) -> Pooled:
        document = self.generator.document(number)
        raw = orjson.dumps(document)
        made = documents.made(self.organization, document, raw)
        return Pooled(made.hash, bytes(made.data), made.size, vars(documents.columns(document)))

    def _own_words(self, number: int) -> str:
        # The rarer half: a search for one of them finds few.
        return " ".join(random.Random(number).sample(self.generator.words[3_000:], 4))

    def _reviewer(self, number: int) -> int:
        return self.past[number % PAST_REVIEWERS]


def fill(many: int) -> Site:
    """So many completions with all that hangs on them, and people who are signed in."""
    rows = Rows(many)
    numbers, graded, double = range(1, many + 1), rows.graded, range(2, 2 * len(rows.graded) + 2)
    with _fast([Document, Completion, CompletionTag, QueueItem, Assignment, Feedback, FeedbackCompletion, GradeValue]):
        plan: list[tuple[type[Model], Callable[[int], dict[str, Any]], Sequence[int]]] = [
            (Document, rows.document, numbers),
            (Document, rows.extra, rows.edited + rows.conflicts),
            (Completion, rows.completion, numbers),
            (CompletionTag, rows.tag, range(1, 2 * many + 1)),
            (QueueItem, rows.item, numbers),
            (Assignment, rows.assignment, graded),
            (ClaimEvent, rows.claim_event, graded),
            (Feedback, rows.feedback, graded),
            (FeedbackCompletion, rows.graded_completion, graded),
            (GradeValue, rows.grade_value, double),
            (Revision, rows.revision, rows.edited),
            (Push, rows.push, [number for number in graded if number % 4 == 3]),
        ]
        for model, make, wanted in plan:
            if wanted:
                began = time.perf_counter()
                insert(model, (_stamped(make(number)) for number in wanted))
                print(f"  {len(wanted):>9,} {model._meta.db_table} {time.perf_counter() - began:.1f} s", flush=True)
    return _site(rows)


def _stamped(row: dict[str, Any]) -> dict[str, Any]:
    """Moments as text that both databases read."""
    form = "%Y-%m-%d %H:%M:%S.%f"
    return {name: value.strftime(form) if isinstance(value, datetime) else value for name, value in row.items()}


@contextmanager
def _fast(models: Sequence[type[Model]]) -> Iterator[None]:
    """On PostgreSQL the indexes of these are dropped and made again when all is there, and no reference is checked; at
    the end statistics are gathered, and sequences go on where the rows end.
    """
    if connection.vendor != "postgresql":
        yield
        _execute("ANALYZE")
        return
    tables = [model._meta.db_table for model in models]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexname NOT IN"
            " (SELECT conname FROM pg_constraint)",
            [tables],
        )
        indexes = cursor.fetchall()
    _execute(*(f'DROP INDEX "{name}"' for name, _ in indexes), "SET session_replication_role = replica")
    yield
    began = time.perf_counter()
    _execute("SET session_replication_role = origin", "SET maintenance_work_mem = '512MB'")
    _execute(*(definition for _, definition in indexes))
    every: list[type[Model]] = [Tag, ClaimEvent, Revision, Push, *models]
    _execute(*connection.ops.sequence_reset_sql(no_style(), every), "VACUUM ANALYZE")
    print(f"  {len(indexes):>9,} indexes and ANALYZE {time.perf_counter() - began:.1f} s", flush=True)


def _execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _site(rows: Rows) -> Site:
    raw = sum(made.size for made in rows.pool) / len(rows.pool)
    names = [f"reviewer-{at}" for at in range(1, REVIEWERS + 1)]
    for name in names:
        factories.member(rows.organization, username=name)
    factories.member(rows.organization, username="lead", role=Role.LEAD)
    return Site(
        completions=rows.many,
        token=factories.token(rows.organization)[1],
        queues=[queue.pk for queue in rows.queues],
        long_queue=rows.long.pk,
        feedback_tasks=[queue.feedback_task_id for queue in rows.queues],
        cookies={name: _signed_in(name) for name in [*names, "lead"]},
        upstream=rows.upstream.pk,
        raw_bytes=raw,
        common=rows.generator.words[120],
        rare=rows.generator.words[4_000],
    )


def _signed_in(username: str) -> str:
    client = Client()
    client.force_login(User.objects.get(username=username))
    said = {name: morsel.value for name, morsel in client.cookies.items()}
    # Any secret of the form that Django makes will do, as long as the header says the same.
    said[settings.CSRF_COOKIE_NAME] = secrets.token_hex(16)
    return "; ".join(f"{name}={value}" for name, value in said.items())


if __name__ == "__main__":
    print(orjson.dumps(dataclasses.asdict(fill(int(sys.argv[1])))).decode())
