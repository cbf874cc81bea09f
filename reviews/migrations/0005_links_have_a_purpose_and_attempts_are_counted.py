"""What a one-time link is for; what was tried at the door; the table of the cache, which keeps codes that were used."""

from typing import Any

from django.core.management import call_command
from django.db import migrations, models

CACHE = "gradebench_cache"


def make_cache(_apps: Any, schema_editor: Any) -> None:
    """As `createcachetable` does, so that nobody has to think of it."""
    call_command("createcachetable", CACHE, database=schema_editor.connection.alias, verbosity=0)


def drop_cache(_apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(f"DROP TABLE IF EXISTS {schema_editor.quote_name(CACHE)}")


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0004_keyed_requests"),
    ]

    operations = [
        migrations.RunPython(make_cache, drop_cache),
        migrations.CreateModel(
            name="SignInAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        help_text="SHA-256 of what was tried, on which account, from where.", max_length=64
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="signinlink",
            name="purpose",
            field=models.CharField(
                choices=[("sign_in", "Sign in"), ("invitation", "Invitation"), ("password_reset", "Password reset")],
                default="sign_in",
                max_length=16,
            ),
        ),
        migrations.AddConstraint(
            model_name="signinlink",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["sign_in", "invitation", "password_reset"])),
                name="sign_in_link_purpose",
            ),
        ),
        migrations.AddIndex(
            model_name="signinattempt",
            index=models.Index(fields=["key", "at"], name="sign_in_attempt_of"),
        ),
        migrations.AddIndex(
            model_name="signinattempt",
            index=models.Index(fields=["at"], name="sign_in_attempt_oldest"),
        ),
    ]
