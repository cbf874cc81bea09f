"""A GradeBench with very many rows, made in bulk and the same at each run; the bytes of documents are shared.

Two organizations: `large`, and `small` with one completion in ten, all of them older than every one of the large one,
so that whoever walks a table from its newest row on has to pass nine tenths of it to find the small one's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max, Model

from reviews.models import (
    Assignment,
    AuditEvent,
    ClaimEvent,
    Completion,
    CompletionTag,
    Document,
    Feedback,
    FeedbackCompletion,
    Organization,
    Pull,
    PullRefusal,
    Push,
    Queue,
    QueueItem,
    Revision,
    Role,
    Session,
    Tag,
    Upstream,
    User,
)
from reviews.workflow import documents
from tests import factories

BATCH = 20_000
WORDS = "a customer asks what became of her order and the answer says when it comes "
DAYS = 60


@dataclass(frozen=True)
class Team:
    """What the rows of one organization hang on."""

    organization: Organization
    upstreams: Sequence[Upstream]
    queues: Sequence[Queue]
    reviewers: Sequence[User]
    tags: Sequence[Tag]
    texts: Sequence[Document]
    pulls: Sequence[Pull]

    @classmethod
    def make(cls, slug: str, *, upstreams: int, queues: int) -> "Team":
        """By the verbs, as everywhere."""
        made = factories.organization(slug)
        sources = [factories.upstream(made, url=f"https://{slug}-{at}.example") for at in range(upstreams)]
        names = [f"Rubric {at} of {slug}" for at in range(queues)]
        tasks = [factories.feedback_task(made, name=name, upstream=sources[0]) for name in names]
        factories.member(made, username=f"admin-of-{slug}", role=Role.ADMIN)
        people = [factories.member(made, username=f"{slug}-{at}").user for at in range(8)]
        for _ in range(3):
            factories.token(made)
        tags = [Tag.objects.get_or_create(organization=made, name=f"tag {at}")[0] for at in range(20)]
        texts = [documents.store(made, factories.document(answer=f"Answer {at}.")) for at in range(2)]
        now = datetime.now(UTC)
        times = {"started_at": now, "ended_at": now}
        pulls = [Pull.objects.create(upstream=source, state="complete", fence=1, **times) for source in sources]
        return cls(made, sources, [task.queue for task in tasks], people, tags, texts, pulls)


def make_teams() -> tuple[Team, Team]:
    """The small one and the large one."""
    return Team.make("small", upstreams=1, queues=1), Team.make("large", upstreams=2, queues=3)


class Rows:
    """Row `number` of `many` completions, and what hangs on it. A moment is text that both databases read."""

    def __init__(self, many: int, teams: tuple[Team, Team]) -> None:
        self.many = many
        self._teams = teams
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._step = timedelta(days=DAYS) / many
        # Making the teams has left rows of these.
        self._audited, self._pulled = _highest(AuditEvent), _highest(Pull)

    def team(self, number: int) -> Team:
        """Whose it is."""
        return self._teams[number > self.many // 10]

    def moment(self, number: int, *, later: int = 0) -> str:
        """When it came, and so many seconds later."""
        at = self._now - self._step * (self.many - number) + timedelta(seconds=later)
        return at.strftime("%Y-%m-%d %H:%M:%S.%f")

    def completion(self, number: int) -> dict[str, Any]:
        team, at = self.team(number), self.moment(number)
        received, changed = team.texts
        pulled = number % 2 == 0
        edited = number % 10 == 0
        return {
            "id": number,
            "organization_id": team.organization.pk,
            "uid": uid(number),
            "upstream_id": team.upstreams[number % 7 % len(team.upstreams)].pk if pulled else None,
            "received_id": received.pk,
            "current_id": changed.pk if edited else received.pk,
            "upstream_document_id": received.pk if pulled else None,
            "conflict_document_id": changed.pk if number % 10_000 == 0 else None,
            "kind": "prompt" if number % 100 == 0 else "chat",
            "status": "failed" if number % 50 == 0 else "started" if number % 997 == 0 else "finished",
            "model": f"model-{number % 9}",
            "session_uid": f"run-{number // 40}" if number % 4 == 0 else "",
            "prompt_tokens": 200,
            "completion_tokens": 100,
            "received_at": at,
            "created_at": at,
            "preview": f"{number} {WORDS}",
            "search_text": f"{number} {WORDS * 4}",
            "revision_count": int(edited),
            "gone_upstream_at": at if pulled and number % 1_000 == 0 else None,
        }

    def tag(self, number: int) -> dict[str, Any]:
        return {"id": number, "completion_id": number, "tag_id": self.team(number).tags[number % 20].pk}

    def item(self, number: int) -> dict[str, Any]:
        team, at, done, closed = self.team(number), self.moment(number), number % 5 == 0, number % 101 == 0
        flagged = number % 1_000 == 1
        return {
            "id": number,
            "queue_id": team.queues[number % len(team.queues)].pk,
            "completion_id": number,
            "state": "done" if done else "withdrawn" if closed else "open",
            "reviews_needed": 1,
            "places_taken": int(done),
            "reviews_done": int(done),
            "priority": 0,
            "sort_key": float(number),
            "received_at": at,
            "graded_at": at if done else None,
            "closed_at": at if done or closed else None,
            "closed_because": "",
            "flagged_at": at if flagged else None,
            "flagged_by_id": team.reviewers[0].pk if flagged else None,
            "flag_reason": "The answer is about another order." if flagged else "",
            "created_at": at,
        }

    def assignment(self, number: int) -> dict[str, Any]:
        return {
            "id": number,
            "item_id": number,
            "reviewer_id": self._reviewer(number),
            "place": 1,
            "state": "done" if number % 5 == 0 else "skipped",
            "prefetched": False,
            "fence": 1,
            "claimed_at": self.moment(number),
            "held_until": self.moment(number, later=900),
            "ended_at": self.moment(number, later=60),
        }

    def claim_event(self, number: int) -> dict[str, Any]:
        at = {"assignment_id": number, "by_id": self._reviewer(number), "reason": ""}
        return {"id": number, **at, "change": "done" if number % 5 == 0 else "skipped", "at": self.moment(number)}

    def feedback(self, number: int) -> dict[str, Any]:
        queue = self.team(number).queues[number % len(self.team(number).queues)]
        return {
            "id": number,
            "organization_id": queue.organization_id,
            "uid": uid(-number),
            "feedback_task_id": queue.feedback_task_id,
            "task_revision_id": queue.feedback_task.current_revision_id,
            "origin": "review",
            "values_text": '{"score":4}',
            "comment": "",
            "reviewer_id": self._reviewer(number),
            "assignment_id": number,
            "created_at": self.moment(number, later=60),
        }

    def graded(self, number: int) -> dict[str, Any]:
        document = self.team(number).texts[0].pk
        return {"id": number, "feedback_id": number, "completion_id": number, "document_id": document}

    def revision(self, number: int) -> dict[str, Any]:
        received, changed = self.team(number).texts
        return {
            "id": number,
            "completion_id": number,
            "number": 1,
            "base_id": received.pk,
            "result_id": changed.pk,
            "origin": "edit" if number % 100 else "pull",
            "changes_text": '[["/response/choices/0/message/content","Answer 0.","Answer 1."]]',
            "author_id": self._reviewer(number),
            "created_at": self.moment(number, later=60),
        }

    def push(self, number: int) -> dict[str, Any]:
        """Every tenth a completion's edit, every other fifth its grade."""
        team, edit, ended = self.team(number), number % 10 == 0, self.moment(number, later=90)
        state = {0: "attention", 1_000: "conflict", 2_000: "waiting", 3_005: "absent"}.get(number % 10_000, "delivered")
        arrived = state == "delivered"
        return {
            "id": number,
            "uid": uid(number),
            "upstream_id": team.upstreams[number % len(team.upstreams)].pk,
            "completion_id": number,
            "kind": "update" if edit else "feedback",
            "revision_id": number if edit else None,
            "feedback_id": None if edit else number,
            "state": state,
            "not_before": ended,
            "attempts": 1,
            "fence": 1,
            "ambiguous": False,
            "unchecked": False,
            "last_error": "" if arrived else "The upstream says that it is not there.",
            "created_at": self.moment(number, later=60),
            "delivered_at": ended if arrived else None,
            "confirmed_at": ended if arrived else None,
        }

    def audit_event(self, number: int) -> dict[str, Any]:
        return {
            "id": self._audited + number,
            "organization_id": self.team(number).organization.pk,
            "at": self.moment(number),
            "action": "push.deliver" if number % 2 else "feedback.submit",
            "user_id": self._reviewer(number),
            "address": "192.0.2.1",
            "target_type": "completion",
            "target_id": str(number),
            "before_hash": "",
            "after_hash": "",
            "details": "",
        }

    def pull(self, number: int) -> dict[str, Any]:
        team = self.team(number)
        counts = dict.fromkeys(("listed", "created", "changed", "conflicts", "refused", "gone", "feedback_tasks"), 3)
        return {
            "id": self._pulled + number,
            "upstream_id": team.upstreams[0].pk,
            "state": "failed" if number % 1_000 == 0 else "complete",
            "fence": number,
            "started_at": self.moment(number),
            "ended_at": self.moment(number, later=2),
            **counts,
            "size": 9_000,
            "error": "",
        }

    def refusal(self, number: int) -> dict[str, Any]:
        pull, at = self.team(number).pulls[0], self.moment(number)
        return {
            "id": number,
            "upstream_id": pull.upstream_id,
            "pull_id": pull.pk,
            "what": "completion",
            "uid": uid(number),
            "fingerprint": str(number),
            "reason": "It has no request.",
            "data": NOTHING,
            "first_at": at,
            "last_at": at,
            "taken_at": at if number % 2_000 else None,
        }

    def session(self, number: int) -> dict[str, Any]:
        organization = self.team(number).organization.pk
        return {"id": number, "organization_id": organization, "uid": uid(number), "created_at": self.moment(number)}

    def _reviewer(self, number: int) -> int:
        return self.team(number).reviewers[number % 8].pk


NOTHING = documents.pack(b"{}")


def uid(number: int) -> str:
    """An id that looks like those of the clients, and the same at each run."""
    return str(UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128, version=4))


def fill(many: int, teams: tuple[Team, Team] | None = None) -> None:
    """So many completions and queue items, a fifth as many grades, reviews and pushes, a tenth as many revisions, a
    third as many audit events, into a database that is migrated and empty but for the teams.
    """
    rows = Rows(many, teams or make_teams())
    fifths = range(5, many + 1, 5)
    skipped = range(1, many + 1, 500)
    plan: list[tuple[type[Model], Callable[[int], dict[str, Any]], Sequence[int]]] = [
        (Completion, rows.completion, range(1, many + 1)),
        (CompletionTag, rows.tag, fifths),
        (QueueItem, rows.item, range(1, many + 1)),
        (Assignment, rows.assignment, sorted({*fifths, *skipped})),
        (ClaimEvent, rows.claim_event, sorted({*fifths, *skipped})),
        (Feedback, rows.feedback, fifths),
        (FeedbackCompletion, rows.graded, fifths),
        (Revision, rows.revision, range(10, many + 1, 10)),
        (Push, rows.push, fifths),
        (AuditEvent, rows.audit_event, range(1, many + 1, 3)),
        (Pull, rows.pull, range(1, many + 1, 20)),
        (PullRefusal, rows.refusal, range(1, many + 1, 50)),
        (Session, rows.session, range(1, many + 1, 40)),
    ]
    for model, make, numbers in plan:
        insert(model, (make(number) for number in numbers))


def insert(model: type[Model], rows: Iterator[dict[str, Any]]) -> None:
    """Past Django, in the fastest way that the database has."""
    first = next(rows)
    columns = [field.column for field in model._meta.concrete_fields if field.attname in first]
    names = [field.attname for field in model._meta.concrete_fields if field.attname in first]
    quote = connection.ops.quote_name
    into = f"{quote(model._meta.db_table)} ({', '.join(quote(column) for column in columns if column)})"

    def values() -> Iterator[list[Any]]:
        yield [first[name] for name in names]
        for row in rows:
            yield [row[name] for name in names]

    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {into} FROM STDIN") as copy:
                for row in values():
                    copy.write_row(row)
        else:
            marks = ", ".join(["?"] * len(columns))
            # The cursor below Django's, which would look for its own placeholders in each row.
            cursor.connection.executemany(f"INSERT INTO {into} VALUES ({marks})", values())  # noqa: S608 - our own names


def _highest(model: type[Model]) -> int:
    highest: int | None = model._default_manager.aggregate(highest=Max("pk"))["highest"]
    return highest or 0
