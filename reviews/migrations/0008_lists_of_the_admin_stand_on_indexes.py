"""Indexes for what the lists of the admin filter by. That of items by state gets the order that lists have."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0007_retention_and_purge"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(fields=["state", "-id"], name="assignment_by_state"),
        ),
        migrations.AddIndex(
            model_name="claimevent",
            index=models.Index(fields=["change", "-id"], name="claim_event_by_change"),
        ),
        migrations.AddIndex(
            model_name="completion",
            index=models.Index(
                condition=models.Q(("status", "finished"), _negated=True),
                fields=["organization", "status", "-received_at", "-id"],
                name="completion_not_finished",
            ),
        ),
        migrations.AddIndex(
            model_name="completion",
            index=models.Index(
                condition=models.Q(("conflict_document__isnull", False)),
                fields=["organization", "-received_at", "-id"],
                name="completion_conflict_newest",
            ),
        ),
        migrations.AddIndex(
            model_name="completion",
            index=models.Index(
                condition=models.Q(("revision_count__gt", 0)),
                fields=["organization", "-received_at", "-id"],
                name="completion_changed",
            ),
        ),
        migrations.AddIndex(
            model_name="completion",
            index=models.Index(
                condition=models.Q(("gone_upstream_at__isnull", False)),
                fields=["organization", "-received_at", "-id"],
                name="completion_gone",
            ),
        ),
        migrations.AddIndex(
            model_name="feedback",
            index=models.Index(fields=["organization", "origin", "-id"], name="feedback_newest"),
        ),
        migrations.AddIndex(
            model_name="feedback",
            index=models.Index(fields=["created_at"], name="feedback_by_moment"),
        ),
        migrations.AddIndex(
            model_name="pull",
            index=models.Index(fields=["upstream", "state", "-id"], name="pull_by_state"),
        ),
        migrations.AddIndex(
            model_name="push",
            index=models.Index(
                condition=models.Q(("delivered_at__isnull", False)),
                fields=["upstream", "-delivered_at"],
                name="push_by_arrival",
            ),
        ),
        migrations.AddIndex(
            model_name="queueitem",
            index=models.Index(fields=["queue", "state", "-id"], name="queue_item_by_state"),
        ),
        migrations.RemoveIndex(model_name="queueitem", name="queue_item_state_count"),
        migrations.AddIndex(
            model_name="revision",
            index=models.Index(fields=["origin", "-id"], name="revision_by_origin"),
        ),
        migrations.AddIndex(
            model_name="revision",
            index=models.Index(fields=["created_at"], name="revision_by_moment"),
        ),
    ]
