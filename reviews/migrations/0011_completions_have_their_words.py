"""The words of the completions that are there already, five hundred at a time, read from their documents.

Rows that have words are left as they are, so that it can be broken off and begun again, and run once more for what the
version before wrote meanwhile. The way back leaves the words: that version writes the column and never reads it.
"""

from typing import Any

from django.db import migrations, transaction

from reviews.workflow import documents

AT_ONCE = 500


def fill(apps: Any, _schema_editor: Any) -> None:
    """A transaction for each stretch of ids."""
    completions = apps.get_model("reviews", "Completion").objects.order_by("pk")
    last = 0
    while rows := list(completions.filter(pk__gt=last).select_related("current")[:AT_ONCE]):
        last = rows[-1].pk
        with transaction.atomic():
            for row in rows:
                if row.purged_at is None and not row.search_text.startswith(" "):
                    completions.filter(pk=row.pk, current=row.current_id).update(search_text=_words(row.current))


def _words(document: Any) -> str:
    try:
        return documents.columns(documents.read(document)).search_text
    except documents.DocumentUnreadable:
        return ""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("reviews", "0010_completions_are_found_by_words"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
