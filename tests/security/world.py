"""Two organizations of the same shape, with rows of every noun in the states that pages show.

Whatever one of them says has its word in it. The rows of the second have numbers that no row of the first has, in no
table: wherever its word or such a number is seen, it was let out.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Model, QuerySet
from django.test import Client
from django.utils import timezone

from reviews.models import (
    ApiToken,
    Assignment,
    Completion,
    FeedbackTask,
    Job,
    JobKind,
    Organization,
    PullRefusal,
    Push,
    QueueItem,
    QueueReviewer,
    Role,
    SavedView,
    Session,
    Upstream,
    User,
)
from reviews.workflow import accounts, drafts, feedback_tasks, grading, job_files, jobs, queues
from reviews.workflow.audit import SYSTEM, Actor
from tests import factories
from tests.e2e import answers
from tests.web import sync_scene

ROLES: tuple[str, ...] = (Role.REVIEWER, Role.LEAD, Role.ADMIN)
ITEMS = 10
PNG = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# Far beyond what a test makes, no size of anything, and apart for every table.
FAR, APART = 7_130_017, 10_007


@dataclass
class Side:
    """One organization and what tests need of it. `held` and `done` are claims by role."""

    word: str
    organization: Organization
    people: dict[str, User]
    token: ApiToken
    secret: str
    upstream: Upstream
    feedback_task: FeedbackTask
    held: dict[str, Assignment]
    done: dict[str, Assignment]
    completions: dict[str, Completion]
    flagged: QueueItem
    refusal: PullRefusal
    job: Job
    sign_in_link: str

    @property
    def edit(self) -> Push:
        """An edit that waits."""
        return self._push("update")

    @property
    def grade(self) -> Push:
        """A grade that the upstream refused."""
        return self._push("feedback")

    def _push(self, kind: str) -> Push:
        found = Push.objects.filter(completion__organization=self.organization, kind=kind).order_by("pk").first()
        assert found is not None
        return found

    def client(self, role: str) -> Client:
        """One that is signed in as its member of that role."""
        return signed_in(self.people[role])


def signed_in(user: User) -> Client:
    """A client that is signed in as her."""
    client = Client()
    client.force_login(user)
    return client


def site_staff() -> User:
    """Who runs the site, in no organization."""
    return factories.user(is_superuser=True)


def two() -> tuple[Side, Side]:
    """Both, and nothing else."""
    return first(), second()


def first() -> Side:
    """The one whose people look around."""
    # A sequence of PostgreSQL goes on from where an earlier test, taken back since, had put it.
    _count_from(1, 0)
    return side("walrus")


def second() -> Side:
    """The one that they must not see."""
    _count_from(FAR, APART)
    return side("zebra", more=3)


def _count_from(start: int, apart: int) -> None:
    """Let every table go on from a number of its own."""
    tables = [model._meta.db_table for model in apps.get_app_config("reviews").get_models() if _counts(model)]
    with connection.cursor() as cursor:
        for at, table in enumerate(sorted(tables)):
            number = start + at * apart
            if connection.vendor == "sqlite":
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, number])
            else:
                cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, number])


def _counts(model: type[Model]) -> bool:
    return model._meta.pk.get_internal_type() == "BigAutoField"


def side(word: str, *, more: int = 0) -> Side:
    """An organization with everything, and so many completions more than another would have."""
    organization = accounts.create_organization(word, name=f"{word} company", external_id=f"{word}-outside")
    names = (*ROLES, "colleague")
    people = {
        name: factories.member(organization, username=f"{word}-{name}", role=name if name in ROLES else "reviewer").user
        for name in names
    }
    token, secret = factories.token(organization, name=f"{word}-token", can_admin=True)
    upstream = _upstream(organization, word)
    feedback_task = _feedback_task(organization, word, upstream)
    for number in range(ITEMS + more):
        said = {"answer": f"The {word} said {number}.", "question": f"What does the {word} say?"}
        tags = (f"{word}-tag", "shared-tag")
        factories.completion(organization, uid=f"{word}-item-{number}", upstream=upstream, tags=tags, **said)
    done = _done(feedback_task, word, people)
    flagged = _left(feedback_task, word, people["colleague"])
    completions = _completions(organization, word)
    completions["conflict"] = _conflict(done["colleague"], word)
    completions["edited"] = done["reviewer"].item.completion
    _feedback_by_api(organization, word, token, completions["one"])
    held = {role: factories.assignment(feedback_task, reviewer=people[role]) for role in ROLES}
    drafts.save(held["reviewer"], [("comment", f"{word} draft")], base=held["reviewer"].item.completion.current)
    Session.objects.create(organization=organization, uid=f"{word}-session")
    view = {"name": f"{word} view", "query": f"tag={word}-tag"}
    SavedView.objects.create(organization=organization, user=people["reviewer"], **view)
    Push.objects.filter(completion__organization=organization, kind="feedback").update(
        state="attention", last_error=f"{word} refused it", last_status=400
    )
    refusal = sync_scene.refusal(
        upstream, raw=f'{{"id": "{word}-odd"}}'.encode(), uid=f"{word}-odd", reason=f"No {word} response."
    )
    link = accounts.create_sign_in_link(people["colleague"])
    return Side(
        word, organization, people, token, secret, upstream, feedback_task, held, done, completions, flagged, refusal,
        _job(organization, word, people["lead"]), link,
    )  # fmt: skip


def _job(organization: Organization, word: str, lead: User) -> Job:
    """An import that failed, with a part that was not taken and a line that was refused."""
    job = jobs.ask(organization, JobKind.IMPORT, {"form": "auto"}, by=lead, actor=Actor(user=lead))
    job_files.add(job, 0, f'{{"id": "{word}-sent"}}'.encode())
    job_files.refuse(job, [(7, f"{word}-refused", f"The {word} is no JSON.")])
    failed = {"state": "failed", "error": f"The {word} broke.", "ended_at": timezone.now()}
    Job.objects.filter(pk=job.pk).update(file_name=f"{word}.jsonl", outcome_text='{"refused": 1}', **failed)
    return Job.objects.get(pk=job.pk)


def _upstream(organization: Organization, word: str) -> Upstream:
    made = factories.upstream(organization, url=f"https://{word}.example", token=f"{word}-sealed")
    Upstream.objects.filter(pk=made.pk).update(
        name=f"{word}-upstream",
        token_refused_at=timezone.now(),
        failing_since=timezone.now(),
        last_failed_at=timezone.now(),
        last_error=f"{word} said no",
    )
    made.refresh_from_db()
    return made


def _feedback_task(organization: Organization, word: str, upstream: Upstream) -> FeedbackTask:
    score = {"type": "integer", "minimum": 1, "maximum": 5, "title": f"{word} score"}
    made = factories.feedback_task(
        organization,
        name=f"{word} rubric",
        instruction=f"Read the {word} policy.",
        schema={"type": "object", "properties": {"score": score}, "required": ["score"]},
        selector=(f"{word}-tag", "shared-tag"),
        upstream=upstream,
    )
    local = factories.feedback_task(organization, name=f"{word} local", selector=(f"{word}-local",), everyone=False)
    reviewer = User.objects.get(username=f"{word}-reviewer")
    QueueReviewer.objects.create(queue=local.queue, user=reviewer)
    old = factories.feedback_task(organization, name=f"{word} archived", selector=(f"{word}-old",))
    feedback_tasks.archive(old, actor=SYSTEM)
    return made


def _done(feedback_task: FeedbackTask, word: str, people: dict[str, User]) -> dict[str, Assignment]:
    """One graded and edited by each of two, so that there are revisions and pushes."""
    done = {}
    for name in ("reviewer", "colleague"):
        claimed = factories.assignment(feedback_task, reviewer=people[name])
        factories.submit(claimed, answer=f"Better, said the {word}.", comment=f"{word} comment")
        done[name] = Assignment.objects.select_related("item__completion").get(pk=claimed.pk)
    return done


def _left(feedback_task: FeedbackTask, word: str, colleague: User) -> QueueItem:
    """One skipped and one flagged, with reasons; the flagged one."""
    queues.skip(factories.assignment(feedback_task, reviewer=colleague), reason=f"{word} is not my field")
    flagged = factories.assignment(feedback_task, reviewer=colleague)
    queues.flag(flagged, reason=f"Ask the {word}", actor=Actor(user=colleague))
    return flagged.item


def _conflict(done: Assignment, word: str) -> Completion:
    """The upstream has changed what waits to be pushed."""
    completion = done.item.completion
    upstream = completion.upstream
    assert upstream is not None
    changed = factories.document(answer=f"The {word} changed its mind.", tags=(f"{word}-tag", "shared-tag"))
    factories.pulled(upstream, completion.uid, changed)
    completion.refresh_from_db()
    assert completion.conflict_document_id is not None
    return completion


def _completions(organization: Organization, word: str) -> dict[str, Completion]:
    """What came by the API: with uncertain words, with a picture, and a session of three."""

    def came(name: str, **said: Any) -> Completion:
        tags = (f"{word}-local", f"{word}-only")
        return factories.completion(organization, uid=f"{word}-{name}", tags=tags, session_id=f"{word}-run", **said)

    words = [(f" {word}{number}", 0.4, {f" or{number}": 0.3}) for number in range(3)]
    doubtful = {"model": f"{word}-model", "choices": [answers.choice([*words])]}
    picture = {"type": "image_url", "image_url": {"url": PNG}}
    request = {"model": f"{word}-model", "messages": [{"role": "user", "content": [picture]}]}
    return {
        "one": came("one"),
        "doubtful": came("doubtful", response=doubtful),
        "picture": came("picture", request=request),
    }


def _feedback_by_api(organization: Organization, word: str, token: ApiToken, completion: Completion) -> None:
    local = FeedbackTask.objects.select_related("organization", "current_revision").get(
        organization=organization, name=f"{word} local"
    )
    actor = Actor(api_token=token)
    grading.record(local, [completion], values={"score": 3}, comment=f"{word} by API", actor=actor, api_token=token)


# What is in the database -----------------------------------------------------------------------------------------

# Used by everyone who looks at anything.
TOUCHED = {"reviews_apitoken": {"last_used_at"}, "reviews_user": {"last_login"}}
NOT_COMPARED = {"django_session"}


def dump() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but sessions and when something was last used."""
    found = {}
    with connection.cursor() as cursor:
        for table, names in columns().items():
            quoted = ", ".join(map(connection.ops.quote_name, names))
            cursor.execute(f"SELECT {quoted} FROM {connection.ops.quote_name(table)}")  # noqa: S608 - names of ours
            found[table] = sorted((tuple(map(_plain, row)) for row in cursor.fetchall()), key=repr)
    return found


@cache
def columns() -> dict[str, list[str]]:
    """The names of the columns that `dump` gives, by table. Asked once: they stay as they are."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted({*connection.introspection.table_names(cursor)} - NOT_COMPARED):
            described = connection.introspection.get_table_description(cursor, table)
            found[table] = [column.name for column in described if column.name not in TOUCHED.get(table, ())]
    return found


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def dump_of(organization: Organization) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that leads to the organization, and the rows of its people."""
    found = {}
    for model in nouns():
        columns = [field.attname for field in model._meta.concrete_fields]
        names = [name for name in columns if name not in TOUCHED.get(model._meta.db_table, ())]
        rows = rows_of(model, organization).values_list(*names)
        found[model._meta.label] = sorted((tuple(map(_plain, row)) for row in rows), key=repr)
    return found


def ids_of(organization: Organization) -> dict[str, list[int]]:
    """The numbers of its rows, by noun."""
    return {
        model.__name__: list(rows_of(model, organization).order_by("pk").values_list("pk", flat=True))
        for model in nouns()
        if _counts(model)
    }


def nouns() -> list[type[Model]]:
    """Every model of ours whose rows are an organization's."""
    return [model for model in apps.get_app_config("reviews").get_models() if path_to_organization(model)]


def rows_of(model: type[Model], organization: Organization) -> QuerySet[Any]:
    """Its rows in one of them."""
    return model._base_manager.filter(**{str(path_to_organization(model)): organization.pk})


@cache
def path_to_organization(model: type[Model]) -> str | None:
    """The lookup that leads from a row to its organization, by the shortest way; None for what is nobody's."""
    if model is Organization:
        return "pk"
    waiting: list[tuple[type[Model], str]] = [(model, "")]
    seen = {model}
    while waiting:
        at, path = waiting.pop(0)
        for field in at._meta.concrete_fields:
            target = field.related_model
            if target is Organization:
                return f"{path}{field.name}"
            if isinstance(target, type) and target not in seen and target is not User:
                seen.add(target)
                waiting.append((target, f"{path}{field.name}__"))
    by_person = next((field.name for field in model._meta.concrete_fields if field.related_model is User), None)
    if model is User:
        return "memberships__organization"
    return f"{by_person}__memberships__organization" if by_person else None
