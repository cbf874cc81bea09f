"""What lists are filtered by has indexes; that of words, GIN on PostgreSQL, FTS5 on SQLite, the database itself keeps.

Of `search_text` it takes what begins with a space, which is words (`reviews.workflow.words`): the version before this one
writes text there, and goes on with that while this is migrated.

On SQLite triggers keep it. Django makes a table anew there for many a change (a constraint, a field that is altered),
and what was made anew has no triggers: a migration that does so with the completions calls `keep_words` afterwards.
"""

from typing import Any

from django.db import migrations, models

from gradebench.migrating import AddIndexConcurrently

CONCURRENTLY = (
    "DROP INDEX CONCURRENTLY IF EXISTS completion_words",
    # Creates pass over the tree: what they add waits in a list, which is worked in by who fills it up, or by autovacuum.
    """
    CREATE INDEX CONCURRENTLY completion_words ON reviews_completion USING gin (
        array_to_tsvector(
            CASE WHEN starts_with(search_text, ' ') THEN string_to_array(substr(search_text, 2), ' ') END
        )
    ) WITH (fastupdate = on, gin_pending_list_limit = 4096)
    """,
)
TABLE = """
CREATE VIRTUAL TABLE reviews_completion_words USING fts5(
    search_text, content='reviews_completion', content_rowid='id', detail=none, columnsize=0, tokenize='ascii'
)
"""
FILL = """
INSERT INTO reviews_completion_words(rowid, search_text)
SELECT id, search_text FROM reviews_completion WHERE search_text GLOB ' *'
"""
INSERT = """
CREATE TRIGGER completion_words_insert AFTER INSERT ON reviews_completion WHEN new.search_text GLOB ' *' BEGIN
    INSERT INTO reviews_completion_words(rowid, search_text) VALUES (new.id, new.search_text);
END
"""
_OUT = "INSERT INTO reviews_completion_words(reviews_completion_words, rowid, search_text)"
DELETE = f"""
CREATE TRIGGER completion_words_delete AFTER DELETE ON reviews_completion WHEN old.search_text GLOB ' *' BEGIN
    {_OUT} VALUES ('delete', old.id, old.search_text);
END
"""
UPDATE = f"""
CREATE TRIGGER completion_words_update AFTER UPDATE OF search_text ON reviews_completion
WHEN old.search_text <> new.search_text BEGIN
    {_OUT} SELECT 'delete', old.id, old.search_text WHERE old.search_text GLOB ' *';
    INSERT INTO reviews_completion_words(rowid, search_text)
    SELECT new.id, new.search_text WHERE new.search_text GLOB ' *';
END
"""


def keep_words(schema_editor: Any) -> None:
    """The triggers, on SQLite."""
    for trigger in (INSERT, DELETE, UPDATE):
        schema_editor.execute(trigger)


def index(apps: Any, schema_editor: Any) -> None:
    """Whatever a run that was broken off has left is made anew."""
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            # For those whom it waits for, as long as need be: nobody waits for it.
            cursor.execute("SELECT current_setting('lock_timeout')")
            [patience] = cursor.fetchone()
            cursor.execute("SET lock_timeout = 0")
            for statement in CONCURRENTLY:
                cursor.execute(statement)
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [patience])
    else:
        forget(apps, schema_editor)
        schema_editor.execute(TABLE)
        schema_editor.execute(FILL)
        keep_words(schema_editor)


def forget(_apps: Any, schema_editor: Any) -> None:
    """The words themselves stay in their column: no version reads them otherwise."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX CONCURRENTLY IF EXISTS completion_words")
    else:
        for name in ("insert", "delete", "update"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS completion_words_{name}")
        schema_editor.execute("DROP TABLE IF EXISTS reviews_completion_words")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("reviews", "0009_jobs_saved_views_and_grade_values"),
    ]

    operations = [
        migrations.AlterField(
            model_name="completion",
            name="search_text",
            field=models.TextField(
                blank=True, help_text="Its words, each once, behind a space: see workflow/words.py."
            ),
        ),
        migrations.RunPython(index, forget),
        AddIndexConcurrently(
            model_name="completion",
            index=models.Index(fields=["organization", "model", "-received_at", "-id"], name="completion_of_model"),
        ),
        AddIndexConcurrently(
            model_name="completion",
            index=models.Index(
                condition=models.Q(("confidence_low__isnull", False)),
                fields=["organization", "confidence_low"],
                name="completion_uncertain",
            ),
        ),
        AddIndexConcurrently(
            model_name="completion",
            index=models.Index(
                condition=models.Q(("purged_at__isnull", False)),
                fields=["organization", "-received_at", "-id"],
                name="completion_purged",
            ),
        ),
    ]
