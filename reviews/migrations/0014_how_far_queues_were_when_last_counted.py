"""A long queue is counted by the sweep, once a minute, and not for each page that shows how far it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0013_jobs_take_a_slot"),
    ]

    operations = [
        migrations.AddField(
            model_name="queue",
            name="counted_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="queue",
            name="done_count",
            field=models.IntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="queue",
            name="flagged_count",
            field=models.IntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="queue",
            name="free_count",
            field=models.IntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="queue",
            name="held_count",
            field=models.IntegerField(editable=False, null=True),
        ),
    ]
