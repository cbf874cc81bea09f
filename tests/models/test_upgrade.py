"""R22: the programs of the release before run on beside the migrations that came since, and both ways keep the rows.

Which release that is stands in gradebench/version.py.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model, QuerySet
from django.utils import timezone

from gradebench.version import PREVIOUS_MIGRATION
from reviews.models import Heartbeat, Organization, Session, SignInAttempt
from tests import factories
from tests.audit_rows import as_owner, events, seal_all
from tests.models import rows

pytestmark = pytest.mark.django_db(transaction=True)
PREVIOUS = [("reviews", PREVIOUS_MIGRATION)]
# In one statement, which holds the locks of all the rows that it writes.
MOST_ROWS = 1_000
# What a statement may do to a table that has rows, and must not: why.
REFUSED = {
    r"^CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)": "keeps writers waiting until the index is made: AddIndexConcurrently",
    r"ADD COLUMN .* GENERATED ALWAYS AS .* STORED": "rewrites the table: a plain column, filled in chunks",
    r"ADD COLUMN (?!.* DEFAULT ).* NOT NULL": "the version before cannot insert any more: db_default",
    r"ALTER COLUMN \S+ TYPE (?!varchar)": "rewrites the table: a new column beside it",
    r"ALTER COLUMN \S+ SET NOT NULL": "reads the table under its lock: a release later, by way of a check NOT VALID",
    r"ALTER COLUMN \S+ DROP DEFAULT": "the version before cannot insert any more: db_default",
    r"(DROP|RENAME) COLUMN|RENAME TO|^DROP TABLE": "the version before still reads it: a release later",
    r"ADD CONSTRAINT (?!.* NOT VALID)(?!.* FOREIGN KEY ).*": "reads the table under its lock: NOT VALID, then validate",
    r"ADD COLUMN .* UNIQUE": "makes an index under the table's lock: AddIndexConcurrently",
}


def migrate(targets: list[tuple[str, str]]) -> None:
    """Bring the test database there."""
    MigrationExecutor(connection).migrate(targets)


@pytest.fixture
def latest() -> Iterator[list[tuple[str, str]]]:
    """The newest migrations, to which the database is brought back whatever happens."""
    targets = [key for key in MigrationExecutor(connection).loader.graph.leaf_nodes() if key[0] == "reviews"]
    yield targets
    migrate(targets)


@pytest.fixture
def previous() -> list[type[Model]]:
    """The models of the release before, as its programs know them."""
    apps: Apps = MigrationExecutor(connection).loader.project_state(PREVIOUS).apps
    return list(apps.get_app_config("reviews").get_models())


@pytest.fixture
def filled() -> None:
    """A row in every table, and none that only the newest version could have written."""
    # First what is older, as what is sealed is.
    events(3)
    seal_all()
    for make in (
        rows.push,
        rows.queue_reviewer,
        rows.draft,
        rows.keyed_request,
        rows.pull_refusal,
        rows.sign_in_link,
        rows.completion_tag,
        rows.feedback_task_tag,
        lambda: Session.objects.create(organization=factories.organization()),
        lambda: SignInAttempt.objects.create(key="k" * 64, at=timezone.now()),
        lambda: Heartbeat.objects.create(name="sweep", at=timezone.now()),
    ):
        make()


def values_of(models: list[type[Model]]) -> Mapping[str, list[Any]]:
    """All that stands in their tables, in the columns that they know, but for moments that an insert makes anew."""
    return {
        model._meta.label: list(
            model._default_manager.order_by("pk").values_list(
                *(field.attname for field in model._meta.concrete_fields if not getattr(field, "auto_now_add", False))
            )
        )
        for model in models
    }


@pytest.mark.usefixtures("filled")
def test_the_release_before_can_read_and_write_every_row_beside_the_new_schema(previous: list[type[Model]]) -> None:
    before = values_of(previous)
    assert {name for name, found in before.items() if not found} == set()
    for model in previous:
        columns = [field.attname for field in model._meta.concrete_fields if not field.primary_key]
        everything: QuerySet[Model] = QuerySet(model)
        kept = list(everything)
        # The audit's own trigger, which no version gets past, stands aside.
        with as_owner(), transaction.atomic():
            everything.bulk_update(kept, columns)
            everything._raw_delete(connection.alias)
            everything.bulk_create(kept)
    assert values_of(previous) == before


@pytest.mark.usefixtures("filled")
def test_the_way_back_and_forth_keeps_every_row(previous: list[type[Model]], latest: list[tuple[str, str]]) -> None:
    before = values_of(previous)
    migrate(PREVIOUS)
    assert values_of(previous) == before
    migrate(latest)
    assert values_of(previous) == before


@pytest.mark.postgres
def test_no_migration_since_keeps_those_who_write_waiting(latest: list[tuple[str, str]]) -> None:
    organization = factories.organization()
    migrate(PREVIOUS)
    many_completions(organization, MOST_ROWS + 200)
    there = set(connection.introspection.table_names())
    statements: list[tuple[str, int]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Mapping[str, Any]) -> Any:
        done = execute(sql, params, many, context)
        statements.append((" ".join(str(sql).split()), context["cursor"].rowcount))
        return done

    with connection.execute_wrapper(note):
        migrate(latest)
    assert list(_offences(statements, there)) == []


def many_completions(organization: Organization, count: int) -> None:
    """So many copies of one, made by the database itself."""
    first = factories.completion(organization)
    columns = [field.column for field in first._meta.concrete_fields if not field.primary_key]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'reviews_completion'"
            " AND table_schema = current_schema()"
        )
        known = {name for [name] in cursor.fetchall()}
        names = ", ".join(f'"{name}"' for name in columns if name in known)
        copied = names.replace('"uid"', "uid || '-' || number")
        cursor.execute(
            f"INSERT INTO reviews_completion ({names}) SELECT {copied}"  # noqa: S608
            f" FROM reviews_completion, generate_series(1, {count}) AS number"
        )


def _offences(statements: list[tuple[str, int]], there: set[str]) -> Iterator[str]:
    """What is wrong with these, each with its reason and with the statement."""
    for statement, count in statements:
        table = re.search(r'(?:TABLE|ON|INTO|UPDATE|FROM) (?:ONLY )?"?(\w+)"?', statement)
        if table is None or table[1] not in there or table[1].startswith("django_"):
            continue
        if count > MOST_ROWS and not statement.startswith("SELECT"):
            yield f"writes {count:,} rows at once: in chunks, each with a commit\n{statement}"
        for pattern, reason in REFUSED.items():
            if re.search(pattern, statement):
                yield f"{reason}\n{statement}"


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE INDEX "i" ON "t" ("c")',
        'ALTER TABLE "t" ADD COLUMN "c" integer NOT NULL',
        'ALTER TABLE "t" ADD COLUMN "c" integer DEFAULT 1 NOT NULL; ALTER TABLE "t" ALTER COLUMN "c" DROP DEFAULT',
        'ALTER TABLE "t" ADD COLUMN "c" tsvector GENERATED ALWAYS AS (to_tsvector(d)) STORED',
        'ALTER TABLE "t" ADD CONSTRAINT "k" CHECK ("c" > 0)',
        'ALTER TABLE "t" ALTER COLUMN "c" TYPE bigint USING "c"::bigint',
        'ALTER TABLE "t" ALTER COLUMN "c" SET NOT NULL',
        'ALTER TABLE "t" DROP COLUMN "c" CASCADE',
    ],
)
def test_what_keeps_them_waiting_is_told(statement: str) -> None:
    assert len(list(_offences([(statement, -1)], {"t"}))) == 1


def test_what_keeps_nobody_waiting_is_let_through() -> None:
    allowed = [
        'CREATE INDEX CONCURRENTLY "i" ON "t" ("c")',
        'CREATE INDEX "i" ON "new" ("c")',
        'ALTER TABLE "t" ADD COLUMN "c" integer DEFAULT 1 NOT NULL',
        'ALTER TABLE "t" ADD COLUMN "c" text NULL',
        'ALTER TABLE "new" ADD CONSTRAINT "k" CHECK ("c" > 0)',
        'ALTER TABLE "new" ADD CONSTRAINT "k" FOREIGN KEY ("c_id") REFERENCES "t" ("id") DEFERRABLE',
    ]
    assert list(_offences([(statement, -1) for statement in allowed], {"t"})) == []
