"""Requests that came with an Idempotency-Key, and what was answered. The way back drops them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0003_drafts"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeyedRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("target", models.CharField(help_text="SHA-256 of method and path, hexadecimal.", max_length=64)),
                ("key", models.CharField(max_length=255)),
                ("body_hash", models.CharField(help_text="SHA-256 of the body, hexadecimal.", max_length=64)),
                (
                    "attempt",
                    models.PositiveIntegerField(
                        default=1, help_text="Counts those who took it over; the last may answer."
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("attempted_at", models.DateTimeField()),
                ("status", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("answer", models.BinaryField(blank=True, help_text="The body of the answer, compressed.", null=True)),
                (
                    "api_token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="keyed_requests",
                        to="reviews.apitoken",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="keyed_request_oldest")],
                "constraints": [
                    models.UniqueConstraint(fields=("api_token", "target", "key"), name="keyed_request_once"),
                    models.CheckConstraint(
                        condition=models.Q(("key", ""), _negated=True), name="keyed_request_key_given"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer", None), ("status", None)),
                            models.Q(
                                ("answer__isnull", False),
                                ("status__gte", 200),
                                ("status__isnull", False),
                                ("status__lte", 299),
                            ),
                            _connector="OR",
                        ),
                        name="keyed_request_answered_whole",
                    ),
                ],
            },
        ),
    ]
