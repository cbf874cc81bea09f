"""Jobs with their files and refusals, saved views, and the answers of grades that lists are filtered by."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0008_lists_of_the_admin_stand_on_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("export", "Export"),
                            ("import", "Import"),
                            ("add_to_queue", "Add to a queue"),
                            ("requeue", "Requeue"),
                            ("reroute", "Offer to a queue what its selector matches"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("asked_text", models.TextField(default="{}", help_text="What was asked for, as a JSON object.")),
                (
                    "place_text",
                    models.TextField(blank=True, help_text="Where the next step begins, as JSON; empty: at the start."),
                ),
                (
                    "total",
                    models.PositiveBigIntegerField(
                        blank=True, help_text="Of what there is to do; unknown: empty.", null=True
                    ),
                ),
                ("done", models.PositiveBigIntegerField(default=0, help_text="Of the total.")),
                (
                    "outcome_text",
                    models.TextField(default="{}", help_text="What came of it so far: counts by name, as JSON."),
                ),
                ("error", models.CharField(blank=True, help_text="Why it failed, as a sentence.", max_length=1000)),
                ("created_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("cancel_asked_at", models.DateTimeField(blank=True, null=True)),
                ("not_before", models.DateTimeField(help_text="When its next step is due.")),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
                ("fence", models.PositiveIntegerField(default=0, help_text="Rises with each lease.")),
                (
                    "file_name",
                    models.CharField(blank=True, help_text="Of what was sent to be imported.", max_length=255),
                ),
                (
                    "size",
                    models.PositiveBigIntegerField(
                        default=0, help_text="Bytes of the file that it took or made, unpacked."
                    ),
                ),
                (
                    "parts_dropped_at",
                    models.DateTimeField(blank=True, help_text="When its file was let go.", null=True),
                ),
                ("parts_dropped_because", models.CharField(blank=True, max_length=200)),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="jobs",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="jobs", to="reviews.organization"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="JobPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("data", models.BinaryField()),
                ("size", models.PositiveIntegerField(help_text="Bytes, unpacked.")),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="parts", to="reviews.job"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="JobRefusal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("line", models.PositiveBigIntegerField(blank=True, help_text="Of the file, from one.", null=True)),
                (
                    "uid",
                    models.CharField(blank=True, help_text="The completion's id, where it is known.", max_length=255),
                ),
                ("reason", models.CharField(max_length=1000)),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="refusals", to="reviews.job"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                (
                    "query",
                    models.TextField(blank=True, help_text="The query of the address, without its question mark."),
                ),
                ("shared", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to="reviews.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="GradeValue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="The member of the values.", max_length=200)),
                (
                    "value",
                    models.CharField(
                        help_text="As JSON writes it, a string without its quotation marks.", max_length=100
                    ),
                ),
                (
                    "completion",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="reviews.completion",
                    ),
                ),
                (
                    "feedback",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="reviews.feedback"
                    ),
                ),
                (
                    "feedback_task",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="reviews.feedbacktask",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["feedback_task", "name", "value", "-completion"], name="grade_value_found")
                ],
            },
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["organization", "-id"], name="job_newest"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("state__in", ("done", "failed", "cancelled")), _negated=True),
                fields=["not_before", "id"],
                name="job_due",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("parts_dropped_at", None)), fields=["ended_at"], name="job_with_parts"
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["export", "import", "add_to_queue", "requeue", "reroute"])),
                name="job_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "running", "done", "failed", "cancelled"])),
                name="job_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("ended_at__isnull", False),
                        ("leased_until", None),
                        ("state__in", ("done", "failed", "cancelled")),
                    ),
                    models.Q(
                        models.Q(("state__in", ("done", "failed", "cancelled")), _negated=True), ("ended_at", None)
                    ),
                    _connector="OR",
                ),
                name="job_ended_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "failed"), models.Q(("error", ""), _negated=True)),
                    models.Q(models.Q(("state", "failed"), _negated=True), ("error", "")),
                    _connector="OR",
                ),
                name="job_failed_because",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("total", None), ("done__lte", models.F("total")), _connector="OR"),
                name="job_no_more_than_all",
            ),
        ),
        migrations.AddConstraint(
            model_name="jobpart",
            constraint=models.UniqueConstraint(fields=("job", "number"), name="job_part_once"),
        ),
        migrations.AddIndex(
            model_name="jobrefusal",
            index=models.Index(fields=["job", "id"], name="job_refusal_of_job"),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(fields=("organization", "user", "name"), name="saved_view_once"),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="saved_view_named"),
        ),
    ]
