"""The answers of the grades that are there already, by which lists are filtered, two hundred grades at a time.

A grade that has answers is left as it is, so that it can be broken off and begun again.
"""

from typing import Any

from django.db import migrations, transaction

from reviews.workflow import grade_values

AT_ONCE = 200


def fill(apps: Any, _schema_editor: Any) -> None:
    """A transaction for each stretch of ids."""
    feedback, graded, answers = (
        apps.get_model("reviews", name).objects for name in ("Feedback", "FeedbackCompletion", "GradeValue")
    )
    last = 0
    while ids := list(feedback.order_by("pk").filter(pk__gt=last).values_list("pk", flat=True)[:AT_ONCE]):
        last = ids[-1]
        with transaction.atomic():
            done = answers.filter(feedback__in=ids).values("feedback")
            missing = graded.filter(feedback__in=ids).exclude(feedback__in=done)
            rows = missing.select_related("feedback__task_revision").defer("feedback__comment")
            answers.bulk_create((answer for row in rows for answer in _answers(answers, row)), batch_size=AT_ONCE)


def _answers(manager: Any, row: Any) -> Any:
    about = {"feedback": row.feedback, "completion_id": row.completion_id}
    for name, value in grade_values.answers(row.feedback):
        yield manager.model(**about, feedback_task_id=row.feedback.feedback_task_id, name=name, value=value)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("reviews", "0011_completions_have_their_words"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
