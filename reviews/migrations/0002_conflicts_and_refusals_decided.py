"""Decided conflicts and refusals: new states of pushes, reviews that no longer count, since when an upstream fails."""

from typing import Any

from django.db import migrations, models
from django.db.models import F


def believe_what_arrived(apps: Any, _schema_editor: Any) -> None:
    """What was delivered before anybody looked again counts as seen there."""
    apps.get_model("reviews", "Push").objects.filter(state="delivered").update(confirmed_at=F("delivered_at"))


def fold_back(apps: Any, _schema_editor: Any) -> None:
    """For the way back: the former version knows neither the new states nor a review that was asked for again."""
    push, assignment = apps.get_model("reviews", "Push"), apps.get_model("reviews", "Assignment")
    push.objects.filter(state="absent").update(state="attention")
    push.objects.filter(state="discarded").update(state="superseded")
    again = assignment.objects.filter(state="done").exclude(requeued_at=None)
    for done in again.select_related("item"):
        apps.get_model("reviews", "QueueItem").objects.filter(pk=done.item_id).update(
            places_taken=F("places_taken") - 1,
            reviews_done=F("reviews_done") - 1,
            reviews_needed=F("reviews_needed") - 1,
        )
    again.update(state="skipped")


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0001_the_nouns"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="assignment",
            name="assignment_only_skips_requeued",
        ),
        migrations.RemoveConstraint(
            model_name="push",
            name="push_state",
        ),
        migrations.RemoveIndex(
            model_name="push",
            name="push_undecided",
        ),
        migrations.AddField(
            model_name="pullrefusal",
            name="retry_asked_at",
            field=models.DateTimeField(blank=True, help_text="A person wants it tried again.", null=True),
        ),
        migrations.AddField(
            model_name="pullrefusal",
            name="taken_at",
            field=models.DateTimeField(blank=True, help_text="When an item of this id was taken after all.", null=True),
        ),
        migrations.AddField(
            model_name="pullrefusal",
            name="what",
            field=models.CharField(
                choices=[("completion", "Completion"), ("feedback_task", "Feedback task")],
                default="completion",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="push",
            name="confirmed_at",
            field=models.DateTimeField(
                blank=True, help_text="When the upstream, read again, was seen to have it.", null=True
            ),
        ),
        migrations.AddField(
            model_name="push",
            name="unchecked",
            field=models.BooleanField(
                default=False, help_text="A person wants it sent although nothing there can be compared."
            ),
        ),
        migrations.AddField(
            model_name="upstream",
            name="failing_since",
            field=models.DateTimeField(blank=True, help_text="First of the failures in a row.", null=True),
        ),
        migrations.AddField(
            model_name="upstream",
            name="last_failed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="assignment",
            name="requeued_at",
            field=models.DateTimeField(blank=True, help_text="A skip or a review that no longer counts.", null=True),
        ),
        migrations.AlterField(
            model_name="push",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("sending", "Sending"),
                    ("delivered", "Arrived"),
                    ("conflict", "Conflict"),
                    ("attention", "Needs attention"),
                    ("superseded", "Superseded"),
                    ("unlinked", "Stays here"),
                    ("absent", "No longer listed"),
                    ("discarded", "Given up"),
                ],
                default="waiting",
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            model_name="pullrefusal",
            index=models.Index(
                condition=models.Q(("taken_at", None)), fields=["upstream", "-last_at"], name="pull_refusal_open"
            ),
        ),
        migrations.AddIndex(
            model_name="push",
            index=models.Index(
                condition=models.Q(("state__in", ("waiting", "sending", "conflict", "attention", "absent"))),
                fields=["completion", "id"],
                name="push_undecided",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(("requeued_at", None), ("state__in", ("skipped", "done")), _connector="OR"),
                name="assignment_only_ended_requeued",
            ),
        ),
        migrations.AddConstraint(
            model_name="pullrefusal",
            constraint=models.CheckConstraint(
                condition=models.Q(("what__in", ["completion", "feedback_task"])), name="pull_refusal_what"
            ),
        ),
        migrations.AddConstraint(
            model_name="pullrefusal",
            constraint=models.CheckConstraint(
                condition=models.Q(("retry_asked_at", None), ("taken_at", None), _connector="OR"),
                name="pull_refusal_retry_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="push",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "waiting",
                            "sending",
                            "delivered",
                            "conflict",
                            "attention",
                            "superseded",
                            "unlinked",
                            "absent",
                            "discarded",
                        ],
                    )
                ),
                name="push_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="push",
            constraint=models.CheckConstraint(
                condition=models.Q(("confirmed_at", None), ("state", "delivered"), _connector="OR"),
                name="push_confirmed_when_delivered",
            ),
        ),
        # Last here, so first on the way back: while the new states are still allowed.
        migrations.RunPython(believe_what_arrived, fold_back),
    ]
