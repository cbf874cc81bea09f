"""A job that runs has one of a few slots, and fails only after some failures in a row."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0012_grades_have_their_answers"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="failures",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, help_text="In a row, of the step that it is at."
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="slot",
            field=models.PositiveSmallIntegerField(blank=True, help_text="Which of the few that run it is.", null=True),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("leased_until", None), ("slot", None)),
                    models.Q(("leased_until__isnull", False), ("slot__gte", 0), ("slot__lt", 2), ("state", "running")),
                    _connector="OR",
                ),
                name="job_leased_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                condition=models.Q(("slot__isnull", False)), fields=("slot",), name="job_slot_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                condition=models.Q(("slot__isnull", False)),
                fields=("organization",),
                name="job_one_runs_in_organization",
            ),
        ),
    ]
