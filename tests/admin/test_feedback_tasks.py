"""Feedback tasks in the admin: made and revised by the verbs."""

import json
from typing import Any

import pytest

from reviews.admin.feedback_tasks import read_tags, write_tags
from reviews.models import AuditEvent, FeedbackTask, Queue
from reviews.workflow import feedback_tasks
from tests import factories
from tests.admin.people import page, site_staff

pytestmark = pytest.mark.django_db
INLINE = {"revisions-TOTAL_FORMS": "0", "revisions-INITIAL_FORMS": "0"}


def posted(**changed: Any) -> dict[str, Any]:
    """What the browser posts for a feedback task."""
    said = {"name": "Tone", "instruction": "Read.", "json_schema": json.dumps(factories.SCHEMA), "tags": "a, b"}
    return {**INLINE, **said, **changed}


def change(row: FeedbackTask, **changed: Any) -> str:
    path = f"/admin/reviews/feedbacktask/{row.pk}/change/"
    response = site_staff().post(path, posted(**changed), follow=True)
    row.refresh_from_db()
    return response.content.decode()


def test_it_makes_one_with_its_queue() -> None:
    organization = factories.organization()
    site_staff().post("/admin/reviews/feedbacktask/add/", posted(organization=organization.pk))
    made = FeedbackTask.objects.get()
    assert made.current_revision is not None
    assert (made.name, made.current_revision.number) == ("Tone", 1)
    assert feedback_tasks.schema_of(made.current_revision) == factories.SCHEMA
    assert feedback_tasks.selector_names(made) == ["a", "b"]
    assert Queue.objects.get().feedback_task == made
    assert AuditEvent.objects.get(action="feedback_task.create").user is not None


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ('{"type": "string"}', "The schema must describe an object"),
        ("[]", "The schema must be a JSON object."),
        ("{", "The schema is not valid JSON"),
        ('{"type": "object", "type": "object"}', "two members of the same name"),
    ],
)
def test_it_says_what_is_wrong_with_a_schema(schema: str, sentence: str) -> None:
    path = "/admin/reviews/feedbacktask/add/"
    response = site_staff().post(path, posted(organization=factories.organization().pk, json_schema=schema))
    assert sentence in response.content.decode()
    assert not FeedbackTask.objects.exists()


def test_it_revises() -> None:
    row = factories.feedback_task(factories.organization())
    change(row, instruction="Read twice.\r\nThen grade.")
    assert row.current_revision is not None
    assert (row.current_revision.number, row.current_revision.instruction) == (2, "Read twice.\nThen grade.")
    assert feedback_tasks.selector_names(row) == ["a", "b"]
    assert AuditEvent.objects.filter(action="feedback_task.revise").count() == 1


def test_it_makes_no_revision_of_what_says_the_same() -> None:
    row = factories.feedback_task(factories.organization(), name="Tone", instruction="Read.", selector=("a", "b"))
    change(row)
    assert row.revisions.count() == 1


def test_it_shows_every_revision() -> None:
    row = factories.feedback_task(factories.organization(), instruction="The first words.")
    change(row, instruction="Other words.")
    html = page(site_staff(), f"reviews/feedbacktask/{row.pk}/change/")
    assert "The first words." in html
    assert "revision 2" in html


def test_it_leaves_a_pulled_one_to_its_upstream() -> None:
    organization = factories.organization()
    row = factories.feedback_task(organization, upstream=factories.upstream(organization))
    assert "<textarea" not in page(site_staff(), f"reviews/feedbacktask/{row.pk}/change/")
    assert site_staff().post(f"/admin/reviews/feedbacktask/{row.pk}/change/", posted()).status_code == 403
    assert row.revisions.count() == 1


def test_it_does_not_touch_a_selector_that_a_comma_list_cannot_say() -> None:
    row = factories.feedback_task(factories.organization(), selector=(" spaced ", "b,c"))
    change(row, tags=write_tags(feedback_tasks.selector_names(row)))
    assert set(feedback_tasks.selector_names(row)) == {" spaced ", "b,c"}


@pytest.mark.parametrize(
    ("text", "names"),
    [("a, b,,a ", ("a", "b")), ('"b, c", d', ("b, c", "d")), ("", ()), ('"say ""hi"""', ('say "hi"',))],
)
def test_it_reads_a_comma_list(text: str, names: tuple[str, ...]) -> None:
    assert read_tags(text) == names
    assert read_tags(write_tags(list(names))) == names
