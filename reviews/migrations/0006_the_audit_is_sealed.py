"""Audit events are sealed in a hash chain, listed by moment, and on PostgreSQL changed and deleted by nobody.

The way back drops the seals: the chain that is begun after it has other hashes.
"""

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

TABLES = ("reviews_auditevent", "reviews_auditseal")
REFUSE = """
CREATE FUNCTION reviews_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: nothing changes or deletes its rows.', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$
"""


def forbid(_apps: Any, schema_editor: Any) -> None:
    """Triggers upon each row, on PostgreSQL. SQLite's file is its owner's alone, who could drop them as well."""
    if schema_editor.connection.vendor != "postgresql":
        return
    # None, not (): the signs of percent are PostgreSQL's.
    schema_editor.execute(REFUSE, params=None)
    for table in TABLES:
        schema_editor.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION reviews_append_only()"
        )


def allow(_apps: Any, schema_editor: Any) -> None:
    """For the way back."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for table in TABLES:
        schema_editor.execute(f"DROP TRIGGER append_only ON {table}")
    schema_editor.execute("DROP FUNCTION reviews_append_only()")


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0005_links_have_a_purpose_and_attempts_are_counted"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("number", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("first_event_id", models.BigIntegerField()),
                ("last_event_id", models.BigIntegerField()),
                ("count", models.PositiveIntegerField()),
                (
                    "fingerprints",
                    models.BinaryField(help_text="Of each event its id, eight bytes, and its SHA-256; by id."),
                ),
                ("batch_hash", models.CharField(help_text="SHA-256 of the fingerprints.", max_length=64)),
                (
                    "chain_hash",
                    models.CharField(
                        help_text="SHA-256 of the chain hash before, the columns of this row and its batch hash.",
                        max_length=64,
                    ),
                ),
                ("sealed_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["number"],
            },
        ),
        migrations.AlterField(
            model_name="auditevent",
            name="at",
            field=models.DateTimeField(default=django.utils.timezone.now, editable=False),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["organization", "-at", "-id"], name="audit_by_moment"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["organization", "action", "-at", "-id"], name="audit_by_action"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["user", "-at", "-id"], name="audit_by_person"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["-at", "-id"], name="audit_of_all"),
        ),
        migrations.AlterField(
            model_name="auditevent",
            name="organization",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="reviews.organization",
            ),
        ),
        migrations.AlterField(
            model_name="auditevent",
            name="user",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunPython(forbid, allow),
    ]
