"""Retention of an organization, the tombstone of a completion that was purged, and what a kept answer is about.

The way back forgets who purged what, when and why; what was purged stays empty.
"""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0006_the_audit_is_sealed"),
    ]

    operations = [
        migrations.AddField(
            model_name="completion",
            name="purged_at",
            field=models.DateTimeField(blank=True, help_text="When every text of it was emptied, for good.", null=True),
        ),
        migrations.AddField(
            model_name="completion",
            name="purged_because",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="completion",
            name="purged_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="keyedrequest",
            name="about",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="The id of what the answer shows.", max_length=255
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="retention_days",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Days after which the text of a completion is purged for good. Empty: it is kept.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="retention_due_at",
            field=models.DateTimeField(
                blank=True, help_text="When to look for such completions next; a lease while somebody looks.", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="completion",
            index=models.Index(
                condition=models.Q(("purged_at", None)),
                fields=["organization", "received_at", "id"],
                name="completion_to_purge",
            ),
        ),
        migrations.AddIndex(
            model_name="keyedrequest",
            index=models.Index(
                condition=models.Q(("about", ""), _negated=True), fields=["about"], name="keyed_request_about"
            ),
        ),
        migrations.AddConstraint(
            model_name="completion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("purged_at", None), ("purged_because", ""), ("purged_by", None)),
                    models.Q(
                        ("preview", ""),
                        ("purged_at__isnull", False),
                        ("search_text", ""),
                        models.Q(("purged_because", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="completion_purged_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(("retention_days", None), ("retention_days__gte", 1), _connector="OR"),
                name="organization_retention",
            ),
        ),
    ]
